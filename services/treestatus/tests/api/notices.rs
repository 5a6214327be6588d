// SPDX-License-Identifier: MPL-2.0
//! What others are told of changes: Pulse, Statuspage, mails.

mod kill;
mod kill_page;
mod listener;
mod page;
pub(crate) mod processes;
mod pulse;
mod pulse_faults;
mod random;
mod trouble;

use std::time::Duration;

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use releng_testkit::requirement::requires;
use serde_json::{Value, json};

use crate::App;

/// Longest time that a message may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the address of the broker; `None`: there is none, which was said.
fn broker() -> Option<String> {
    requires("rabbitmq")
}

/// Returns the port of an address of the form `amqp://user:password@127.0.0.1:PORT/%2f`.
fn port_of(url: &str) -> u16 {
    let (_, rest) = url.rsplit_once(':').unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

/// Returns an exchange that no other test has and that the user `pulse` may make.
fn exchange() -> String {
    format!("exchange/pulse/test-{}", uuid::Uuid::new_v4())
}

/// Settings that switch Pulse on.
fn pulse_settings(port: u16, exchange: &str) -> Vec<(&'static str, String)> {
    vec![
        ("PULSE_TREESTATUS_ENABLE", "1".to_owned()),
        ("PULSE_TREESTATUS_EXCHANGE", exchange.to_owned()),
        ("PULSE_USER", "pulse".to_owned()),
        ("PULSE_PASSWORD", "pulse".to_owned()),
        ("PULSE_HOST", "127.0.0.1".to_owned()),
        ("PULSE_PORT", port.to_string()),
        ("PULSE_USE_SSL", "false".to_owned()),
        ("PULSE_CONNECTION_TIMEOUT", "1".to_owned()),
        ("OUTBOX_RETRY_MAX_SECONDS", "1".to_owned()),
        ("OUTBOX_LEASE_SECONDS", "1".to_owned()),
    ]
}

/// Starts an app with more settings.
async fn start(backend: Backend, settings: &[(&str, String)]) -> App {
    let builder = TestAppBuilder::new(backend)
        .with_client("demo/admin", &["project:releng:services/treestatus/*"])
        .with_client(
            "demo/sheriff",
            &[
                "project:releng:treestatus/trees/update",
                "project:releng:treestatus/recent_changes/revert",
            ],
        );
    let builder = settings
        .iter()
        .fold(builder, |builder, (name, value)| builder.set(name, value));
    App(builder.start().await)
}

impl App {
    /// Sets the status of trees, which must be answered 204.
    async fn set(&self, trees: &[&str], status: &str, reason: &str, tags: &[&str]) {
        let body = json!({"trees": trees, "status": status, "reason": reason, "tags": tags});
        let answer = self.update(body).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// Returns the heartbeat, which must be answered 200.
    async fn heartbeat(&self) -> Value {
        let answer = self.anonymous().get("/__heartbeat__").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// Returns how many messages are in the outbox, those that were sent included.
async fn outbox_length(database_url: &str) -> i64 {
    count(database_url, "TRUE").await
}

/// Returns how many messages wait.
async fn waiting(database_url: &str) -> i64 {
    count(database_url, "ended_at IS NULL").await
}

async fn count(database_url: &str, condition: &str) -> i64 {
    use diesel::prelude::*;

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let sql = format!("SELECT COUNT(*) AS n FROM releng_treestatus_outbox WHERE {condition}");
    let db = releng_db::Db::connect(database_url, 2, PATIENCE).unwrap();
    db.read(move |conn| Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.n))
        .await
        .unwrap()
}
