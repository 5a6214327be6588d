// SPDX-License-Identifier: MPL-2.0
//! The OpenAPI document, made from the handlers.

use utoipa::OpenApi;

use super::{closures, dto, events, log, stack, trees};

#[derive(OpenApi)]
#[openapi(
    info(title = "treestatus", description = "Status of source code trees"),
    paths(
        trees::list,
        trees::list2,
        trees::list_v0,
        trees::fetch,
        trees::fetch_v0,
        log::list,
        log::list_all,
        closures::list,
        closures::table,
        trees::update,
        trees::create,
        trees::delete,
        trees::delete_several,
        stack::list,
        stack::restore,
        stack::discard,
        stack::delete,
        stack::edit,
        log::edit,
        events::stream,
    ),
    components(schemas(
        dto::Tree,
        dto::Log,
        dto::Change,
        dto::ChangedTree,
        dto::UpdateBody,
        dto::NewTreeBody,
        dto::EditBody,
        dto::TreeNames,
        closures::Closures
    ))
)]
struct Document;

/// Returns the document as JSON text, ending in a newline.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
