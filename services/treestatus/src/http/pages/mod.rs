// SPDX-License-Identifier: MPL-2.0
//! The pages that show trees to people. They are whole without scripts; scripts add what needs
//! credentials, which live in the browser alone, and keep what is shown up to date.

mod assets;
mod chart;
mod forms;
mod home;
mod login;
mod show;
mod statistics;

pub(super) use assets::ASSETS;
pub(super) use forms::{add, delete, update};
pub(super) use home::home;
pub(super) use login::login;
pub(super) use show::show;
pub(super) use statistics::statistics;

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{NaiveDateTime, TimeDelta};
use releng_common::Result;

use super::answer::redirect;
use crate::board::Board;
use crate::domain::{Change, REASON_CATEGORIES, Tree};
use crate::{State, ops};

/// Remembered changes that pages show; the others are in the API.
const CHANGES: usize = 10;

/// What every page has around its own content.
struct Around {
    version: &'static str,
    channel: String,
    api: String,
    /// Taskcluster; empty when there is none, and then nobody signs in.
    root: String,
    client_id: String,
    /// What a sign-in asks for.
    scopes: String,
    /// Prefixes of scopes that count here.
    prefixes: String,
    /// The place in the change feed that the page is at least up to date with; empty while the database
    /// does not answer.
    feed: String,
    as_of: NaiveDateTime,
    /// How old the state is, if the database does not answer.
    age: Option<Duration>,
    board: Arc<Board>,
    newest: Option<Change>,
    older: Vec<Change>,
}

impl Around {
    /// Reads what is around a page, and the trees. The place in the feed comes first: what happens
    /// later is then told by the feed.
    async fn of(request: &HttpRequest, state: &State) -> Result<Self> {
        // The memory knows soonest whether the database answers.
        let feed = match ops::tree_list(state).await?.age {
            None => ops::feed_start(state, None).await?.0.to_string(),
            Some(_) => String::new(),
        };
        let stack = ops::change_list(state).await?;
        let board = ops::tree_list(state).await?;
        let age = board.age.max(stack.age);
        let stale = TimeDelta::from_std(age.unwrap_or_default()).unwrap_or(TimeDelta::MAX);
        let mut older: Vec<Change> = stack.value.changes.iter().take(CHANGES).cloned().collect();
        let newest = (!older.is_empty()).then(|| older.remove(0));
        let (common, own) = (&state.settings.common, &state.settings.own);
        let root = common.taskcluster_root_url.as_deref();
        let root = root.filter(|_| state.authenticator.asks_taskcluster());
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            channel: own.env.clone(),
            api: state.outside.base(request),
            root: root.unwrap_or_default().trim_end_matches('/').to_owned(),
            client_id: state.settings.login_client_id(),
            scopes: own.login_scopes.clone(),
            prefixes: own.scope_prefixes.join(" "),
            feed,
            age,
            board: board.value,
            as_of: state
                .clock
                .now()
                .naive_utc()
                .checked_sub_signed(stale)
                .unwrap_or_default(),
            newest,
            older,
        })
    }

    fn count(&self) -> usize {
        self.older.len() + usize::from(self.newest.is_some())
    }
}

/// Returns the class of a status badge.
fn badge(status: &str) -> &'static str {
    match status {
        "open" => "good",
        "closed" => "bad",
        "approval required" => "warn",
        _ => "none",
    }
}

/// Returns the long name of a reason category; other tags are their own name.
fn category(tag: &str) -> &str {
    let known = REASON_CATEGORIES.iter().find(|(name, _)| *name == tag);
    known.map_or(tag, |(_, long)| long)
}

/// Returns the reason category of tags; the empty one is none.
fn first(tags: &[String]) -> &str {
    let category = tags.iter().find(|tag| !tag.is_empty());
    category.map(String::as_str).unwrap_or_default()
}

/// Returns the reason that a change gave, as it was corrected: a correction of the log reaches the trees
/// of a change, not its own words.
fn given(change: &Change) -> &str {
    let part = change.trees.first();
    part.map_or(&change.reason, |part| &part.last_state.current_reason)
}

/// Returns the id of the newest log entry as conditions of updates have it.
fn seen(tree: &Tree) -> i32 {
    tree.log_id.unwrap_or(0)
}

pub(super) async fn root() -> HttpResponse {
    redirect("/static/ui/index.html")
}

pub(super) async fn index() -> HttpResponse {
    redirect("/static/ui")
}
