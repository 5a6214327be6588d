// SPDX-License-Identifier: MPL-2.0
//! One change after the other: answers and the whole state are those of the model.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::model::Model;
use super::outcome::comparable;
use super::steps::{Step, request, step};
use super::{CLIENTS, Fleet, NAMES, cases, encoded, on_all};

/// The model's ids by those of the service.
#[derive(Default)]
struct Ids {
    logs: HashMap<i64, i64>,
    changes: HashMap<i64, i64>,
}

#[test]
fn every_answer_and_the_whole_state_are_those_of_the_model() {
    on_all(|fleet, runtime| {
        let mut runner = TestRunner::new(cases(24));
        let strategy = vec((any::<usize>(), 0..CLIENTS.len(), step()), 1..25);
        let run = |steps: Vec<(usize, usize, Step)>| runtime.block_on(case(fleet, steps));
        runner.run(&strategy, run).unwrap_or_else(|e| panic!("{e}"));
    });
}

async fn case(fleet: &Fleet, steps: Vec<(usize, usize, Step)>) -> Result<(), TestCaseError> {
    fleet.clear().await;
    let (mut model, mut ids) = (Model::default(), Ids::default());
    // Enough to work with.
    let begin = NAMES.map(|name| (0, 0, Step::Create(name.to_owned(), "open", String::new())));
    for (server, who, step) in begin.into_iter().chain(steps) {
        let (log, change) = targets(&model, &ids, &step);
        let (method, path, body) = request(&step, log, change);
        let expected = model.apply(CLIENTS[who], &step);
        let answer = fleet.send(server, who, method, &path, body).await;
        let got = (answer.status, answer.detail().to_owned());
        prop_assert_eq!(got, expected, "{:?}", step);
        // Asked of the other process: what was answered by one is seen by all.
        compare(fleet, server.wrapping_add(1), &model, &mut ids).await?;
    }
    Ok(())
}

/// Returns the real ids of the entries that a step means; 0 is none.
fn targets(model: &Model, ids: &Ids, step: &Step) -> (i64, i64) {
    let real = |map: &HashMap<i64, i64>, id: Option<i64>| {
        let id = id.unwrap_or_default();
        map.iter().find(|(_, v)| **v == id).map_or(0, |(k, _)| *k)
    };
    match step {
        Step::EditLog(nth, _) => (real(&ids.logs, model.nth_log(*nth).map(|l| l.id)), 0),
        Step::EditChange(nth, _) | Step::Restore(nth) | Step::Discard(nth) => {
            (0, real(&ids.changes, model.nth_change(*nth).map(|c| c.id)))
        }
        Step::Create(..) | Step::Update(_) | Step::Delete(_) => (0, 0),
    }
}

async fn compare(
    fleet: &Fleet,
    server: usize,
    model: &Model,
    ids: &mut Ids,
) -> Result<(), TestCaseError> {
    let mut logs = Vec::new();
    for name in NAMES {
        let path = format!("/trees/{}/logs_all", encoded(name));
        logs.push(fleet.result(server, &path).await);
    }
    let mut stack = fleet.result(server, "/stack").await;
    let mut trees = fleet.result(server, "/trees").await;
    learn(
        &mut ids.logs,
        logs.iter().flat_map(list),
        model.logs.iter().map(|l| l.id),
    );
    learn(
        &mut ids.changes,
        list(&stack),
        model.stack.iter().map(|c| c.id),
    );

    for (name, mut log) in NAMES.into_iter().zip(logs) {
        let times: Vec<String> = list(&log)
            .map(|e| comparable(e["when"].as_str().unwrap()))
            .collect();
        prop_assert!(times.is_sorted_by(|a, b| a >= b), "{:?}", times);
        for entry in log.as_array_mut().into_iter().flatten() {
            renamed(&mut entry["id"], &ids.logs);
            entry.as_object_mut().unwrap().remove("when");
        }
        prop_assert_eq!(log, model.log_of(name));
    }
    for tree in trees.as_object_mut().unwrap().values_mut() {
        renamed(&mut tree["log_id"], &ids.logs);
        tree.as_object_mut().unwrap().remove("category");
    }
    prop_assert_eq!(trees, model.trees());
    for change in stack.as_array_mut().unwrap() {
        renamed(&mut change["id"], &ids.changes);
        change.as_object_mut().unwrap().remove("when");
        for part in change["trees"].as_array_mut().unwrap() {
            part.as_object_mut().unwrap().remove("id");
            renamed(&mut part["last_state"]["log_id"], &ids.logs);
            renamed(&mut part["last_state"]["current_log_id"], &ids.logs);
        }
    }
    prop_assert_eq!(stack, model.stack());
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Pairs new entries in the order of their ids with those of the model.
fn learn<'a>(
    known: &mut HashMap<i64, i64>,
    shown: impl Iterator<Item = &'a Value>,
    modelled: impl Iterator<Item = i64>,
) {
    let mut new: Vec<i64> = shown.filter_map(|entry| entry["id"].as_i64()).collect();
    new.retain(|id| !known.contains_key(id));
    new.sort_unstable();
    let named: Vec<i64> = known.values().copied().collect();
    let unnamed = modelled.filter(|id| !named.contains(id));
    let pairs: Vec<(i64, i64)> = new.into_iter().zip(unnamed).collect();
    known.extend(pairs);
}

fn renamed(id: &mut Value, names: &HashMap<i64, i64>) {
    if let Some(real) = id.as_i64() {
        // An id that the model does not know stays and is told.
        *id = names
            .get(&real)
            .map_or(Value::from(format!("unknown {real}")), |n| (*n).into());
    }
}
