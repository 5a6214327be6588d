// SPDX-License-Identifier: MPL-2.0
//! Accepted changes survive `kill -9`, and SIGTERM ends with status 0.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use releng_testkit::process::Process;
use releng_testkit::temp;
use serde_json::json;

use crate::notices::processes::{get, send};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-treestatus");

#[tokio::test(flavor = "multi_thread")]
async fn every_answered_change_is_there_after_kill_9() {
    let folder = temp::dir();
    let clients = folder.path().join("clients.yaml");
    let scopes = ["project:releng:services/treestatus/*"];
    let client = json!([{"clientId": "demo/admin", "accessToken": "demo-token", "scopes": scopes}]);
    std::fs::write(&clients, client.to_string()).unwrap();
    let clients = clients.display().to_string();
    let settings = [("AUTH_CLIENTS_FILE", clients.as_str())];

    let mut process = Process::serve(BINARY, folder.path(), &settings);
    let tree = json!({"tree": "a", "status": "open", "reason": "", "message_of_the_day": ""});
    assert_eq!(
        send(process.address(), "PUT", "/trees/a", &tree)
            .await
            .unwrap(),
        204
    );
    let answered = Arc::new(AtomicUsize::new(0));
    for round in 1..=8 {
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn({
            let (address, stop, answered) = (
                process.address().to_owned(),
                Arc::clone(&stop),
                Arc::clone(&answered),
            );
            async move {
                while !stop.load(Ordering::SeqCst) {
                    let next = answered.load(Ordering::SeqCst) + 1;
                    let body = json!({
                        "trees": ["a"], "status": "closed", "reason": next.to_string(),
                        "tags": ["other"], "remember": true,
                    });
                    match send(&address, "PATCH", "/trees", &body).await {
                        Ok(204) => answered.store(next, Ordering::SeqCst),
                        Ok(status) => panic!("{status}"),
                        Err(_) => return,
                    }
                }
            }
        });
        let goal = round * 6;
        while answered.load(Ordering::SeqCst) < goal {
            tokio::task::yield_now().await;
        }
        process.kill();
        stop.store(true, Ordering::SeqCst);
        writer.await.unwrap();
        process = Process::serve(BINARY, folder.path(), &settings);
        let last = answered.load(Ordering::SeqCst);
        let state = get(process.address(), "/trees/a").await.unwrap()["result"].clone();
        let log = get(process.address(), "/trees/a/logs_all").await.unwrap()["result"].clone();
        let stack = get(process.address(), "/stack").await.unwrap()["result"].clone();
        let reason: usize = state["reason"].as_str().unwrap().parse().unwrap();
        // The last request may have been committed and cut off before its answer.
        assert!(
            reason == last || reason == last + 1,
            "{reason} after {last}"
        );
        assert_eq!(log[0]["id"], state["log_id"]);
        assert_eq!(log[0]["reason"], state["reason"]);
        assert_eq!(
            stack.as_array().unwrap().len(),
            log.as_array().unwrap().len()
        );
        answered.store(reason, Ordering::SeqCst);
    }
    assert!(process.terminate().success());
}
