// SPDX-License-Identifier: MPL-2.0
//! The real client against the real service.

use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use serde_json::json;

use crate::{App, app_sets, app_sets_where, digest};
use releng_testkit::temp;
use releng_tooltool_client::add::{self, Notes};
use releng_tooltool_client::api::Api;
use releng_tooltool_client::credentials::Credentials;
use releng_tooltool_client::digest::Sha512;
use releng_tooltool_client::log::{Level, Log};
use releng_tooltool_client::manifest::Manifest;
use releng_tooltool_client::retry::Pace;
use releng_tooltool_client::server_urls::ServerUrl;
use releng_tooltool_client::transport::{Timeouts, Transport};
use releng_tooltool_client::{admin, fetch, unpack, upload};

fn server(app: &App) -> ServerUrl {
    ServerUrl::parse(app.app.address()).unwrap()
}

fn transport(client: Option<&str>) -> Transport {
    let credentials = match client {
        Some(id) => Credentials::taskcluster(id, &format!("{id}-token"), None).unwrap(),
        None => Credentials::None,
    };
    Transport::new(
        credentials,
        Timeouts::default(),
        Pace {
            tries: 5,
            scale: 0.3,
        },
    )
    .unwrap()
}

/// Writes files and a manifest of them.
fn manifest(folder: &Path, visibility: &str, files: &[(&str, &[u8])], log: &Log) -> Manifest {
    let path = folder.join("manifest.tt");
    let notes = Notes {
        visibility: Some(visibility.to_owned()),
        ..Notes::default()
    };
    let paths: Vec<_> = files
        .iter()
        .map(|(name, bytes)| {
            let path = folder.join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    assert!(add::add(&path, &paths, &notes, log).unwrap());
    Manifest::load(&path).unwrap()
}

async fn send(
    app: &App,
    client: Option<&str>,
    folder: &Path,
    manifest: &Manifest,
    log: &Log,
) -> Result<(), String> {
    let options = upload::Options {
        folder: folder.to_owned(),
        message: "demo upload".to_owned(),
        region: Some("us-west-2".to_owned()),
        jobs: 4,
        wait: Some(Duration::from_secs(60)),
    };
    let api = Api::new(transport(client), server(app), log.clone());
    upload::upload(manifest, &options, &api)
        .await
        .map_err(|e| e.to_string())
}

/// Fetches everything into a new folder; returns the names that failed.
async fn bring(
    app: &App,
    client: Option<&str>,
    folder: &Path,
    manifest: &Manifest,
    log: &Log,
) -> Vec<String> {
    let options = fetch::Options {
        folder: folder.to_owned(),
        manifest: folder.join("manifest.tt"),
        names: Vec::new(),
        servers: vec![server(app)],
        region: None,
        cache: None,
        jobs: 4,
        unsized_limit_bytes: 1 << 30,
        unpack: unpack::Options::default(),
        setup: None,
    };
    let transport = transport(client);
    fetch::fetch(manifest, options, transport, log.clone())
        .await
        .unwrap()
}

#[actix_web::test]
async fn what_one_client_uploads_another_fetches() {
    // Time enough to send the large one, on a busy machine too.
    for app in app_sets_where("5").await {
        let (here, there, log) = (temp::dir(), temp::dir(), Log::memory(Level::Debug));
        let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let files: [(&str, &[u8]); 3] = [("small", b"1"), ("empty", b""), ("large ü", &large)];
        let manifest = manifest(here.path(), "public", &files, &log);
        let sent = send(&app, Some("demo/engineer"), here.path(), &manifest, &log).await;
        assert_eq!(sent, Ok(()), "{:#?}", log.lines());
        let failed = bring(&app, None, there.path(), &manifest, &log).await;
        assert!(failed.is_empty(), "{:#?}", log.lines());
        for (name, bytes) in files {
            assert!(
                std::fs::read(there.path().join(name)).unwrap() == bytes,
                "{name}"
            );
        }
        let batch = app.anonymous().get("/upload?q=demo upload").await.json();
        assert_eq!(batch["result"][0]["author"], "demo/engineer");
        // Sending again finds everything there.
        let again = send(&app, Some("demo/engineer"), here.path(), &manifest, &log).await;
        assert_eq!(again, Ok(()));
        assert!(
            log.lines()
                .iter()
                .any(|l| l.contains("already exists on server"))
        );
    }
}

#[actix_web::test]
async fn an_internal_file_is_fetched_with_credentials_only() {
    for app in app_sets().await {
        let (here, there, log) = (temp::dir(), temp::dir(), Log::memory(Level::Debug));
        let manifest = manifest(here.path(), "internal", &[("secret", b"internal")], &log);
        send(&app, Some("demo/engineer"), here.path(), &manifest, &log)
            .await
            .unwrap();
        assert_eq!(
            bring(&app, None, there.path(), &manifest, &log).await,
            ["secret"]
        );
        let failed = bring(&app, Some("demo/engineer"), there.path(), &manifest, &log).await;
        assert!(failed.is_empty(), "{:#?}", log.lines());
        let api = Api::new(transport(Some("demo/admin")), server(&app), log.clone());
        let digest = Sha512::parse(&digest(b"internal")).unwrap();
        admin::visibility_set(&api, &digest, "public")
            .await
            .unwrap();
        let open = temp::dir();
        assert!(
            bring(&app, None, open.path(), &manifest, &log)
                .await
                .is_empty()
        );
        admin::instances_delete(&api, &digest).await.unwrap();
        let gone = temp::dir();
        assert_eq!(
            bring(&app, None, gone.path(), &manifest, &log).await,
            ["secret"]
        );
    }
}

#[actix_web::test]
async fn a_refusal_reaches_the_user_in_the_words_of_the_service() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let (here, log) = (temp::dir(), Log::memory(Level::Debug));
    let manifest = manifest(here.path(), "internal", &[("secret", b"x")], &log);
    let sent = send(&app, Some("demo/public"), here.path(), &manifest, &log).await;
    let text = sent.unwrap_err();
    assert!(
        text.contains("403 Forbidden: no permission to upload internal files"),
        "{text}"
    );
}

#[actix_web::test]
async fn temporary_credentials_and_signed_urls_work_too() {
    for backend in releng_testkit::database::backends() {
        let fake = releng_testkit::fake_taskcluster::FakeTaskcluster::start(
            releng_testkit::fake_taskcluster::Config {
                clients: vec![releng_testkit::fake_taskcluster::Client::new(
                    "demo/task",
                    "demo-key",
                    &[&format!("{}*", crate::PREFIX)],
                )],
                ..Default::default()
            },
        );
        let app = App::started(App::builder(backend).set("TASKCLUSTER_ROOT_URL", fake.url())).await;
        let mut internal = crate::entry(b"x");
        internal["visibility"] = json!("internal");
        app.upload("a", internal, b"x").await;
        let credentials = releng_testkit::hawk_client::Credentials::new("demo/task", "demo-key");
        let scope = format!("{}download/internal", crate::PREFIX);
        let (now, hour) = (std::time::SystemTime::now(), Duration::from_secs(3600));
        let temporary = credentials
            .temporary(None, &[&scope], now - Duration::from_secs(60), hour)
            .unwrap();
        let path = format!("/sha512/{}", digest(b"x"));
        assert_eq!(app.app.signed_by(temporary).get(&path).await.status, 302);
        let url = Url::parse(&format!("{}{path}", app.app.address())).unwrap();
        let signed = credentials.bewit(&url, hour).unwrap();
        assert_eq!(app.anonymous().get(signed.as_str()).await.status, 302);
        assert_eq!(app.anonymous().get(&path).await.status, 403);
        let asked = fake.hits();
        app.upload("p", crate::entry(b"public"), b"public").await;
        let stranger = releng_testkit::hawk_client::Credentials::new("unknown", "key");
        let public = format!("/sha512/{}", digest(b"public"));
        assert_eq!(app.app.signed_by(stranger).get(&public).await.status, 302);
        assert_eq!(fake.hits(), asked, "a public download asks nobody");
    }
}
