// SPDX-License-Identifier: MPL-2.0
//! Choice of a cache by URL, and its limits.

use std::sync::Arc;
use std::time::Duration;

use releng_common::{Error, Result};
use url::Url;

use crate::{Handle, MemoryCache, RedisCache};

const KNOWN: &str = "memory, redis, rediss";
const DEFAULT_MEMORY_BYTES: u64 = 64 * 1024 * 1024;

/// Limits and habits of a cache. The defaults are those of a service that must go on without it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Begins every key in Redis, such as `tecken:`, so that services can share a server. Default:
    /// none.
    pub prefix: String,
    /// Longest wait for a connection to Redis. Default: 1 s.
    pub connect_timeout: Duration,
    /// Longest wait for an answer of Redis. Default: 2 s. A call takes at most this and
    /// `connect_timeout` together.
    pub response_timeout: Duration,
    /// Most connections to Redis. Default: 16.
    pub pool_size: usize,
    /// Whether a fault of Redis is logged, counted and answered as if the entry were absent.
    /// Otherwise it is an error of kind `Unavailable`. Default: yes.
    pub ignore_faults: bool,
    /// Most bytes of a key and its value together; larger entries are not kept. Default: 16 MiB.
    pub max_entry_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
            pool_size: 16,
            ignore_faults: true,
            max_entry_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Opens the cache that a URL names: `memory:`, `memory:?max=64MiB`,
/// `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS.
///
/// Does not connect: a server that is away at start is a fault like any other.
pub fn open(url: &str, options: &Options) -> Result<Handle> {
    let parsed = Url::parse(url).map_err(|error| {
        Error::invalid(format!("cache url: not a URL; known schemes: {KNOWN}")).with_source(error)
    })?;
    match parsed.scheme() {
        "memory" => Ok(Arc::new(MemoryCache::new(memory_bytes(&parsed)?, options))),
        "redis" => Ok(Arc::new(RedisCache::new(url, options)?)),
        "rediss" => {
            require_tls_provider()?;
            Ok(Arc::new(RedisCache::new(url, options)?))
        }
        scheme => Err(Error::invalid(format!(
            "cache url: unknown scheme `{scheme}`; known schemes: {KNOWN}"
        ))),
    }
}

/// Without a provider the first connection would panic.
fn require_tls_provider() -> Result<()> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(Error::internal(
            "cache url: rediss needs a rustls provider to be installed first",
        ));
    }
    Ok(())
}

fn memory_bytes(url: &Url) -> Result<u64> {
    if !url.path().is_empty() || url.has_host() || url.fragment().is_some() {
        return Err(Error::invalid(
            "cache url: `memory:` takes nothing but `?max=SIZE`",
        ));
    }
    let mut max = None;
    for (name, value) in url.query_pairs() {
        if name != "max" {
            return Err(Error::invalid(format!(
                "cache url: unknown parameter `{name}`; `memory:` knows: max"
            )));
        }
        if max.replace(size(&value)?).is_some() {
            return Err(Error::invalid("cache url: parameter `max` is given twice"));
        }
    }
    Ok(max.unwrap_or(DEFAULT_MEMORY_BYTES))
}

/// Parses `1048576`, `512KiB`, `64MiB`, `2GiB`.
fn size(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.strip_prefix(digits) {
        Some("" | "B") => 1,
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        Some("GiB") => 1 << 30,
        _ => return Err(bad_size(text)),
    };
    // `parse` would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad_size(text));
    }
    let bytes = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| bad_size(text))
}

fn bad_size(text: &str) -> Error {
    Error::invalid(format!(
        "cache url: max `{text}` is not a size above 0 in B, KiB, MiB or GiB, such as 64MiB"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(url: &str) -> String {
        format!("{:?}", open(url, &Options::default()).unwrap())
    }

    fn refusal(url: &str) -> String {
        open(url, &Options::default())
            .unwrap_err()
            .message()
            .to_owned()
    }

    #[test]
    fn the_size_of_a_memory_cache_has_a_default_and_binary_units() {
        assert_eq!(opened("memory:"), "MemoryCache { max_bytes: 67108864, .. }");
        assert_eq!(
            opened("memory:?max=1048577"),
            "MemoryCache { max_bytes: 1048577, .. }"
        );
        assert_eq!(opened("memory:?max=3B"), "MemoryCache { max_bytes: 3, .. }");
        assert_eq!(
            opened("memory:?max=512KiB"),
            "MemoryCache { max_bytes: 524288, .. }"
        );
        assert_eq!(
            opened("memory:?max=64MiB"),
            "MemoryCache { max_bytes: 67108864, .. }"
        );
        assert_eq!(
            opened("memory:?max=2GiB"),
            "MemoryCache { max_bytes: 2147483648, .. }"
        );
    }

    #[test]
    fn a_size_that_is_none_is_refused() {
        for text in [
            "",
            "0",
            "0MiB",
            "-1",
            "1.5MiB",
            "64MB",
            "MiB",
            "64%20MiB",
            "99999999999GiB",
        ] {
            let shown = text.replace("%20", " ");
            assert_eq!(
                refusal(&format!("memory:?max={text}")),
                format!(
                    "cache url: max `{shown}` is not a size above 0 in B, KiB, MiB or GiB, such as 64MiB"
                )
            );
        }
    }

    #[test]
    fn what_memory_does_not_know_is_refused() {
        assert_eq!(
            refusal("memory:?maximum=1MiB"),
            "cache url: unknown parameter `maximum`; `memory:` knows: max"
        );
        assert_eq!(
            refusal("memory:?max=1MiB&max=2MiB"),
            "cache url: parameter `max` is given twice"
        );
        for url in ["memory:64MiB", "memory://host", "memory:#x"] {
            assert_eq!(
                refusal(url),
                "cache url: `memory:` takes nothing but `?max=SIZE`"
            );
        }
    }

    #[test]
    fn an_unknown_scheme_is_refused_with_the_known_ones() {
        assert_eq!(
            refusal("memcached://localhost"),
            "cache url: unknown scheme `memcached`; known schemes: memory, redis, rediss"
        );
        assert_eq!(
            refusal("localhost"),
            "cache url: not a URL; known schemes: memory, redis, rediss"
        );
    }

    #[test]
    fn a_redis_url_is_checked_without_connecting_and_its_password_is_never_shown() {
        let cache = opened("redis://demo:secret@127.0.0.1:1/3");
        assert_eq!(
            cache,
            "RedisCache { prefix: \"\", ignore_faults: true, .. }"
        );
        let error = open("redis://demo:secret@127.0.0.1/x", &Options::default()).unwrap_err();
        assert_eq!(error.message(), "cache url: not a usable redis URL");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn redis_needs_a_pool_and_time() {
        let refused = |options: Options| {
            open("redis://127.0.0.1", &options)
                .unwrap_err()
                .message()
                .to_owned()
        };
        assert_eq!(
            refused(Options {
                pool_size: 0,
                ..Options::default()
            }),
            "cache: pool_size must be at least 1"
        );
        assert_eq!(
            refused(Options {
                connect_timeout: Duration::ZERO,
                ..Options::default()
            }),
            "cache: connect_timeout must be above 0"
        );
        assert_eq!(
            refused(Options {
                response_timeout: Duration::ZERO,
                ..Options::default()
            }),
            "cache: response_timeout must be above 0"
        );
    }

    #[test]
    fn rediss_without_a_rustls_provider_is_an_error_and_no_panic() {
        assert_eq!(
            refusal("rediss://127.0.0.1"),
            "cache url: rediss needs a rustls provider to be installed first"
        );
    }
}
