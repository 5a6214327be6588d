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
use crate::domain::{LogEntry, LogQuery, REASON_CATEGORIES, Tree, author, pieces, rules};
use crate::http::answer::{aged, render_error};
use crate::http::{log, tree_in_path};
use crate::ops;

#[derive(Template)]
#[template(path = "show.html")]
struct Show {
    around: Around,
    tree: Tree,
    log: Vec<LogEntry>,
    /// What the log is narrowed to.
    filter: Filter,
    /// The query of the page that begins with the newest entries again; `None`: this is it.
    newest: Option<String>,
    /// The query of the page with the next entries, if there are more.
    more: Option<String>,
}

/// Conditions on entries, as they were written.
struct Filter {
    q: String,
    who: String,
    since: String,
    until: String,
}

/// Parameters that stay from page to page of the log.
const FILTERS: [&str; 4] = ["q", "who", "since", "until"];
/// Entries that the page shows of a log that nobody asks more of (treestatus.md §11).
const NEWEST: i64 = 5;

impl Filter {
    fn of(query: &Query) -> Self {
        let text = |name: &str| query.get(name).unwrap_or_default().to_owned();
        let [q, who, since, until] = FILTERS.map(text);
        Self {
            q,
            who,
            since,
            until,
        }
    }

    fn is_empty(&self) -> bool {
        [&self.q, &self.who, &self.since, &self.until]
            .iter()
            .all(|text| text.is_empty())
    }
}

/// Returns the query of the page that goes on after an entry: with the same conditions, and as long.
fn after(query: &Query, id: i32) -> String {
    let [q, who, since, until] = FILTERS;
    let kept = query.text_of(&[q, who, since, until, "limit"]);
    let mark = if kept.is_empty() { "" } else { "&" };
    format!("{kept}{mark}before={id}")
}

pub(in crate::http) async fn show(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse> {
    let name = tree_in_path(&request)?;
    let query = Query::of(&request).filled();
    let filter = Filter::of(&query);
    let around = Around::of(&request, &state).await?;
    let age = around.age;
    let Some(place) = around.board.place(&name) else {
        let error = Error::not_found(ops::NO_SUCH_TREE);
        return Ok(aged(render_error(&request, &error), age));
    };
    let wanted = log::page(&query)?.unwrap_or(LogQuery {
        limit: NEWEST,
        ..LogQuery::default()
    });
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
        newest: (query.has("before") || query.has("limit")).then(|| query.text_of(&FILTERS)),
        more: next.map(|id| after(&query, id)),
    })?;
    Ok(aged(page, age))
}
