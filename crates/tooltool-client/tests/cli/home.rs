// SPDX-License-Identifier: MPL-2.0
//! A folder to run the binary in, with nothing of the surrounding environment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tempfile::TempDir;

/// A working folder, which is also the home folder.
pub struct Home {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What a run of the binary did.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        // Waits are a thousandth of the real ones.
        let scale = ("TOOLTOOL_RETRY_SCALE".to_owned(), "0.001".to_owned());
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: vec![scale],
        }
    }

    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tooltool"));
        command.args(words).current_dir(&self.folder).env_clear();
        command.env("HOME", self.folder.path()).env("NO_PROXY", "*");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, words: &[&str]) -> Run {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(words).output().unwrap();
        Run {
            status: status.code().expect("the binary was killed"),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.at(path), contents).unwrap();
    }

    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    pub fn manifest(&self, records: &[Value]) {
        self.write("manifest.tt", Value::from(records).to_string());
    }

    /// Names directly in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        names(&self.at(folder))
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
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

/// A record with more members.
pub fn with(mut record: Value, members: Value) -> Value {
    let members = members.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(members);
    record
}
