// SPDX-License-Identifier: MPL-2.0
//! The OpenAPI document, made from the handlers.

use utoipa::OpenApi;

use super::{api, csv, download, dto, symbolicate, upload};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tecken",
        description = "Symbol server: upload, download, symbolication"
    ),
    paths(
        upload::upload,
        download::download,
        csv::missing,
        symbolicate::v4,
        symbolicate::v5,
        api::auth,
        api::upload,
    ),
    components(schemas(
        dto::Created,
        dto::WithRelated,
        dto::Upload,
        dto::FileUpload,
        dto::UserRef
    ))
)]
struct Document;

/// Returns the document as JSON text, ending in a newline.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
