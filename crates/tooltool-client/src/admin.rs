// SPDX-License-Identifier: MPL-2.0
//! Administration of one file on the server: its visibility and its stored copies.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::{Api, Error},
    digest::Sha512,
};

/// Sets who may download a file.
///
/// # Errors
/// The server refuses or does not answer.
pub async fn visibility_set(api: &Api, digest: &Sha512, visibility: &str) -> Result<(), Error> {
    patch(
        api,
        digest,
        json!([{ "op": "set_visibility", "visibility": visibility }]),
    )
    .await
}

/// Deletes all stored copies of a file.
///
/// # Errors
/// The server refuses or does not answer.
pub async fn instances_delete(api: &Api, digest: &Sha512) -> Result<(), Error> {
    patch(api, digest, json!([{ "op": "delete_instances" }])).await
}

async fn patch(api: &Api, digest: &Sha512, operations: Value) -> Result<(), Error> {
    let path = format!("file/sha512/{digest}");
    api.json(Method::PATCH, &path, &[], Some(&operations))
        .await
        .map(drop)
}
