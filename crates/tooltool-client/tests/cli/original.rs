// SPDX-License-Identifier: MPL-2.0
//! A service and a store that behave like the original ones where a client can tell: signed URLs on
//! another host, wrapped errors, 409 while an upload URL lives, verification before anybody may
//! download. A test may let any request go wrong.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::{
    home::digest,
    server::{Answer, Request, Server},
};

/// How often the completion of an upload is asked too early.
const EARLY_ANSWERS: u32 = 2;
/// Linux answers on all of 127.0.0.0/8, which makes the store another host there.
const STORE_HOST: &str = if cfg!(target_os = "linux") {
    "127.0.0.2"
} else {
    "127.0.0.1"
};

/// What may answer before the service or the store does.
pub type Fault = dyn Fn(&Request) -> Option<Answer> + Send + Sync;

/// One file as the service knows it.
#[derive(Debug, Default)]
struct Known {
    size: u64,
    is_internal: bool,
    is_verified: bool,
    /// What the store has under the digest.
    object: Option<Vec<u8>>,
    /// How often the completion will be too early; `None` without a pending upload.
    early: Option<u32>,
}

type Files = Arc<Mutex<BTreeMap<String, Known>>>;

/// Both servers; they stop when dropped.
pub struct Original {
    pub api: Server,
    pub store: Server,
    files: Files,
}

impl Original {
    pub fn start() -> Self {
        Self::with_faults(|_| None)
    }

    /// The closure may answer any request before the service or the store does.
    pub fn with_faults(fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let files = Files::default();
        let fault: Arc<Fault> = Arc::new(fault);
        let store = {
            let (files, fault) = (Arc::clone(&files), Arc::clone(&fault));
            Server::start_at(STORE_HOST, move |request, _| {
                fault(request).unwrap_or_else(|| store(&mut files.lock().unwrap(), request))
            })
        };
        let api = {
            let (files, base) = (Arc::clone(&files), store.url());
            Server::start(move |request, _| {
                fault(request).unwrap_or_else(|| api(&mut files.lock().unwrap(), &base, request))
            })
        };
        Self { api, store, files }
    }

    /// Has a verified public file.
    pub fn put(&self, contents: &[u8]) {
        let known = Known {
            size: length(contents),
            is_verified: true,
            object: Some(contents.to_vec()),
            ..Known::default()
        };
        self.files.lock().unwrap().insert(digest(contents), known);
    }

    /// Tells whether a file can be downloaded, and was stored with exactly these bytes.
    pub fn has(&self, contents: &[u8]) -> bool {
        let files = self.files.lock().unwrap();
        let known = files.get(&digest(contents));
        known.is_some_and(|known| known.is_verified && known.object.as_deref() == Some(contents))
    }

    /// Tells whether every object in the store is as long as its file; the store takes none that
    /// was cut off.
    pub fn is_sound(&self) -> bool {
        let files = self.files.lock().unwrap();
        files.values().all(|known| {
            let object = known.object.as_ref();
            object.is_none_or(|object| length(object) == known.size)
        })
    }
}

fn api(files: &mut BTreeMap<String, Known>, store: &str, request: &Request) -> Answer {
    let (path, _) = split(&request.target);
    if let Some(digest) = path.strip_prefix("/upload/complete/sha512/") {
        return complete(files.get_mut(digest));
    }
    if let Some(digest) = path.strip_prefix("/file/sha512/") {
        return match files.get(digest) {
            Some(known) => json_answer(&json!({"has_instances": known.is_verified})),
            None => wrapped(404, "Not Found", "no such file"),
        };
    }
    if let Some(digest) = path.strip_prefix("/sha512/") {
        let is_signed = request.header("authorization").is_some();
        return match files.get(digest).filter(|known| known.is_verified) {
            None => wrapped(
                404,
                "Not Found",
                "The requested URL was not found on the server.",
            ),
            Some(known) if known.is_internal && !is_signed => wrapped(
                403,
                "Forbidden",
                "You don't have the permission to access it.",
            ),
            Some(_) => Answer::new(302, "<title>Redirecting...</title>")
                .header("Location", format!("{store}sha512/{digest}?Signature=get")),
        };
    }
    match (request.method.as_str(), path) {
        ("POST", "/upload") => announce(files, store, request),
        _ => wrapped(
            404,
            "Not Found",
            "The requested URL was not found on the server.",
        ),
    }
}

fn announce(files: &mut BTreeMap<String, Known>, store: &str, request: &Request) -> Answer {
    if request.header("content-type") != Some("application/json") {
        return wrapped(415, "Unsupported Media Type", "expected JSON data");
    }
    if request.header("authorization").is_none() {
        return wrapped(403, "Forbidden", "no permission to upload public files");
    }
    let mut batch: Value = serde_json::from_slice(&request.body).unwrap();
    for (name, file) in batch["files"].as_object_mut().unwrap() {
        let digest = file["digest"].as_str().unwrap().to_owned();
        let size = file["size"].as_u64().unwrap();
        let known = files.entry(digest.clone()).or_default();
        if known.is_verified && known.size != size {
            return wrapped(400, "Bad Request", &format!("Size mismatch for {name}"));
        }
        known.size = size;
        known.is_internal = file["visibility"] == "internal";
        if !known.is_verified {
            known.early = Some(EARLY_ANSWERS);
            file["put_url"] = format!("{store}sha512/{digest}?Signature=put").into();
        }
    }
    batch["id"] = 4711.into();
    batch["author"] = "demo/client".into();
    json_answer(&json!({ "result": batch }))
}

fn complete(known: Option<&mut Known>) -> Answer {
    let Some(known) = known else {
        return Answer::new(202, r#""{}""#);
    };
    if let Some(early) = known.early.filter(|early| *early > 0) {
        known.early = Some(early - 1);
        return Answer::new(409, "").header("X-Retry-After", 3);
    }
    if let (Some(object), Some(_)) = (&known.object, known.early) {
        known.is_verified = length(object) == known.size;
        known.early = None;
    }
    Answer::new(202, r#""{}""#)
}

/// As S3: a signature and an Authorization header together are refused, and so is a body without a
/// length.
fn store(files: &mut BTreeMap<String, Known>, request: &Request) -> Answer {
    let (path, query) = split(&request.target);
    let Some(known) = path
        .strip_prefix("/sha512/")
        .and_then(|key| files.get_mut(key))
    else {
        return Answer::new(404, "<Code>NoSuchKey</Code>");
    };
    if request.header("authorization").is_some() {
        return Answer::new(400, "<Code>InvalidArgument</Code>");
    }
    match (request.method.as_str(), query) {
        ("PUT", "Signature=put")
            if request.header("content-type") == Some("application/octet-stream") =>
        {
            if request.header("content-length").is_none() {
                return Answer::new(411, "<Code>MissingContentLength</Code>");
            }
            known.object = Some(request.body.clone());
            Answer::new(200, "")
        }
        ("GET", "Signature=get") => match &known.object {
            Some(object) => part(object, request.header("range")),
            None => Answer::new(404, "<Code>NoSuchKey</Code>"),
        },
        _ => Answer::new(403, "<Code>SignatureDoesNotMatch</Code>"),
    }
}

fn part(object: &[u8], range: Option<&str>) -> Answer {
    let start = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    let Some(start) = start.map(|start| start.parse::<usize>().unwrap()) else {
        return Answer::new(200, object);
    };
    let all = object.len();
    if start >= all {
        return Answer::new(416, "").header("Content-Range", format!("bytes */{all}"));
    }
    let range = format!("bytes {start}-{}/{all}", all - 1);
    Answer::new(206, &object[start..]).header("Content-Range", range)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

fn json_answer(value: &Value) -> Answer {
    Answer::new(200, value.to_string()).header("Content-Type", "application/json")
}

/// The shape since 2019, in which scripts find `error.name` and `error.description`.
pub fn wrapped(status: u16, reason: &str, detail: &str) -> Answer {
    let name = format!("{status} {reason}: {detail}");
    let error = json!({"description": detail, "detail": detail, "instance": "about:blank",
        "name": name, "status": status, "title": name, "type": "about:blank"});
    Answer::new(status, json!({ "error": error }).to_string())
        .header("Content-Type", "application/json")
}
