// SPDX-License-Identifier: MPL-2.0
//! The search address of the predecessor's predecessor.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

/// Leads to the search. A 301 makes most clients repeat a POST as GET and lose its body, so other
/// methods get a 308 (D-47).
pub(super) async fn search(request: HttpRequest) -> HttpResponse {
    let mut response = if matches!(*request.method(), Method::GET | Method::HEAD) {
        HttpResponse::MovedPermanently()
    } else {
        HttpResponse::PermanentRedirect()
    };
    response.insert_header(("location", "/api/search")).finish()
}
