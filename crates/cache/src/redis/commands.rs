// SPDX-License-Identifier: MPL-2.0
//! What is said to Redis. A key has two names there: one for its value, one for the trace that its
//! deletion leaves for a while.

use std::time::Duration;

use deadpool_redis::redis::{Pipeline, pipe};
use uuid::Uuid;

use crate::fence::FENCE_LIFE;
use crate::ttl;

/// Stores a value if the last deletion is still the one that the caller saw, and no value is there.
const SET_FENCED: &str = "\
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1";

/// Builds commands for the keys below one prefix.
#[derive(Debug)]
pub(crate) struct Commands {
    prefix: String,
}

impl Commands {
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn ping(&self) -> Pipeline {
        let mut pipeline = pipe();
        pipeline.cmd("PING");
        pipeline
    }

    pub(crate) fn get(&self, key: &str) -> Pipeline {
        let mut pipeline = pipe();
        pipeline.cmd("GET").arg(self.value(key));
        pipeline
    }

    pub(crate) fn exists(&self, key: &str) -> Pipeline {
        let mut pipeline = pipe();
        pipeline.cmd("EXISTS").arg(self.value(key));
        pipeline
    }

    pub(crate) fn get_fenced(&self, key: &str) -> Pipeline {
        let mut pipeline = pipe();
        pipeline
            .cmd("MGET")
            .arg(self.value(key))
            .arg(self.trace(key));
        pipeline
    }

    pub(crate) fn set(&self, key: &str, value: &[u8], ttl: Option<Duration>) -> Pipeline {
        let mut pipeline = pipe();
        pipeline.cmd("SET").arg(self.value(key)).arg(value);
        add_ttl(&mut pipeline, ttl);
        pipeline.ignore();
        pipeline
    }

    pub(crate) fn set_if_absent(&self, key: &str, value: &[u8], ttl: Option<Duration>) -> Pipeline {
        let mut pipeline = pipe();
        pipeline
            .cmd("SET")
            .arg(self.value(key))
            .arg(value)
            .arg("NX");
        add_ttl(&mut pipeline, ttl);
        pipeline
    }

    pub(crate) fn set_fenced(
        &self,
        key: &str,
        value: &[u8],
        ttl: Option<Duration>,
        seen: &[u8],
    ) -> Pipeline {
        let ttl = ttl
            .map(|ttl| ttl::millis(ttl).to_string())
            .unwrap_or_default();
        let mut pipeline = pipe();
        pipeline
            .cmd("EVAL")
            .arg(SET_FENCED)
            .arg(2)
            .arg(self.value(key))
            .arg(self.trace(key));
        pipeline.arg(seen).arg(value).arg(ttl);
        pipeline
    }

    /// Both steps in one transaction: a counter without its time to live would never end.
    pub(crate) fn incr(&self, key: &str, ttl: Option<Duration>) -> Pipeline {
        let mut pipeline = pipe();
        pipeline.atomic();
        pipeline.cmd("SET").arg(self.value(key)).arg(0).arg("NX");
        add_ttl(&mut pipeline, ttl);
        pipeline.ignore();
        pipeline.cmd("INCR").arg(self.value(key));
        pipeline
    }

    /// Removes the values and leaves traces with a name that no other deletion has.
    pub(crate) fn delete<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Pipeline {
        let deletion = Uuid::new_v4().simple().to_string();
        let life_millis = ttl::millis(FENCE_LIFE);
        let mut pipeline = pipe();
        pipeline.atomic();
        for key in keys {
            pipeline.cmd("UNLINK").arg(self.value(key)).ignore();
            pipeline.cmd("SET").arg(self.trace(key)).arg(&deletion);
            pipeline.arg("PX").arg(life_millis).ignore();
        }
        pipeline
    }

    fn value(&self, key: &str) -> String {
        format!("{}v:{key}", self.prefix)
    }

    fn trace(&self, key: &str) -> String {
        format!("{}d:{key}", self.prefix)
    }
}

fn add_ttl(pipeline: &mut Pipeline, ttl: Option<Duration>) {
    if let Some(ttl) = ttl {
        pipeline.arg("PX").arg(ttl::millis(ttl));
    }
}
