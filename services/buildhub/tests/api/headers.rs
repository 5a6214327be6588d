// SPDX-License-Identifier: MPL-2.0
use reqwest::Method;
use serde_json::json;

use crate::apps;

#[actix_web::test]
async fn browsers_of_any_origin_may_read_the_api_and_nothing_else() {
    for app in apps().await {
        let client = app.anonymous();
        let from = |method, path: &str| {
            client
                .request(method, path)
                .header("origin", "https://elsewhere.example.com")
        };
        let answer = client
            .send(from(Method::POST, "/api/search").body("}"))
            .await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("vary"), "Origin");
        let preflight =
            from(Method::OPTIONS, "/api/search").header("access-control-request-method", "POST");
        let answer = client.send(preflight).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, ""));
        assert_eq!(
            answer.header("access-control-allow-methods"),
            "DELETE, GET, OPTIONS, PATCH, POST, PUT"
        );
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "accept, accept-encoding, authorization, content-type, dnt, origin, user-agent, \
             x-csrftoken, x-requested-with"
        );
        assert_eq!(answer.header("access-control-max-age"), "86400");
        let answer = client.get("/api/records").await;
        assert_eq!(answer.header("access-control-allow-origin"), "");
        let answer = client.send(from(Method::GET, "/")).await;
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[actix_web::test]
async fn every_answer_has_the_documented_headers() {
    for app in apps().await {
        let client = app.anonymous();
        for path in ["/", "/api/records", "/api/nothing", "/contribute.json"] {
            let answer = client.get(path).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("x-xss-protection"), "1; mode=block");
            assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
            assert!(
                answer.header("x-response-time").parse::<u64>().is_ok(),
                "{path}"
            );
            assert_eq!(answer.header("strict-transport-security"), "");
            let policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' \
                data:; object-src 'none'; worker-src 'none'; frame-src 'none'; \
                block-all-mixed-content";
            let expected = if path.starts_with("/api") { "" } else { policy };
            assert_eq!(answer.header("content-security-policy"), expected, "{path}");
        }
        let secure = client
            .request(Method::GET, "/")
            .header("x-forwarded-proto", "https");
        assert_eq!(
            client
                .send(secure)
                .await
                .header("strict-transport-security"),
            "max-age=31536000; includeSubDomains; preload"
        );
        assert_eq!(
            client
                .get("/__lbheartbeat__")
                .await
                .header("x-response-time"),
            ""
        );
    }
}

#[actix_web::test]
async fn the_heartbeat_names_the_documented_checks() {
    for app in apps().await {
        let answer = app.anonymous().get("/__heartbeat__").await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.json(),
            json!({
                "status": "ok",
                "checks": {
                    "check_database_connected": "ok", "check_migrations_applied": "ok",
                    "check_elasticsearch": "ok", "check_s3_bucket_url": "ok",
                    "check_sqs_s3_bucket_url": "ok",
                },
                "details": {},
            })
        );
        let answer = app.anonymous().get("/__lbheartbeat__").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    }
}

#[actix_web::test]
async fn the_old_search_address_leads_on_without_losing_a_body() {
    for app in apps().await {
        let client = app.anonymous();
        let old = "/v1/buckets/build-hub/collections/releases/search";
        for (method, path, status) in [
            (Method::GET, old.to_owned(), 301),
            (Method::HEAD, format!("{old}?q=x"), 301),
            (Method::GET, format!("{old}/any/thing"), 301),
            (Method::GET, format!("{old}er"), 301),
            (Method::POST, old.to_owned(), 308),
            (Method::DELETE, old.to_owned(), 308),
        ] {
            let answer = client.send(client.request(method, &path)).await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (status, "/api/search"),
                "{path}"
            );
        }
    }
}

#[actix_web::test]
async fn head_equals_get_without_the_body() {
    for app in apps().await {
        let client = app.anonymous();
        for path in [
            "/",
            "/api/search",
            "/api/search?q=x",
            "/api/records",
            "/api/records/1",
            "/api/none",
            "/contribute.json",
            "/any/page",
            "/no/file.txt",
            "/static/releng.css",
        ] {
            let (get, head) = (client.get(path).await, client.head(path).await);
            assert_eq!(get.status, head.status, "{path}");
            assert_eq!(head.text(), "", "{path}");
            for name in [
                "content-type",
                "cache-control",
                "content-security-policy",
                "etag",
            ] {
                assert_eq!(get.header(name), head.header(name), "{path} {name}");
            }
        }
    }
}
