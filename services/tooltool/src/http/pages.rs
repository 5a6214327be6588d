// SPDX-License-Identifier: MPL-2.0
//! The pages on which people look for files and batches. They are whole without scripts; scripts add
//! the sign-in, which lives in the browser alone, and what needs it.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::Result;
use releng_common::http::assets::{self, Asset};
use releng_common::http::page;
use releng_common::http::query::Query;
use serde_json::json;

use crate::State;
use crate::domain::{Batch, File, Sha512, Visibility};
use crate::ops::{self, Listed, Mention, Span};

/// Entries of each list on a page.
const SHOWN: Span = Span {
    limit: 50,
    offset: 0,
};

/// Longest text that is searched for.
const MAX_TEXT_CHARS: usize = 1000;

/// What the pages load beside the stylesheet.
pub(super) const SCRIPTS: [Asset; 5] = [
    assets::HAWK,
    assets::SIGN_IN,
    Asset::script(
        "/static/tooltool.js",
        include_bytes!("../../assets/tooltool.js"),
    ),
    Asset::script("/static/login.js", include_bytes!("../../assets/login.js")),
    Asset::script(
        "/static/session.js",
        include_bytes!("../../assets/session.js"),
    ),
];

/// Where people sign in, and under which name Taskcluster knows the page.
struct SignIn {
    /// `None`: there is no Taskcluster.
    root: Option<String>,
    client_id: String,
}

impl SignIn {
    fn of(state: &State) -> Self {
        let root = state.settings.common.taskcluster_root_url.as_deref();
        Self {
            root: root.map(|root| root.trim_end_matches('/').to_owned()),
            client_id: state.settings.login_client_id(),
        }
    }
}

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage {
    sign_in: SignIn,
    text: String,
    files: Listed<File>,
    batches: Listed<Batch>,
}

#[derive(Template)]
#[template(path = "file.html")]
struct FilePage {
    sign_in: SignIn,
    file: File,
    /// The latest name, or the beginning of the digest.
    name: String,
    /// The name as a shell takes it.
    quoted_name: String,
    /// A manifest with this file alone.
    manifest: String,
    base: String,
    mentions: Listed<Mention>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    sign_in: SignIn,
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
        Visibility::Public => ("PUBLIC", "good"),
        Visibility::Internal => ("INTERNAL", "warn"),
    }
}

fn is_internal(file: &File) -> bool {
    file.visibility == Visibility::Internal
}

/// Returns a manifest with one file, as people keep it in a repository.
fn manifest(file: &File, name: &str) -> String {
    let record = json!([{
        "filename": name,
        "size": file.size,
        "algorithm": "sha512",
        "digest": file.digest.as_str(),
        "visibility": file.visibility.as_str(),
    }]);
    serde_json::to_string_pretty(&record).unwrap_or_default()
}

/// Returns a name as one word of a shell.
fn shell_word(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-+".contains(c);
    if name.chars().all(is_plain) && !name.starts_with('-') {
        name.to_owned()
    } else {
        format!("'./{}'", name.replace('\'', r"'\''"))
    }
}

pub(super) async fn root(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let mount = state.outside.mount(&request);
    HttpResponse::Found()
        .insert_header(("location", format!("{mount}/static/index.html")))
        .finish()
}

pub(super) async fn index(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let text = query.get("q").unwrap_or_default().trim().replace('\0', "");
    let text: String = text.chars().take(MAX_TEXT_CHARS).collect();
    let files = ops::file_search(&state, text.clone(), SHOWN).await?;
    let batches = ops::batch_search(&state, text.clone(), SHOWN).await?;
    page::html(&IndexPage {
        sign_in: SignIn::of(&state),
        text,
        files,
        batches,
    })
}

pub(super) async fn file(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let digest = Sha512::parse(query.get("digest").unwrap_or_default())?;
    let file = ops::file_fetch(&state, &digest).await?;
    let mentions = ops::file_mentions(&state, &file, SHOWN).await?;
    let name = mentions
        .entries
        .first()
        .map_or_else(|| short(&file), |mention| mention.filename.clone());
    page::html(&FilePage {
        sign_in: SignIn::of(&state),
        manifest: manifest(&file, &name),
        quoted_name: shell_word(&name),
        base: state.outside.base(&request),
        file,
        name,
        mentions,
    })
}

pub(super) async fn login(state: Data<State>) -> Result<HttpResponse> {
    page::html(&LoginPage {
        sign_in: SignIn::of(&state),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_a_shell() {
        let table = [
            ("gcc.tar.xz", "gcc.tar.xz"),
            ("a b", "'./a b'"),
            ("-rf", "'./-rf'"),
            ("it's $HOME", r"'./it'\''s $HOME'"),
        ];
        for (name, word) in table {
            assert_eq!(shell_word(name), word);
        }
    }

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
