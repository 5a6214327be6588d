// SPDX-License-Identifier: MPL-2.0
//! The OpenAPI document, made from the handlers.

use utoipa::OpenApi;

use super::api;

#[derive(OpenApi)]
#[openapi(
    info(title = "buildhub", description = "Every published build, searchable"),
    paths(api::search_get, api::search_post, api::records, api::record)
)]
struct Document;

/// Returns the document as JSON text, ending in a newline.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
