// SPDX-License-Identifier: MPL-2.0
//! Taking archives in (tecken.md §5).

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use releng_common::http::unread;
use releng_common::{Error, Result};
use serde_json::json;

use super::{auth, dto, form};
use crate::domain::{Caller, Permission};
use crate::{State, ops};

#[utoipa::path(post, path = "/upload/",
    request_body(content_type = "multipart/form-data", description = "A zip under a field named like it; `try` and `bucket_name` choose the destination"),
    responses((status = 201, description = "Stored", body = dto::Created),
        (status = 400, description = "The archive breaks a rule"), (status = 403, description = "No such right"),
        (status = 413, description = "The archive is too large")))]
pub(super) async fn upload(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    // A client that is still sending would see a broken connection instead of a refusal.
    unread::allow(&request, state.settings.own.upload_max_body.0);
    let caller = uploader(&request, &state).await?;
    let _place = state
        .uploads
        .try_acquire()
        .map_err(|_| Error::unavailable("too many uploads are running, try again"))?;
    let posted = form::read(&request, payload, &state).await?;
    let upload = ops::upload_create(&state, &caller, posted).await?;
    Ok(HttpResponse::Created().json(json!({"upload": dto::Created::from(upload)})))
}

async fn uploader(request: &HttpRequest, state: &Data<State>) -> Result<Caller> {
    let caller = auth::required(request, state).await?;
    auth::check_origin(request, state, caller.session.is_some())?;
    let may = caller.has(Permission::UploadSymbols) || caller.has(Permission::UploadTrySymbols);
    if may {
        Ok(caller)
    } else {
        Err(Error::forbidden("Forbidden"))
    }
}
