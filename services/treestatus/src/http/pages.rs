// SPDX-License-Identifier: MPL-2.0
//! The pages that show trees to people.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::http::page;
use releng_common::http::query::Query;
use releng_common::{Error, Result};

use super::answer::{aged, redirect, render_error};
use super::tree_in_path;
use crate::State;
use crate::domain::{Category, Change, LogEntry, Tree, author, pieces, rules};
use crate::ops;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    groups: Vec<(&'static str, Vec<Tree>)>,
    changes: Vec<Change>,
    filter: String,
    /// How old the state is, if the database does not answer.
    age: Option<Duration>,
}

#[derive(Template)]
#[template(path = "show.html")]
struct Show {
    tree: Tree,
    log: Vec<LogEntry>,
    filter: String,
    /// Where the next page of the log begins.
    next: Option<i32>,
    /// How old the state is, if the database does not answer.
    age: Option<Duration>,
}

/// Remembered changes that the first page shows; the others are in the API.
const CHANGES: usize = 10;

/// Returns the class of a status badge.
fn badge(status: &str) -> &'static str {
    match status {
        "open" => "good",
        "closed" => "bad",
        "approval required" => "warn",
        _ => "none",
    }
}

/// Returns the long name of a reason category.
fn category(tag: &str) -> &str {
    match tag {
        "checkin_compilation" => "Check-in compilation failure",
        "checkin_test" => "Check-in test failure",
        "infra" => "Infrastructure related",
        "backlog" => "Job backlog",
        "planned" => "Planned closure",
        "merges" => "Merges",
        "waiting_for_coverage" => "Waiting for coverage",
        "other" => "Other",
        tag => tag,
    }
}

pub(super) async fn root() -> HttpResponse {
    redirect("/static/ui/index.html")
}

pub(super) async fn index() -> HttpResponse {
    redirect("/static/ui")
}

pub(super) async fn home(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let filter = Query::of(&request).get("q").unwrap_or_default().to_owned();
    let stack = ops::change_list(&state).await?;
    let board = ops::tree_list(&state).await?;
    let age = board.age.max(stack.age);
    let page = page::html(&Home {
        groups: groups(board.value.trees().cloned(), &filter),
        changes: stack.value.changes.iter().take(CHANGES).cloned().collect(),
        filter,
        age,
    })?;
    Ok(aged(page, age))
}

/// Sorts the trees whose names contain the filter into their groups; empty ones are left out.
fn groups(trees: impl Iterator<Item = Tree>, filter: &str) -> Vec<(&'static str, Vec<Tree>)> {
    let mut groups = BTreeMap::<Category, Vec<Tree>>::new();
    for tree in trees.filter(|tree| tree.tree.contains(filter)) {
        groups.entry(tree.category).or_default().push(tree);
    }
    groups
        .into_iter()
        .map(|(category, trees)| (category.heading(), trees))
        .collect()
}

pub(super) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let name = tree_in_path(&request)?;
    let query = Query::of(&request);
    let filter = query.get("q").unwrap_or_default().to_owned();
    let board = ops::tree_list(&state).await?;
    let Some(place) = board.value.place(&name) else {
        let error = Error::not_found(ops::NO_SUCH_TREE);
        return Ok(aged(render_error(&request, &error), board.age));
    };
    let wanted = super::log::page(&query)?.unwrap_or_default();
    let (log, next) = match board.age {
        None => ops::log_search(&state, name, wanted).await?,
        // The log is in the database alone.
        Some(_) => (Vec::new(), None),
    };
    let page = page::html(&Show {
        tree: place.tree.clone(),
        log,
        filter,
        next,
        age: board.age,
    })?;
    Ok(aged(page, board.age))
}
