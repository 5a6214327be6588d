// SPDX-License-Identifier: MPL-2.0
//! `kill -9` while incidents are made and resolved. Statuspage has no order of its own and no ids of
//! ours, so an attempt that died half way must neither be lost nor made twice.
//!
//! `RELENG_KILL_ROUNDS` says how often.

use std::time::{Duration, SystemTime};

use releng_testkit::database::backends;
use releng_testkit::poll::eventually;
use releng_testkit::requirement::rounds;
use serde_json::{Value, json};

use super::page::World;
use super::processes::{Installation, make_tree, send};
use super::random::Random;
use super::{PATIENCE, waiting};

/// Longest life of a process.
const LIFE_MS: u64 = 300;

fn change(tree: &str, status: &str) -> Value {
    json!({"trees": [tree], "status": status, "reason": "bug 1", "tags": ["infra"]})
}

/// Returns how many incidents of a component are not resolved.
fn open_incidents(world: &World, component: &str) -> usize {
    let incidents = world.page.incidents();
    let is_open = |incident: &&Value| {
        incident["status"] != "resolved" && incident["components"].get(component).is_some()
    };
    incidents.iter().filter(is_open).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_in_the_end_what_the_trees_say() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = u64::try_from(now.unwrap().as_nanos()).unwrap() | 1;
    let mut random = Random::new(seed);
    for backend in backends() {
        let world = World::new();
        let installation = Installation::new(backend, world.settings());
        let mut process = installation.start().await;
        for tree in ["a", "b"] {
            make_tree(process.address(), tree).await;
        }
        for _ in 0..rounds("RELENG_KILL_ROUNDS", 24) {
            let address = process.address().to_owned();
            let changing = async {
                for n in 0.. {
                    let (tree, status) = (["a", "b"][n % 2], ["closed", "open"][n / 2 % 2]);
                    match send(&address, "PATCH", "/trees", &change(tree, status)).await {
                        Ok(status) => assert_eq!(status, 204, "seed {seed}"),
                        Err(_) => break,
                    }
                }
            };
            let killing = async {
                // Not a wait for something: the moment of the kill is what is random here.
                tokio::time::sleep(Duration::from_millis(random.next(LIFE_MS))).await;
                process.kill();
            };
            tokio::join!(changing, killing);
            process = installation.start().await;
        }
        for (tree, status) in [("a", "closed"), ("b", "open")] {
            let sent = send(process.address(), "PATCH", "/trees", &change(tree, status)).await;
            assert_eq!(sent.unwrap(), 204);
        }
        eventually(PATIENCE, || async {
            (waiting(installation.url()).await == 0).then_some(())
        })
        .await;
        assert_eq!(open_incidents(&world, "component1"), 1, "seed {seed}");
        assert_eq!(open_incidents(&world, "component2"), 0, "seed {seed}");
        assert_ne!(world.page.incidents().len(), 0);
        assert!(process.terminate().success());
    }
}
