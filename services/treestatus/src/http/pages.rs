// SPDX-License-Identifier: MPL-2.0
//! The pages that show trees to people.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::page;
use releng_common::http::query::Query;

use super::answer::redirect;
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
}

#[derive(Template)]
#[template(path = "show.html")]
struct Show {
    tree: Tree,
    log: Vec<LogEntry>,
    filter: String,
    /// Where the next page of the log begins.
    next: Option<i32>,
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
    let mut changes = ops::change_list(&state).await?;
    changes.truncate(CHANGES);
    let trees = ops::tree_list(&state).await?;
    page::html(&Home {
        groups: groups(trees, &filter),
        changes,
        filter,
    })
}

/// Sorts the trees whose names contain the filter into their groups; empty ones are left out.
fn groups(trees: Vec<Tree>, filter: &str) -> Vec<(&'static str, Vec<Tree>)> {
    let mut groups = BTreeMap::<Category, Vec<Tree>>::new();
    for tree in trees.into_iter().filter(|tree| tree.tree.contains(filter)) {
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
    let tree = ops::tree_fetch(&state, name.clone()).await?;
    let wanted = super::log::page(&query)?.unwrap_or_default();
    let (log, next) = ops::log_search(&state, name, wanted).await?;
    page::html(&Show {
        tree,
        log,
        filter,
        next,
    })
}
