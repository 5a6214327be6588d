// SPDX-License-Identifier: MPL-2.0
//! The pages that show trees to people.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::page;

use super::tree_in_path;
use crate::State;
use crate::domain::{LogEntry, Tree};
use crate::ops::{self, LogSpan};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    trees: Vec<Tree>,
}

#[derive(Template)]
#[template(path = "show.html")]
struct Show {
    tree: Tree,
    log: Vec<LogEntry>,
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

fn redirect(to: &'static str) -> HttpResponse {
    HttpResponse::Found()
        .insert_header(("location", to))
        .finish()
}

pub(super) async fn home(state: Data<State>) -> Result<HttpResponse> {
    page::html(&Home {
        trees: ops::tree_list(&state).await?,
    })
}

pub(super) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let name = tree_in_path(&request)?;
    let tree = ops::tree_fetch(&state, name.clone()).await?;
    let log = ops::log_list(&state, name, LogSpan::Newest).await?;
    page::html(&Show { tree, log })
}
