// SPDX-License-Identifier: MPL-2.0
//! Where the packages of a type go: a folder, or a tooltool service.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use releng_tooltool_client::{credentials::Credentials, server_urls::ServerUrl};
use serde_json::{Map, Value};

use super::members::{Members, is_folder};

/// Where packages go.
#[derive(Debug, Clone)]
pub enum Target {
    /// A folder with files named by their digests.
    Folder(PathBuf),
    /// A tooltool service.
    Store(Store),
}

/// A tooltool service and how files get into it.
#[derive(Debug, Clone)]
pub struct Store {
    /// The base URL.
    pub server: ServerUrl,
    /// Who may download.
    pub visibility: Visibility,
    /// Who uploads.
    pub credentials: Credentials,
}

/// Who may download a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Who has the permission.
    Internal,
}

impl Visibility {
    /// Returns the word for it in the API and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Public, Self::Internal]
            .into_iter()
            .find(|visibility| visibility.name() == name)
    }
}

/// Reads `target_folders`.
pub(super) fn all(members: &mut Members) -> BTreeMap<String, Target> {
    const NAME: &str = "target_folders";
    let object = members.required_object(NAME);
    let mut targets = BTreeMap::new();
    for (kind, value) in object {
        let name = format!("{NAME}.{kind}");
        if kind.is_empty() || kind == "." || kind == ".." || kind.contains('/') {
            members.problem(format!("{name} is not the name of a directory"));
        } else if kind.chars().any(char::is_control) {
            members.problem(format!("{name} must not contain control characters"));
        }
        match one(&value) {
            Ok(target) => drop(targets.insert(kind, target)),
            Err(rules) => rules
                .into_iter()
                .for_each(|rule| members.problem(format!("{name}{rule}"))),
        }
    }
    targets
}

/// Returns the target, or what is wrong, to be put behind its name.
fn one(value: &Value) -> Result<Target, Vec<String>> {
    match value {
        Value::String(text) => {
            let path = PathBuf::from(text);
            is_folder(&path).map_err(|rule| vec![format!(" {rule}")])?;
            Ok(Target::Folder(path))
        }
        Value::Object(object) => store(object)
            .map(Target::Store)
            .map_err(|rules| rules.iter().map(|rule| format!(".{rule}")).collect()),
        _ => Err(vec![
            " must be a directory or an object with store and visibility".to_owned(),
        ]),
    }
}

fn store(object: &Map<String, Value>) -> Result<Store, Vec<String>> {
    let mut members = Members::of(object);
    let server = members.required_text("store").and_then(|text| {
        let server = ServerUrl::parse(&text);
        if let Err(error) = &server {
            members.problem(format!("store: {error}"));
        }
        server.ok()
    });
    let visibility = members.required_text("visibility").and_then(|text| {
        let visibility = Visibility::named(&text);
        if visibility.is_none() {
            members.problem(format!(
                "visibility must be \"public\" or \"internal\", not \"{text}\""
            ));
        }
        visibility
    });
    let credentials = match members.text("authentication_file") {
        None => Credentials::None,
        Some(path) => Credentials::load(Path::new(&path)).unwrap_or_else(|error| {
            members.problem(format!("authentication_file '{path}': {error}"));
            Credentials::None
        }),
    };
    let unknown = members.finish()?;
    match (server, visibility) {
        (Some(server), Some(visibility)) if unknown.is_empty() => Ok(Store {
            server,
            visibility,
            credentials,
        }),
        _ => Err(unknown
            .iter()
            .map(|name| format!("{name} is not a member of a store"))
            .collect()),
    }
}
