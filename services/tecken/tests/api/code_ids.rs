// SPDX-License-Identifier: MPL-2.0
//! Lookup by code file and code id (tecken.md §2.6): what was uploaded is found, whatever happened on
//! the way, and try symbols never stand before regular ones.

use std::fs;

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use serde_json::json;

use crate::{App, apps, zip};

const CODE: &str = "5CF2591C6859000";
const PATH: &str = "/app.dll/5CF2591C6859000/app.sym";

fn symbols(module: &str, debug_id: &str, code_id: &str) -> Vec<u8> {
    format!("MODULE windows x86_64 {debug_id} {module}.pdb\nINFO CODE_ID {code_id} {module}.dll\n")
        .into_bytes()
}

fn archive(debug_id: &str) -> Vec<u8> {
    let content = symbols("app", debug_id, CODE);
    zip(&[(&format!("app.pdb/{debug_id}/app.sym"), &content)])
}

async fn location(app: &App, path: &str) -> Option<String> {
    let answer = app.anonymous().get(path).await;
    match answer.status {
        302 => Some(answer.header("location").to_owned()),
        404 => None,
        status => panic!("{path}: {status} {}", answer.text()),
    }
}

#[actix_web::test]
async fn try_symbols_do_not_mask_regular_ones() {
    for app in apps().await {
        let (regular, try_token) = (app.uploader().await, app.try_uploader().await);
        let with_try = format!("/try{PATH}");
        assert_eq!(location(&app, PATH).await, None);
        assert_eq!(location(&app, &with_try).await, None);
        app.upload(&try_token, archive("B2")).await;
        assert_eq!(location(&app, PATH).await, None);
        let found = location(&app, &with_try).await;
        assert_eq!(found.as_deref(), Some("/try/app.pdb/B2/app.sym"));

        app.upload(&regular, archive("A1")).await;
        app.upload(&try_token, archive("C3")).await;
        for refresh in ["", "?_refresh"] {
            let path = format!("{PATH}{refresh}");
            let expected = format!("/app.pdb/A1/app.sym{refresh}");
            assert_eq!(location(&app, &path).await, Some(expected.clone()));
            let path = format!("{with_try}{refresh}");
            assert_eq!(location(&app, &path).await, Some(format!("/try{expected}")));
        }
    }
}

#[actix_web::test]
async fn symbols_of_a_location_that_is_not_read_are_not_found() {
    let private = releng_testkit::temp::dir();
    let url = format!("file://{}", private.path().join("private").display());
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set(
            "UPLOAD_URL_EXCEPTIONS",
            format!("{{'demo-try@*': '{url}'}}"),
        )
        .set("SYMBOL_FILE_PREFIX", "")
        .start()
        .await);
    let (regular, private) = (app.uploader().await, app.try_uploader().await);
    app.upload(&regular, archive("A1")).await;
    app.upload(&private, archive("B2")).await;
    let found = location(&app, PATH).await;
    assert_eq!(found.as_deref(), Some("/app.pdb/A1/app.sym"));
}

#[actix_web::test]
async fn what_was_stored_is_found_after_an_upload_that_failed_half_way() {
    for app in apps().await {
        let token = app.uploader().await;
        let (a, b) = (symbols("a", "A1", "AAA1"), symbols("b", "B2", "BBB2"));
        let both = zip(&[("a.pdb/A1/a.sym", &a), ("b.pdb/B2/b.sym", &b)]);
        // A folder that cannot be made: nothing is found below it, and nothing can be put there.
        let folder = app.0.data.path().join("symbols");
        let obstacle = folder.join("objects/v1/b.pdb");
        fs::create_dir_all(obstacle.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("nowhere", &obstacle).unwrap();
        let (path_a, path_b) = ("/a.dll/AAA1/a.sym", "/b.dll/BBB2/b.sym");
        assert_eq!(location(&app, path_a).await, None);
        assert_eq!(app.upload(&token, both.clone()).await.status, 500);
        let found = location(&app, path_a).await;
        assert_eq!(found.as_deref(), Some("/a.pdb/A1/a.sym"));
        assert_eq!(location(&app, path_b).await, None);

        // The file gets there without this server noting it, as when it dies after storing.
        fs::remove_file(&obstacle).unwrap();
        let url = format!("file://{}", folder.display());
        let other = App(TestAppBuilder::new(Backend::Sqlite)
            .set("SYMBOL_URLS", &url)
            .set("UPLOAD_DEFAULT_URL", &url)
            .start()
            .await);
        let other_token = other.uploader().await;
        let only_b = zip(&[("b.pdb/B2/b.sym", &b)]);
        assert_eq!(other.upload(&other_token, only_b).await.status, 201);
        let answer = app.upload(&token, both).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(
            answer.json()["upload"]["skipped_keys"],
            json!(["v1/a.pdb/A1/a.sym", "v1/b.pdb/B2/b.sym"])
        );
        let found = location(&app, path_b).await;
        assert_eq!(found.as_deref(), Some("/b.pdb/B2/b.sym"));
    }
}
