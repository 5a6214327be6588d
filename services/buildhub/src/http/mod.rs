// SPDX-License-Identifier: MPL-2.0
//! Routes of buildhub: extract, call one operation, render.

mod answer;
mod api;
mod legacy;
mod meta;
mod openapi;
mod page;

pub use openapi::document;

use actix_web::Responder;
use actix_web::http::Method;
use actix_web::{FromRequest, Handler};
use releng_common::http::routes::Route;
use releng_common::http::{Routes, assets};

pub(crate) use answer::render_error;

/// Adds every route of the service but Dockerflow's, which must stand before the last one here.
pub fn routes(routes: &mut Routes) {
    routes
        .add(
            Route::new("/api/search")
                .get(api::search_get)
                .post(api::search_post),
        )
        .add(Route::new("/api/records").get(api::records))
        .add(Route::new("/api/records/{id}").get(api::record))
        .add(every_method("/api/{rest:.*}", answer::no_such_endpoint))
        .add(every_method(
            "/v1/buckets/build-hub/collections/releases/search{rest:.*}",
            legacy::search,
        ))
        .add(Route::new("/contribute.json").get(meta::contribute))
        .add(Route::new("/openapi.json").get(meta::openapi))
        .add(Route::new("/robots.txt").get(meta::robots))
        .add(Route::new("/").get(page::search));
    assets::routes(routes, &[assets::STYLESHEET]);
    routes.add(Route::new("/{path:.*}").get(page::other));
}

fn every_method<F, Args>(path: &str, handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    [Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
        .into_iter()
        .fold(Route::new(path).get(handler.clone()), |route, method| {
            route.on(method, handler.clone())
        })
}
