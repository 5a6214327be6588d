// SPDX-License-Identifier: MPL-2.0
//! tecken as its clients see it, on SQLite and PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code may panic"
)]

mod archives;
mod build_indexes;
mod clients;
mod code_ids;
mod commands;
mod downloads;
mod index_disk;
mod index_store;
mod indexes;
mod kill;
mod main_job;
mod missing;
mod overload;
mod pages;
mod refusals;
mod routes;
mod settings;
mod sharing;
mod sign_in;
mod support;
mod symbolication;
mod symbolication_metrics;
mod symbols_command;
mod tokens;
mod try_symbols;
mod unreachable;
mod uploads;

use std::io::Write as _;

use releng_common::Clock;
use releng_db::Db;
use releng_tecken::Tecken;
use releng_tecken::ops::{self, UserChange};
use releng_testkit::app::{Answer, Client, TestApp, TestAppBuilder};
use releng_testkit::database::{Backend, backends};
use reqwest::Method;
use reqwest::multipart::{Form, Part};

/// A real symbol file; see the README beside it.
const SYMBOLS: &[u8] =
    include_bytes!("../../../../crates/symbols/tests/data/libthread_db.so.1.sym");
/// Its place in an archive and on the server.
const SYMBOLS_PATH: &str =
    "libthread_db.so.1/35CBDBAB3BB68DA78B6E8EF1939FA3CB0/libthread_db.so.1.sym";

/// Its index, as the service makes it.
fn index_of(symbols: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = releng_symbols::index::BuildOptions::default();
    releng_symbols::index::build(symbols, &mut bytes, &options).unwrap();
    bytes
}

/// A running tecken.
struct App(TestApp<Tecken>);

impl App {
    async fn start(backend: Backend) -> Self {
        Self(TestAppBuilder::new(backend).start().await)
    }

    fn anonymous(&self) -> Client {
        self.0.anonymous()
    }

    fn db(&self) -> Db {
        db(self.0.database.url())
    }

    /// Makes a user in these groups.
    async fn user(&self, email: &str, groups: &[&str]) {
        let groups = groups.iter().map(|g| (*g).to_owned()).collect();
        let change = UserChange {
            groups,
            ..UserChange::default()
        };
        ops::user_change(&self.db(), &Clock::system(), email, change)
            .await
            .unwrap();
    }

    /// Makes a token of a user.
    async fn token(&self, email: &str, permissions: &[&str], days: i64) -> String {
        let permissions: Vec<String> = permissions.iter().map(|p| (*p).to_owned()).collect();
        let life = (days, "demo".to_owned());
        ops::token_create(&self.db(), &Clock::system(), email, &permissions, life)
            .await
            .unwrap()
    }

    /// Makes an uploader with a token for regular symbols.
    async fn uploader(&self) -> String {
        self.user("demo-uploader@example.com", &["Uploaders"]).await;
        self.token("demo-uploader@example.com", &["upload.upload_symbols"], 1)
            .await
    }

    /// Makes an uploader with a token for try symbols.
    async fn try_uploader(&self) -> String {
        self.user("demo-try@example.com", &["Uploaders"]).await;
        self.token("demo-try@example.com", &["upload.upload_try_symbols"], 1)
            .await
    }

    /// Posts an archive under the field `symbols.zip`.
    async fn upload(&self, token: &str, archive: Vec<u8>) -> Answer {
        self.upload_form(token, form(archive)).await
    }

    async fn upload_form(&self, token: &str, form: Form) -> Answer {
        let client = self.anonymous();
        let request = client
            .request(Method::POST, "/upload/")
            .header("auth-token", token);
        client.send(request.multipart(form)).await
    }

    /// Sends GET with a token.
    async fn get_as(&self, token: &str, path: &str) -> Answer {
        let client = self.anonymous();
        client
            .send(
                client
                    .request(Method::GET, path)
                    .header("auth-token", token),
            )
            .await
    }

    /// Follows a download to its end.
    async fn fetch(&self, path: &str) -> Answer {
        let answer = self.anonymous().get(path).await;
        assert_eq!(answer.status, 302, "{path}: {}", answer.text());
        self.anonymous().get(answer.header("location")).await
    }
}

fn db(url: &str) -> Db {
    Db::connect(url, 2, std::time::Duration::from_secs(5)).unwrap()
}

/// Returns the form of an upload.
fn form(archive: Vec<u8>) -> Form {
    Form::new().part("symbols.zip", Part::bytes(archive).file_name("symbols.zip"))
}

/// Builds a zip.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Unpacks gzip.
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut content).unwrap();
    content
}

/// Starts an app on every database of this run.
async fn apps() -> Vec<App> {
    let mut apps = Vec::new();
    for backend in backends() {
        apps.push(App::start(backend).await);
    }
    apps
}
