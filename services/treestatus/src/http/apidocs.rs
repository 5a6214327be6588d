// SPDX-License-Identifier: MPL-2.0
//! The API description as a page, made from the same document that `/swagger.json` answers with.

use actix_web::HttpResponse;
use askama::Template;
use releng_common::http::page;
use releng_common::{Error, Result};
use serde_json::Value;

#[derive(Template)]
#[template(path = "apidocs.html")]
struct ApiDocs {
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    path: String,
    parameters: Vec<(String, String)>,
    members: Vec<String>,
    answers: Vec<(String, String)>,
}

pub(super) async fn page() -> Result<HttpResponse> {
    let document: Value = serde_json::from_str(&super::document())
        .map_err(|e| Error::internal("the API description is no JSON").with_source(e))?;
    page::html(&ApiDocs {
        operations: operations(&document),
    })
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(|(method, operation)| Operation {
                method: method.to_ascii_uppercase(),
                path: path.clone(),
                parameters: parameters(operation),
                members: members(document, operation),
                answers: answers(operation),
            })
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn parameters(operation: &Value) -> Vec<(String, String)> {
    let list = operation["parameters"].as_array().into_iter().flatten();
    list.map(|p| (text(&p["name"]), text(&p["description"])))
        .collect()
}

fn answers(operation: &Value) -> Vec<(String, String)> {
    let list = operation["responses"].as_object().into_iter().flatten();
    list.map(|(status, answer)| (status.clone(), text(&answer["description"])))
        .collect()
}

/// Returns the members of the JSON body, those that must be there marked with a star.
fn members(document: &Value, operation: &Value) -> Vec<String> {
    let reference = operation.pointer("/requestBody/content/application~1json/schema/$ref");
    let reference = reference.and_then(Value::as_str).unwrap_or_default();
    // A reference is a pointer behind a number sign.
    let Some(schema) = document.pointer(reference.trim_start_matches('#')) else {
        return Vec::new();
    };
    let required = schema["required"].as_array();
    let is_required = |name: &String| required.is_some_and(|list| list.iter().any(|n| n == name));
    let names = schema["properties"].as_object().into_iter().flatten();
    names
        .map(|(name, _)| format!("{name}{}", if is_required(name) { "*" } else { "" }))
        .collect()
}
