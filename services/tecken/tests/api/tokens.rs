// SPDX-License-Identifier: MPL-2.0
//! Tokens that do not hold are refused everywhere; those that do are worth what their owner is.

use serde_json::json;

use crate::apps;

#[actix_web::test]
async fn a_token_that_does_not_hold_is_a_403_on_every_address() {
    for app in apps().await {
        app.user("demo-uploader@example.com", &["Uploaders"]).await;
        let expired = app
            .token("demo-uploader@example.com", &["upload.upload_symbols"], -1)
            .await;
        let change = releng_tecken::ops::UserChange {
            is_inactive: true,
            ..Default::default()
        };
        app.user("demo-gone@example.com", &["Uploaders"]).await;
        let gone = app
            .token("demo-gone@example.com", &["upload.upload_symbols"], 1)
            .await;
        let clock = releng_common::Clock::system();
        releng_tecken::ops::user_change(&app.db(), &clock, "demo-gone@example.com", change)
            .await
            .unwrap();
        let table = [
            ("0123456789abcdef0123456789abcdef", "API Token not matched"),
            ("", "API Token not matched"),
            (&expired, "API Token found but expired"),
            (&gone, "API Token matched but user not active"),
        ];
        for (token, text) in table {
            for path in [
                "/",
                "/x.pdb/AB/x.sym",
                "/api/_auth/",
                "/missingsymbols.csv",
                "/help",
            ] {
                let answer = app.get_as(token, path).await;
                assert_eq!(
                    (answer.status, answer.json()),
                    (403, json!({"error": text})),
                    "{path}"
                );
            }
            let answer = app.upload(token, Vec::new()).await;
            assert_eq!(
                (answer.status, answer.json()),
                (403, json!({"error": text}))
            );
        }
    }
}

#[actix_web::test]
async fn who_am_i_lists_what_the_owner_may_do() {
    for app in apps().await {
        let anonymous = app.anonymous().get("/api/_auth/").await.json();
        let url = format!("{}/oidc/authenticate/", app.0.address());
        assert_eq!(anonymous, json!({"sign_in_url": url, "user": null}));
        let token = app.uploader().await;
        let answer = app.get_as(&token, "/api/_auth/").await.json();
        assert_eq!(
            answer,
            json!({
                "user": {
                    "email": "demo-uploader@example.com", "is_active": true, "is_superuser": false,
                    "permissions": [
                        {"id": 41, "codename": "upload.upload_symbols", "name": "Upload Symbols Files"},
                        {"id": 43, "codename": "upload.upload_try_symbols", "name": "Upload Try Symbols Files"},
                        {"id": 52, "codename": "tokens.manage_tokens", "name": "Manage Your API Tokens"},
                    ],
                },
                "sign_out_url": format!("{}/oidc/logout/", app.0.address()),
            })
        );
    }
}
