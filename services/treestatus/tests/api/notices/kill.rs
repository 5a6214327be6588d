// SPDX-License-Identifier: MPL-2.0
//! `kill -9` at random moments of updates, restores, discards and sending. What was answered is there
//! afterwards: in the tree, in its log, on the stack and, in order, at the broker.
//!
//! `RELENG_KILL_ROUNDS` says how often; `deploy/load/kill-treestatus` runs thousands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use releng_testkit::database::backends;
use releng_testkit::poll::eventually;
use releng_testkit::requirement::rounds;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::listener::{Listener, assert_chain};
use super::processes::{Installation, expected, get, make_tree, result, send};
use super::random::Random;
use super::{PATIENCE, broker, exchange, port_of, pulse_settings, waiting};

/// Trees, each with a client of its own.
const TREES: usize = 4;
/// Longest life of a process.
const LIFE_MS: u64 = 500;

/// One client: it changes its tree and knows what was answered.
struct Driver {
    tree: String,
    address: watch::Receiver<String>,
    random: Random,
    number: usize,
    /// Reasons of changes that were answered.
    answered: BTreeSet<String>,
    /// Reasons of remembered changes that must be on the stack.
    remembered: BTreeSet<String>,
    /// Reasons of remembered changes of which nobody knows whether they are.
    unsure: BTreeSet<String>,
}

impl Driver {
    async fn run(mut self, stop: CancellationToken) -> Self {
        while !stop.is_cancelled() {
            let is_answered = match self.random.next(4) {
                0 => self.take().await,
                _ => self.update().await,
            };
            if !is_answered {
                // The process is gone: the next one has another address.
                let _ =
                    tokio::time::timeout(Duration::from_millis(100), self.address.changed()).await;
            }
        }
        self
    }

    fn address(&self) -> String {
        self.address.borrow().clone()
    }

    async fn update(&mut self) -> bool {
        self.number += 1;
        let index = usize::try_from(self.random.next(3)).unwrap();
        let (status, remember) = (
            ["open", "closed", "approval required"][index],
            self.random.next(2) == 0,
        );
        let reason = format!("{}-{}", self.tree, self.number);
        let body = json!({
            "trees": [self.tree], "status": status, "reason": reason, "tags": ["other"],
            "remember": remember,
        });
        let answer = send(&self.address(), "PATCH", "/trees", &body).await;
        match answer {
            Ok(204) => {
                self.answered.insert(reason.clone());
                if remember {
                    self.remembered.insert(reason);
                }
                true
            }
            Ok(status) => panic!("{status} for {body}"),
            Err(_) => {
                self.unsure.insert(reason);
                false
            }
        }
    }

    /// Restores or discards a change that is surely on the stack.
    async fn take(&mut self) -> bool {
        let Ok(stack) = get(&self.address(), "/stack").await else {
            return false;
        };
        let ours = stack["result"]
            .as_array()
            .unwrap()
            .iter()
            .find_map(|change| {
                let reason = change["reason"].as_str().unwrap().to_owned();
                self.remembered
                    .contains(&reason)
                    .then(|| (change["id"].as_i64().unwrap(), reason))
            });
        let Some((id, reason)) = ours else {
            return true;
        };
        let what = if self.random.next(2) == 0 {
            "restore"
        } else {
            "discard"
        };
        self.remembered.remove(&reason);
        let path = format!("/stack2/{what}/{id}");
        match send(&self.address(), "DELETE", &path, &Value::Null).await {
            Ok(204) => true,
            Ok(status) => panic!("{status} for {path}"),
            Err(_) => {
                self.unsure.insert(reason);
                false
            }
        }
    }

    /// Checks what is left against what was answered.
    async fn check(&self, listener: &Listener) {
        let address = self.address();
        let tree = result(&address, &format!("/trees/{}", self.tree)).await;
        let log = result(&address, &format!("/trees/{}/logs_all", self.tree)).await;
        let newest = &log[0];
        for (of_tree, of_log) in [("log_id", "id"), ("status", "status"), ("reason", "reason")] {
            assert_eq!(tree[of_tree], newest[of_log], "{tree} {newest}");
        }
        let reasons: BTreeSet<String> = reasons(&log, |_| true);
        assert!(self.answered.is_subset(&reasons), "{}", self.tree);
        let stack = result(&address, "/stack").await;
        let is_ours = |change: &Value| change["trees"][0]["tree"] == self.tree.as_str();
        let stacked = self::reasons(&stack, is_ours);
        assert!(self.remembered.is_subset(&stacked), "{}", self.tree);
        let surplus: Vec<_> = stacked
            .iter()
            .filter(|reason| !self.remembered.contains(*reason) && !self.unsure.contains(*reason))
            .collect();
        assert!(surplus.is_empty(), "{surplus:?}");
        let told = listener.about(&self.tree);
        let ids: Vec<String> = told.iter().map(|heard| heard.id.clone()).collect();
        assert_eq!(ids, expected(&self.tree, &log));
        assert_chain(&told);
    }
}

fn reasons(list: &Value, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let list = list.as_array().unwrap().iter().filter(|item| wanted(item));
    list.map(|item| item["reason"].as_str().unwrap().to_owned())
        .collect()
}

/// Every tree shows its newest log entry, also right after a crash. Clients go on meanwhile, so only a
/// log that was read between two equal states of its tree says something.
async fn assert_whole(address: &str) {
    for n in 0..TREES {
        let path = format!("/trees/tree{n}");
        let (tree, log) = eventually(PATIENCE, || async {
            let before = result(address, &path).await;
            let log = result(address, &format!("{path}/logs")).await;
            (before == result(address, &path).await).then_some((before, log))
        })
        .await;
        if let Some(newest) = log.as_array().unwrap().first() {
            assert_eq!(tree["log_id"], newest["id"]);
            assert_eq!(tree["status"], newest["status"]);
            assert_eq!(tree["reason"], newest["reason"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_may_be_killed_at_any_moment() {
    let Some(url) = broker() else { return };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = u64::try_from(now.unwrap().as_nanos()).unwrap() | 1;
    let mut random = Random::new(seed);
    for backend in backends() {
        let exchange = exchange();
        let mut listener = Listener::start(&url, &exchange).await;
        let settings = pulse_settings(port_of(&url), &exchange);
        let installation = Arc::new(Installation::new(backend, settings));
        let mut process = installation.start().await;
        for n in 0..TREES {
            make_tree(process.address(), &format!("tree{n}")).await;
        }
        let (address, watching) = watch::channel(process.address().to_owned());
        let stop = CancellationToken::new();
        let clients: Vec<_> = (0..TREES)
            .map(|n| {
                let driver = Driver {
                    tree: format!("tree{n}"),
                    address: watching.clone(),
                    random: Random::new(random.next(u64::MAX) | 1),
                    number: 0,
                    answered: BTreeSet::new(),
                    remembered: BTreeSet::new(),
                    unsure: BTreeSet::new(),
                };
                tokio::spawn(driver.run(stop.clone()))
            })
            .collect();
        for _ in 0..rounds("RELENG_KILL_ROUNDS", 24) {
            // Not a wait for something: the moment of the kill is what is random here.
            tokio::time::sleep(Duration::from_millis(random.next(LIFE_MS))).await;
            process.kill();
            process = installation.start().await;
            address.send_replace(process.address().to_owned());
            assert_whole(process.address()).await;
        }
        stop.cancel();
        let mut drivers = Vec::new();
        for client in clients {
            drivers.push(client.await.unwrap());
        }
        let mut wanted = 0;
        for driver in &drivers {
            let path = format!("/trees/{}/logs_all", driver.tree);
            let log = result(process.address(), &path).await;
            wanted += expected(&driver.tree, &log).len();
        }
        listener.until(wanted).await;
        for driver in &drivers {
            driver.check(&listener).await;
        }
        let answered: usize = drivers.iter().map(|driver| driver.answered.len()).sum();
        assert!(answered > 0, "nothing was ever answered: seed {seed}");
        eventually(PATIENCE, || async {
            (waiting(installation.url()).await == 0).then_some(())
        })
        .await;
        assert!(process.terminate().success());
    }
}
