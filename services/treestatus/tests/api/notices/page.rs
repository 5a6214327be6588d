// SPDX-License-Identifier: MPL-2.0
//! Incidents on Statuspage, and mails when it cannot be told.

use releng_testkit::database::{Backend, backends};
use releng_testkit::fake_statuspage::{FakeStatuspage, Seen};
use releng_testkit::fake_taskcluster::{Client, Config, FakeTaskcluster, Link, Mail};
use releng_testkit::misbehaviour::Behaviour;
use releng_testkit::poll::eventually;
use serde_json::{Value, json};

use super::{PATIENCE, start, waiting};
use crate::App;

const ADDRESS: &str = "demo@example.org";

/// A page, the mails about it, and the settings for both.
pub(super) struct World {
    pub(super) page: FakeStatuspage,
    taskcluster: FakeTaskcluster,
}

impl World {
    pub(super) fn new() -> Self {
        let scope = format!("notify:email:{ADDRESS}");
        let client = Client::new("demo/treestatus", "demo-mail-key", &[&scope]);
        Self {
            page: FakeStatuspage::start("page1", "page-key"),
            taskcluster: FakeTaskcluster::start(Config {
                clients: vec![client],
                ..Config::default()
            }),
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let pairs = [
            ("STATUSPAGE_ENABLE", "1"),
            ("STATUSPAGE_TOKEN", "page-key"),
            ("STATUSPAGE_PAGE_ID", "page1"),
            ("STATUSPAGE_COMPONENTS", "a:component1;b:component2"),
            ("STATUSPAGE_TAGS", "infra;backlog"),
            ("STATUSPAGE_NOTIFY_ON_ERROR", ADDRESS),
            ("STATUSPAGE_API_URL", self.page.url()),
            ("STATUSPAGE_TIMEOUT_SECONDS", "1"),
            ("TASKCLUSTER_ROOT_URL", self.taskcluster.url()),
            ("TASKCLUSTER_CLIENT_ID", "demo/treestatus"),
            ("TASKCLUSTER_ACCESS_TOKEN", "demo-mail-key"),
            ("OUTBOX_RETRY_MAX_SECONDS", "1"),
            ("OUTBOX_LEASE_SECONDS", "1"),
        ];
        pairs.map(|(name, value)| (name, value.to_owned())).to_vec()
    }

    async fn app(&self, backend: Backend) -> App {
        let app = start(backend, &self.settings()).await;
        for name in ["a", "b", "c"] {
            app.tree(name).await;
        }
        app
    }

    /// Waits until nothing waits any more and returns what the page was asked.
    async fn settled(&self, app: &App) -> Vec<Seen> {
        let url = app.0.database.url();
        eventually(PATIENCE, || async move {
            (waiting(url).await == 0).then_some(())
        })
        .await;
        self.page.seen()
    }

    async fn mails(&self, count: usize) -> Vec<Mail> {
        eventually(PATIENCE, || {
            let mails = self.taskcluster.mails();
            std::future::ready((mails.len() >= count).then_some(mails))
        })
        .await
    }

    fn incident(&self, index: usize) -> Value {
        self.page.incidents()[index].clone()
    }
}

fn asked(method: &str, path: &str, body: Value) -> Seen {
    Seen {
        method: method.to_owned(),
        path: format!("/pages/page1{path}"),
        body,
    }
}

fn old_incident(id: &str, tree: &str) -> Value {
    json!({"id": id, "name": "old", "status": "identified", "metadata": {"treestatus": {"tree": tree}}})
}

#[actix_web::test]
async fn a_closed_tree_becomes_an_incident_and_its_end_resolves_all_of_them() {
    for backend in backends() {
        let world = World::new();
        let app = world.app(backend).await;
        world.page.add(old_incident("old1", "a"));
        world.page.add(old_incident("other", "b"));
        world
            .page
            .add(json!({"id": "human", "name": "x", "status": "monitoring", "metadata": {}}));
        app.update(json!({"trees": ["a"], "message_of_the_day": "motd"}))
            .await;
        app.set(&["a"], "closed", "bug 1", &["infra"]).await;
        let create = asked(
            "POST",
            "/incidents",
            json!({"incident": {
                "name": "Tree a closed",
                "status": "investigating",
                "components": {"component1": "major_outage"},
                "component_ids": ["component1"],
                "metadata": {"treestatus": {
                    "tree": "a", "status_from": "open", "status_to": "closed",
                }},
                "body": "Message of the day: motd\nReason: bug 1\n",
            }}),
        );
        assert_eq!(world.settled(&app).await, std::slice::from_ref(&create));
        app.set(&["a"], "approval required", "r", &["other"]).await;
        let end = json!({"incident": {
            "status": "resolved", "components": {"component1": "operational"},
        }});
        assert_eq!(
            world.settled(&app).await,
            [
                create,
                asked("GET", "/incidents/unresolved", Value::Null),
                asked("PATCH", "/incidents/incident4", end.clone()),
                asked("PATCH", "/incidents/old1", end),
            ]
        );
        assert_eq!(world.incident(1)["status"], "identified");
        assert_eq!(world.incident(2)["status"], "monitoring");
        // Nothing to resolve is fine.
        app.set(&["a"], "closed", "r", &["other"]).await;
        app.set(&["a"], "open", "r", &[]).await;
        world.settled(&app).await;
        assert_eq!(world.taskcluster.mails(), []);
    }
}

#[actix_web::test]
async fn what_does_not_belong_on_the_page_is_not_told() {
    let world = World::new();
    let app = world.app(Backend::Sqlite).await;
    app.set(&["a"], "closed", "another tag", &["other"]).await;
    app.set(&["b"], "closed", "two tags", &["infra", "backlog"])
        .await;
    app.set(&["b"], "open", "two tags", &["infra", "backlog"])
        .await;
    app.set(&["c"], "closed", "no component", &["infra"]).await;
    app.set(&["b"], "approval required", "not closed", &["infra"])
        .await;
    assert_eq!(world.settled(&app).await, []);
    assert_eq!(world.page.hits(), 0);
}

#[actix_web::test]
async fn a_failure_is_reported_once_by_mail_and_tried_again() {
    for backend in backends() {
        let world = World::new();
        let app = world.app(backend).await;
        world.page.set_behaviour_for(2, Behaviour::ServerError);
        app.set(&["a"], "closed", "bug 1", &["infra"]).await;
        world.settled(&app).await;
        assert_eq!(world.page.incidents().len(), 1);
        assert_eq!(
            world.mails(1).await,
            [Mail {
                address: ADDRESS.to_owned(),
                subject: "[treestatus] Error when creating statuspage incident".to_owned(),
                content: "An error occurred when creating the incident for tree `a`: Statuspage \
                          answers 500. It is tried again for a while. Please check the incident by hand."
                    .to_owned(),
                link: Some(Link {
                    text: "Visit statuspage".to_owned(),
                    href: "https://manage.statuspage.io/pages/page1".to_owned(),
                }),
                reply_to: None,
                template: None,
            }]
        );
        world.page.set_behaviour_for(1, Behaviour::Cut);
        app.set(&["a"], "open", "r", &[]).await;
        world.settled(&app).await;
        assert_eq!(world.incident(0)["status"], "resolved");
        let mails = world.mails(2).await;
        assert_eq!(mails.len(), 2);
        assert_eq!(
            mails[1].subject,
            "[treestatus] Error when closing statuspage incident"
        );
        let link = mails[1].link.as_ref().unwrap();
        assert_eq!(link.href, "https://manage.statuspage.io/pages/page1");
    }
}

#[actix_web::test]
async fn an_incident_whose_receipt_is_lost_is_not_made_twice() {
    for backend in backends() {
        let world = World::new();
        let app = world.app(backend).await;
        world.page.hide_creations(1);
        app.set(&["a"], "closed", "bug 1", &["infra"]).await;
        let seen = world.settled(&app).await;
        let methods: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
        assert_eq!(methods, ["POST", "GET"]);
        assert_eq!(world.page.incidents().len(), 1);
        assert_eq!(world.mails(1).await.len(), 1);
    }
}

#[actix_web::test]
async fn a_refusal_is_reported_and_not_repeated() {
    let world = World::new();
    let mut settings = world.settings();
    settings.retain(|(name, _)| *name != "STATUSPAGE_TOKEN");
    settings.push(("STATUSPAGE_TOKEN", "wrong-key".to_owned()));
    let app = start(Backend::Sqlite, &settings).await;
    app.tree("a").await;
    app.set(&["a"], "closed", "bug 1", &["infra"]).await;
    let mails = world.mails(1).await;
    assert_eq!(world.settled(&app).await.len(), 1);
    assert_eq!(
        mails[0].content,
        "An error occurred when creating the incident for tree `a`: Statuspage answers 401. \
         It is not tried again. Please check the incident by hand."
    );
}

#[actix_web::test]
async fn an_incident_that_cannot_be_resolved_is_named_in_the_mail() {
    let world = World::new();
    let app = world.app(Backend::Sqlite).await;
    world.page.add(old_incident("old1", "a"));
    world.page.refuse_update_of("old1");
    world.page.add(old_incident("old2", "a"));
    app.set(&["a"], "closed", "r", &["other"]).await;
    app.set(&["a"], "open", "r", &[]).await;
    let mails = world.mails(1).await;
    world.settled(&app).await;
    assert_eq!(world.incident(1)["status"], "resolved");
    assert_eq!(
        mails[0].subject,
        "[treestatus] Error when closing statuspage incident"
    );
    assert_eq!(
        mails[0].link,
        Some(Link {
            text: "Visit statuspage incident".to_owned(),
            href: "https://manage.statuspage.io/pages/page1/incidents/old1".to_owned(),
        })
    );
}

#[actix_web::test]
async fn a_page_that_hangs_holds_up_nobody_and_a_tree_that_opened_again_needs_no_incident() {
    let world = World::new();
    let app = world.app(Backend::Sqlite).await;
    world.page.set_behaviour(Behaviour::Hang);
    app.set(&["a"], "closed", "bug 1", &["infra"]).await;
    // Reported, so the attempt has failed.
    world.mails(1).await;
    app.set(&["a"], "open", "r", &[]).await;
    world.page.set_behaviour(Behaviour::Normal);
    let seen = world.settled(&app).await;
    assert!(seen.iter().all(|seen| seen.method == "GET"), "{seen:?}");
    assert_eq!(world.page.incidents(), Vec::<Value>::new());
}

#[actix_web::test]
async fn mails_wait_for_a_notify_service_that_is_down() {
    let world = World::new();
    let app = world.app(Backend::Sqlite).await;
    world
        .taskcluster
        .set_behaviour_for(2, Behaviour::ServerError);
    world.page.set_behaviour_for(1, Behaviour::Cut);
    app.set(&["a"], "closed", "r", &["infra"]).await;
    world.settled(&app).await;
    assert_eq!(world.taskcluster.mails().len(), 1);
    assert_eq!(world.taskcluster.hits_of("/email"), 3);
    assert_eq!(world.page.incidents().len(), 1);
}

#[actix_web::test]
async fn missing_settings_are_no_error() {
    let world = World::new();
    for missing in [
        "STATUSPAGE_TOKEN",
        "STATUSPAGE_PAGE_ID",
        "STATUSPAGE_COMPONENTS",
    ] {
        let mut settings = world.settings();
        settings.retain(|(name, _)| *name != missing);
        let app = start(Backend::Sqlite, &settings).await;
        app.tree("a").await;
        app.set(&["a"], "closed", "r", &["infra"]).await;
        app.set(&["a"], "open", "r", &[]).await;
        assert_eq!(super::outbox_length(app.0.database.url()).await, 0);
    }
    let mut settings = world.settings();
    settings.retain(|(name, _)| *name != "TASKCLUSTER_ACCESS_TOKEN");
    let app = start(Backend::Sqlite, &settings).await;
    app.tree("a").await;
    world.page.set_behaviour_for(1, Behaviour::ServerError);
    app.set(&["a"], "closed", "r", &["infra"]).await;
    world.settled(&app).await;
    assert_eq!(world.page.incidents().len(), 1);
    assert_eq!(world.taskcluster.mails(), []);
}
