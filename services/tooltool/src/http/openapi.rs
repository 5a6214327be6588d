// SPDX-License-Identifier: MPL-2.0
//! The OpenAPI document, made from the handlers.

use utoipa::OpenApi;

use super::{download, dto, files, meta, uploads};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tooltool",
        description = "A content-addressed store for build inputs"
    ),
    paths(
        download::redirect,
        uploads::create,
        uploads::complete,
        uploads::search,
        uploads::fetch,
        files::search,
        files::fetch,
        files::change,
        meta::init,
        meta::permissions,
        meta::client,
    ),
    components(schemas(
        dto::File,
        dto::Batch,
        dto::Accepted,
        dto::AcceptedFile,
        dto::Operation
    ))
)]
struct Document;

/// Returns the document as JSON text, ending in a newline.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
