// SPDX-License-Identifier: MPL-2.0
//! One tree and its log.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::http::page;
use releng_common::http::query::Query;
use releng_common::{Error, Result};

use super::{Around, badge, category, first, given};
use crate::State;
use crate::domain::{LogEntry, REASON_CATEGORIES, Tree, author, pieces, rules};
use crate::http::answer::{aged, render_error};
use crate::http::{log, tree_in_path};
use crate::ops;

#[derive(Template)]
#[template(path = "show.html")]
struct Show {
    around: Around,
    tree: Tree,
    log: Vec<LogEntry>,
    filter: String,
    /// Where the next page of the log begins.
    next: Option<i32>,
}

pub(in crate::http) async fn show(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse> {
    let name = tree_in_path(&request)?;
    let query = Query::of(&request);
    let filter = query.get("q").unwrap_or_default().to_owned();
    let around = Around::of(&request, &state).await?;
    let age = around.age;
    let Some(place) = around.board.place(&name) else {
        let error = Error::not_found(ops::NO_SUCH_TREE);
        return Ok(aged(render_error(&request, &error), age));
    };
    let wanted = log::page(&query)?.unwrap_or_default();
    let (log, next) = match age {
        None => ops::log_search(&state, name, wanted).await?,
        // The log is in the database alone.
        Some(_) => (Vec::new(), None),
    };
    let page = page::html(&Show {
        tree: place.tree.clone(),
        around,
        log,
        filter,
        next,
    })?;
    Ok(aged(page, age))
}
