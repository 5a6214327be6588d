// SPDX-License-Identifier: MPL-2.0
//! Routes of tooltool: extract, authorise, call one operation, render.

mod answer;
mod download;
mod dto;
mod files;
mod identity;
mod meta;
mod openapi;
mod pages;
mod shapes;
mod uploads;

pub use openapi::document;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::{Data, Payload};
use releng_common::auth::Caller;
use releng_common::http::query::{Query, path_segment};
use releng_common::http::routes::Route;
use releng_common::http::shape::{self, Shape};
use releng_common::http::{Routes, assets, body};
use releng_common::{Error, Result};
use serde_json::Value;

use crate::State;
use crate::domain::Sha512;
use crate::ops::Span;

use identity::Identity;

pub(crate) use answer::render_error;

/// Returns every route of the service but Dockerflow's.
pub fn routes() -> Routes {
    let mut routes = Routes::new();
    routes
        .add(Route::new("/sha512/{digest}").get(download::redirect))
        .add(
            Route::new("/upload")
                .get(uploads::search)
                .post(uploads::create),
        )
        .add(Route::new("/upload/complete/sha512/{digest}").get(uploads::complete))
        .add(Route::new("/upload/{id}").get(uploads::fetch))
        .add(Route::new("/file").get(files::search))
        .add(
            Route::new("/file/sha512/{digest}")
                .get(files::fetch)
                .on(Method::PATCH, files::change),
        )
        .add(Route::new("/init").get(meta::init))
        .add(Route::new("/__permissions__").get(meta::permissions))
        .add(Route::new("/tooltool.py").get(meta::client))
        .add(Route::new("/swagger.json").get(meta::swagger))
        .add(Route::new("/").get(pages::root))
        .add(Route::new("/static/index.html").get(pages::index))
        .add(Route::new("/static/file.html").get(pages::file))
        .add(Route::new("/static/login.html").get(pages::login));
    assets::routes(&mut routes, &[assets::STYLESHEET]);
    assets::routes(&mut routes, &pages::SCRIPTS);
    routes
}

/// Asks who is calling; credentials that do not hold count as none.
async fn caller(request: &HttpRequest, state: &Data<State>) -> Result<Caller> {
    Ok(Identity::of(request, state).await?.into_caller())
}

/// Reads a JSON body of the given shape. A caller whose signature covers another body is as good as
/// nobody (D-7), so the caller is returned anew.
async fn json_body(
    request: &HttpRequest,
    payload: Payload,
    state: &Data<State>,
    caller: Caller,
    shape: Shape,
) -> Result<(Value, Caller)> {
    let bytes = body::read(request, payload, state.settings.own.max_body_bytes).await?;
    let media_type = body::media_type(request);
    let caller = match caller.check_payload(&media_type, &bytes) {
        Ok(()) => caller,
        Err(_) => {
            let reason = "the payload hash does not match the body";
            identity::refused(request, identity::Scheme::Hawk, reason);
            Caller::anonymous()
        }
    };
    Ok((shape::parse(&media_type, &bytes, shape)?, caller))
}

/// Returns the `{digest}` of the path.
fn digest_in_path(request: &HttpRequest) -> Result<Sha512> {
    // What is not UTF-8 is no digest either.
    Sha512::parse(&path_segment(request, "digest").unwrap_or_default())
}

/// Returns `?q=`, which must be there and may be empty.
fn search_text(query: &Query) -> Result<String> {
    let text = query
        .get("q")
        .ok_or_else(|| Error::invalid("Missing query parameter 'q'"))?;
    if text.contains('\0') {
        return Err(Error::invalid(
            "query parameter 'q' must not contain NUL characters",
        ));
    }
    Ok(text.to_owned())
}

/// Returns the part of a list that `?limit=` and `?offset=` name, bounded by the setting.
fn span(query: &Query, state: &State) -> Result<Span> {
    let max = state.settings.own.max_list_length;
    let number = |name| -> Result<Option<i64>> {
        let number = query.number(name)?;
        Ok(number.map(|n| i64::try_from(n).unwrap_or(i64::MAX)))
    };
    let limit = number("limit")?.unwrap_or(max).min(max);
    Ok(Span {
        limit,
        offset: number("offset")?.unwrap_or(0),
    })
}
