// SPDX-License-Identifier: MPL-2.0
//! What the service must do, as plainly as it can be said: one change after the other, no database.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::steps::{Edit, Step, Update};

const NO_CHANGE: &str = "no change";

#[derive(Clone, Debug)]
struct Tree {
    status: String,
    reason: String,
    motd: String,
}

#[derive(Clone, Debug)]
pub struct Log {
    pub id: i64,
    pub tree: String,
    who: String,
    status: String,
    reason: String,
    tags: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Change {
    pub id: i64,
    who: String,
    status: String,
    reason: String,
    parts: BTreeMap<String, Part>,
}

#[derive(Clone, Debug)]
struct Part {
    before: Visible,
    after: Visible,
}

#[derive(Clone, Debug, PartialEq)]
struct Visible {
    status: String,
    reason: String,
    tags: Vec<String>,
    log_id: Option<i64>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    trees: BTreeMap<String, Tree>,
    pub logs: Vec<Log>,
    pub stack: Vec<Change>,
    next_log: i64,
    next_change: i64,
}

/// Status and, of errors, the text.
pub type Expected = (u16, String);

fn ok(status: u16) -> Expected {
    (status, String::new())
}

fn refused(status: u16, text: &str) -> Expected {
    (status, text.to_owned())
}

impl Model {
    /// Returns the log entry that a step means, if there is any.
    pub fn nth_log(&self, nth: usize) -> Option<&Log> {
        self.logs.get(nth.checked_rem(self.logs.len())?)
    }

    /// Returns the entry of the stack that a step means, if there is any.
    pub fn nth_change(&self, nth: usize) -> Option<&Change> {
        self.stack.get(nth.checked_rem(self.stack.len())?)
    }

    pub fn apply(&mut self, who: &str, step: &Step) -> Expected {
        match step {
            Step::Create(name, status, motd) => self.create(name, status, motd),
            Step::Update(update) => self.update(who, update),
            Step::EditLog(nth, edit) => match self.nth_log(*nth).map(|log| log.id) {
                Some(id) => {
                    self.edit_log(id, edit);
                    ok(200)
                }
                None => refused(400, "No tree log for id 0 found."),
            },
            Step::EditChange(nth, edit) => match self.nth_change(*nth).map(|change| change.id) {
                Some(id) => self.edit_change(id, edit),
                None => refused(404, "No such change"),
            },
            Step::Restore(nth) | Step::Discard(nth) => {
                let Some(id) = self.nth_change(*nth).map(|change| change.id) else {
                    return refused(404, "No such change");
                };
                let place = self.stack.iter().position(|c| c.id == id).unwrap();
                let change = self.stack.remove(place);
                if matches!(step, Step::Restore(_)) {
                    self.restore(who, change);
                }
                ok(204)
            }
            Step::Delete(names) => self.delete(names),
        }
    }

    fn create(&mut self, name: &str, status: &str, motd: &str) -> Expected {
        if self.trees.contains_key(name) {
            return refused(400, "tree already exists");
        }
        let tree = Tree {
            status: status.to_owned(),
            reason: "new".to_owned(),
            motd: motd.to_owned(),
        };
        self.trees.insert(name.to_owned(), tree);
        ok(204)
    }

    fn update(&mut self, who: &str, update: &Update) -> Expected {
        let names: BTreeSet<String> = update.trees.iter().cloned().collect();
        if names.is_empty() {
            return refused(400, "trees must name at least one tree");
        }
        let missing: Vec<String> = names
            .iter()
            .filter(|name| !self.trees.contains_key(*name))
            .map(|name| format!("'{name}'"))
            .collect();
        if !missing.is_empty() {
            let list = missing.join(", ");
            return refused(
                404,
                &format!("Could not fetch the following trees: {{{list}}}"),
            );
        }
        let has_no_tags = update.tags.as_ref().is_none_or(Vec::is_empty);
        if update.status == Some("closed") && has_no_tags {
            return refused(400, "tags are required when closing a tree");
        }
        let is_complete =
            update.status.is_some() && update.reason.is_some() && update.tags.is_some();
        if update.remember && !is_complete {
            let text = "must specify status, reason and tags to remember the change";
            return refused(400, text);
        }
        let parts = names
            .iter()
            .map(|name| (name.clone(), self.change(who, name, update)))
            .collect();
        if update.remember {
            self.next_change += 1;
            self.stack.push(Change {
                id: self.next_change,
                who: who.to_owned(),
                status: update.status.unwrap_or_default().to_owned(),
                reason: update.reason.clone().unwrap_or_default(),
                parts,
            });
        }
        ok(204)
    }

    fn change(&mut self, who: &str, name: &str, update: &Update) -> Part {
        let before = self.visible(name);
        let tree = self.trees.get_mut(name).unwrap();
        if let Some(status) = update.status {
            status.clone_into(&mut tree.status);
        }
        if let Some(reason) = &update.reason {
            reason.clone_into(&mut tree.reason);
        }
        if let Some(motd) = &update.motd {
            motd.clone_into(&mut tree.motd);
        }
        let has_reason = update
            .reason
            .as_ref()
            .is_some_and(|reason| !reason.is_empty());
        if update.status.is_some() || has_reason {
            self.next_log += 1;
            self.logs.push(Log {
                id: self.next_log,
                tree: name.to_owned(),
                who: who.to_owned(),
                status: update.status.unwrap_or(NO_CHANGE).to_owned(),
                reason: update.reason.clone().unwrap_or(NO_CHANGE.to_owned()),
                tags: update.tags.clone().unwrap_or_default(),
            });
        }
        Part {
            before,
            after: self.visible(name),
        }
    }

    fn restore(&mut self, who: &str, change: Change) {
        for (name, part) in change.parts {
            let status = super::steps::STATUSES
                .into_iter()
                .find(|s| **s == part.before.status);
            let update = Update {
                status,
                reason: Some(part.before.reason),
                tags: Some(part.before.tags),
                ..Update::default()
            };
            self.change(who, &name, &update);
        }
    }

    fn edit_log(&mut self, id: i64, edit: &Edit) {
        let parts = self
            .stack
            .iter_mut()
            .flat_map(|change| change.parts.values_mut());
        for part in parts.filter(|part| part.after.log_id == Some(id)) {
            correct(&mut part.after, edit);
        }
        self.edit_entry(id, edit);
    }

    fn edit_entry(&mut self, id: i64, edit: &Edit) {
        let Some(place) = self.logs.iter().position(|log| log.id == id) else {
            return;
        };
        let name = self.logs[place].tree.clone();
        let showed_the_log = self.newest_reason(&name).as_ref() == Some(&self.trees[&name].reason);
        let log = &mut self.logs[place];
        if let Some(tags) = &edit.tags {
            tags.clone_into(&mut log.tags);
        }
        let Some(reason) = &edit.reason else { return };
        reason.clone_into(&mut log.reason);
        let is_newest = !self.logs[place + 1..]
            .iter()
            .any(|later| later.tree == name);
        let shown = if is_newest {
            Some(reason.clone())
        } else {
            self.newest_reason(&name).filter(|_| showed_the_log)
        };
        if let Some(reason) = shown {
            self.trees.get_mut(&name).unwrap().reason = reason;
        }
    }

    fn newest_reason(&self, name: &str) -> Option<String> {
        let mut logs = self.logs.iter().rev();
        let newest = logs.find(|log| log.tree == name && log.reason != NO_CHANGE);
        newest.map(|log| log.reason.clone())
    }

    fn edit_change(&mut self, id: i64, edit: &Edit) -> Expected {
        let change = self
            .stack
            .iter_mut()
            .find(|change| change.id == id)
            .unwrap();
        if let Some(reason) = &edit.reason {
            reason.clone_into(&mut change.reason);
        }
        let mut written = Vec::new();
        for part in change.parts.values_mut() {
            correct(&mut part.after, edit);
            written.extend(part.after.log_id);
        }
        for log in written {
            self.edit_entry(log, edit);
        }
        ok(200)
    }

    fn delete(&mut self, names: &[String]) -> Expected {
        if names.is_empty() {
            return refused(400, "trees must name at least one tree");
        }
        if names.iter().any(|name| !self.trees.contains_key(name)) {
            return refused(404, "No such tree");
        }
        self.trees.retain(|name, _| !names.contains(name));
        self.logs.retain(|log| !names.contains(&log.tree));
        for change in &mut self.stack {
            change.parts.retain(|name, _| !names.contains(name));
        }
        self.stack.retain(|change| !change.parts.is_empty());
        ok(204)
    }

    fn visible(&self, name: &str) -> Visible {
        let tree = &self.trees[name];
        let newest = self.logs.iter().rev().find(|log| log.tree == name);
        Visible {
            status: tree.status.clone(),
            reason: tree.reason.clone(),
            tags: newest.map(|log| log.tags.clone()).unwrap_or_default(),
            log_id: newest.map(|log| log.id),
        }
    }

    /// What `GET /trees` shows.
    pub fn trees(&self) -> Value {
        let shown = |(name, tree): (&String, &Tree)| {
            let now = self.visible(name);
            let tree = json!({
                "tree": name, "status": now.status, "reason": now.reason,
                "message_of_the_day": tree.motd, "tags": now.tags, "log_id": now.log_id,
            });
            (name.clone(), tree)
        };
        self.trees
            .iter()
            .map(shown)
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// What `GET /trees/{tree}/logs_all` shows, without times; null for an unknown tree.
    pub fn log_of(&self, name: &str) -> Value {
        if !self.trees.contains_key(name) {
            return Value::Null;
        }
        let of_tree = self.logs.iter().rev().filter(|log| log.tree == name);
        let shown = of_tree.map(|log| {
            json!({
                "id": log.id, "tree": log.tree, "who": log.who, "status": log.status,
                "reason": log.reason, "tags": log.tags,
            })
        });
        shown.collect()
    }

    /// What `GET /stack` shows, without times and ids of parts.
    pub fn stack(&self) -> Value {
        let part = |(name, part): (&String, &Part)| {
            json!({"tree": name, "last_state": {
                "status": part.before.status, "reason": part.before.reason,
                "tags": part.before.tags, "log_id": part.before.log_id,
                "current_status": part.after.status, "current_reason": part.after.reason,
                "current_tags": part.after.tags, "current_log_id": part.after.log_id,
            }})
        };
        let shown = self.stack.iter().rev().map(|change| {
            json!({
                "id": change.id, "who": change.who, "status": change.status,
                "reason": change.reason, "trees": change.parts.iter().map(part).collect::<Vec<_>>(),
            })
        });
        shown.collect()
    }
}

fn correct(state: &mut Visible, edit: &Edit) {
    if let Some(reason) = &edit.reason {
        reason.clone_into(&mut state.reason);
    }
    if let Some(tags) = &edit.tags {
        tags.clone_into(&mut state.tags);
    }
}
