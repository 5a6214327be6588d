// SPDX-License-Identifier: MPL-2.0
//! What a client may do.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{NAMES, encoded};

pub const STATUSES: [&str; 3] = ["open", "closed", "approval required"];
/// A name that no step creates.
pub const UNKNOWN: &str = "nope";

/// One request. Entries of log and stack are named by their place: the n-th of those that are there.
#[derive(Clone, Debug)]
pub enum Step {
    Create(String, &'static str, String),
    Update(Update),
    EditLog(usize, Edit),
    EditChange(usize, Edit),
    Restore(usize),
    Discard(usize),
    Delete(Vec<String>),
}

/// The body of `PATCH /trees`.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub trees: Vec<String>,
    pub status: Option<&'static str>,
    pub reason: Option<String>,
    pub motd: Option<String>,
    pub tags: Option<Vec<String>>,
    pub remember: bool,
}

/// The body of a correction.
#[derive(Clone, Debug)]
pub struct Edit {
    pub reason: Option<String>,
    pub tags: Option<Vec<String>>,
}

impl Update {
    pub fn body(&self) -> Value {
        let mut body = json!({"trees": self.trees, "remember": self.remember});
        let members = [
            ("status", self.status.map(Value::from)),
            ("reason", self.reason.clone().map(Value::from)),
            ("message_of_the_day", self.motd.clone().map(Value::from)),
            ("tags", self.tags.clone().map(Value::from)),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        body
    }
}

impl Edit {
    pub fn body(&self) -> Value {
        let mut body = json!({});
        if let Some(reason) = &self.reason {
            body["reason"] = json!(reason);
        }
        if let Some(tags) = &self.tags {
            body["tags"] = json!(tags);
        }
        body
    }
}

/// Returns method, path and body. `log` and `change` are the real ids that the step means.
pub fn request(step: &Step, log: i64, change: i64) -> (&'static str, String, Value) {
    match step {
        Step::Create(name, status, motd) => {
            let body = json!({"tree": name, "status": status, "reason": "new", "message_of_the_day": motd});
            ("PUT", format!("/trees/{}", encoded(name)), body)
        }
        Step::Update(update) => ("PATCH", "/trees".to_owned(), update.body()),
        Step::EditLog(_, edit) => ("PATCH", format!("/log/{log}"), edit.body()),
        Step::EditChange(_, edit) => ("PATCH", format!("/stack/{change}"), edit.body()),
        // Both ways of saying it.
        Step::Restore(nth) if nth % 2 == 0 => {
            ("DELETE", format!("/stack2/restore/{change}"), Value::Null)
        }
        Step::Restore(_) => ("DELETE", format!("/stack/{change}?revert=1"), Value::Null),
        Step::Discard(nth) if nth % 2 == 0 => {
            ("DELETE", format!("/stack2/discard/{change}"), Value::Null)
        }
        Step::Discard(_) => ("DELETE", format!("/stack/{change}?revert=0"), Value::Null),
        Step::Delete(names) if names.len() == 1 => (
            "DELETE",
            format!("/trees/{}", encoded(&names[0])),
            Value::Null,
        ),
        Step::Delete(names) => ("DELETE", "/trees2".to_owned(), json!({"trees": names})),
    }
}

fn name() -> impl Strategy<Value = String> {
    // Now and then one that is not there.
    prop_oneof![12 => (0..NAMES.len()).prop_map(|n| NAMES[n].to_owned()), 1 => Just(UNKNOWN.to_owned())]
}

fn known() -> impl Strategy<Value = String> {
    (0..NAMES.len()).prop_map(|n| NAMES[n].to_owned())
}

fn status() -> impl Strategy<Value = &'static str> {
    (0..STATUSES.len()).prop_map(|n| STATUSES[n])
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    let tag = prop_oneof![
        Just("infra".to_owned()),
        Just("other".to_owned()),
        Just(String::new())
    ];
    vec(tag, 0..3)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "bug [0-9]{1,3}", 1 => Just(String::new())]
}

fn edit() -> impl Strategy<Value = Edit> {
    (option::of(text()), option::of(tags())).prop_map(|(reason, tags)| Edit { reason, tags })
}

fn update() -> impl Strategy<Value = Update> {
    let parts = (
        vec(name(), 0..4),
        option::of(status()),
        option::of(text()),
        option::weighted(0.2, text()),
        option::weighted(0.7, tags()),
        any::<bool>(),
    );
    parts.prop_map(|(trees, status, reason, motd, tags, remember)| Update {
        trees,
        status,
        reason,
        motd,
        tags,
        remember,
    })
}

/// An update that is complete, so that it may be remembered, of trees that may exist.
fn full_update() -> impl Strategy<Value = Update> {
    let parts = (
        vec(known(), 1..4),
        status(),
        "bug [0-9]{1,3}",
        any::<bool>(),
    );
    parts.prop_map(|(trees, status, reason, remember)| Update {
        trees,
        status: Some(status),
        reason: Some(reason),
        motd: None,
        tags: Some(vec!["infra".to_owned()]),
        remember,
    })
}

/// Anything, right or wrong.
pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (known(), status(), text()).prop_map(|(n, s, m)| Step::Create(n, s, m)),
        4 => update().prop_map(Step::Update),
        6 => full_update().prop_map(Step::Update),
        2 => (any::<usize>(), edit()).prop_map(|(n, e)| Step::EditLog(n, e)),
        2 => (any::<usize>(), edit()).prop_map(|(n, e)| Step::EditChange(n, e)),
        3 => any::<usize>().prop_map(Step::Restore),
        1 => any::<usize>().prop_map(Step::Discard),
        1 => vec(name(), 0..3).prop_map(Step::Delete),
    ]
}

/// What several clients do at once: changes that are valid of themselves.
pub fn busy_step(with_edits: bool, with_deletions: bool) -> impl Strategy<Value = Step> {
    let reason_only = (vec(known(), 1..4), "bug [0-9]{1,3}").prop_map(|(trees, reason)| Update {
        trees,
        reason: Some(reason),
        ..Update::default()
    });
    let (edits, deletions) = (u32::from(with_edits) * 3, u32::from(with_deletions) * 2);
    let edit = (option::of("edit [0-9]{1,3}"), option::of(tags()));
    let edit = edit
        .prop_map(|(reason, tags)| Edit { reason, tags })
        .boxed();
    let mut ways: Vec<(u32, BoxedStrategy<Step>)> = vec![
        (12, full_update().prop_map(Step::Update).boxed()),
        (3, reason_only.prop_map(Step::Update).boxed()),
        (6, any::<usize>().prop_map(Step::Restore).boxed()),
        (2, any::<usize>().prop_map(Step::Discard).boxed()),
    ];
    if edits > 0 {
        let log = (any::<usize>(), edit.clone()).prop_map(|(n, e)| Step::EditLog(n, e));
        let change = (any::<usize>(), edit).prop_map(|(n, e)| Step::EditChange(n, e));
        ways.push((edits, log.boxed()));
        ways.push((edits, change.boxed()));
    }
    if deletions > 0 {
        let create = (known(), status()).prop_map(|(n, s)| Step::Create(n, s, String::new()));
        ways.push((deletions, vec(known(), 1..3).prop_map(Step::Delete).boxed()));
        ways.push((deletions * 2, create.boxed()));
    }
    proptest::strategy::Union::new_weighted(ways)
}
