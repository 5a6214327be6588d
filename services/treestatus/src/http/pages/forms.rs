// SPDX-License-Identifier: MPL-2.0
//! The pages on which trees are added, changed and deleted. The trees that were selected stand in the
//! address, so that they are still selected after a reload.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::page;
use releng_common::http::query::Query;

use super::{Around, badge, category, first, given, seen};
use crate::State;
use crate::board::Board;
use crate::domain::{REASON_CATEGORIES, Status, Tree, author, pieces};
use crate::http::answer::aged;

#[derive(Template)]
#[template(path = "update.html")]
struct UpdatePage {
    around: Around,
    trees: Vec<Tree>,
    gone: Vec<String>,
    /// What the status is set to at first; empty: kept.
    status: &'static str,
}

#[derive(Template)]
#[template(path = "delete.html")]
struct DeletePage {
    around: Around,
    trees: Vec<Tree>,
    gone: Vec<String>,
}

#[derive(Template)]
#[template(path = "add.html")]
struct AddPage {
    around: Around,
}

pub(in crate::http) async fn add(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let around = Around::of(&request, &state).await?;
    page::html(&AddPage { around })
}

pub(in crate::http) async fn update(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let status = query
        .get("status")
        .and_then(|text| Status::parse(text).ok());
    let around = Around::of(&request, &state).await?;
    let (trees, gone) = selected(&query, &around.board);
    let age = around.age;
    let page = page::html(&UpdatePage {
        around,
        trees,
        gone,
        status: status.map(Status::as_str).unwrap_or_default(),
    })?;
    Ok(aged(page, age))
}

pub(in crate::http) async fn delete(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse> {
    let around = Around::of(&request, &state).await?;
    let (trees, gone) = selected(&Query::of(&request), &around.board);
    let age = around.age;
    let page = page::html(&DeletePage {
        around,
        trees,
        gone,
    })?;
    Ok(aged(page, age))
}

/// Returns the trees that the address names, each once, and the names that are no trees (any more).
fn selected(query: &Query, board: &Board) -> (Vec<Tree>, Vec<String>) {
    let named = query.pairs().iter().filter(|(name, _)| name == "tree");
    let mut gone: Vec<String> = named.map(|(_, value)| value.clone()).collect();
    gone.sort();
    gone.dedup();
    let named = board.trees().filter(|tree| gone.contains(&tree.tree));
    let trees: Vec<Tree> = named.cloned().collect();
    gone.retain(|name| trees.iter().all(|tree| tree.tree != *name));
    (trees, gone)
}
