// SPDX-License-Identifier: MPL-2.0
//! The pages in a real browser: what a sheriff does in a shift, asserted on what the page shows and on
//! what the API says then.

mod forwarder;

use std::time::Duration;

use releng_testkit::app::TestAppBuilder;
use releng_testkit::browser::Browser;
use releng_testkit::database::{Backend, backends};
use releng_testkit::fake_taskcluster::{Account, Config, FakeTaskcluster};
use releng_testkit::poll::eventually;
use serde_json::{Value, json};

use crate::App;
use crate::outage::Pair;
use forwarder::Forwarder;

const HOME: &str = "/static/ui/treestatus/";
const PATIENCE: Duration = Duration::from_secs(60);

/// A deployment with an administrator, a sheriff by the older prefix, and somebody without rights.
fn taskcluster() -> FakeTaskcluster {
    let old = "project:releng:treestatus/";
    let sheriff = [
        format!("{old}trees/update"),
        format!("{old}recent_changes/revert"),
    ];
    let sheriff: Vec<&str> = sheriff.iter().map(String::as_str).collect();
    FakeTaskcluster::start(Config {
        accounts: vec![
            Account::new(
                "Administrator",
                "demo-auth0/admin",
                &["project:releng:services/treestatus/*"],
            ),
            Account::new("Sheriff", "demo-auth0/sheriff", &sheriff),
            Account::new("Reader", "demo-auth0/reader", &[]),
        ],
        ..Config::default()
    })
}

/// An app with these trees, reached through something that can be cut, and a window; `None` without a
/// browser.
async fn start(
    backend: Backend,
    fake: &FakeTaskcluster,
    trees: &[&str],
) -> Option<(App, Forwarder, Browser)> {
    let browser = Browser::open(1200, 900).await?;
    let builder = TestAppBuilder::new(backend)
        .with_client("demo/admin", &["project:releng:services/treestatus/*"])
        .with_client("demo/sheriff", &["project:releng:treestatus/trees/update"])
        .set("TASKCLUSTER_ROOT_URL", fake.url());
    let app = App(builder.start().await);
    for tree in trees {
        app.tree(tree).await;
    }
    let forwarder = Forwarder::to(app.0.address());
    Some((app, forwarder, browser))
}

async fn tree(app: &App, name: &str) -> Value {
    app.result(&format!("/trees/{name}")).await
}

/// Presses a key as people do.
async fn press(browser: &Browser, key: &str) {
    let script = format!(
        "(document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', \
         {{key: {key:?}, bubbles: true, cancelable: true}}))"
    );
    browser.run(&script).await;
}

/// Writes into a field.
async fn write(browser: &Browser, selector: &str, text: &str) {
    let script = format!(
        "const field = document.querySelector({selector:?}); field.value = {text:?}; \
         for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, {{bubbles: true}}))"
    );
    browser.run(&script).await;
}

/// Waits until something can no longer be seen.
async fn hides(browser: &Browser, selector: &str) {
    eventually(PATIENCE, || async {
        (!browser.sees(selector).await).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn a_sheriff_closes_three_trees_and_undoes_it() {
    for backend in backends() {
        let fake = taskcluster();
        let trees = ["autoland", "mozilla-central", "try", "zeta"];
        let Some((app, road, browser)) = start(backend, &fake, &trees).await else {
            return;
        };
        browser.go(&format!("{}{HOME}", road.url())).await;
        assert!(!browser.sees("#update").await, "nobody is signed in");
        browser.sign_in("demo-auth0/sheriff", "/static/ui/").await;
        browser
            .shows("#selected", "You need to select some trees")
            .await;
        // A sheriff neither adds nor deletes.
        assert!(!browser.sees("#add").await && !browser.sees("#delete").await);
        for name in ["autoland", "mozilla-central", "try"] {
            browser.click(&format!("input[value={name}]")).await;
        }
        browser.shows("#selected", "3 selected").await;
        browser.click("#update").await;
        browser.arrives("/update?tree=autoland").await;
        browser.shows("h1", "Update 3 trees").await;
        assert!(!browser.sees("#motd").await, "of one tree only");
        write(&browser, "#status", "closed").await;
        browser.click("#submit").await;
        browser
            .shows("#alert", "Closing needs a reason category.")
            .await;
        browser.click("input[value=infra]").await;
        browser.click("#submit").await;
        browser.shows("#alert", "Closing needs a reason.").await;
        assert_eq!(tree(&app, "try").await["status"], "open");
        write(&browser, "#reason", "Bug 12345: opens when fixed").await;
        browser.click("#submit").await;
        browser
            .shows("#said", "Closed autoland, mozilla-central, try.")
            .await;
        browser
            .shows("tr[data-tree=autoland]", "Infrastructure related")
            .await;
        for name in ["autoland", "mozilla-central", "try"] {
            let state = tree(&app, name).await;
            assert_eq!(state["status"], "closed");
            assert_eq!(state["reason"], "Bug 12345: opens when fixed");
            assert_eq!(state["tags"], json!(["infra"]));
        }
        assert_eq!(tree(&app, "zeta").await["status"], "open");
        let entry = app.result("/trees/try/logs").await[0].clone();
        assert_eq!(entry["who"], "demo-auth0/sheriff");
        browser.shows(".changes", "sheriff").await;
        // Without a mouse.
        press(&browser, "u").await;
        browser.shows("#ask", "autoland: closed → open").await;
        press(&browser, "c").await;
        browser.click("#yes").await;
        browser
            .shows("#said", "Restored autoland, mozilla-central, try.")
            .await;
        browser.shows("tr[data-tree=autoland]", "open").await;
        assert_eq!(tree(&app, "autoland").await["status"], "open");
        assert_eq!(app.result("/stack").await, json!([]));
        hides(&browser, ".changes").await;
        browser.click("#sign-out").await;
        browser.shows("#said", "You are signed out.").await;
        hides(&browser, "#update").await;
        let left = browser
            .run("return [localStorage.length, document.cookie]")
            .await;
        assert_eq!(left, json!([0, ""]));
    }
}

#[actix_web::test]
async fn a_tree_that_changed_since_the_form_was_opened_is_not_overwritten() {
    for backend in backends() {
        let fake = taskcluster();
        let Some((app, road, browser)) = start(backend, &fake, &["autoland"]).await else {
            return;
        };
        browser.go(&format!("{}{HOME}", road.url())).await;
        browser.sign_in("demo-auth0/sheriff", "/static/ui/").await;
        browser.shows("#selected", "You need").await;
        browser
            .go(&format!(
                "{}{HOME}update?tree=autoland&status=open",
                road.url()
            ))
            .await;
        browser.shows("#connection", "Live").await;
        browser.click("#submit").await;
        browser.shows("#said", "Opened autoland.").await;
        browser
            .go(&format!(
                "{}{HOME}update?tree=autoland&status=open",
                road.url()
            ))
            .await;
        // The feed is cut, so that only the condition of the update can tell.
        road.cut();
        browser
            .shows("#lost", "Connection lost: this is the state of")
            .await;
        let other = json!({
            "trees": ["autoland"], "status": "closed", "reason": "bug 7", "tags": ["backlog"],
        });
        assert_eq!(app.update(other).await.status, 204);
        browser.run("window.stop()").await;
        road.mend();
        browser.shows("#changed", "open → closed").await;
        browser.shows("#changed", "By demo/sheriff at").await;
        browser.click("#submit").await;
        browser
            .shows(
                "#alert",
                "Nothing was done: changed in the meantime: autoland",
            )
            .await;
        assert_eq!(tree(&app, "autoland").await["status"], "closed");
        browser.click("#changed button").await;
        browser.shows("[data-chosen]", "bug 7").await;
        browser.click("#submit").await;
        browser.shows("#said", "Opened autoland.").await;
        assert_eq!(tree(&app, "autoland").await["status"], "open");
    }
}

#[actix_web::test]
async fn what_others_do_appears_and_a_lost_connection_is_said() {
    for backend in backends() {
        let fake = taskcluster();
        let Some((app, road, browser)) = start(backend, &fake, &["autoland", "try"]).await else {
            return;
        };
        browser.go(&format!("{}{HOME}", road.url())).await;
        browser.shows("#connection", "Live").await;
        let close = |tree: &str, reason: &str| json!({"trees": [tree], "status": "closed", "reason": reason, "tags": ["infra"]});
        app.update(close("autoland", "bug 1")).await;
        browser.shows("tr[data-tree=autoland]", "bug 1").await;
        browser.shows("#said", "autoland is now closed.").await;
        road.cut();
        browser
            .shows("#lost", "Connection lost: this is the state of")
            .await;
        app.update(close("try", "bug 2")).await;
        assert!(
            !browser
                .text("tr[data-tree=try]")
                .await
                .unwrap()
                .contains("closed")
        );
        road.mend();
        browser.shows("tr[data-tree=try]", "bug 2").await;
        hides(&browser, "#lost").await;
        // Filtering as one types, with what is shown staying fresh.
        write(&browser, "#q", "AUTO").await;
        hides(&browser, "tr[data-tree=try]").await;
        app.update(close("autoland", "bug 3")).await;
        browser.shows("tr[data-tree=autoland]", "bug 3").await;
        assert!(!browser.sees("tr[data-tree=try]").await);
    }
}

#[actix_web::test]
async fn a_database_that_is_gone_is_said_on_open_pages_until_it_is_back() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let Some(browser) = Browser::open(1200, 900).await else {
        return;
    };
    let pair = Pair::start("120").await;
    browser.go(&format!("{}{HOME}", pair.app.0.address())).await;
    browser.shows("#connection", "Live").await;
    pair.cut().await;
    browser
        .shows("#lost", "Connection lost: this is the state of")
        .await;
    let open = json!({"trees": ["a"], "status": "open", "reason": "bug 2", "tags": []});
    assert_eq!(pair.other.update(open).await.status, 204);
    pair.mend();
    browser.shows("#connection", "Live").await;
    browser.shows("tr[data-tree=a]", "bug 2").await;
}

#[actix_web::test]
async fn entries_and_changes_are_corrected_and_discarded_in_place() {
    for backend in backends() {
        let fake = taskcluster();
        let Some((app, road, browser)) = start(backend, &fake, &["autoland"]).await else {
            return;
        };
        let close = json!({
            "trees": ["autoland"], "status": "closed", "reason": "bug 1", "tags": ["infra"], "remember": true,
        });
        app.update(close).await;
        browser
            .go(&format!("{}{HOME}show/autoland", road.url()))
            .await;
        browser.sign_in("demo-auth0/sheriff", "/static/ui/").await;
        browser.click("[data-action=edit-entry]").await;
        write(&browser, "form.editor [name=reason]", "Bug 22").await;
        // A fresh page does not take away what is being written.
        app.update(json!({"trees": ["autoland"], "message_of_the_day": "hello"}))
            .await;
        browser.shows("dl.facts", "hello").await;
        browser.click("form.editor button").await;
        browser.shows("[data-entry] .why", "Bug 22").await;
        let state = tree(&app, "autoland").await;
        assert_eq!(
            (&state["reason"], &state["tags"]),
            (&json!("Bug 22"), &json!(["infra"]))
        );
        browser.click("[data-action=edit-change]").await;
        write(&browser, "form.editor [name=category]", "").await;
        browser.click("form.editor button").await;
        browser.shows("#said", "Saved.").await;
        let stack = app.result("/stack").await;
        assert_eq!(
            stack[0]["trees"][0]["last_state"]["current_tags"],
            json!([])
        );
        assert_eq!(
            stack[0]["trees"][0]["last_state"]["current_reason"],
            "Bug 22"
        );
        browser.shows(".changes", "Bug 22").await;
        browser.click("[data-action=discard]").await;
        browser.click("#yes").await;
        browser.shows("#said", "Discarded.").await;
        assert_eq!(app.result("/stack").await, json!([]));
        assert_eq!(tree(&app, "autoland").await["status"], "closed");
    }
}

#[actix_web::test]
async fn more_of_a_log_is_added_to_what_is_shown_and_stays() {
    for backend in backends() {
        let fake = taskcluster();
        let Some((app, road, browser)) = start(backend, &fake, &["autoland"]).await else {
            return;
        };
        let change =
            |reason: String| json!({"trees": ["autoland"], "status": "open", "reason": reason});
        for n in 0..60 {
            app.update(change(format!("reason {n:02}"))).await;
        }
        let path = "show/autoland?q=reason&who=sheriff";
        browser
            .go(&format!("{}{HOME}{path}&limit=5", road.url()))
            .await;
        browser.shows("#connection", "Live").await;
        let shown = "return document.querySelectorAll('[data-entry]').length";
        assert_eq!(browser.run(shown).await, json!(5));
        browser.click("#more").await;
        browser.shows("[data-live=log]", "reason 05").await;
        assert_eq!(browser.run(shown).await, json!(55));
        browser.shows("[data-live=log]", "reason 59").await;
        browser.arrives(&format!("{path}&limit=55")).await;
        // What happens meanwhile comes on top and takes nothing of that away.
        app.update(change("reason new".to_owned())).await;
        browser.shows("[data-live=log]", "reason new").await;
        browser.shows("[data-live=log]", "reason 06").await;
        browser.click("#more").await;
        browser.shows("[data-live=log]", "reason 00").await;
        hides(&browser, "#more").await;
        browser.run("Array.from(document.querySelectorAll('[data-live=log] a')).find((a) => a.textContent === 'Back to the newest').click()").await;
        // A search shows 50.
        eventually(PATIENCE, || async {
            (browser.run(shown).await == json!(50)).then_some(())
        })
        .await;
        browser.shows("[data-live=log]", "reason new").await;
    }
}

#[actix_web::test]
async fn trees_are_added_and_deleted_after_a_confirmation() {
    for backend in backends() {
        let fake = taskcluster();
        let Some((app, road, browser)) = start(backend, &fake, &["autoland"]).await else {
            return;
        };
        browser.go(&format!("{}{HOME}", road.url())).await;
        browser.sign_in("demo-auth0/admin", "/static/ui/").await;
        browser.click("#add").await;
        browser.arrives("/add").await;
        write(&browser, "#name", "autoland").await;
        browser.click("#submit").await;
        browser.shows("#alert", "tree already exists").await;
        write(&browser, "#name", "with blank").await;
        browser.click("#submit").await;
        browser
            .shows("#said", "Added with blank. It is closed.")
            .await;
        let made = tree(&app, "with%20blank").await;
        assert_eq!(
            (&made["status"], &made["reason"]),
            (&json!("closed"), &json!("new tree"))
        );
        browser.click("input[value='with blank']").await;
        browser.click("#delete").await;
        browser.arrives("/delete?tree=with+blank").await;
        browser.click("#submit").await;
        browser
            .shows(
                "#alert",
                "You need to confirm to be able to delete tree(s).",
            )
            .await;
        browser.click("#sure").await;
        browser.click("#submit").await;
        browser.shows("#said", "Deleted with blank.").await;
        assert_eq!(app.anonymous().get("/trees/with%20blank").await.status, 404);
        assert_eq!(app.anonymous().get("/trees/autoland").await.status, 200);
    }
}

#[actix_web::test]
async fn a_shift_needs_no_mouse_and_keys_leave_fields_alone() {
    let fake = taskcluster();
    let Some((app, road, browser)) = start(Backend::Sqlite, &fake, &["autoland", "try"]).await
    else {
        return;
    };
    browser.go(&format!("{}{HOME}", road.url())).await;
    press(&browser, "c").await;
    browser
        .shows("#said", "This needs somebody who is signed in")
        .await;
    browser.sign_in("demo-auth0/sheriff", "/static/ui/").await;
    browser.shows("#selected", "You need").await;
    press(&browser, "?").await;
    browser.shows("#help", "undo the newest change").await;
    browser.click("#help button").await;
    press(&browser, "/").await;
    let focus = "return document.activeElement.id || document.activeElement.textContent";
    assert_eq!(browser.run(focus).await, json!("q"));
    press(&browser, "x").await;
    press(&browser, "Escape").await;
    browser.shows("#selected", "You need").await;
    press(&browser, "j").await;
    press(&browser, "j").await;
    assert_eq!(browser.run(focus).await, json!("try"));
    press(&browser, "x").await;
    browser.shows("#selected", "1 selected: try").await;
    press(&browser, "c").await;
    browser.arrives("/update?tree=try&status=closed").await;
    assert_eq!(
        browser
            .run("return document.querySelector('#status').value")
            .await,
        json!("closed")
    );
    browser.shows("#connection", "Live").await;
    browser.click("input[value=other]").await;
    write(&browser, "#reason", "bug 5").await;
    write(&browser, "#motd", "see you").await;
    browser.click("#submit").await;
    browser.shows("#said", "Closed try.").await;
    let state = tree(&app, "try").await;
    assert_eq!(
        (&state["status"], &state["message_of_the_day"]),
        (&json!("closed"), &json!("see you"))
    );
}

#[actix_web::test]
async fn a_sign_in_that_was_not_begun_here_and_one_that_was_revoked_are_refused() {
    let fake = taskcluster();
    let Some((_app, road, browser)) = start(Backend::Sqlite, &fake, &["autoland"]).await else {
        return;
    };
    browser
        .go(&format!(
            "{}/static/login.html?code=stolen&state=guessed",
            road.url()
        ))
        .await;
    browser
        .shows("#outcome", "this sign-in was not begun here")
        .await;
    browser
        .go(&format!(
            "{}/static/login.html?action=login&taskcluster_url=https://evil.example.com",
            road.url()
        ))
        .await;
    browser.shows("#outcome", "this page signs in at").await;
    assert_eq!(browser.run("return localStorage.length").await, json!(0));
    browser.go(&format!("{}{HOME}", road.url())).await;
    browser.sign_in("demo-auth0/reader", "/static/ui/").await;
    browser
        .shows("#alert", "may look at trees, but not change them")
        .await;
    let stored = "return Object.keys(localStorage).sort()";
    assert_eq!(
        browser.run(stored).await,
        json!([
            "taskcluster_login_access_token",
            "taskcluster_login_client_id",
            "taskcluster_login_expires"
        ])
    );
    fake.state().remove_client("demo-auth0/reader");
    browser.go(&format!("{}{HOME}", road.url())).await;
    browser
        .shows("#alert", "Your sign-in does not hold any more")
        .await;
    assert!(browser.sees("#sign-in").await);
    assert_eq!(browser.run(stored).await, json!([]));
}

#[actix_web::test]
async fn no_page_is_wider_than_a_phone() {
    let fake = taskcluster();
    let Some((app, road, _)) = start(Backend::Sqlite, &fake, &["autoland"]).await else {
        return;
    };
    let Some(browser) = Browser::open(500, 800).await else {
        return;
    };
    let reason = "a-word-without-any-place-to-break-it-".repeat(8);
    let close = json!({
        "trees": ["autoland"], "status": "closed", "reason": reason, "tags": ["infra"], "remember": true,
    });
    app.update(close).await;
    browser.go(&format!("{}{HOME}", road.url())).await;
    browser.sign_in("demo-auth0/admin", "/static/ui/").await;
    for path in [
        "",
        "add",
        "update?tree=autoland",
        "delete?tree=autoland",
        "show/autoland",
        "statistics/autoland",
    ] {
        browser.go(&format!("{}{HOME}{path}", road.url())).await;
        browser.shows("#connection", "Live").await;
        let scrolls = browser
            .run("return document.documentElement.scrollWidth > window.innerWidth")
            .await;
        assert_eq!(scrolls, json!(false), "{path} is wider than the window");
    }
}
