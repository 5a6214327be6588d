// SPDX-License-Identifier: MPL-2.0
//! The log of a tree: the newest entries, a search by pages, all of it, and corrections.

use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use releng_common::http::query::{Query, path_segment};
use releng_common::{Error, Result};

use super::answer::{done, json, json_bytes};
use super::dto::{self, EditBody, Log, LogPage, Wrapped};
use super::{caller, condition, json_body, shapes, tree_in_path};
use crate::domain::{LogEntry, LogQuery, PAGE_LIMIT, parse_time};
use crate::{State, ops};

#[utoipa::path(patch, path = "/log/{id}", request_body = EditBody, params(("id" = i32, Path, description = "Log entry")),
    responses((status = 200, description = "Corrected"), (status = 400, description = "No such entry"), (status = 401, description = "Scope missing")))]
pub(super) async fn edit(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    caller.require_any(&state.permissions.update)?;
    let body = json_body(&request, payload, &state, &caller, shapes::EDIT).await?;
    condition::refuse(&request)?;
    let edit = dto::typed::<EditBody>(body)?.into_edit(state.settings.limits())?;
    let text = path_segment(&request, "id").unwrap_or_default();
    // A number beyond the column cannot exist.
    let id = text.parse().map_err(|_| ops::no_such_entry(&text))?;
    ops::log_edit(&state, &caller, id, edit).await?;
    Ok(done())
}

#[utoipa::path(get, path = "/trees/{tree}/logs",
    params(
        ("tree" = String, Path, description = "Name"),
        ("all" = Option<u8>, Query, description = "1: everything"),
        ("q" = Option<String>, Query, description = "Text in the reason"),
        ("who" = Option<String>, Query, description = "Text in the author"),
        ("since" = Option<String>, Query, description = "Not before this time or day"),
        ("until" = Option<String>, Query, description = "Before this time or day"),
        ("before" = Option<i32>, Query, description = "Older than the entry with this id: `next` of the page before"),
        ("limit" = Option<i64>, Query, description = "Entries of a page, 50 by default")),
    responses((status = 200, description = "The five newest entries, or a page and where the next one begins", body = [Log]),
        (status = 400, description = "A parameter makes no sense"), (status = 404, description = "No such tree")))]
pub(super) async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let tree = tree_in_path(&request)?;
    let query = Query::of(&request);
    if let Some(wanted) = page(&query)? {
        let (entries, next) = ops::log_search(&state, tree, wanted).await?;
        let result = entries.into_iter().map(Log::from).collect();
        return Ok(json(json_bytes(&LogPage { result, next })?));
    }
    if is_all(&query)? {
        return everything(state, tree).await;
    }
    let entries = ops::log_newest(&state, tree).await?;
    let result: Vec<Log> = entries.into_iter().map(Log::from).collect();
    Ok(json(json_bytes(&Wrapped { result })?))
}

#[utoipa::path(get, path = "/trees/{tree}/logs_all", params(("tree" = String, Path, description = "Name")),
    responses((status = 200, description = "All entries, newest first", body = [Log]), (status = 404, description = "No such tree")))]
pub(super) async fn list_all(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    everything(state, tree_in_path(&request)?).await
}

/// Reads `?all=`, as generation 1 had it.
fn is_all(query: &Query) -> Result<bool> {
    match query.get("all").map(str::parse::<i64>) {
        None => Ok(false),
        Some(Ok(number)) => Ok(number != 0),
        Some(Err(_)) => Err(Error::invalid(
            "Wrong type, expected 'integer' for query parameter 'all'",
        )),
    }
}

/// Reads the parameters of a search; `None` when there are none.
pub(super) fn page(query: &Query) -> Result<Option<LogQuery>> {
    let names = ["q", "who", "since", "until", "before", "limit"];
    if !names.iter().any(|name| query.has(name)) {
        return Ok(None);
    }
    let text = |name: &str| {
        let text = query.get(name).unwrap_or_default();
        if text.contains('\0') {
            let problem = format!("query parameter {name:?} must not contain NUL characters");
            return Err(Error::invalid(problem));
        }
        Ok(text.to_owned())
    };
    let time = |name: &str| {
        query
            .get(name)
            .map(|text| parse_time(name, text))
            .transpose()
    };
    let whole = LogQuery::default();
    Ok(Some(LogQuery {
        text: text("q")?,
        who: text("who")?,
        since: time("since")?.unwrap_or(whole.since),
        until: time("until")?.unwrap_or(whole.until),
        before: number(query, "before", i32::MAX.into())?.and_then(|id| i32::try_from(id).ok()),
        limit: number(query, "limit", PAGE_LIMIT)?.unwrap_or(whole.limit),
    }))
}

fn number(query: &Query, name: &str, most: i64) -> Result<Option<i64>> {
    let parse = |text: &str| text.parse().ok().filter(|n| (1..=most).contains(n));
    match query.get(name) {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| {
            let rule = format!("must be a whole number from 1 to {most}");
            Error::invalid(format!("query parameter {name:?} {rule}"))
        }),
    }
}

/// Entries that are read from the database at once when a whole log is sent.
const STRIDE: i64 = 1000;

/// Sends a whole log, however long, a stretch at a time: memory does not grow with it. The first
/// stretch is read before the answer begins, so that errors are answers.
async fn everything(state: Data<State>, tree: String) -> Result<HttpResponse> {
    let first = stretch(&state, &tree, None).await?;
    let rest = stream::try_unfold(Some((first, true)), move |part| {
        let (state, tree) = (state.clone(), tree.clone());
        async move {
            let Some(((entries, next), is_first)) = part else {
                return Ok::<_, Error>(None);
            };
            let bytes = piece(entries, is_first, next.is_none())?;
            let rest = match next {
                None => None,
                Some(_) => Some((stretch(&state, &tree, next).await?, false)),
            };
            Ok(Some((bytes, rest)))
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .content_type("application/json")
        .streaming(rest))
}

async fn stretch(
    state: &State,
    tree: &str,
    before: Option<i32>,
) -> Result<(Vec<LogEntry>, Option<i32>)> {
    let query = LogQuery {
        before,
        limit: STRIDE,
        ..LogQuery::default()
    };
    ops::log_search(state, tree.to_owned(), query).await
}

/// Renders one stretch of `{"result": […]}`.
fn piece(entries: Vec<LogEntry>, is_first: bool, is_last: bool) -> Result<Bytes> {
    let mut text = String::new();
    text.push_str(if is_first { "{\"result\":[" } else { "," });
    let list: Vec<Log> = entries.into_iter().map(Log::from).collect();
    let list = serde_json::to_string(&list)
        .map_err(|e| Error::internal("the answer cannot be rendered").with_source(e))?;
    text.push_str(
        list.get(1..list.len().saturating_sub(1))
            .unwrap_or_default(),
    );
    if is_last {
        text.push_str("]}");
    }
    Ok(Bytes::from(text))
}
