// SPDX-License-Identifier: MPL-2.0
use serde_json::json;

use crate::{app_sets, apps, digest, entry};

#[actix_web::test]
async fn deleting_the_copies_keeps_the_file_known_and_uploadable() {
    for app in app_sets().await {
        app.upload("a", entry(b"x"), b"x").await;
        let digest = digest(b"x");
        let signed = app.anonymous().get(&format!("/sha512/{digest}")).await;
        let file = format!("/file/sha512/{digest}");
        let expected = json!({
            "algorithm": "sha512", "digest": digest, "has_instances": false, "instances": [],
            "size": 1, "visibility": "public",
        });
        for _ in 0..2 {
            let delete = json!([{"op": "delete_instances"}]);
            let answer = app.admin().json("PATCH", &file, &delete).await;
            assert_eq!((answer.status, answer.json()), (200, expected.clone()));
        }
        assert_eq!(
            app.anonymous().get(signed.header("location")).await.status,
            404
        );
        assert_eq!(
            app.anonymous()
                .get(&format!("/sha512/{digest}"))
                .await
                .status,
            404
        );
        app.upload("a", entry(b"x"), b"x").await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, b"x");
    }
}

#[actix_web::test]
async fn operations_are_applied_in_order_or_not_at_all() {
    for app in apps().await {
        app.upload("a", entry(b"x"), b"x").await;
        let file = format!("/file/sha512/{}", digest(b"x"));
        let set = |v: &str| json!({"op": "set_visibility", "visibility": v});
        let last = app
            .admin()
            .json("PATCH", &file, &json!([set("public"), set("internal")]))
            .await;
        assert_eq!(
            (last.status, &last.json()["visibility"]),
            (200, &json!("internal"))
        );
        let nothing = app.admin().json("PATCH", &file, &json!([])).await;
        assert_eq!(
            (nothing.status, &nothing.json()["visibility"]),
            (200, &json!("internal"))
        );
        for (body, detail) in [
            (json!([set("public"), {"op": "shred"}]), "Unknown op"),
            (json!([set("public"), {}]), "No op."),
            (json!([set("public"), {"op": 1}]), "Unknown op"),
            (
                json!([set("public"), set("secret")]),
                "bad visibility level",
            ),
            (
                json!([{"op": "delete_instances"}, {"op": "set_visibility"}]),
                "bad visibility level",
            ),
            (
                json!({"op": "delete_instances"}),
                "{'op': 'delete_instances'} is not of type 'array'",
            ),
            (
                json!(["delete_instances"]),
                "'delete_instances' is not of type 'object' - '0'",
            ),
        ] {
            let answer = app.admin().json("PATCH", &file, &body).await;
            assert_eq!(
                (answer.status, &answer.json()["detail"]),
                (400, &json!(detail)),
                "{body}"
            );
        }
        let after = app.file(&digest(b"x")).await;
        assert_eq!(
            (&after["visibility"], &after["has_instances"]),
            (&json!("internal"), &json!(true))
        );
    }
}

#[actix_web::test]
async fn who_may_not_manage_learns_nothing() {
    for app in apps().await {
        for path in [
            "/file/sha512/nonsense",
            &format!("/file/sha512/{}", "0".repeat(128)),
        ] {
            for client in [app.anonymous(), app.stranger(), app.engineer()] {
                let answer = client.json("PATCH", path, &json!("nonsense")).await;
                assert_eq!(answer.status, 401, "{path}");
                assert_eq!(answer.json()["detail"], "Invalid user permissions");
            }
        }
        let unknown = format!("/file/sha512/{}", "0".repeat(128));
        assert_eq!(
            app.admin().json("PATCH", &unknown, &json!([])).await.status,
            404
        );
        let invalid = app
            .admin()
            .json("PATCH", "/file/sha512/nonsense", &json!([]))
            .await;
        assert_eq!(
            (invalid.status, &invalid.json()["detail"]),
            (400, &json!("Invalid sha512 digest"))
        );
    }
}
