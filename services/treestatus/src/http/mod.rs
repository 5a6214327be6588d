// SPDX-License-Identifier: MPL-2.0
//! Routes of treestatus: extract, authorise, call one operation, render.

mod answer;
mod apidocs;
mod closures;
mod condition;
mod dto;
mod events;
mod log;
mod meta;
mod openapi;
mod pages;
mod shapes;
mod stack;
mod trees;

pub use openapi::document;

use actix_web::HttpRequest;
use actix_web::web::{Data, Payload};
use releng_common::auth::Caller;
use releng_common::http::routes::Route;
use releng_common::http::shape::{self, Shape};
use releng_common::http::{Routes, assets, body};
use releng_common::{Error, Result};
use serde_json::Value;

use crate::State;

pub(crate) use answer::render_error;

/// Returns every route of the service but Dockerflow's.
pub fn routes() -> Routes {
    let mut routes = Routes::new();
    routes
        .add(
            Route::new("/trees")
                .get(trees::list)
                .on(actix_web::http::Method::PATCH, trees::update),
        )
        .add(
            Route::new("/trees2")
                .get(trees::list2)
                .on(actix_web::http::Method::DELETE, trees::delete_several),
        )
        .add(
            Route::new("/trees/{tree}")
                .get(trees::fetch)
                .on(actix_web::http::Method::PUT, trees::create)
                .on(actix_web::http::Method::DELETE, trees::delete),
        )
        .add(Route::new("/trees/{tree}/logs").get(log::list))
        .add(Route::new("/trees/{tree}/logs_all").get(log::list_all))
        .add(Route::new("/trees/{tree}/closures").get(closures::list))
        .add(Route::new("/trees/{tree}/closures.csv").get(closures::table))
        .add(Route::new("/v0/trees").get(trees::list_v0))
        .add(Route::new("/v0/trees/{tree}").get(trees::fetch_v0))
        .add(Route::new("/stack").get(stack::list))
        .add(Route::new("/log/{id:[0-9]+}").on(actix_web::http::Method::PATCH, log::edit))
        .add(
            Route::new("/stack/{id:[0-9]+}")
                .on(actix_web::http::Method::PATCH, stack::edit)
                .on(actix_web::http::Method::DELETE, stack::delete),
        )
        .add(
            Route::new("/stack2/restore/{id:[0-9]+}")
                .on(actix_web::http::Method::DELETE, stack::restore),
        )
        .add(
            Route::new("/stack2/discard/{id:[0-9]+}")
                .on(actix_web::http::Method::DELETE, stack::discard),
        )
        .add(Route::new("/events").get(events::stream))
        .add(Route::new("/__permissions__").get(meta::permissions))
        .add(Route::new("/swagger.json").get(meta::swagger))
        .add(Route::new("/apidocs/").get(apidocs::page))
        .add(Route::new("/favicon.ico").get(meta::to_favicon))
        .add(Route::new("/robots.txt").get(meta::to_robots))
        .add(Route::new("/static/ui/favicon.ico").get(meta::favicon))
        .add(Route::new("/static/ui/robots.txt").get(meta::robots))
        .add(Route::new("/").get(pages::root))
        .add(Route::new("/static/ui/index.html").get(pages::index))
        .add(Route::new("/static/ui").get(pages::home))
        .add(Route::new("/static/ui/treestatus/").get(pages::home))
        .add(Route::new("/static/ui/treestatus/add").get(pages::add))
        .add(Route::new("/static/ui/treestatus/update").get(pages::update))
        .add(Route::new("/static/ui/treestatus/delete").get(pages::delete))
        .add(Route::new("/static/ui/treestatus/show/{tree}").get(pages::show))
        .add(Route::new("/static/ui/treestatus/statistics/{tree}").get(pages::statistics))
        .add(Route::new("/static/login.html").get(pages::login));
    assets::routes(&mut routes, &pages::ASSETS);
    routes
}

/// Asks who is calling; credentials that do not hold count as none, which every protected
/// operation then refuses with 401.
async fn caller(request: &HttpRequest, state: &Data<State>) -> Result<Caller> {
    releng_common::http::caller(request, &state.outside, &state.authenticator).await
}

/// Asks who is calling on a route that takes nothing from the body: a signed hash must fit all the
/// same (D-7).
async fn bodyless_caller(
    request: &HttpRequest,
    payload: Payload,
    state: &Data<State>,
    scopes: &[String],
) -> Result<Caller> {
    let caller = caller(request, state).await?;
    caller.require_any(scopes)?;
    body::check_signed(request, payload, &caller, state.settings.own.max_body_bytes).await?;
    Ok(caller)
}

/// Reads a JSON body of the given shape, checking the payload hash that the caller may have signed.
async fn json_body(
    request: &HttpRequest,
    payload: Payload,
    state: &Data<State>,
    caller: &Caller,
    shape: Shape,
) -> Result<Value> {
    let bytes = body::read(request, payload, state.settings.own.max_body_bytes).await?;
    let media_type = body::media_type(request);
    caller.check_payload(&media_type, &bytes)?;
    shape::parse(&media_type, &bytes, shape)
}

/// Returns the `{tree}` of the path. What is not UTF-8 cannot be the name of a tree.
fn tree_in_path(request: &HttpRequest) -> Result<String> {
    releng_common::http::query::path_segment(request, "tree")
        .filter(|name| !name.contains('\0'))
        .ok_or_else(|| Error::not_found(crate::ops::NO_SUCH_TREE))
}
