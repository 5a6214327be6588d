// SPDX-License-Identifier: MPL-2.0
//! Routes of tecken: extract, authorise, call one operation, render.

mod answer;
mod api;
mod auth;
mod csv;
mod download;
mod dto;
mod form;
mod meta;
mod oidc;
mod openapi;
mod pages;
mod sending;
mod symbolicate;
mod try_out;
mod upload;

pub use openapi::document;

use actix_web::http::Method;
use releng_common::Error;
use releng_common::http::routes::Route;
use releng_common::http::{Routes, assets};

pub(crate) use answer::render_error;
pub(crate) use auth::gate;

/// Text of a 404 for a path that does not exist; the answer names the path, too.
const NOT_FOUND: &str = "Not Found";

/// Returns the error for an unknown path.
pub(crate) fn path_not_found() -> Error {
    Error::not_found(NOT_FOUND)
}

/// Adds every route of the service but Dockerflow's. Downloads come last: their first segment may
/// be anything.
pub(crate) fn add_routes(routes: &mut Routes) {
    let route = |path: &str| Route::new(path).without_options();
    routes
        .add(route("/").get(pages::home).post(symbolicate::root))
        .add(route("/upload/").post(upload::upload))
        .add(route("/upload").post(upload::upload));
    for (path, is_v4) in [("/symbolicate/v4", true), ("/symbolicate/v5", false)] {
        let route = route(path).on(Method::OPTIONS, symbolicate::preflight);
        routes.add(if is_v4 {
            route.post(symbolicate::v4)
        } else {
            route.post(symbolicate::v5)
        });
    }
    routes
        .add(
            // Any method, as ever.
            [
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
                Method::OPTIONS,
            ]
            .into_iter()
            .fold(
                route("/missingsymbols.csv").get(csv::missing),
                |route, method| route.on(method, csv::missing),
            ),
        )
        .add(route("/oidc/authenticate/").get(oidc::authenticate))
        .add(route("/oidc/callback/").get(oidc::callback))
        .add(route("/oidc/logout/").post(oidc::logout))
        .add(route("/oidc/logout").post(oidc::logout))
        .add(route("/api/_auth/").get(api::auth));
    for path in ["/oidc/authenticate", "/oidc/callback", "/api/_auth"] {
        routes.add(route(path).get(meta::with_slash));
    }
    routes
        .add(route("/api/uploads/upload/{id:[0-9]+}").get(api::upload))
        .add(route("/contribute.json").get(meta::contribute))
        .add(route("/robots.txt").get(meta::robots))
        .add(route("/help").get(pages::help))
        .add(route("/uploads").get(pages::uploads))
        .add(route("/downloads/missing").get(pages::missing))
        .add(
            route("/symbolication")
                .get(try_out::form)
                .post(try_out::result),
        );
    assets::routes(routes, &[assets::STYLESHEET]);
    routes
        .add(route("/try/{symbol}/{hex:[0-9A-Fa-f]+}/{filename}").get(download::download))
        .add(route("/{product}/{symbol}/{hex:[0-9A-Fa-f]+}/{filename}").get(download::download))
        .add(route("/{symbol}/{hex:[0-9A-Fa-f]+}/{filename}").get(download::download))
        // An encoded slash makes a segment as well, and the handler decodes before it splits.
        .add(route("/{encoded:.*%2[Ff].*}").get(download::download));
}
