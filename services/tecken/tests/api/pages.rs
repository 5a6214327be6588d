// SPDX-License-Identifier: MPL-2.0
//! Pages, as a browser without scripts uses them.

use reqwest::Method;

use crate::{App, SYMBOLS, SYMBOLS_PATH, apps, zip};

async fn try_out(app: &App, body: &str) -> String {
    let client = app.anonymous();
    let request = client
        .request(Method::POST, "/symbolication")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned());
    let answer = client.send(request).await;
    assert_eq!(answer.status, 200);
    answer.text()
}

#[actix_web::test]
async fn the_form_shows_functions_and_inlined_calls() {
    for app in apps().await {
        let token = app.uploader().await;
        app.upload(&token, zip(&[(SYMBOLS_PATH, SYMBOLS)])).await;
        let form = "debug_file=libthread_db.so.1&debug_id=35CBDBAB3BB68DA78B6E8EF1939FA3CB0&offsets=0x2412+2335";
        let page = try_out(&app, form).await;
        assert!(page.contains("list_add <span"), "{page}");
        assert!(page.contains("include/list.h:43"), "{page}");
        assert!(page.contains("td_ta_new + 0x5"), "{page}");
        assert!(!page.contains("<script"));
    }
}

#[actix_web::test]
async fn the_form_says_what_is_wrong_and_keeps_what_was_typed() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let page = try_out(&app, "debug_file=%3Cb%3E&debug_id=AB&offsets=zz").await;
    assert!(page.contains("is no hexadecimal address"), "{page}");
    assert!(
        page.contains("&#60;b&#62;") && !page.contains("<b>"),
        "{page}"
    );
    let page = try_out(&app, "debug_file=x&debug_id=&offsets=1").await;
    assert!(page.contains("debugID empty or missing"), "{page}");
    let page = try_out(&app, "").await;
    assert!(page.contains("give 1 to 1000 addresses"), "{page}");
}

#[actix_web::test]
async fn uploads_are_shown_to_those_who_may_see_them() {
    for app in apps().await {
        let token = app.uploader().await;
        app.upload(&token, zip(&[("d.pdb/AB/d.sym", b"MODULE")]))
            .await;
        for path in ["/", "/uploads", "/uploads?page=1"] {
            let page = app.get_as(&token, path).await;
            assert_eq!(
                (page.status, page.header("content-type")),
                (200, "text/html; charset=utf-8")
            );
            assert!(page.text().contains("symbols.zip"), "{path}");
        }
        let other = app.try_uploader().await;
        assert!(
            !app.get_as(&other, "/uploads")
                .await
                .text()
                .contains("symbols.zip")
        );
        assert_eq!(app.get_as(&token, "/uploads?page=x").await.status, 400);
    }
}

#[actix_web::test]
async fn a_browser_gets_errors_of_pages_as_pages() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let client = app.anonymous();
    let request = client
        .request(Method::GET, "/uploads")
        .header("accept", "text/html");
    let answer = client.send(request).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<h1>403</h1>"));
    let failed = app.anonymous().get("/?signin=failed").await.text();
    assert!(failed.contains("Signing in failed."));
    let help = app.anonymous().get("/help").await.text();
    assert!(help.contains(&format!("srv*{}/", app.0.address())));
}
