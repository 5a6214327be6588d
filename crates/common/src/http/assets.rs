// SPDX-License-Identifier: MPL-2.0
//! Files that pages load, compiled into the binary and served with an `ETag`.

use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest as _, Sha256};

use super::routes::{Route, Routes};

/// One embedded file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Path on the server.
    pub path: &'static str,
    /// Media type.
    pub content_type: &'static str,
    /// Content.
    pub bytes: &'static [u8],
}

/// The stylesheet of all pages.
pub const STYLESHEET: Asset = Asset::stylesheet(
    "/static/releng.css",
    include_bytes!("../../assets/releng.css"),
);

/// Signs requests with Hawk in the browser.
pub const HAWK: Asset = Asset::script("/static/hawk.js", include_bytes!("../../assets/hawk.js"));

/// Taskcluster's sign-in for web applications.
pub const SIGN_IN: Asset = Asset::script(
    "/static/sign-in.js",
    include_bytes!("../../assets/sign-in.js"),
);

impl Asset {
    /// Describes a script.
    pub const fn script(path: &'static str, bytes: &'static [u8]) -> Self {
        Self {
            path,
            content_type: "text/javascript; charset=utf-8",
            bytes,
        }
    }

    /// Describes a stylesheet.
    pub const fn stylesheet(path: &'static str, bytes: &'static [u8]) -> Self {
        Self {
            path,
            content_type: "text/css; charset=utf-8",
            bytes,
        }
    }
}

/// Adds a route per file.
pub fn routes(routes: &mut Routes, assets: &[Asset]) {
    for asset in assets {
        let asset = *asset;
        let mut etag = hex::encode(Sha256::digest(asset.bytes));
        etag.truncate(16);
        let etag = format!("\"{etag}\"");
        routes.add(Route::new(asset.path).get(move |request: HttpRequest| {
            let etag = etag.clone();
            async move { answer(&request, asset, &etag) }
        }));
    }
}

fn answer(request: &HttpRequest, asset: Asset, etag: &str) -> HttpResponse {
    let known = request
        .headers()
        .get("if-none-match")
        .and_then(|v| v.to_str().ok());
    // The file changes with the binary only: an hour is short enough after an upgrade.
    let mut response = if known == Some(etag) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header(("etag", etag))
        .insert_header(("cache-control", "public, max-age=3600"))
        .content_type(asset.content_type);
    if known == Some(etag) {
        response.finish()
    } else {
        response.body(asset.bytes)
    }
}
