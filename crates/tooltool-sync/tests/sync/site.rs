// SPDX-License-Identifier: MPL-2.0
//! An installation in a temporary folder: upload root, targets, state directory, configuration and
//! a mail server.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tempfile::TempDir;

use crate::smtp::MailServer;

/// Longest time that anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Site {
    folder: TempDir,
    pub mail: MailServer,
    pub config: Value,
}

/// What a run of the binary did.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Site {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["uploads", "pvt", "pub", "state"] {
            fs::create_dir(at(path)).unwrap();
        }
        let mail = MailServer::start();
        let config = json!({
            "upload_root": at("uploads"),
            "target_folders": {"pvt": at("pvt"), "pub": at("pub")},
            "smtp_server": "127.0.0.1", "smtp_port": mail.port(),
            "smtp_from": "no-reply@example.com",
            "user_email_mapping": {"alice": "alice@example.org"},
            "default_domain": "example.com",
        });
        Self {
            folder,
            mail,
            config,
        }
    }

    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.config[name] = value;
        self
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The installation's folder is the working directory; nothing of the environment is left.
    pub fn command(&self, words: &[&str]) -> Command {
        self.write_config();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tooltool-sync"));
        command
            .args(words)
            .current_dir(&self.folder)
            .env_clear()
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Replaced as a whole and only if it differs: another run may be reading it.
    pub fn write_config(&self) {
        let (text, path) = (self.config.to_string(), self.at("config.json"));
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            return;
        }
        self.write("config.json.new", text);
        fs::rename(self.at("config.json.new"), path).unwrap();
    }

    pub fn run_with(&self, words: &[&str]) -> Run {
        Run::of(self.command(words).output().unwrap())
    }

    /// Runs once; nothing may be said outside of the log.
    pub fn run(&self) {
        let run = self.run_with(&["--state-dir", "state", "--once"]);
        let said = (run.status, run.stdout.as_str(), run.stderr.as_str());
        assert_eq!(said, (0, "", ""), "{}", self.log());
    }

    pub fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.at("state/tooltool_sync.log")).unwrap_or_default()
    }

    /// Names directly in a folder, sorted.
    pub fn names(&self, path: &str) -> Vec<String> {
        names(&self.at(path))
    }

    pub fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.at(path)).unwrap().permissions().mode() & 0o7777
    }

    /// Drops a package whose manifest fits its files.
    pub fn drop_package(
        &self,
        place: &str,
        name: &str,
        files: &[(&str, &[u8])],
        note: Option<&str>,
    ) {
        let records: Vec<_> = files
            .iter()
            .map(|(name, bytes)| record(name, bytes))
            .collect();
        let bytes: Vec<_> = files.iter().map(|(_, bytes)| *bytes).collect();
        self.drop_files(place, name, &bytes);
        if let Some(note) = note {
            self.write(&format!("uploads/{place}/{name}.txt"), note);
        }
        self.drop_manifest(place, name, &json!(records));
    }

    /// Drops the directory of a package.
    pub fn drop_files(&self, place: &str, name: &str, files: &[&[u8]]) {
        let folder = format!("uploads/{place}/{name}.TOOLTOOL-PACKAGE");
        fs::create_dir_all(self.at(&folder)).unwrap();
        for bytes in files {
            self.write(&format!("{folder}/{}", digest(bytes)), bytes);
        }
    }

    pub fn drop_manifest(&self, place: &str, name: &str, manifest: &Value) {
        self.write(
            &format!("uploads/{place}/{name}.tt"),
            serde_json::to_string_pretty(manifest).unwrap(),
        );
    }
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            status: output.status.code().expect("the binary was killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub fn digest(contents: impl AsRef<[u8]>) -> String {
    hex::encode(Sha512::digest(contents))
}

pub fn record(filename: &str, contents: impl AsRef<[u8]>) -> Value {
    json!({
        "filename": filename,
        "size": contents.as_ref().len(),
        "algorithm": "sha512",
        "digest": digest(contents),
    })
}

/// Waits for a fact.
#[track_caller]
pub fn eventually(what: &str, fact: impl Fn() -> bool) {
    let started = Instant::now();
    while !fact() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::yield_now();
    }
}

/// Takes the timestamp off a name that has one.
pub fn unstamped(name: &str) -> String {
    let shape: String = name
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    match shape.find("0000_00_00-00.00.00.") {
        Some(start) => format!("{}T.{}", &name[..start], &name[start + 20..]),
        None => name.to_owned(),
    }
}

pub const COMPLETED: &str = "TOOLTOOL UPLOAD COMPLETED! Tooltool package a-package.tt has been \
                             correctly processed by the tooltool sync script!";
pub const FAILURE: &str = "TOOLTOOL UPLOAD FAILURE! - the tooltool sync script could not process \
                           manifest a-package.tt";
pub const NOT_COPIED: &str =
    "INTERNAL ERROR - sync script could not copy files in package a-package.tt";
pub const NOT_RENAMED: &str =
    "INTERNAL ERROR - sync script could not rename files in package a-package.tt";

/// What alice and the maintainer got.
pub fn to_both(subject: &str) -> Vec<(String, String)> {
    ["alice@example.org", "no-reply@example.com"]
        .map(|to| (to.to_owned(), subject.to_owned()))
        .to_vec()
}
