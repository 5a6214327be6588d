// SPDX-License-Identifier: MPL-2.0
//! The search page. Everything on it is a link or a form: it works without scripts, and its whole
//! state is in its address.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::page;
use releng_common::http::query::Query;
use serde_json::Value;

use crate::State;
use crate::domain::{FacetName, Selection, Sort};
use crate::ops::{self, Found};

/// Values of a facet that are shown; what is chosen is always among them.
const MAX_VALUES: usize = 100;

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    selection: Selection,
    problem: Option<String>,
    total: u64,
    rows: Vec<Row>,
    facets: Vec<FacetView>,
    sorts: Vec<(Link, &'static str)>,
    pages: Vec<Link>,
}

/// A link that may be the present state.
struct Link {
    address: String,
    text: String,
    is_current: bool,
}

struct FacetView {
    title: &'static str,
    has_choice: bool,
    values: Vec<Choice>,
}

/// One value of a facet.
struct Choice {
    link: Link,
    count: u64,
}

struct Row {
    id: String,
    product: String,
    version: String,
    platform: String,
    channel: String,
    locale: String,
    tree: String,
    build_id: String,
    size: String,
    url: Option<String>,
    published: String,
    revision: String,
    revision_url: Option<String>,
}

pub(super) async fn search(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let selection = Selection::parse(Query::of(&request).pairs());
    let found = ops::search_page(&state, &selection).await?;
    page::html(&view(selection, &found))
}

/// Answers every other path: the page, or, for the name of a file, that there is none.
pub(super) async fn other(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let path = request.path().to_owned();
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.contains('.') {
        return Ok(HttpResponse::build(StatusCode::NOT_FOUND)
            .content_type("text/plain; charset=utf-8")
            .body(path));
    }
    search(request, state).await
}

fn view(selection: Selection, found: &Found) -> Page {
    let (answer, problem) = match found {
        Found::Answer(answer) => (answer, None),
        Found::Refused(body) => (body, Some(reason(body))),
    };
    let total = answer
        .pointer("/hits/total")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array);
    Page {
        rows: hits.into_iter().flatten().map(row).collect(),
        facets: FacetName::ALL
            .map(|name| facet(&selection, name, answer))
            .into(),
        sorts: sorts(&selection),
        pages: pages(&selection, total),
        total,
        problem,
        selection,
    }
}

fn reason(body: &Value) -> String {
    let error = body.get("error");
    let reason = error
        .and_then(|e| e.pointer("/root_cause/0/reason"))
        .or(error);
    reason
        .and_then(Value::as_str)
        .unwrap_or("the search is not understood")
        .to_owned()
}

fn facet(selection: &Selection, name: FacetName, answer: &Value) -> FacetView {
    let pointer = format!("/aggregations/{}/values/buckets", name.parameter());
    let buckets = answer.pointer(&pointer).and_then(Value::as_array);
    let counts = buckets.into_iter().flatten().filter_map(|bucket| {
        Some((
            bucket.get("key")?.as_str()?.to_owned(),
            bucket.get("doc_count")?.as_u64()?,
        ))
    });
    let mut counts: Vec<(String, u64)> = counts.collect();
    let chosen = selection.facets.iter().find(|facet| facet.name == name);
    let is_chosen = |value: &str| chosen.is_some_and(|facet| facet.chosen.contains(value));
    for value in chosen.into_iter().flat_map(|facet| &facet.chosen) {
        if !counts.iter().any(|(known, _)| known == value) {
            counts.push((value.clone(), 0));
        }
    }
    counts.sort_by_key(|(value, _)| !is_chosen(value));
    counts.truncate(MAX_VALUES);
    let value = |(text, count): (String, u64)| Choice {
        link: Link {
            address: selection.toggled(name, &text).address(),
            is_current: is_chosen(&text),
            text,
        },
        count,
    };
    FacetView {
        title: name.title(),
        has_choice: chosen.is_some_and(|facet| !facet.chosen.is_empty()),
        values: counts.into_iter().map(value).collect(),
    }
}

fn sorts(selection: &Selection) -> Vec<(Link, &'static str)> {
    [
        (Sort::Published, "Published on"),
        (Sort::BuildDate, "Build date"),
    ]
    .into_iter()
    .map(|(sort, title)| {
        let link = Link {
            address: selection.sorted(sort).address(),
            text: title.to_owned(),
            is_current: selection.sort == sort,
        };
        (link, sort.parameter())
    })
    .collect()
}

/// Links to the first, the last and the pages around the present one.
fn pages(selection: &Selection, total: u64) -> Vec<Link> {
    let (page, last) = (selection.page, Selection::last_page(total));
    let near = page.saturating_sub(2).max(1)..=page.saturating_add(2).min(last);
    let mut numbers: Vec<u64> = std::iter::once(1).chain(near).chain([last]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
        .into_iter()
        .map(|number| Link {
            address: selection.on_page(number).address(),
            text: number.to_string(),
            is_current: number == page,
        })
        .collect()
}

fn row(hit: &Value) -> Row {
    let text = |pointer: &str| {
        hit.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let revision = text("/_source/source/revision");
    let repository = text("/_source/source/repository");
    let is_linked = is_web(&repository) && !revision.is_empty();
    let published = text("/_source/download/date");
    Row {
        id: text("/_id"),
        product: text("/_source/source/product"),
        version: text("/_source/target/version"),
        platform: text("/_source/target/platform"),
        channel: text("/_source/target/channel"),
        locale: text("/_source/target/locale"),
        tree: text("/_source/source/tree"),
        build_id: text("/_source/build/id"),
        size: size(
            hit.pointer("/_source/download/size")
                .and_then(Value::as_u64),
        ),
        url: Some(text("/_source/download/url")).filter(|url| is_web(url)),
        published: published
            .chars()
            .take(16)
            .collect::<String>()
            .replace('T', " "),
        revision_url: is_linked.then(|| format!("{repository}/rev/{revision}")),
        revision: revision.chars().take(6).collect(),
    }
}

/// Records are written by others: only addresses of the web become links.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn size(bytes: Option<u64>) -> String {
    match bytes {
        None => "file".to_owned(),
        Some(bytes) if bytes < 1 << 20 => format!("{} KiB", bytes >> 10),
        Some(bytes) => {
            let tenths = bytes.saturating_mul(10) >> 20;
            format!("{}.{} MiB", tenths / 10, tenths % 10)
        }
    }
}
