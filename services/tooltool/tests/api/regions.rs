// SPDX-License-Identifier: MPL-2.0
//! Several regions: preference, replication, and what happens when one goes away.

use std::process::Command;

use serde_json::json;

use crate::{App, PATIENCE, digest, entry};
use releng_common::run::Service as _;
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;
use releng_tooltool::Tooltool;

const TWO: [&str; 2] = ["us-east-1", "us-west-2"];

/// Starts an app with two regions on each database; none without a server for buckets.
async fn apps(
    set: impl Fn(releng_testkit::app::TestAppBuilder) -> releng_testkit::app::TestAppBuilder,
) -> Vec<App> {
    let mut apps = Vec::new();
    for backend in backends() {
        apps.extend(App::in_buckets(set(App::builder(backend)), &TWO).await);
    }
    apps
}

#[actix_web::test]
async fn the_preferred_region_gets_the_file_and_the_schedule_the_others() {
    for app in apps(|b| b.set("REPLICATE_INTERVAL_SECONDS", "1")).await {
        let body = json!({"message": "m", "files": {"a": entry(b"everywhere")}});
        let answer = app
            .engineer()
            .json("POST", "/upload?region=us-west-2", &body)
            .await;
        let url = answer.json()["result"]["files"]["a"]["put_url"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(url.contains(app.buckets[1].name()), "{url}");
        app.upload("a", entry(b"everywhere"), b"everywhere").await;
        let digest = digest(b"everywhere");
        eventually(PATIENCE, || async {
            (app.file(&digest).await["instances"] == json!(TWO)).then_some(())
        })
        .await;
        for (region, bucket) in TWO.iter().zip(&app.buckets) {
            let answer = app
                .anonymous()
                .get(&format!("/sha512/{digest}?region={region}"))
                .await;
            assert!(answer.header("location").contains(bucket.name()));
            let target = app.anonymous().get(answer.header("location")).await;
            assert_eq!(target.body, b"everywhere");
        }
        let file = format!("/file/sha512/{digest}");
        let delete = json!([{"op": "delete_instances"}]);
        assert_eq!(app.admin().json("PATCH", &file, &delete).await.status, 200);
        for bucket in &app.buckets {
            let page = bucket.store().list("", None, 10).await.unwrap();
            assert!(page.objects.is_empty());
        }
    }
}

#[actix_web::test]
async fn a_file_whose_region_is_not_configured_any_more_is_the_documented_500() {
    for app in apps(|b| b.set("REPLICATE_INTERVAL_SECONDS", "600000")).await {
        app.upload("a", entry(b"gone"), b"gone").await;
        let region = app.file(&digest(b"gone")).await["instances"][0].clone();
        let mut settings = app.app.settings().clone();
        settings.regions.retain(|r| region != json!(r.name));
        let server = releng_common::run::Server::start::<Tooltool>(
            settings,
            releng_common::Clock::system(),
            false,
        )
        .await
        .unwrap();
        let at = format!("http://{}", server.address());
        let answer = app
            .anonymous()
            .get(&format!("{at}/sha512/{}", digest(b"gone")))
            .await;
        assert_eq!(
            (answer.status, &answer.json()["detail"]),
            (500, &json!("No available regions for file"))
        );
        let path = format!("{at}/file/sha512/{}", digest(b"gone"));
        let delete = json!([{"op": "delete_instances"}]);
        let answer = app.admin().json("PATCH", &path, &delete).await;
        let region = region.as_str().unwrap();
        assert_eq!(
            (answer.status, &answer.json()["detail"]),
            (
                500,
                &json!(format!("No bucket for region `{region}` defined."))
            )
        );
        assert_eq!(app.file(&digest(b"gone")).await["has_instances"], true);
        server.stop().await;
    }
}

#[actix_web::test]
async fn the_commands_do_once_what_the_schedule_does() {
    let mut apps = Vec::new();
    for backend in backends() {
        let builder = App::builder(backend).without_workers();
        apps.extend(App::in_buckets(builder, &TWO).await);
    }
    for app in apps {
        app.send("a", entry(b"one shot"), b"one shot").await;
        app.complete(&digest(b"one shot")).await;
        run(&app, "check-pending-uploads");
        let file = app.file(&digest(b"one shot")).await;
        assert_eq!(file["instances"].as_array().map(Vec::len), Some(1));
        run(&app, "replicate");
        assert_eq!(
            app.file(&digest(b"one shot")).await["instances"],
            json!(TWO)
        );
    }
}

/// Runs a command of the binary with the settings of an app.
fn run(app: &App, command: &str) {
    let own = &app.app.settings().own;
    let output = Command::new(env!("CARGO_BIN_EXE_releng-tooltool"))
        .arg(command)
        .env_clear()
        .env("DATABASE_URL", app.app.database.url())
        .env("DATA_DIR", app.app.data.path())
        .env("S3_REGIONS", own.s3_regions.as_deref().unwrap())
        .env("S3_REGIONS_ACCESS_KEY_ID", "testkey")
        .env("S3_REGIONS_SECRET_ACCESS_KEY", "testsecret123")
        .env("AWS_ENDPOINT_URL_S3", own.s3_endpoint.as_deref().unwrap())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[actix_web::test]
async fn a_store_that_is_away_is_said_by_the_heartbeat_and_loses_no_upload() {
    let builder = App::builder(Backend::Sqlite)
        .set("S3_REGIONS", "us-east-1:demo")
        .set("S3_REGIONS_ACCESS_KEY_ID", "demo")
        .set("S3_REGIONS_SECRET_ACCESS_KEY", "demo")
        .set("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
    let app = App::started(builder).await;
    let beat = app.anonymous().get("/__heartbeat__").await;
    assert_eq!(
        (beat.status, beat.json()),
        (502, json!({"store": "Cannot connect to the object store."}))
    );
    app.announce_one("a", entry(b"x")).await.unwrap();
    app.complete(&digest(b"x")).await;
    assert_eq!(Tooltool::INFO.name, "tooltool");
    assert_eq!(app.file(&digest(b"x")).await["has_instances"], false);
}
