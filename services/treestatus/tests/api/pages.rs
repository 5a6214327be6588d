// SPDX-License-Identifier: MPL-2.0
use serde_json::json;

use crate::apps;

#[actix_web::test]
async fn the_first_page_shows_every_tree_with_its_status() {
    for app in apps().await {
        app.tree("autoland").await;
        let body = json!({
            "trees": ["autoland"], "status": "closed", "reason": "<b>bug 1</b>", "tags": ["infra"],
        });
        app.update(body).await;
        let page = app.anonymous().get("/static/ui").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let html = page.text();
        assert!(html.contains(r#"<a href="/static/ui/treestatus/show/autoland">autoland</a>"#));
        assert!(html.contains(r#"<span class="badge bad">closed</span>"#));
        assert!(html.contains("&#60;b&#62;bug 1"));
        assert!(html.contains("Infrastructure related"));
        assert!(!html.contains("<script"));
    }
}

#[actix_web::test]
async fn the_page_of_a_tree_shows_its_log_and_an_unknown_one_is_a_page_too() {
    for app in apps().await {
        app.tree("autoland").await;
        app.update(json!({"trees": ["autoland"], "status": "open", "reason": "all well"}))
            .await;
        let page = app
            .anonymous()
            .get("/static/ui/treestatus/show/autoland")
            .await;
        assert!(page.text().contains("all well") && page.text().contains("demo/sheriff"));
        let client = app.anonymous();
        let request = client
            .request(reqwest::Method::GET, "/static/ui/treestatus/show/nope")
            .header("accept", "text/html,application/xhtml+xml");
        let missing = client.send(request).await;
        assert_eq!(missing.status, 404);
        assert!(missing.text().contains("No such tree") && missing.text().contains("<h1>404</h1>"));
    }
}
