// SPDX-License-Identifier: MPL-2.0
use reqwest::Method;
use serde_json::json;

use crate::{App, apps, digest, entry};
use releng_testkit::database::backends;

const FORBIDDEN: &str = "You don't have the permission to access the requested resource. It is \
    either read-protected or not readable by the server.";

#[actix_web::test]
async fn the_redirect_is_a_page_that_no_cache_keeps() {
    for app in apps().await {
        app.upload("a", entry(b"x"), b"x").await;
        let path = format!("/sha512/{}?region=nowhere", digest(b"x"));
        let answer = app.anonymous().get(&path).await;
        assert_eq!(answer.status, 302);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
        let location = answer.header("location").to_owned();
        assert!(
            location.starts_with(&format!("{}/", app.app.address())),
            "{location}"
        );
        let link = location.replace('&', "&amp;");
        let html = answer.text();
        assert!(html.contains("<title>Redirecting...</title>"), "{html}");
        assert!(html.contains("<h1>Redirecting...</h1>"), "{html}");
        assert!(
            html.contains(&format!(
                "You should be redirected automatically to <a href=\"{link}\">{link}</a>"
            )),
            "{html}"
        );
        let head = app.anonymous().head(&path).await;
        assert_eq!((head.status, head.body.len()), (302, 0));
        assert_eq!(head.header("content-type"), answer.header("content-type"));
        assert!(head.header("location").contains(&digest(b"x")));
    }
}

#[actix_web::test]
async fn who_may_download_what() {
    for app in apps().await {
        let mut internal = entry(b"internal");
        internal["visibility"] = json!("internal");
        app.upload("i", internal, b"internal").await;
        app.upload("p", entry(b"public"), b"public").await;
        let (internal, public) = (digest(b"internal"), digest(b"public"));
        for client in [app.anonymous(), app.stranger(), app.public()] {
            let answer = client.get(&format!("/sha512/{internal}")).await;
            assert_eq!(
                (answer.status, &answer.json()["detail"]),
                (403, &json!(FORBIDDEN))
            );
            assert_eq!(app.bytes(&client, &public).await, b"public");
        }
        for client in [app.engineer(), app.admin()] {
            assert_eq!(app.bytes(&client, &internal).await, b"internal");
        }
        let broken = app
            .anonymous()
            .request(Method::GET, &format!("/sha512/{public}"))
            .header("authorization", "Hawk nonsense");
        assert_eq!(app.anonymous().send(broken).await.status, 302);
        let broken = app
            .anonymous()
            .request(Method::GET, &format!("/sha512/{internal}"))
            .header("authorization", "Hawk nonsense");
        assert_eq!(app.anonymous().send(broken).await.status, 403);
    }
}

#[actix_web::test]
async fn where_public_files_need_a_scope_too_anonymous_callers_get_none() {
    for backend in backends() {
        let builder = App::builder(backend).set("ALLOW_ANONYMOUS_PUBLIC_DOWNLOAD", "false");
        let app = App::started(builder).await;
        app.upload("p", entry(b"public"), b"public").await;
        let path = format!("/sha512/{}", digest(b"public"));
        assert_eq!(app.anonymous().get(&path).await.status, 403);
        assert_eq!(app.stranger().get(&path).await.status, 403);
        assert_eq!(app.public().get(&path).await.status, 302);
    }
}

#[actix_web::test]
async fn an_auth_service_that_is_away_stops_only_what_needs_it() {
    for backend in backends() {
        // Nobody listens there.
        let builder = App::builder(backend).set("TASKCLUSTER_ROOT_URL", "http://127.0.0.1:9");
        let app = App::started(builder).await;
        let mut internal = entry(b"internal");
        internal["visibility"] = json!("internal");
        app.upload("i", internal, b"internal").await;
        app.upload("p", entry(b"public"), b"public").await;
        let stranger = releng_testkit::hawk_client::Credentials::new("unknown", "key");
        let stranger = app.app.signed_by(stranger);
        let public = stranger
            .get(&format!("/sha512/{}", digest(b"public")))
            .await;
        assert_eq!(public.status, 302);
        let internal = stranger
            .get(&format!("/sha512/{}", digest(b"internal")))
            .await;
        assert_eq!(
            (internal.status, internal.header("retry-after")),
            (503, "5")
        );
        assert_eq!(internal.json()["error"]["status"], 503);
        let batch = json!({"message": "m", "files": {"a": entry(b"a")}});
        assert_eq!(stranger.json("POST", "/upload", &batch).await.status, 503);
        let beat = app.anonymous().get("/__heartbeat__").await;
        assert_eq!(
            (beat.status, beat.json()),
            (
                502,
                json!({"auth": "Cannot connect to the taskcluster auth service."})
            )
        );
        assert_eq!(beat.header("cache-control"), "no-store");
    }
}

#[actix_web::test]
async fn a_download_that_starts_after_a_change_was_answered_sees_it() {
    for app in apps().await {
        app.upload("a", entry(b"x"), b"x").await;
        let (file, path) = (
            format!("/file/sha512/{}", digest(b"x")),
            format!("/sha512/{}", digest(b"x")),
        );
        for _ in 0..10 {
            for (visibility, status) in [("internal", 403), ("public", 302)] {
                let body = json!([{"op": "set_visibility", "visibility": visibility}]);
                assert_eq!(app.admin().json("PATCH", &file, &body).await.status, 200);
                assert_eq!(app.anonymous().get(&path).await.status, status);
            }
        }
    }
}

#[actix_web::test]
async fn behind_a_proxy_addresses_are_those_of_the_public_url_with_a_port() {
    for backend in backends() {
        let builder = App::builder(backend).set("PUBLIC_URL", "https://tooltool.example.com");
        let app = App::started(builder).await;
        let client = app.anonymous();
        // The signature must be for the outside address, so this request is signed for that.
        let body = json!({"message": "m", "files": {"a": entry(b"a")}}).to_string();
        let request = client.request(Method::POST, "/upload");
        let credentials =
            releng_testkit::hawk_client::Credentials::new("demo/admin", "demo/admin-token");
        let url = reqwest::Url::parse("https://tooltool.example.com/upload").unwrap();
        let header = credentials.sign("POST", &url).header().unwrap();
        let request = request
            .header("authorization", header)
            .header("content-type", "application/json")
            .body(body);
        let answer = client.send(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let url = answer.json()["result"]["files"]["a"]["put_url"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            url.starts_with("https://tooltool.example.com:443/"),
            "{url}"
        );
    }
}
