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
        assert!(html.contains(r#"<a href="/static/ui/treestatus/show/autoland" data-focus="name-autoland">autoland</a>"#));
        assert!(html.contains(r#"<span class="badge bad">closed</span>"#));
        let bug =
            r#"&#60;b&#62;<a href="https://bugzilla.mozilla.org/show_bug.cgi?id=1">bug 1</a>"#;
        assert!(html.contains(bug), "{html}");
        assert!(html.contains("<h2>Development</h2>") && !html.contains("<h2>Other</h2>"));
        assert!(html.contains("Infrastructure related"));
        // Nothing that the policy of the page would refuse.
        assert!(
            !html.contains("<script>") && !html.contains("style=") && !html.contains(" onclick")
        );
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
        assert!(page.text().contains("all well") && page.text().contains("title=\"demo/sheriff\""));
        let client = app.anonymous();
        let request = client
            .request(reqwest::Method::GET, "/static/ui/treestatus/show/nope")
            .header("accept", "text/html,application/xhtml+xml");
        let missing = client.send(request).await;
        assert_eq!(missing.status, 404);
        assert!(missing.text().contains("No such tree") && missing.text().contains("<h1>404</h1>"));
    }
}

#[actix_web::test]
async fn the_filter_works_without_a_script_and_recent_changes_stand_on_top() {
    for app in apps().await {
        app.tree("autoland").await;
        app.tree("try").await;
        let close = json!({
            "trees": ["try"], "status": "closed", "reason": "r", "tags": ["infra"], "remember": true,
        });
        app.update(close).await;
        let page = app.anonymous().get("/static/ui?q=auto").await.text();
        assert!(page.contains(">autoland</a></td>"));
        assert!(!page.contains(">try</a></td>"));
        assert!(
            page.contains("Recent changes (1)")
                && page.contains("title=\"demo/sheriff\">sheriff</strong>")
        );
        let none = app.anonymous().get("/static/ui?q=%3Cb%3E").await.text();
        assert!(none.contains("No tree has a name like that.") && !none.contains("<b>"));
    }
}

#[actix_web::test]
async fn the_log_of_a_tree_is_searched_and_turned_page_by_page() {
    for app in apps().await {
        app.tree("try").await;
        for n in 0..51 {
            let body =
                json!({"trees": ["try"], "status": "open", "reason": format!("reason {n:02}")});
            app.update(body).await;
        }
        let path = "/static/ui/treestatus/show/try";
        let page = app.anonymous().get(path).await.text();
        assert!(page.contains("reason 50") && page.contains("reason 46"));
        assert!(!page.contains("reason 45") && !page.contains("Back to the newest"));
        let more = link(&page, "Load more");
        let page = app.anonymous().get(&format!("{path}{more}")).await.text();
        assert!(page.contains("reason 45") && page.contains("reason 00"));
        assert!(!page.contains("reason 46") && !page.contains("Load more"));
        assert_eq!(link(&page, "Back to the newest"), path);
        let found = app
            .anonymous()
            .get(&format!("{path}?q=reason+07&who=&since="))
            .await
            .text();
        assert!(found.contains("reason 07") && !found.contains("reason 08"));
        assert_eq!(link(&found, "All changes"), path);
    }
}

#[actix_web::test]
async fn the_next_entries_are_those_of_the_same_search() {
    for app in apps().await {
        app.tree("try").await;
        for n in 0..10 {
            let reason = if n % 2 == 0 { "even & odd" } else { "odd" };
            let body =
                json!({"trees": ["try"], "status": "open", "reason": format!("{reason} {n}")});
            app.update(body).await;
        }
        let path = "/static/ui/treestatus/show/try";
        let search = "q=even+%26&who=sheriff&since=2020-01-01&until=2999-01-01&limit=2";
        let page = app
            .anonymous()
            .get(&format!("{path}?{search}"))
            .await
            .text();
        assert!(page.contains("odd 8</td>") && page.contains("odd 6</td>"));
        let more = link(&page, "Load more");
        assert!(more.starts_with(&format!("?{search}&before=")), "{more}");
        let page = app.anonymous().get(&format!("{path}{more}")).await.text();
        assert!(page.contains("odd 4</td>") && page.contains("odd 2</td>"));
        assert!(!page.contains("odd 5") && !page.contains("odd 6") && !page.contains("odd 0"));
        let back = search.trim_end_matches("&limit=2");
        assert_eq!(link(&page, "Back to the newest"), format!("{path}?{back}"));
        for field in [
            "value=\"sheriff\"",
            "value=\"2020-01-01\"",
            "value=\"2999-01-01\"",
        ] {
            assert!(page.contains(field), "{field}");
        }
    }
}

/// Returns where a link leads.
fn link(page: &str, text: &str) -> String {
    let end = page.find(&format!("\">{text}</a>")).unwrap();
    let start = page[..end].rfind("href=\"").unwrap() + "href=\"".len();
    page[start..end].replace("&#38;", "&").replace("&amp;", "&")
}

#[actix_web::test]
async fn the_api_is_described_for_people_too() {
    for app in apps().await {
        let page = app.anonymous().get("/apidocs/").await.text();
        assert!(page.contains("<code>PATCH /trees</code>") && page.contains("<code>trees*</code>"));
        let icon = app.anonymous().get("/static/ui/favicon.ico").await;
        assert_eq!(icon.header("content-type"), "image/svg+xml");
    }
}
