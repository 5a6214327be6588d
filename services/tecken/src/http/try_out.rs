// SPDX-License-Identifier: MPL-2.0
//! The form in which people try symbolication, without scripts.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::http::query::Query;
use releng_common::http::{body, page};
use releng_common::{Error, Kind, Result};
use releng_symbols::Version;
use serde::Deserialize;

use crate::{State, ops};

/// Largest form.
const FORM_BYTES: usize = 64 * 1024;
/// Most addresses of one form.
const MAX_OFFSETS: usize = 1000;

#[derive(Template, Default)]
#[template(path = "symbolication.html")]
struct Page {
    debug_file: String,
    debug_id: String,
    offsets: String,
    problem: String,
    frames: Vec<Frame>,
}

/// A frame of the answer, as far as the page shows it.
#[derive(Default, Deserialize)]
struct Frame {
    module_offset: String,
    #[serde(default)]
    function: String,
    #[serde(default)]
    function_offset: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    line: u32,
    #[serde(default)]
    inlines: Vec<Inline>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inline {
    function: String,
    file: String,
    line: u32,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Job>,
}

#[derive(Deserialize)]
struct Job {
    stacks: Vec<Vec<Frame>>,
}

pub(super) async fn form() -> Result<HttpResponse> {
    page::html(&Page::default())
}

pub(super) async fn result(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let bytes = body::read(&request, payload, FORM_BYTES).await?;
    let form = Query::parse(&String::from_utf8_lossy(&bytes));
    let field = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let mut page = Page {
        debug_file: field("debug_file"),
        debug_id: field("debug_id"),
        offsets: field("offsets"),
        ..Page::default()
    };
    match frames(&state, &page).await {
        Ok(frames) => page.frames = frames,
        Err(error) if error.kind() == Kind::InvalidInput => {
            error.message().clone_into(&mut page.problem);
        }
        Err(error) => return Err(error),
    }
    page::html(&page)
}

async fn frames(state: &Data<State>, page: &Page) -> Result<Vec<Frame>> {
    let offsets = page
        .offsets
        .split_whitespace()
        .map(offset)
        .collect::<Result<Vec<u64>>>()?;
    if offsets.is_empty() || offsets.len() > MAX_OFFSETS {
        return Err(Error::invalid(format!("give 1 to {MAX_OFFSETS} addresses")));
    }
    let body = ops::module_body(&page.debug_file, &page.debug_id, &offsets);
    let admitted = state.lanes.admit(state.lanes.room(), body.len())?;
    let answer = ops::symbolicate_body(state, Version::V5, body, false, &admitted).await?;
    let answer: Answer = serde_json::from_slice(&answer.concat())
        .map_err(|e| Error::internal("the answer is not as it should be").with_source(e))?;
    Ok(answer
        .results
        .into_iter()
        .flat_map(|job| job.stacks)
        .flatten()
        .collect())
}

/// Reads an address, hexadecimal as people copy it from traces.
fn offset(text: &str) -> Result<u64> {
    let digits = text.trim_start_matches("0x").trim_start_matches("0X");
    u64::from_str_radix(digits, 16)
        .map_err(|_| Error::invalid(format!("{text:?} is no hexadecimal address")))
}
