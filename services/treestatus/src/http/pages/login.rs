// SPDX-License-Identifier: MPL-2.0
//! The page that sends people to Taskcluster and that they come back to (D-24).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::page;

use super::Around;
use crate::State;
use crate::domain::REASON_CATEGORIES;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    around: Around,
}

pub(in crate::http) async fn login(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse> {
    let around = Around::of(&request, &state).await?;
    page::html(&Login { around })
}
