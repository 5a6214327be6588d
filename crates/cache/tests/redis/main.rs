// SPDX-License-Identifier: MPL-2.0
//! The cache in Redis: the contract against a real server, and what remains when the server is
//! away, silent or back again.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod forwarder;
mod outages;
mod server;
mod sharing;

use std::sync::Arc;

use releng_cache::{Handle, Options, RedisCache, suite};
use uuid::Uuid;

/// A prefix that no other test has.
fn own_prefix() -> String {
    format!("demo-{}:", Uuid::new_v4().simple())
}

fn cache_at(url: &str, options: Options) -> Handle {
    Arc::new(RedisCache::new(url, &options).unwrap())
}

async fn make() -> Option<Handle> {
    let options = Options {
        prefix: own_prefix(),
        ignore_faults: false,
        ..suite::options()
    };
    std::future::ready(server::given_url().map(|url| cache_at(&url, options))).await
}

releng_cache::cache_suite!(make);
