// SPDX-License-Identifier: MPL-2.0
use serde_json::json;

use crate::apps;
use crate::sample::{record, records};

#[actix_web::test]
async fn the_page_shows_the_newest_builds_with_links_to_file_record_and_revision() {
    for app in apps().await {
        let mut odd = record(5);
        odd["build"] = json!({});
        odd["source"] = json!({"product": "<b>demo</b>"});
        odd["download"]["url"] = json!("javascript:alert(1)");
        app.with_records(&[record(0), record(1), odd]).await;
        let page = app.anonymous().get("/").await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, "text/html; charset=utf-8")
        );
        let html = page.text();
        assert!(html.contains("<strong>4</strong> builds"), "{html}");
        assert!(html.contains(
            r#"<a href="https://archive.example.com/pub/firefox/0.tar.bz2">47.6 MiB</a>"#
        ));
        assert!(html.contains(">2018-05-10 00:00</a>") && html.contains(r#"href="/api/records/"#));
        let revision = format!("https://hg.example.com/demo-central/rev/{:040x}", 0);
        assert!(html.contains(&format!(r#"<a href="{revision}">000000</a>"#)));
        assert!(html.contains("&#60;b&#62;demo") && !html.contains("<b>demo"));
        assert!(!html.contains("javascript:") && !html.contains("<script"));
    }
}

#[actix_web::test]
async fn words_facets_and_pages_are_in_the_address() {
    for app in apps().await {
        app.with_records(&records(48)).await;
        let page = |path: &'static str| {
            let client = app.anonymous();
            async move { client.get(path).await.text() }
        };
        let html = page("/?q=firefox&versions[0]=61.0&platform[0]=win64&platform[1]=macosx").await;
        assert!(html.contains("<strong>6</strong> builds"), "{html}");
        // Choosing goes on from here, and choosing again gives up.
        assert!(html.contains(
            r#"<a href="/?q=firefox&#38;versions%5B0%5D=61.0&#38;platform%5B0%5D=win64" aria-current="true">✓ macosx</a>"#
        ));
        assert!(html.contains(r#"<input type="hidden" name="platform[0]" value="macosx">"#));
        assert!(html.contains(r#"name="q" value="firefox""#));

        let html = page("/?p=2").await;
        assert!(html.contains("<strong>60</strong> builds"));
        assert_eq!(html.matches("<tr id=").count(), 30);
        assert!(
            html.contains(r#"<a href="/">1</a>"#) && html.contains(r#"aria-current="page">2<"#)
        );

        let html = page("/?q=nothing").await;
        assert!(html.contains("No build matches.") && html.contains("Search without filters"));
    }
}

#[actix_web::test]
async fn a_search_that_is_not_understood_says_why_and_stays_a_page() {
    for app in apps().await {
        let answer = app.anonymous().get("/?q=%27%28open").await;
        assert_eq!(answer.status, 200);
        assert!(
            answer.text().contains("This search is not understood: "),
            "{}",
            answer.text()
        );
    }
}

#[actix_web::test]
async fn paths_without_extension_are_the_page_and_files_that_do_not_exist_name_themselves() {
    for app in apps().await {
        let client = app.anonymous();
        let page = client.get("/some/old/link?q=x").await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<h1>Builds</h1>"));
        let missing = client.get("/static/nothing.js").await;
        assert_eq!(
            (missing.status, missing.text().as_str()),
            (404, "/static/nothing.js")
        );
        assert_eq!(missing.header("content-type"), "text/plain; charset=utf-8");
    }
}

#[actix_web::test]
async fn what_the_service_says_of_itself_is_complete() {
    for app in apps().await {
        let contribute = app.anonymous().get("/contribute.json").await;
        assert_eq!(contribute.header("content-type"), "application/json");
        for pointer in [
            "/repository/url",
            "/repository/license",
            "/participate/docs",
            "/bugs/report",
        ] {
            assert!(
                contribute.json().pointer(pointer).unwrap().is_string(),
                "{pointer}"
            );
        }
        let openapi = app.anonymous().get("/openapi.json").await.json();
        let paths: Vec<&String> = openapi["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/api/records", "/api/records/{id}", "/api/search"]);
    }
}
