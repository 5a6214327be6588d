// SPDX-License-Identifier: MPL-2.0
//! The pages for people.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::page;
use releng_common::http::query::Query;

use super::{auth, dto};
use crate::State;
use crate::domain::{MissingSymbol, Permission, Upload, User};
use crate::ops;

/// Uploads on the first page.
const RECENT: i64 = 5;
/// Rows of a list (tecken.md §12).
const PAGE: i64 = 20;
/// Last page of a list: beyond, skipping rows costs more than anybody wants to see.
const MAX_PAGE: i64 = 1000;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    user: Option<User>,
    uploads: Vec<Upload>,
    is_signed_in_now: bool,
    has_failed: bool,
    can_sign_in: bool,
}

#[derive(Template)]
#[template(path = "help.html")]
struct Help {
    base: String,
}

#[derive(Template)]
#[template(path = "uploads.html")]
struct Uploads {
    uploads: Vec<Upload>,
    page: i64,
    has_more: bool,
    sees_all: bool,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing {
    missing: Vec<MissingSymbol>,
    total: i64,
    page: i64,
    has_more: bool,
}

/// Returns a moment for people.
fn shown(at: &chrono::NaiveDateTime) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns a moment for machines.
fn machine(at: &chrono::NaiveDateTime) -> String {
    dto::moment(*at)
}

pub(super) async fn home(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let caller = auth::caller(&request, &state).await?;
    let uploads = match &caller {
        Some(caller) => ops::upload_recent(&state, caller, 1, RECENT).await?,
        None => Vec::new(),
    };
    let query = Query::of(&request);
    page::html(&Home {
        uploads,
        is_signed_in_now: caller.is_some() && query.get("signedin") == Some("true"),
        has_failed: query.get("signin") == Some("failed"),
        can_sign_in: state.provider.is_some(),
        user: caller.map(|caller| caller.user),
    })
}

pub(super) async fn help(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    page::html(&Help {
        base: state.outside.base(&request),
    })
}

pub(super) async fn uploads(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let caller = auth::required(&request, &state).await?;
    let page = page_number(&request)?;
    let uploads = ops::upload_recent(&state, &caller, page, PAGE).await?;
    let has_more = i64::try_from(uploads.len()).is_ok_and(|n| n == PAGE) && page < MAX_PAGE;
    let sees_all = caller.has(Permission::ViewAllUploads);
    page::html(&Uploads {
        uploads,
        page,
        has_more,
        sees_all,
    })
}

pub(super) async fn missing(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let page = page_number(&request)?;
    let (missing, total) = ops::missing_page(&state, page, PAGE).await?;
    let has_more = page.saturating_mul(PAGE) < total && page < MAX_PAGE;
    page::html(&Missing {
        missing,
        total,
        page,
        has_more,
    })
}

fn page_number(request: &HttpRequest) -> Result<i64> {
    let page = Query::of(request).number("page")?.unwrap_or(1);
    Ok(i64::try_from(page).unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE))
}
