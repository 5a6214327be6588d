// SPDX-License-Identifier: MPL-2.0
//! The list of all trees.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::page;
use releng_common::http::query::Query;

use super::{Around, badge, category, first, given};
use crate::State;
use crate::domain::{Category, REASON_CATEGORIES, Tree, author, pieces};
use crate::http::answer::aged;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    around: Around,
    groups: Vec<(&'static str, Vec<Tree>)>,
    filter: String,
}

pub(in crate::http) async fn home(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse> {
    let filter = Query::of(&request).get("q").unwrap_or_default().to_owned();
    let around = Around::of(&request, &state).await?;
    let age = around.age;
    let page = page::html(&Home {
        groups: groups(around.board.trees(), &filter),
        around,
        filter,
    })?;
    Ok(aged(page, age))
}

/// Sorts the trees whose names contain the filter into their groups; empty ones are left out.
fn groups<'a>(
    trees: impl Iterator<Item = &'a Tree>,
    filter: &str,
) -> Vec<(&'static str, Vec<Tree>)> {
    let wanted = filter.trim().to_lowercase();
    let mut groups = BTreeMap::<Category, Vec<Tree>>::new();
    for tree in trees {
        if tree.tree.to_lowercase().contains(&wanted) {
            groups.entry(tree.category).or_default().push(tree.clone());
        }
    }
    groups
        .into_iter()
        .map(|(category, trees)| (category.heading(), trees))
        .collect()
}
