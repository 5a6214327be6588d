// SPDX-License-Identifier: MPL-2.0
//! Several clients at once: whatever the order was, there was one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::outcome::{Event, Outcome};
use super::steps::{Step, Update, busy_step, request};
use super::{CLIENTS, Fleet, NAMES, cases, encoded, on_all};

/// What happens in one case.
#[derive(Clone, Copy, Debug)]
struct Kind {
    has_edits: bool,
    has_deletions: bool,
}

/// Shrinking would run other interleavings than the one that failed.
fn config(usual: u32) -> Config {
    Config {
        max_shrink_iters: 0,
        ..cases(usual)
    }
}

fn run_kind(kind: Kind) {
    on_all(|fleet, runtime| {
        let step = busy_step(kind.has_edits, kind.has_deletions);
        let strategy = vec(vec(step, 4..12), CLIENTS.len());
        let run = |clients: Vec<Vec<Step>>| {
            let checked = runtime.block_on(case(fleet, kind, clients));
            checked.map_err(TestCaseError::fail)
        };
        let mut runner = TestRunner::new(config(8));
        runner.run(&strategy, run).unwrap_or_else(|e| panic!("{e}"));
    });
}

#[test]
fn concurrent_updates_and_undoes_have_an_order() {
    run_kind(Kind {
        has_edits: false,
        has_deletions: false,
    });
}

#[test]
fn concurrent_corrections_keep_tree_and_log_the_same() {
    run_kind(Kind {
        has_edits: true,
        has_deletions: false,
    });
}

#[test]
fn concurrent_deletions_and_creations_leave_nothing_behind() {
    run_kind(Kind {
        has_edits: true,
        has_deletions: true,
    });
}

async fn case(fleet: &Fleet, kind: Kind, clients: Vec<Vec<Step>>) -> Result<(), String> {
    prepare(fleet).await;
    let is_done = AtomicBool::new(false);
    let working = async {
        let clients = clients.into_iter().enumerate();
        let events = join_all(clients.map(|(who, steps)| client(fleet, who, steps))).await;
        is_done.store(true, Ordering::SeqCst);
        events.into_iter().flatten().collect::<Vec<Event>>()
    };
    let reading = async {
        let mut seen = Vec::new();
        while !is_done.load(Ordering::SeqCst) {
            seen.push(fleet.result(seen.len(), "/trees").await);
        }
        seen
    };
    let (events, readings) = futures_util::future::join(working, reading).await;
    let outcome = Outcome {
        has_edits: kind.has_edits,
        has_deletions: kind.has_deletions,
        events,
        readings,
        trees: fleet.result(0, "/trees").await,
        logs: logs(fleet).await,
        stack: fleet.result(1, "/stack").await,
    };
    outcome.check()?;
    undo_all(fleet, &outcome.stack).await
}

async fn prepare(fleet: &Fleet) {
    fleet.clear().await;
    for name in NAMES {
        let step = Step::Create(name.to_owned(), "open", String::new());
        let (method, path, body) = request(&step, 0, 0);
        assert_eq!(fleet.send(0, 0, method, &path, body).await.status, 204);
    }
}

async fn logs(fleet: &Fleet) -> Vec<Vec<Value>> {
    let mut logs = Vec::new();
    for name in NAMES {
        let log = fleet
            .result(0, &format!("/trees/{}/logs_all", encoded(name)))
            .await;
        logs.push(log.as_array().cloned().unwrap_or_default());
    }
    logs
}

/// Does one thing after the other, beside others who do so too.
async fn client(fleet: &Fleet, who: usize, steps: Vec<Step>) -> Vec<Event> {
    let mut events = Vec::new();
    for (n, mut step) in steps.into_iter().enumerate() {
        if let Step::Update(update) = &mut step {
            // Tells this change from all others.
            update.reason = Some(format!("{who}-{n}"));
        }
        let (log, change, seen) = targets(fleet, who + n, &step).await;
        let (method, path, body) = request(&step, log, change);
        let sent = Instant::now();
        let answer = fleet.send(who + n, who, method, &path, body).await;
        events.push(Event {
            step,
            change,
            seen,
            status: answer.status,
            sent,
            answered: Instant::now(),
        });
    }
    events
}

/// Looks for what a step wants to work on, and returns what was seen of the stack.
async fn targets(fleet: &Fleet, server: usize, step: &Step) -> (i64, i64, Value) {
    let nth = |list: &Value, nth: usize| {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let place = nth.checked_rem(list.len());
        place.map_or(0, |place| list[place]["id"].as_i64().unwrap())
    };
    match step {
        Step::EditLog(n, _) => {
            let name = encoded(NAMES[n % NAMES.len()]);
            let log = fleet.result(server, &format!("/trees/{name}/logs")).await;
            (nth(&log, *n), 0, Value::Null)
        }
        Step::EditChange(n, _) | Step::Restore(n) | Step::Discard(n) => {
            let stack = fleet.result(server, "/stack").await;
            (0, nth(&stack, *n), stack)
        }
        Step::Create(..) | Step::Update(_) | Step::Delete(_) => (0, 0, Value::Null),
    }
}

/// Restores what is left, newest first: each undo leads its trees back to what they were before.
async fn undo_all(fleet: &Fleet, stack: &Value) -> Result<(), String> {
    for (n, change) in stack.as_array().unwrap().iter().enumerate() {
        let path = format!("/stack2/restore/{}", change["id"]);
        let answers = (0..3).map(|who| fleet.send(n + who, who, "DELETE", &path, Value::Null));
        let mut statuses: Vec<u16> = join_all(answers).await.iter().map(|a| a.status).collect();
        statuses.sort_unstable();
        if statuses != [204, 404, 404] {
            return Err(format!("three restores of {change}: {statuses:?}"));
        }
        let trees = fleet.result(n, "/trees").await;
        for part in change["trees"].as_array().unwrap() {
            let tree = &trees[part["tree"].as_str().unwrap()];
            let before = &part["last_state"];
            if ["status", "reason", "tags"]
                .iter()
                .any(|m| tree[m] != before[m])
            {
                return Err(format!("{tree} after the undo that leads to {before}"));
            }
        }
    }
    Ok(())
}

#[test]
fn remembered_changes_of_many_lead_back_whatever_the_order() {
    on_all(|fleet, runtime| {
        let trees = vec(0..NAMES.len(), 1..4);
        let strategy = (
            vec(vec(trees, 2..5), CLIENTS.len()),
            any::<bool>(),
            any::<u64>(),
        );
        let run = |(clients, in_turn, seed): (Vec<Vec<Vec<usize>>>, bool, u64)| {
            let order = (!in_turn).then_some(seed);
            let checked = runtime.block_on(there_and_back(fleet, clients, order));
            checked.map_err(TestCaseError::fail)
        };
        let mut runner = TestRunner::new(config(6));
        runner.run(&strategy, run).unwrap_or_else(|e| panic!("{e}"));
    });
}

/// Several clients remember changes at once; they are undone newest first, or in a random order.
async fn there_and_back(
    fleet: &Fleet,
    clients: Vec<Vec<Vec<usize>>>,
    seed: Option<u64>,
) -> Result<(), String> {
    prepare(fleet).await;
    let before = fleet.result(0, "/trees").await;
    let step = |trees: Vec<usize>, n: usize| {
        Step::Update(Update {
            trees: trees.into_iter().map(|n| NAMES[n].to_owned()).collect(),
            status: Some(super::steps::STATUSES[n % 3]),
            tags: Some(vec!["infra".to_owned()]),
            remember: true,
            ..Update::default()
        })
    };
    let clients = clients.into_iter().enumerate().map(|(who, changes)| {
        let steps = changes
            .into_iter()
            .enumerate()
            .map(|(n, trees)| step(trees, who + n));
        client(fleet, who, steps.collect())
    });
    let events = join_all(clients).await;
    let expected: usize = events.iter().map(Vec::len).sum();
    let mut stack = fleet.result(1, "/stack").await;
    let list = stack.as_array_mut().unwrap();
    if list.len() != expected {
        return Err(format!(
            "{} changes are remembered, not {expected}",
            list.len()
        ));
    }
    if let Some(seed) = seed {
        let mixed = |change: &Value| {
            change["id"]
                .as_u64()
                .unwrap()
                .wrapping_mul(seed | 1)
                .rotate_left(17)
        };
        list.sort_by_key(mixed);
    }
    undo_all(fleet, &stack).await?;
    let after = fleet.result(0, "/trees").await;
    for name in NAMES.iter().filter(|_| seed.is_none()) {
        let differs = ["status", "reason"]
            .iter()
            .any(|m| before[name][m] != after[name][m]);
        if differs {
            return Err(format!("{} came back as {}", before[name], after[name]));
        }
    }
    Ok(())
}

#[test]
fn of_two_deletions_that_share_a_tree_one_does_everything_and_the_other_nothing() {
    on_all(|fleet, runtime| {
        runtime.block_on(async {
            for round in 0..12 {
                prepare(fleet).await;
                let delete = |who: usize, names: Value| {
                    fleet.send(
                        round + who,
                        who,
                        "DELETE",
                        "/trees2",
                        json!({"trees": names}),
                    )
                };
                let looks = async {
                    let mut seen = Vec::new();
                    for n in 0..4 {
                        seen.push(fleet.result(n, "/trees").await);
                    }
                    seen
                };
                let both = async {
                    tokio::join!(delete(0, json!(["a", "b"])), delete(1, json!(["c", "b"])))
                };
                let ((one, two), mut seen) = tokio::join!(both, looks);
                let mut statuses = [one.status, two.status];
                statuses.sort_unstable();
                assert_eq!(statuses, [204, 404]);
                seen.push(fleet.result(0, "/trees").await);
                for trees in seen {
                    let names: Vec<&String> = trees.as_object().unwrap().keys().collect();
                    assert!(
                        ["a b c", "a", "c"]
                            .map(|n| format!("{n} with blank"))
                            .contains(
                                &names
                                    .iter()
                                    .map(|n| n.as_str())
                                    .collect::<Vec<_>>()
                                    .join(" ")
                            ),
                        "{names:?}"
                    );
                }
            }
        });
    });
}
