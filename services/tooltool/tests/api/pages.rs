// SPDX-License-Identifier: MPL-2.0
use serde_json::json;

use crate::{apps, digest, entry};

#[actix_web::test]
async fn the_search_page_shows_files_and_batches() {
    for app in apps().await {
        app.upload("kept.tar", entry(b"kept"), b"kept").await;
        let mut internal = entry(b"announced");
        internal["visibility"] = json!("internal");
        let body = json!({"message": "<b>Bug 1</b>", "files": {"announced.tar": internal}});
        assert_eq!(
            app.engineer().json("POST", "/upload", &body).await.status,
            200
        );
        let page = app.anonymous().get("/static/index.html").await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, "text/html; charset=utf-8")
        );
        let html = page.text();
        let (kept, announced) = (digest(b"kept"), digest(b"announced"));
        assert!(
            html.contains(&format!("<a href=\"/sha512/{kept}\">")),
            "{html}"
        );
        assert!(
            !html.contains(&format!("<a href=\"/sha512/{announced}\">")),
            "{html}"
        );
        assert!(html.contains("<span class=\"badge good\">PUBLIC</span>"));
        assert!(html.contains("<span class=\"badge warn\">INTERNAL</span>"));
        assert!(html.contains("&#60;b&#62;Bug 1") && !html.contains("<b>Bug"));
        assert!(html.contains("demo/engineer") && html.contains("announced.tar"));
        assert!(!html.contains("<script") && !html.contains("style="));
        let found = app
            .anonymous()
            .get("/static/index.html?q=kept")
            .await
            .text();
        assert!(found.contains(&kept) && !found.contains(&announced));
        let none = app
            .anonymous()
            .get("/static/index.html?q=%22%3E%3Cscript%3E%00")
            .await;
        assert_eq!(none.status, 200);
        assert!(none.text().contains("No file has this") && !none.text().contains("<script"));
    }
}
