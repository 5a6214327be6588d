// SPDX-License-Identifier: MPL-2.0
//! The drop-folder processor with the real service as its target. There is no mail server: what
//! would be sent is looked at where it waits.

use std::fs;
use std::path::PathBuf;

use releng_testkit::poll::eventually;
use releng_testkit::temp::{self, TempDir};
use releng_tooltool_sync::config::Config;
use releng_tooltool_sync::log::Log;
use releng_tooltool_sync::run;
use releng_tooltool_sync::stamp::Clock;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{App, PATIENCE, app_sets, digest, entry};

const COMPLETED: &str = "TOOLTOOL UPLOAD COMPLETED! Tooltool package a-package.tt has been \
                         correctly processed by the tooltool sync script!";
const FAILURE: &str = "TOOLTOOL UPLOAD FAILURE! - the tooltool sync script could not process \
                       manifest a-package.tt";
const NOT_COPIED: &str =
    "INTERNAL ERROR - sync script could not copy files in package a-package.tt";
const SPOOL: &str = "state/tooltool-sync.d/mail";

/// An installation that publishes `pub` and `pvt` in a service.
struct Site {
    folder: TempDir,
    config: Value,
    stop: CancellationToken,
}

impl Site {
    fn new(app: &App, client: &str) -> Self {
        let folder = temp::dir();
        let uploads = folder.path().join("uploads/alice/pub");
        fs::create_dir_all(uploads).unwrap();
        fs::create_dir_all(folder.path().join("uploads/alice/pvt")).unwrap();
        let mut site = Self {
            config: json!({
                "upload_root": folder.path().join("uploads"),
                // The discard port: nobody listens there.
                "smtp_server": "127.0.0.1", "smtp_port": 9, "smtp_from": "no-reply@example.com",
                "default_domain": "example.com", "upload_tries": 1,
            }),
            folder,
            stop: CancellationToken::new(),
        };
        site.publish_as(app, client);
        site
    }

    fn publish_as(&mut self, app: &App, client: &str) {
        let file = self.folder.path().join("authentication.json");
        let credentials = json!({"clientId": client, "accessToken": format!("{client}-token")});
        fs::write(&file, credentials.to_string()).unwrap();
        let store = |visibility: &str| {
            json!({
                "store": app.app.address(), "visibility": visibility, "authentication_file": file,
            })
        };
        self.config["target_folders"] = json!({"pub": store("public"), "pvt": store("internal")});
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn drop_package(&self, kind: &str, files: &[(&str, &[u8])], note: Option<&str>) {
        let package = self.at(&format!("uploads/alice/{kind}/a-package"));
        let files_folder = package.with_extension("TOOLTOOL-PACKAGE");
        fs::create_dir_all(&files_folder).unwrap();
        let mut records = Vec::new();
        for (name, bytes) in files {
            fs::write(files_folder.join(digest(bytes)), bytes).unwrap();
            records.push(json!({
                "filename": name, "size": bytes.len(), "algorithm": "sha512",
                "digest": digest(bytes),
            }));
        }
        if let Some(note) = note {
            fs::write(package.with_extension("txt"), note).unwrap();
        }
        fs::write(package.with_extension("tt"), json!(records).to_string()).unwrap();
    }

    /// Runs once, in a thread of its own as a process would.
    async fn run(&self) {
        let config = Config::parse(self.config.as_object().unwrap()).unwrap();
        let (state, stop) = (self.at("state"), self.stop.clone());
        let running = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&state).unwrap();
            let clock = Clock::system();
            let log = Log::file(&state.join("log"), clock).unwrap();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            run::run(&config, &state, clock, &log, &stop, &runtime).map_err(|e| e.to_string())
        });
        assert_eq!(running.await.unwrap(), Ok(()));
    }

    /// Returns subject and text of the mails that wait, and removes them.
    fn mails(&self) -> Vec<(String, String)> {
        let mut mails = Vec::new();
        for entry in fs::read_dir(self.at(SPOOL)).unwrap() {
            let path = entry.unwrap().path();
            let mail: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let text = |name: &str| mail[name].as_str().unwrap().to_owned();
            assert_eq!(
                mail["to"],
                json!(["alice@example.com", "no-reply@example.com"])
            );
            mails.push((text("subject"), text("body")));
            fs::remove_file(path).unwrap();
        }
        mails
    }

    /// Takes the only mail that waits.
    fn mail(&self) -> (String, String) {
        let mut mails = self.mails();
        assert_eq!(mails.len(), 1, "{mails:?}\n{}", self.log());
        mails.remove(0)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.at("state/log")).unwrap()
    }

    fn names(&self, kind: &str) -> usize {
        fs::read_dir(self.at(&format!("uploads/alice/{kind}")))
            .unwrap()
            .count()
    }
}

async fn batches(app: &App, text: &str) -> Vec<Value> {
    let answer = app.anonymous().get(&format!("/upload?q={text}")).await;
    answer.json()["result"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn a_dropped_package_is_published_once_it_is_verified() {
    for app in app_sets().await {
        let site = Site::new(&app, "demo/engineer");
        let files: [(&str, &[u8]); 3] = [("one", b"1"), ("empty", b""), ("the same", b"1")];
        site.drop_package("pub", &files, Some("Bug 1: demo drop\n"));
        site.run().await;
        let (subject, body) = site.mail();
        assert_eq!(subject, COMPLETED, "{body}\n{}", site.log());
        for (_, bytes) in files {
            assert_eq!(app.bytes(&app.anonymous(), &digest(bytes)).await, bytes);
        }
        let batches = batches(&app, "demo drop").await;
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0]["message"], "Bug 1: demo drop\n");
        assert_eq!(batches[0]["author"], "demo/engineer");
        let mut names: Vec<_> = batches[0]["files"].as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["empty", "one", "the same"]);
        assert_eq!(site.names("pub"), 2, "manifest and note");
        let manifests = site.at("state").join(format!("{}.MANIFESTS", digest(b"1")));
        assert_eq!(fs::read_to_string(manifests).unwrap().lines().count(), 1);
        let staging = site.at("state/tooltool-sync.d/staging");
        assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
        site.run().await;
        assert!(site.mails().is_empty());
    }
}

#[actix_web::test]
async fn the_type_decides_who_may_download_and_a_note_is_not_needed() {
    for app in app_sets().await {
        let site = Site::new(&app, "demo/engineer");
        site.drop_package("pvt", &[("secret", b"internal")], None);
        site.run().await;
        assert_eq!(site.mail().0, COMPLETED, "{}", site.log());
        let path = format!("/sha512/{}", digest(b"internal"));
        assert_eq!(app.anonymous().get(&path).await.status, 403);
        assert_eq!(
            app.bytes(&app.engineer(), &digest(b"internal")).await,
            b"internal"
        );
        assert_eq!(batches(&app, "a-package.tt of alice").await.len(), 1);
    }
}

#[actix_web::test]
async fn what_the_service_refuses_is_reported_in_its_words_and_not_sent_again() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    app.upload("public", entry(b"x"), b"x").await;
    let site = Site::new(&app, "demo/engineer");
    site.drop_package("pvt", &[("a", b"x")], Some("refused drop"));
    site.run().await;
    let (subject, body) = site.mail();
    assert_eq!(subject, FAILURE);
    let words = "Cannot change already existing file's visibility level.";
    assert!(body.contains(words), "{body}");
    let sent = || site.log().matches("the service refuses it").count();
    assert_eq!(sent(), 1);
    site.run().await;
    assert!(site.mails().is_empty());
    assert_eq!(sent(), 1);
    // The uploader takes the file out.
    site.drop_package("pvt", &[("a", b"y")], Some("refused drop"));
    site.run().await;
    assert_eq!(site.mail().0, COMPLETED, "{}", site.log());
}

#[actix_web::test]
async fn missing_rights_are_told_once_and_it_is_tried_until_they_are_there() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let mut site = Site::new(&app, "demo/public");
    site.drop_package("pvt", &[("a", b"x")], None);
    site.run().await;
    let (subject, body) = site.mail();
    assert_eq!(subject, NOT_COPIED);
    assert!(
        body.contains("403 Forbidden: no permission to upload internal files"),
        "{body}"
    );
    site.run().await;
    assert!(site.mails().is_empty());
    site.publish_as(&app, "demo/engineer");
    site.run().await;
    assert_eq!(site.mail().0, COMPLETED, "{}", site.log());
}

#[actix_web::test]
async fn what_is_not_verified_in_time_is_not_published() {
    let builder = App::builder(releng_testkit::database::Backend::Sqlite).without_workers();
    let app = App::started(builder).await;
    let mut site = Site::new(&app, "demo/engineer");
    site.config["verify_timeout_seconds"] = json!(1);
    site.drop_package("pub", &[("a", b"x")], None);
    site.run().await;
    let (subject, body) = site.mail();
    assert_eq!(subject, NOT_COPIED);
    assert!(body.contains("The following files failed: 'a'"), "{body}");
    assert!(
        site.log().contains("the server has no verified copy"),
        "{}",
        site.log()
    );
    assert_eq!(site.names("pub"), 2, "manifest and files are still there");
}

#[actix_web::test]
async fn a_stop_in_the_middle_of_an_upload_is_quick_and_the_next_run_goes_on() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let mut site = Site::new(&app, "demo/engineer");
    site.drop_package("pub", &[("a", b"x")], Some("stopped drop"));
    let announced = async {
        eventually(PATIENCE, || async {
            (!batches(&app, "stopped drop").await.is_empty()).then_some(())
        })
        .await;
        site.stop.cancel();
    };
    tokio::join!(site.run(), announced);
    assert!(site.mails().is_empty(), "{}", site.log());
    assert_eq!(site.names("pub"), 3);
    site.stop = CancellationToken::new();
    site.run().await;
    assert_eq!(site.mail().0, COMPLETED, "{}", site.log());
}
