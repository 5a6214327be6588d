// SPDX-License-Identifier: MPL-2.0
//! Try symbols: apart from regular ones, looked up last, never in their place.

use serde_json::json;

use crate::{apps, form, gunzip, zip};

fn archive(text: &'static [u8]) -> Vec<u8> {
    zip(&[("demo.pdb/AB/demo.sym", text)])
}

#[actix_web::test]
async fn a_try_token_never_reaches_regular_symbols_whatever_the_form_says() {
    for app in apps().await {
        let token = app.try_uploader().await;
        let forms = [
            form(archive(b"MODULE 1")),
            form(archive(b"MODULE 2")).text("try", ""),
            form(archive(b"MODULE 3")).text("try", "0"),
            form(archive(b"MODULE 4"))
                .text("bucket_name", "symbols")
                .text("try", ""),
        ];
        for form in forms {
            let answer = app.upload_form(&token, form).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(answer.json()["upload"]["try_symbols"], json!(true));
        }
        assert_eq!(
            app.anonymous().get("/demo.pdb/AB/demo.sym").await.status,
            404
        );
        let file = app.fetch("/try/demo.pdb/AB/demo.sym").await;
        assert_eq!(gunzip(&file.body), b"MODULE 4");
    }
}

#[actix_web::test]
async fn regular_symbols_win_over_try_symbols() {
    for app in apps().await {
        let (regular, try_token) = (app.uploader().await, app.try_uploader().await);
        app.upload(&try_token, archive(b"MODULE try")).await;
        for path in [
            "/try/demo.pdb/AB/demo.sym",
            "/demo.pdb/AB/demo.sym?try",
            "/demo.pdb/ab/demo.sym?try=0",
        ] {
            assert_eq!(gunzip(&app.fetch(path).await.body), b"MODULE try", "{path}");
        }
        app.upload(&regular, archive(b"MODULE regular")).await;
        assert_eq!(
            gunzip(&app.fetch("/try/demo.pdb/AB/demo.sym").await.body),
            b"MODULE regular"
        );
    }
}

#[actix_web::test]
async fn a_try_symbol_that_was_asked_for_before_is_found_at_once() {
    for app in apps().await {
        let token = app.try_uploader().await;
        let path = "/try/demo.pdb/AB/demo.sym";
        assert_eq!(app.anonymous().get(path).await.status, 404);
        app.upload(&token, archive(b"MODULE")).await;
        assert_eq!(app.anonymous().head(path).await.status, 200);
        assert_eq!(app.anonymous().get(path).await.status, 302);
    }
}

#[actix_web::test]
async fn a_regular_uploader_may_choose_try() {
    for app in apps().await {
        let token = app.uploader().await;
        let answer = app
            .upload_form(&token, form(archive(b"MODULE")).text("try", "false"))
            .await;
        assert_eq!(answer.json()["upload"]["try_symbols"], json!(true));
        assert_eq!(
            app.anonymous().get("/demo.pdb/AB/demo.sym").await.status,
            404
        );
    }
}
