// SPDX-License-Identifier: MPL-2.0
//! What an upload needs, where it goes, and what it leaves behind.

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::{App, apps, form, gunzip, zip};

const FORBIDDEN: &str = "This requires an Auth-Token to authenticate the request";

fn archive() -> Vec<u8> {
    zip(&[(
        "demo.pdb/AB/demo.sym",
        b"MODULE windows x86 AB demo.pdb\nPUBLIC 10 0 demo\n",
    )])
}

#[actix_web::test]
async fn without_a_token_or_the_right_there_is_a_403_after_the_whole_body() {
    for app in apps().await {
        app.user("demo-nobody@example.com", &[]).await;
        let nobody = app
            .token("demo-nobody@example.com", &["upload.upload_symbols"], 1)
            .await;
        app.user("demo-auditor@example.com", &["Upload Auditors"])
            .await;
        let auditor = app
            .token("demo-auditor@example.com", &["upload.view_all_uploads"], 1)
            .await;
        let client = app.anonymous();
        let large = vec![b'x'; 3 << 20];
        let answer = client
            .send(
                client
                    .request(Method::POST, "/upload/")
                    .multipart(form(large)),
            )
            .await;
        assert_eq!(
            (answer.status, answer.json()),
            (403, json!({"error": FORBIDDEN}))
        );
        for token in [nobody, auditor] {
            let answer = app.upload(&token, archive()).await;
            assert_eq!(
                (answer.status, answer.json()),
                (403, json!({"error": "Forbidden"}))
            );
        }
    }
}

#[actix_web::test]
async fn another_method_is_a_405() {
    let app = App::start(Backend::Sqlite).await;
    for path in ["/upload/", "/upload"] {
        let answer = app.anonymous().get(path).await;
        let text = format!("Method Not Allowed (GET): {path}");
        assert_eq!(
            (answer.status, answer.json()),
            (405, json!({"error": text}))
        );
        assert_eq!(answer.header("allow"), "POST");
    }
}

async fn post(app: &App, token: &str, content_type: &str, body: Vec<u8>) -> (u16, Value) {
    let client = app.anonymous();
    let request = client
        .request(Method::POST, "/upload/")
        .header("auth-token", token)
        .header("content-type", content_type)
        .body(body);
    let answer = client.send(request).await;
    (answer.status, answer.json())
}

#[actix_web::test]
async fn a_body_that_is_no_form_with_a_file_is_a_400() {
    for app in apps().await {
        let token = app.uploader().await;
        let no_file = "Must be multipart form data with at least one file";
        let part =
            b"--b\r\nContent-Disposition: form-data; name=\"a.zip\"; filename=\"a.zip\"\r\n\r\nPK"
                .to_vec();
        let value =
            b"--b\r\nContent-Disposition: form-data; name=\"try\"\r\n\r\n1\r\n--b--\r\n".to_vec();
        let table: [(&str, Vec<u8>, &str); 9] = [
            ("application/zip", archive(), no_file),
            // What curl makes of `--data-binary @x.zip`.
            (
                "application/x-www-form-urlencoded",
                [archive(), vec![0; 200_000]].concat(),
                no_file,
            ),
            ("text/plain", Vec::new(), no_file),
            (
                "application/x-www-form-urlencoded",
                b"url=".to_vec(),
                no_file,
            ),
            (
                "application/x-www-form-urlencoded",
                b"url=https://example.com/a.zip".to_vec(),
                "This server does not take uploads by URL",
            ),
            (
                "multipart/form-data",
                part.clone(),
                "The multipart body has no boundary",
            ),
            (
                "multipart/form-data; boundary=b",
                part,
                "The multipart body ends too early",
            ),
            ("multipart/form-data; boundary=b", value, no_file),
            (
                "multipart/form-data; boundary=b",
                b"\xff\x00 nothing of a form".to_vec(),
                "The multipart body ends too early",
            ),
        ];
        for (content_type, body, text) in table {
            let answer = post(&app, &token, content_type, body).await;
            assert_eq!(answer, (400, json!({"error": text})), "{content_type}");
        }
    }
}

#[actix_web::test]
async fn the_name_of_the_archive_is_that_of_its_field() {
    let app = App::start(Backend::Sqlite).await;
    let token = app.uploader().await;
    let part = |name: &'static str| Part::bytes(archive()).file_name(name);
    let answer = app
        .upload_form(&token, Form::new().part("a.tar.gz", part("x")))
        .await;
    let text = "Unrecognized archive file extension \".gz\"";
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"error": text}))
    );
    let answer = app
        .upload_form(&token, Form::new().part("file", part("b.zip")))
        .await;
    assert_eq!(answer.json()["upload"]["filename"], json!("b.zip"));
    let two = Form::new()
        .part("first.zip", part("x"))
        .part("second.gz", part("x"));
    let answer = app.upload_form(&token, two).await;
    assert_eq!(answer.json()["upload"]["filename"], json!("first.zip"));
    let long = format!("{}.zip", "x".repeat(97));
    let answer = app
        .upload_form(&token, Form::new().part(long, part("x")))
        .await;
    let text = "The name of the archive is longer than 100 characters";
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"error": text}))
    );
}

#[actix_web::test]
async fn a_key_longer_than_its_column_is_a_400() {
    for app in apps().await {
        let token = app.uploader().await;
        let name = format!("{}/AB/x.sym", "m".repeat(300));
        let answer = app.upload(&token, zip(&[(&name, b"x")])).await;
        let text = format!(
            "The name of a file in the archive is too long: its key has more than 300 characters \
             ({name})"
        );
        assert_eq!(
            (answer.status, answer.json()),
            (400, json!({"error": text}))
        );
    }
}

#[actix_web::test]
async fn a_body_larger_than_the_limit_is_a_413_announced_or_not() {
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("UPLOAD_MAX_BODY_SIZE", "64KiB")
        .start()
        .await);
    let token = app.uploader().await;
    let text = json!({"error": "the upload is larger than 65536 bytes"});
    let answer = app.upload(&token, vec![b'x'; 65_537]).await;
    assert_eq!((answer.status, answer.json()), (413, text.clone()));
    let chunks = (0..20).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 4096]));
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let part = Part::stream(stream).file_name("a.zip");
    let answer = app
        .upload_form(&token, Form::new().part("a.zip", part))
        .await;
    assert_eq!((answer.status, answer.json()), (413, text));
}

#[actix_web::test]
async fn a_chunked_body_without_a_length_is_taken() {
    let app = App::start(Backend::Sqlite).await;
    let token = app.uploader().await;
    let chunks: Vec<_> = archive()
        .chunks(7)
        .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
        .collect();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let part = Part::stream(stream).file_name("a.zip");
    let answer = app
        .upload_form(&token, Form::new().part("a.zip", part))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["upload"]["size"], json!(archive().len()));
}

#[actix_web::test]
async fn the_answer_and_the_record_have_the_documented_members() {
    for app in apps().await {
        let token = app.uploader().await;
        let answer = app.upload(&token, archive()).await;
        assert_eq!(answer.header("content-type"), "application/json");
        let mut upload = answer.json()["upload"].clone();
        let (id, created, completed) = (
            upload["id"].clone(),
            upload["created_at"].clone(),
            upload["completed_at"].clone(),
        );
        for moment in [&created, &completed] {
            let text = moment.as_str().unwrap();
            assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
        }
        for name in ["id", "created_at", "completed_at"] {
            upload[name] = Value::Null;
        }
        assert_eq!(
            upload,
            json!({
                "id": null, "size": archive().len(), "filename": "symbols.zip",
                "bucket": "symbols", "region": null, "download_url": null, "try_symbols": false,
                "redirect_urls": [], "completed_at": null, "created_at": null,
                "user": "demo-uploader@example.com", "skipped_keys": [],
            })
        );
        let shown = app
            .get_as(&token, &format!("/api/uploads/upload/{id}"))
            .await
            .json();
        assert_eq!(shown["upload"]["created_at"], created);
        let mut file = shown["upload"]["file_uploads"][0].clone();
        assert!(file["completed_at"].is_string() && file["size"].as_i64() > Some(0));
        for name in ["id", "size", "created_at", "completed_at"] {
            file[name] = Value::Null;
        }
        assert_eq!(
            file,
            json!({
                "id": null, "bucket_name": "symbols", "key": "v1/demo.pdb/AB/demo.sym",
                "update": false, "compressed": true, "size": null, "microsoft_download": false,
                "completed_at": null, "created_at": null,
            })
        );
    }
}

#[actix_web::test]
async fn an_upload_is_shown_with_the_count_of_its_files_and_others_of_the_same_content() {
    for app in apps().await {
        let token = app.uploader().await;
        let other = app.try_uploader().await;
        let mut ids = Vec::new();
        for token in [&token, &token, &other, &token] {
            ids.push(app.upload(token, archive()).await.json()["upload"]["id"].clone());
        }
        app.upload(&token, zip(&[("other.pdb/AB/other.sym", b"MODULE")]))
            .await;
        let show = |id: &Value| {
            let path = format!("/api/uploads/upload/{id}");
            let token = token.clone();
            let app = &app;
            async move { app.get_as(&token, &path).await.json()["upload"].clone() }
        };
        let first = show(&ids[0]).await;
        assert_eq!(first["files_count"], json!(1));
        assert_eq!(first["files_incomplete_count"], json!(0));
        let related = first["related"].as_array().unwrap();
        let related_ids: Vec<&Value> = related.iter().map(|upload| &upload["id"]).collect();
        assert_eq!(related_ids, [&ids[3], &ids[1]]);
        // The second stored nothing: all of it was there.
        let second = show(&ids[1]).await;
        assert_eq!(second["files_count"], json!(0));
        let mut shape = second.clone();
        shape.as_object_mut().unwrap().remove("related");
        assert_eq!(related[1], shape);
        assert_eq!(second["related"].as_array().unwrap().len(), 2);
    }
}

#[actix_web::test]
async fn somebody_elses_upload_is_for_auditors_alone() {
    for app in apps().await {
        let token = app.uploader().await;
        let id = app.upload(&token, archive()).await.json()["upload"]["id"].clone();
        let path = format!("/api/uploads/upload/{id}");
        let other = app.try_uploader().await;
        let answer = app.get_as(&other, &path).await;
        let text = "Insufficient access to view this upload";
        assert_eq!(
            (answer.status, answer.json()),
            (403, json!({"error": text}))
        );
        app.user("demo-auditor@example.com", &["Upload Auditors"])
            .await;
        let auditor = app
            .token("demo-auditor@example.com", &["upload.view_all_uploads"], 1)
            .await;
        assert_eq!(app.get_as(&auditor, &path).await.status, 200);
        for unknown in ["999999", "99999999999999999999"] {
            let answer = app
                .get_as(&auditor, &format!("/api/uploads/upload/{unknown}"))
                .await;
            let text = "No Upload matches the given query.";
            assert_eq!(
                (answer.status, answer.json()),
                (404, json!({"error": text}))
            );
        }
    }
}

#[actix_web::test]
async fn a_changed_file_replaces_and_an_equal_one_is_skipped() {
    for app in apps().await {
        let token = app.uploader().await;
        let raw = b"MSCF raw cabinet";
        let files = |text: &'static [u8]| zip(&[("d.pdb/AB/d.sym", text), ("d.pdb/AB/d.pd_", raw)]);
        app.upload(&token, files(b"MODULE 1")).await;
        assert_eq!(
            gunzip(&app.fetch("/d.pdb/AB/d.sym").await.body),
            b"MODULE 1"
        );
        let cabinet = app.fetch("/d.pdb/AB/d.pd_").await;
        assert_eq!(cabinet.body, raw);
        assert_eq!(cabinet.header("content-encoding"), "");
        let second = app.upload(&token, files(b"MODULE 2")).await.json();
        assert_eq!(
            second["upload"]["skipped_keys"],
            json!(["v1/d.pdb/AB/d.pd_"])
        );
        let shown = format!("/api/uploads/upload/{}", second["upload"]["id"]);
        let shown = app.get_as(&token, &shown).await.json();
        assert_eq!(shown["upload"]["file_uploads"][0]["update"], json!(true));
        assert_eq!(
            gunzip(&app.fetch("/d.pdb/AB/d.sym").await.body),
            b"MODULE 2"
        );
    }
}

#[actix_web::test]
async fn two_uploads_of_one_file_at_once_are_both_accepted() {
    for app in apps().await {
        let token = app.uploader().await;
        let bodies: [&[u8]; 2] = [b"MODULE first", b"MODULE second"];
        let [first, second] = bodies.map(|text| zip(&[("d.pdb/AB/d.sym", text)]));
        let uploads = [app.upload(&token, first), app.upload(&token, second)];
        for answer in futures_util::future::join_all(uploads).await {
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        let stored = gunzip(&app.fetch("/d.pdb/AB/d.sym").await.body);
        assert!(bodies.contains(&stored.as_slice()));
    }
}

#[actix_web::test]
async fn some_people_have_locations_of_their_own() {
    let data = releng_testkit::temp::dir();
    let private = format!("file://{}", data.path().join("demo-private").display());
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set(
            "DJANGO_UPLOAD_URL_EXCEPTIONS",
            format!("{{'*-UPLOADER@example.com': '{private}'}}"),
        )
        .start()
        .await);
    let token = app.uploader().await;
    let answer = app.upload(&token, archive()).await.json();
    assert_eq!(answer["upload"]["bucket"], json!("demo-private"));
    assert_eq!(
        app.anonymous().get("/demo.pdb/AB/demo.sym").await.status,
        404
    );
    let named = form(archive()).text("bucket_name", "/symbols");
    let answer = app.upload_form(&token, named).await;
    assert_eq!(
        (answer.status, answer.json()),
        (403, json!({"error": "No valid bucket"}))
    );
}

#[actix_web::test]
async fn a_store_that_does_not_answer_is_a_500_and_a_503_for_symbolication() {
    let location = "http://127.0.0.1:1/demo-bucket";
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("SYMBOL_URLS", location)
        .set("UPLOAD_DEFAULT_URL", location)
        .start()
        .await);
    let token = app.uploader().await;
    let crash = json!({"error": "Internal Server Error"});
    let answer = app.anonymous().get("/demo.pdb/AB/demo.sym").await;
    assert_eq!((answer.status, answer.json()), (500, crash.clone()));
    let answer = app.upload(&token, archive()).await;
    assert_eq!((answer.status, answer.json()), (500, crash));
    let body = json!({"memoryMap": [["demo.pdb", "AB"]], "stacks": [[[0, 16]]]});
    let answer = app.anonymous().json("POST", "/symbolicate/v5", &body).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let heartbeat = app.anonymous().get("/__heartbeat__").await;
    assert_eq!(heartbeat.status, 500);
    assert_eq!(heartbeat.json()["checks"]["stores"], json!("error"));
}
