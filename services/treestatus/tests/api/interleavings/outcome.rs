// SPDX-License-Identifier: MPL-2.0
//! What must hold of the outcome of concurrent changes, whatever their order was.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::NAMES;
use super::steps::Step;

const NO_CHANGE: &str = "no change";

/// A request and its answer.
#[derive(Debug)]
pub struct Event {
    pub step: Step,
    /// The entry of the stack that it was about.
    pub change: i64,
    /// The stack as the client saw it before.
    pub seen: Value,
    pub status: u16,
    pub sent: Instant,
    pub answered: Instant,
}

pub struct Outcome {
    pub has_edits: bool,
    pub has_deletions: bool,
    pub events: Vec<Event>,
    /// `GET /trees` at many moments, in their order.
    pub readings: Vec<Value>,
    pub trees: Value,
    /// Newest first, as the names are listed.
    pub logs: Vec<Vec<Value>>,
    pub stack: Value,
}

/// What a tree shows after an entry of its log.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    status: Value,
    reason: Value,
    tags: Value,
}

impl Outcome {
    pub fn check(&self) -> Result<(), String> {
        self.check_answers()?;
        self.check_winners()?;
        self.check_order()?;
        self.check_trees()?;
        self.check_stack()?;
        self.check_readings()?;
        if !self.has_edits && !self.has_deletions {
            self.check_everything_is_logged()?;
        }
        Ok(())
    }

    fn check_answers(&self) -> Result<(), String> {
        for event in &self.events {
            let fit: &[u16] = match &event.step {
                Step::Create(..) => &[204, 400],
                Step::Update(_) if self.has_deletions => &[204, 404],
                Step::Update(_) => &[204],
                Step::EditLog(..) => &[200, 400],
                Step::EditChange(..) => &[200, 404],
                Step::Restore(_) | Step::Discard(_) | Step::Delete(_) => &[204, 404],
            };
            if !fit.contains(&event.status) {
                return Err(format!("{event:?}"));
            }
        }
        Ok(())
    }

    /// An entry of the stack is restored or discarded once.
    fn check_winners(&self) -> Result<(), String> {
        let mut winners = HashMap::<i64, usize>::new();
        for event in self.events.iter().filter(|event| event.status == 204) {
            if matches!(event.step, Step::Restore(_) | Step::Discard(_)) {
                *winners.entry(event.change).or_default() += 1;
            }
        }
        let stays = |id: &i64| {
            self.stack
                .as_array()
                .unwrap()
                .iter()
                .any(|c| c["id"] == *id)
        };
        match winners.iter().find(|(id, times)| **times > 1 || stays(id)) {
            Some((id, times)) => Err(format!("{id} was taken {times} times: {}", self.stack)),
            None => Ok(()),
        }
    }

    /// The order of the log is that of its ids and of its times.
    fn check_order(&self) -> Result<(), String> {
        for log in &self.logs {
            let rising = log.windows(2).find(|pair| {
                let id = |n: usize| pair[n]["id"].as_i64();
                let when = |n: usize| pair[n]["when"].as_str().map(comparable);
                id(0) <= id(1) || when(0) < when(1)
            });
            if let Some(pair) = rising {
                return Err(format!("out of order: {pair:?}"));
            }
        }
        Ok(())
    }

    /// A tree shows its newest log entry.
    fn check_trees(&self) -> Result<(), String> {
        for (name, log) in NAMES.iter().zip(&self.logs) {
            let (tree, Some(newest)) = (&self.trees[name], log.first()) else {
                continue;
            };
            let newest_of = |member: &str| {
                let mut real = log.iter().map(|e| &e[member]).filter(|v| **v != NO_CHANGE);
                real.next().is_none_or(|value| tree[member] == *value)
            };
            let is_equal = tree["log_id"] == newest["id"]
                && tree["tags"] == newest["tags"]
                && newest_of("status")
                && newest_of("reason");
            if !is_equal {
                return Err(format!("{tree} is not the newest of {log:?}"));
            }
        }
        Ok(())
    }

    /// Every entry of the stack remembers the state that its own log entry followed upon: no change was
    /// made in between, none is forgotten.
    fn check_stack(&self) -> Result<(), String> {
        let seen = self.events.iter().map(|event| &event.seen);
        let stacks = seen.chain([&self.stack]).filter_map(Value::as_array);
        let changes = stacks
            .flatten()
            .filter_map(|change| change["trees"].as_array());
        for part in changes.flatten() {
            let place = NAMES.iter().position(|name| part["tree"] == *name).unwrap();
            let (log, state) = (&self.logs[place], &part["last_state"]);
            let of = |id: &Value| log.iter().position(|entry| entry["id"] == *id);
            let Some(written) = of(&state["current_log_id"]) else {
                if self.has_deletions {
                    continue;
                }
                return Err(format!("no log entry for {part}"));
            };
            let older = log.get(written + 1);
            if older.map_or(&Value::Null, |entry| &entry["id"]) != &state["log_id"] {
                return Err(format!("{part} forgets {older:?}"));
            }
            if !self.has_edits {
                let before = replay(&log[written + 1..]);
                let after = replay(&log[written..]);
                let is_equal =
                    ["", "current_"]
                        .iter()
                        .zip([before, after])
                        .all(|(prefix, shown)| {
                            let member = |name: &str| &state[format!("{prefix}{name}")];
                            *member("status") == shown.status
                                && *member("reason") == shown.reason
                                && *member("tags") == shown.tags
                        });
                if !is_equal {
                    return Err(format!("{part} remembers another state than {log:?}"));
                }
            }
        }
        Ok(())
    }

    /// Whoever read a tree saw a state that it was in, and never an older one than before.
    fn check_readings(&self) -> Result<(), String> {
        for (name, log) in NAMES.iter().zip(&self.logs) {
            // Each process by itself: a change that is not answered yet may show on one before the other.
            let mut latest = [0, 0];
            for (n, tree) in self.readings.iter().enumerate() {
                let Some(tree) = tree.get(name) else { continue };
                let id = tree["log_id"].as_i64().unwrap_or(0);
                if id < latest[n % 2] && !self.has_deletions {
                    return Err(format!("{tree} after {latest:?}"));
                }
                latest[n % 2] = id;
                let Some(place) = log.iter().position(|e| e["id"] == id) else {
                    continue;
                };
                let shown = replay(&log[place..]);
                let is_equal = self.has_edits
                    || (tree["reason"] == shown.reason && tree["tags"] == shown.tags);
                let is_known = !self.has_deletions;
                if !is_equal || (is_known && tree["status"] != shown.status) {
                    return Err(format!("{tree} was never {shown:?}"));
                }
            }
        }
        Ok(())
    }

    /// What was answered is in the log once, what was refused is not, and of two changes the one that
    /// was answered before the other was sent is the older one.
    fn check_everything_is_logged(&self) -> Result<(), String> {
        let updates = self.events.iter().filter_map(|event| match &event.step {
            Step::Update(update) if event.status == 204 => Some((event, update)),
            _ => None,
        });
        for (place, name) in NAMES.iter().enumerate() {
            let mut order = Vec::new();
            for (event, update) in updates
                .clone()
                .filter(|(_, u)| u.trees.iter().any(|t| t == name))
            {
                // A restore may write the reason again; the first one is the change itself.
                let of_change =
                    |entry: &&Value| entry["reason"].as_str() == update.reason.as_deref();
                let Some(entry) = self.logs[place].iter().rfind(of_change) else {
                    return Err(format!("{event:?} is not in the log of {name}"));
                };
                order.push((entry["id"].as_i64().unwrap(), event));
            }
            for (id, event) in &order {
                let late = order
                    .iter()
                    .find(|(other, later)| event.answered < later.sent && id > other);
                if let Some((_, later)) = late {
                    return Err(format!("{event:?} is newer than {later:?}"));
                }
            }
        }
        self.check_count()
    }

    /// Each answered change has one entry for each of its trees.
    fn check_count(&self) -> Result<(), String> {
        let parts = |event: &Event| match &event.step {
            Step::Update(update) => {
                let mut names = update.trees.clone();
                names.sort();
                names.dedup();
                names.len()
            }
            Step::Restore(_) => {
                let seen = event.seen.as_array().unwrap();
                let change = seen.iter().find(|change| change["id"] == event.change);
                change.map_or(0, |change| change["trees"].as_array().unwrap().len())
            }
            _ => 0,
        };
        let answered = self.events.iter().filter(|event| event.status == 204);
        let expected: usize = answered.map(parts).sum();
        let logged: usize = self.logs.iter().map(Vec::len).sum();
        if logged == expected {
            Ok(())
        } else {
            Err(format!("{logged} log entries for {expected} changes"))
        }
    }
}

/// Returns what a tree shows whose log is this, newest first. All begin as open and new.
fn replay(log: &[Value]) -> Shown {
    let newest = |member: &str, first: &str| {
        let mut real = log
            .iter()
            .map(|entry| &entry[member])
            .filter(|v| **v != NO_CHANGE);
        real.next().cloned().unwrap_or_else(|| json!(first))
    };
    Shown {
        status: newest("status", "open"),
        reason: newest("reason", "new"),
        tags: log.first().map_or(json!([]), |entry| entry["tags"].clone()),
    }
}

/// Times without a fraction sort before those with one only if it is written out.
pub fn comparable(when: &str) -> String {
    match when.split_once('+') {
        Some((time, _)) if !time.contains('.') => format!("{time}.000000"),
        Some((time, _)) => time.to_owned(),
        None => when.to_owned(),
    }
}
