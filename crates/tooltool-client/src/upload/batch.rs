// SPDX-License-Identifier: MPL-2.0
//! Announcing a batch of files.

use reqwest::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::{Item, Options};
use crate::api::{Api, Error};

/// Announces a batch; returns for each item where to send it, `None` if the server has it.
pub(super) async fn create(
    items: &[Item],
    options: &Options,
    api: &Api,
) -> Result<Vec<Option<Url>>, Error> {
    let files: Map<_, _> = items.iter().map(file).collect();
    let body = json!({ "message": options.message, "files": files });
    let region: Vec<_> = options
        .region
        .iter()
        .map(|region| ("region", region.as_str()))
        .collect();
    let answer = api
        .json(Method::POST, "upload", &region, Some(&body))
        .await?;
    let result = answer.get("result").unwrap_or(&Value::Null);
    if let Some(id) = result.get("id") {
        api.log()
            .info(format_args!("the server calls this batch {id}"));
    }
    let files = result.get("files").unwrap_or(&Value::Null);
    let urls = items
        .iter()
        .map(|item| put_url(files, &item.record.filename));
    urls.collect::<Result<_, _>>()
        .map_err(|reason| api.nonsense(reason))
}

fn file(item: &Item) -> (String, Value) {
    let entry = json!({
        "algorithm": "sha512",
        "digest": item.digest.to_string(),
        "size": item.size_bytes,
        "visibility": item.record.visibility,
    });
    (item.record.filename.clone(), entry)
}

fn put_url(files: &Value, name: &str) -> Result<Option<Url>, String> {
    let file = files
        .get(name)
        .ok_or_else(|| format!("it lacks the file '{name}'"))?;
    match file.get("put_url") {
        None | Some(Value::Null) => Ok(None),
        Some(url) => {
            let url = url.as_str().and_then(|url| Url::parse(url).ok());
            url.map(Some)
                .ok_or_else(|| format!("put_url of '{name}' is no URL"))
        }
    }
}
