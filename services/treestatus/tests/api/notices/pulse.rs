// SPDX-License-Identifier: MPL-2.0
//! Which messages come, what they hold, and in which order.

use chrono::NaiveDateTime;
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;
use releng_testkit::requirement::amqps;
use serde_json::json;

use super::listener::{Listener, assert_chain};
use super::{PATIENCE, broker, exchange, outbox_length, port_of, pulse_settings, start, waiting};
use crate::App;

#[actix_web::test]
async fn each_change_of_a_status_is_one_message_in_the_envelope_of_the_predecessor() {
    let Some(url) = broker() else { return };
    for backend in backends() {
        let exchange = exchange();
        let mut listener = Listener::start(&url, &exchange).await;
        let app = start(backend, &pulse_settings(port_of(&url), &exchange)).await;
        app.tree("a").await;
        app.tree("with blank").await;
        // None of these is a change of a status.
        app.set(&["a"], "open", "still open", &[]).await;
        app.update(json!({"trees": ["a"], "reason": "another"}))
            .await;
        app.update(json!({"trees": ["a"], "message_of_the_day": "hello ü"}))
            .await;
        app.set(&["a", "with blank"], "closed", "bug 1", &["infra"])
            .await;
        let heard = [listener.next().await, listener.next().await];
        let log_id = app.result("/trees/a").await["log_id"].clone();
        let first = &heard[0];
        let sent = first.body["_meta"]["sent"].as_str().unwrap().to_owned();
        assert!(NaiveDateTime::parse_from_str(&sent, "%Y-%m-%dT%H:%M:%S%.6f").is_ok());
        assert_eq!(
            first.body,
            json!({
                "payload": {
                    "status_from": "open", "status_to": "closed", "tags": ["infra"],
                    "tree": {
                        "tree": "a", "status": "closed", "reason": "bug 1",
                        "message_of_the_day": "hello ü",
                    },
                },
                "_meta": {
                    "exchange": exchange, "routing_key": "tree/a/status_change",
                    "serializer": "json", "sent": sent,
                },
            })
        );
        assert_eq!(first.id, format!("a:{log_id}"));
        assert_eq!(first.routing_key, "tree/a/status_change");
        assert_eq!(first.media_type, "application/json");
        assert_eq!(first.delivery_mode, Some(2));
        assert_eq!(heard[1].routing_key, "tree/with blank/status_change");
    }
}

#[actix_web::test]
async fn a_restore_is_told_and_a_discard_is_not() {
    let Some(url) = broker() else { return };
    for backend in backends() {
        let exchange = exchange();
        let mut listener = Listener::start(&url, &exchange).await;
        let app = start(backend, &pulse_settings(port_of(&url), &exchange)).await;
        app.tree("a").await;
        for status in ["closed", "approval required"] {
            let body = json!({
                "trees": ["a"], "status": status, "reason": "r", "tags": ["other"], "remember": true,
            });
            assert_eq!(app.update(body).await.status, 204);
        }
        let stack = app.result("/stack").await;
        let restored = app
            .sheriff()
            .delete(&format!("/stack2/restore/{}", stack[1]["id"]))
            .await;
        let discarded = app
            .sheriff()
            .delete(&format!("/stack2/discard/{}", stack[0]["id"]))
            .await;
        assert_eq!((restored.status, discarded.status), (204, 204));
        app.set(&["a"], "closed", "the end", &["other"]).await;
        listener.until(4).await;
        let told: Vec<_> = listener
            .about("a")
            .iter()
            .map(|heard| heard.payload("status_to").to_owned())
            .collect();
        assert_eq!(told, ["closed", "approval required", "open", "closed"]);
        assert_chain(&listener.about("a"));
        let url = app.0.database.url();
        eventually(PATIENCE, || async move {
            (waiting(url).await == 0).then_some(())
        })
        .await;
    }
}

#[actix_web::test]
async fn nothing_is_kept_for_a_broker_that_is_off() {
    for backend in backends() {
        let app = App::start(backend).await;
        app.tree("a").await;
        app.set(&["a"], "closed", "r", &["infra"]).await;
        app.set(&["a"], "open", "r", &[]).await;
        assert_eq!(outbox_length(app.0.database.url()).await, 0);
        let checks = app.heartbeat().await["checks"].clone();
        assert_eq!(checks, json!({"db": "ok"}));
    }
}

#[actix_web::test]
async fn the_connection_is_encrypted_and_the_authority_is_checked() {
    let Some(url) = broker() else { return };
    let (secure, authority) = amqps();
    for is_trusted in [true, false] {
        let exchange = exchange();
        let mut listener = Listener::start(&url, &exchange).await;
        let mut settings = pulse_settings(port_of(&secure), &exchange);
        settings.retain(|(name, _)| !["PULSE_USE_SSL", "PULSE_HOST"].contains(name));
        settings.push(("PULSE_HOST", "localhost".to_owned()));
        if is_trusted {
            settings.push(("PULSE_CA_FILE", authority.clone()));
        }
        let app = start(Backend::Sqlite, &settings).await;
        app.tree("a").await;
        app.set(&["a"], "closed", "r", &["infra"]).await;
        if is_trusted {
            assert_eq!(listener.next().await.payload("status_to"), "closed");
        } else {
            let heartbeat = app.heartbeat().await;
            assert_eq!(heartbeat["checks"]["pulse"], "warning", "{heartbeat}");
            assert_eq!(waiting(app.0.database.url()).await, 1);
        }
    }
}
