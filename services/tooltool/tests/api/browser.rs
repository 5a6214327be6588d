// SPDX-License-Identifier: MPL-2.0
//! The pages in a real browser: signing in, what it makes possible, and signing out.

use releng_testkit::browser::Browser;
use releng_testkit::database::{Backend, backends};
use releng_testkit::fake_taskcluster::{Account, Application, Config, FakeTaskcluster};
use serde_json::json;

use crate::{App, PREFIX, digest, entry};

/// A deployment with two people.
fn taskcluster() -> FakeTaskcluster {
    let manage = format!("{PREFIX}*");
    let read = format!("{PREFIX}download/internal");
    FakeTaskcluster::start(Config {
        accounts: vec![
            Account::new("Administrator", "demo-auth0/admin", &[&manage]),
            Account::new("Reader", "demo-auth0/reader", &[&read]),
        ],
        ..Config::default()
    })
}

/// An app with an internal and a public file, and a window on it; `None` without a browser.
async fn start(backend: Backend, fake: &FakeTaskcluster) -> Option<(App, Browser)> {
    let browser = Browser::open(1200, 900).await?;
    let app = App::started(App::builder(backend).set("TASKCLUSTER_ROOT_URL", fake.url())).await;
    let mut internal = entry(b"internal");
    internal["visibility"] = json!("internal");
    app.upload("secret.txt", internal, b"internal").await;
    app.upload("open.txt", entry(b"public"), b"public").await;
    Some((app, browser))
}

#[actix_web::test]
async fn who_signs_in_downloads_internal_files_and_who_signs_out_does_not() {
    for backend in backends() {
        let fake = taskcluster();
        let Some((app, browser)) = start(backend, &fake).await else {
            return;
        };
        let page = format!(
            "{}/static/file.html?digest={}",
            app.app.address(),
            digest(b"internal")
        );
        browser.go(&page).await;
        browser.click("a[data-internal]").await;
        browser.shows("#who", "signed in").await;
        browser.sign_in("demo-auth0/reader", "/static/").await;
        assert_eq!(
            browser.address().await,
            page,
            "back where the sign-in began"
        );
        // The code must not stay in the history, nor the key anywhere but in this tab.
        let stored = browser
            .run("return [localStorage.length, document.cookie, Object.keys(sessionStorage)]")
            .await;
        assert_eq!(stored, json!([0, "", ["tooltool.credentials"]]));
        // A reader is no administrator.
        assert!(!browser.sees("#manage").await);
        browser.click("a[data-internal]").await;
        let bytes = browser.downloaded(&digest(b"internal")).await;
        assert_eq!(bytes, b"internal");
        browser.click("#sign-out").await;
        browser.click("#sign-in").await;
        browser.arrives("/login/oauth/authorize").await;
    }
}

#[actix_web::test]
async fn an_administrator_changes_visibility_and_deletes_copies_on_the_page() {
    for backend in backends() {
        let fake = taskcluster();
        let Some((app, browser)) = start(backend, &fake).await else {
            return;
        };
        let digest = digest(b"public");
        let page = format!("{}/static/file.html?digest={digest}", app.app.address());
        browser.go(&page).await;
        browser.sign_in("demo-auth0/admin", "/static/").await;
        browser.click("#visibility option[value=internal]").await;
        browser.click("#visibility-form button").await;
        browser.shows(".badge", "INTERNAL").await;
        assert_eq!(app.file(&digest).await["visibility"], "internal");
        browser.click("#sure").await;
        browser.click("#delete-form button").await;
        browser.shows("dl.facts", "not uploaded").await;
        assert_eq!(app.file(&digest).await["has_instances"], false);
        let told = app.anonymous().get("/__permissions__").await;
        assert_eq!(told.status, 200);
    }
}

#[actix_web::test]
async fn a_sign_in_that_was_not_begun_here_is_refused() {
    let fake = taskcluster();
    let Some((app, browser)) = start(Backend::Sqlite, &fake).await else {
        return;
    };
    let login = format!(
        "{}/static/login.html?code=stolen&state=guessed",
        app.app.address()
    );
    browser.go(&login).await;
    browser
        .shows("#outcome", "this sign-in was not begun here")
        .await;
    assert_eq!(browser.run("return sessionStorage.length").await, json!(0));
    // A state counts once.
    let index = format!("{}/static/index.html", app.app.address());
    browser.go(&index).await;
    browser.sign_in("demo-auth0/reader", "/static/").await;
    browser.go(&login).await;
    browser
        .shows("#outcome", "this sign-in was not begun here")
        .await;
}

#[actix_web::test]
async fn credentials_that_were_revoked_are_said_to_be() {
    let fake = taskcluster();
    let Some((app, browser)) = start(Backend::Sqlite, &fake).await else {
        return;
    };
    let index = format!("{}/static/index.html", app.app.address());
    browser.go(&index).await;
    browser.sign_in("demo-auth0/reader", "/static/").await;
    fake.state().remove_client("demo-auth0/reader");
    browser.go(&index).await;
    browser.shows("#who", "does not hold any more").await;
    assert!(browser.sees("#sign-in").await);
}

#[actix_web::test]
async fn the_application_that_taskcluster_knows_is_named_after_the_environment() {
    let Some(browser) = Browser::open(800, 600).await else {
        return;
    };
    let fake = FakeTaskcluster::start(Config {
        accounts: vec![Account::new("Reader", "demo-auth0/reader", &[])],
        applications: vec![Application {
            client_id: "releng-tooltool-staging".to_owned(),
            redirect_uris: vec!["https://elsewhere.example.com/static/login.html".to_owned()],
        }],
        ..Config::default()
    });
    let builder = App::builder(Backend::Sqlite)
        .set("TASKCLUSTER_ROOT_URL", fake.url())
        .set("ENV", "staging");
    let app = App::started(builder).await;
    browser
        .go(&format!("{}/static/index.html", app.app.address()))
        .await;
    browser.click("#sign-in").await;
    browser.arrives("client_id=releng-tooltool-staging").await;
    // Known, but not for this address.
    browser.shows("body", "redirect_uri").await;
}

#[actix_web::test]
async fn nothing_on_the_pages_breaks_their_own_policy_or_their_width() {
    let fake = taskcluster();
    let Some(browser) = Browser::open(500, 800).await else {
        return;
    };
    let app =
        App::started(App::builder(Backend::Sqlite).set("TASKCLUSTER_ROOT_URL", fake.url())).await;
    let long = "a-very-long-name-without-any-place-to-break-it-".repeat(5);
    app.announce_one(&long, entry(b"long")).await.unwrap();
    let file = format!("/static/file.html?digest={}", digest(b"long"));
    for path in [
        "/static/index.html",
        "/static/login.html",
        &file,
        "/static/nothing",
    ] {
        browser.go(&format!("{}{path}", app.app.address())).await;
        let scrolls = browser
            .run("return document.documentElement.scrollWidth > window.innerWidth")
            .await;
        assert_eq!(scrolls, json!(false), "{path} is wider than the window");
        let styled = browser
            .run("return getComputedStyle(document.querySelector('header')).display")
            .await;
        assert_eq!(styled, json!("flex"), "{path} has no stylesheet");
    }
}
