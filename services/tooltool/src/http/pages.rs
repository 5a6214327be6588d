// SPDX-License-Identifier: MPL-2.0
//! The page on which people look for files and batches.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::page;
use releng_common::http::query::Query;

use crate::State;
use crate::domain::{Batch, File};
use crate::ops::{self, Listed, Span};

/// Entries of each list on the page.
const SHOWN: Span = Span {
    limit: 50,
    offset: 0,
};

/// Longest text that is searched for.
const MAX_TEXT_CHARS: usize = 1000;

#[derive(Template)]
#[template(path = "index.html")]
struct Index {
    text: String,
    files: Listed<File>,
    batches: Listed<Batch>,
}

/// Returns the beginning of a digest, enough to tell files apart.
fn short(file: &File) -> String {
    file.digest.as_str().chars().take(8).collect()
}

/// Returns a size as people read it.
fn size(bytes: &i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    // In tenths, to stay with whole numbers.
    let mut tenths = i128::from(*bytes) * 10;
    let mut unit = "bytes";
    for larger in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    let whole = tenths / 10;
    if unit == "bytes" {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{} {unit}", tenths % 10)
    }
}

/// Returns the word of a badge and its class.
fn badge(file: &File) -> (&'static str, &'static str) {
    match file.visibility {
        crate::domain::Visibility::Public => ("PUBLIC", "good"),
        crate::domain::Visibility::Internal => ("INTERNAL", "warn"),
    }
}

pub(super) async fn root() -> HttpResponse {
    HttpResponse::Found()
        .insert_header(("location", "/static/index.html"))
        .finish()
}

pub(super) async fn index(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let text = query.get("q").unwrap_or_default().trim().replace('\0', "");
    let text: String = text.chars().take(MAX_TEXT_CHARS).collect();
    let files = ops::file_search(&state, text.clone(), SHOWN).await?;
    let batches = ops::batch_search(&state, text.clone(), SHOWN).await?;
    page::html(&Index {
        text,
        files,
        batches,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_people() {
        let table = [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (3_000_000_000, "2.7 GiB"),
            (i64::MAX, "8191.9 PiB"),
        ];
        for (bytes, text) in table {
            assert_eq!(size(&bytes), text);
        }
    }
}
