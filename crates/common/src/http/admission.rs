// SPDX-License-Identifier: MPL-2.0
//! What a request must be before any handler, also that of an unknown path, sees it.

use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use futures_util::future::LocalBoxFuture;

use crate::error::{Error, Result};

type Ask = dyn Fn(&HttpRequest) -> Option<LocalBoxFuture<'static, Result<()>>>;

/// A rule of one service for all its requests; it stands in the app data.
#[derive(Clone)]
pub struct Gate(Rc<Ask>);

impl Gate {
    /// Takes the rule. It returns `None` for a request that needs no question, else a future that
    /// fails with the refusal.
    pub fn new(
        ask: impl Fn(&HttpRequest) -> Option<LocalBoxFuture<'static, Result<()>>> + 'static,
    ) -> Self {
        Self(Rc::new(ask))
    }
}

/// Tells whether handlers may see a request.
///
/// # Errors
/// `InvalidInput` for a host that is none, and the refusal of the service.
pub(super) async fn check(request: &HttpRequest) -> Result<()> {
    // Addresses in answers are made from it.
    let mut hosts = request.headers().get_all(HOST);
    let authority = request.uri().authority();
    let is_fine = hosts.all(|host| host.to_str().is_ok_and(is_host))
        && authority.is_none_or(|authority| is_host(authority.as_str()));
    if !is_fine {
        return Err(Error::invalid("the Host header is malformed"));
    }
    match request
        .app_data::<Gate>()
        .and_then(|gate| (gate.0)(request))
    {
        Some(asking) => asking.await,
        None => Ok(()),
    }
}

/// Returns whether a text is a name or an address with or without a port. Underscores are not for
/// names of hosts, but names of containers have them.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                if address.parse::<std::net::Ipv6Addr>().is_err() {
                    return false;
                }
                ("v6", port)
            }
            None => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_port = |text: &str| text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    name.bytes().all(is_name) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_maybe_a_port() {
        for host in [
            "example.com",
            "EXAMPLE.com:8030",
            "127.0.0.1:1",
            "[::1]",
            "[2001:db8::1]:443",
            "my_container:8000",
            "localhost:",
            "",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "evil\"><x",
            "a b",
            "user@host",
            "a/b",
            "host:port",
            "host:1:2",
            "[::1",
            "[x]",
            "[::1]x",
            "caf\u{e9}",
            "host:123456",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }
}
