// SPDX-License-Identifier: MPL-2.0
//! The address under which the client reached the service (D-8): `PUBLIC_URL`, else the headers,
//! of which `X-Forwarded-*` count only when a trusted proxy sent them.

use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnet::IpNet;
use url::Url;

use crate::config::{Common, Invalid};

/// Knows the outside address of the service.
#[derive(Clone, Debug)]
pub struct Outside {
    public: Option<Url>,
    proxies: Vec<IpNet>,
}

impl Outside {
    /// Reads `PUBLIC_URL` and `TRUSTED_PROXIES`.
    ///
    /// # Errors
    /// One of them is malformed.
    pub fn open(settings: &Common) -> Result<Self, Invalid> {
        let public = match &settings.public_url {
            Some(text) => {
                let url = Url::parse(text)
                    .map_err(|e| Invalid::new("PUBLIC_URL", format!("{text:?}: {e}")))?;
                let is_plain = url.username().is_empty()
                    && url.password().is_none()
                    && url.query().is_none()
                    && url.fragment().is_none();
                if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !is_plain {
                    let problem = format!("must be an http or https address, not {text:?}");
                    return Err(Invalid::new("PUBLIC_URL", problem));
                }
                Some(url)
            }
            None => None,
        };
        let proxies = settings
            .trusted_proxies
            .iter()
            .map(|text| {
                text.parse::<IpNet>()
                    .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                    .map_err(|_| {
                        let problem = format!("{text:?} is no network such as 10.0.0.0/8");
                        Invalid::new("TRUSTED_PROXIES", problem)
                    })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { public, proxies })
    }

    /// Returns whether the client's connection is TLS, as far as we can know.
    pub fn is_secure(&self, request: &HttpRequest) -> bool {
        match &self.public {
            Some(url) => url.scheme() == "https",
            None => self
                .forwarded(request, "x-forwarded-proto")
                .is_some_and(|p| p == "https"),
        }
    }

    /// Returns host (without brackets) and port that the client used.
    pub fn host_and_port(&self, request: &HttpRequest) -> (String, u16) {
        let default = if self.is_secure(request) { 443 } else { 80 };
        if let Some(url) = &self.public {
            let host = url.host_str().unwrap_or_default();
            return (bare(host), url.port_or_known_default().unwrap_or(default));
        }
        // Host names have no case, and clients sign them in lower case.
        let host = host_header(request).to_ascii_lowercase();
        let (name, port) = split_port(&host);
        let port = port
            .or_else(|| {
                self.forwarded(request, "x-forwarded-port")
                    .and_then(|p| p.parse().ok())
            })
            .unwrap_or(default);
        (bare(name), port)
    }

    /// Returns the base address for links and redirects, without a slash at the end.
    pub fn base(&self, request: &HttpRequest) -> String {
        match &self.public {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => {
                let scheme = if self.is_secure(request) {
                    "https"
                } else {
                    "http"
                };
                format!("{scheme}://{}", host_header(request))
            }
        }
    }

    fn forwarded<'a>(&self, request: &'a HttpRequest, name: &str) -> Option<&'a str> {
        let value = request.headers().get(name)?.to_str().ok()?;
        let peer = request.peer_addr()?.ip().to_canonical();
        let is_trusted = self.proxies.iter().any(|net| net.contains(&peer));
        is_trusted.then(|| value.split(',').next().unwrap_or_default().trim())
    }
}

fn host_header(request: &HttpRequest) -> &str {
    request
        .headers()
        .get("host")
        .and_then(|h| h.to_str().ok())
        .or_else(|| request.uri().authority().map(|a| a.as_str()))
        .unwrap_or("localhost")
}

/// Splits `host:port`, also for `[::1]:8020`.
fn split_port(host: &str) -> (&str, Option<u16>) {
    let after_bracket = host.rfind(']').map_or(0, |i| i + 1);
    match host.get(after_bracket..).and_then(|tail| tail.rfind(':')) {
        Some(colon) => {
            let (name, port) = host.split_at(after_bracket + colon);
            (name, port.get(1..).and_then(|p| p.parse().ok()))
        }
        None => (host, None),
    }
}

fn bare(host: &str) -> String {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;
    use actix_web::test::TestRequest;

    fn outside(pairs: &[(&str, &str)]) -> Outside {
        let source = Source::from_pairs(pairs.iter().copied());
        Outside::open(&Common::load(&source).unwrap()).unwrap()
    }

    fn from(peer: &str, headers: &[(&'static str, &str)]) -> HttpRequest {
        let request = TestRequest::get().peer_addr(peer.parse().unwrap());
        headers
            .iter()
            .fold(request, |r, h| r.insert_header(*h))
            .to_http_request()
    }

    #[test]
    fn the_host_header_names_host_and_port() {
        let request = from("127.0.0.1:5", &[("host", "trees.example.com:8020")]);
        let outside = outside(&[]);
        assert_eq!(
            outside.host_and_port(&request),
            ("trees.example.com".to_owned(), 8020)
        );
        assert_eq!(outside.base(&request), "http://trees.example.com:8020");
        let v6 = from("127.0.0.1:5", &[("host", "[::1]:8020")]);
        assert_eq!(outside.host_and_port(&v6), ("::1".to_owned(), 8020));
    }

    #[test]
    fn forwarded_headers_count_only_from_trusted_proxies() {
        let headers = [
            ("host", "h"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "444"),
        ];
        let outside = outside(&[]);
        assert_eq!(
            outside.host_and_port(&from("10.1.2.3:5", &headers)),
            ("h".to_owned(), 444)
        );
        assert_eq!(
            outside.host_and_port(&from("93.184.216.34:5", &headers)),
            ("h".to_owned(), 80)
        );
        assert!(!outside.is_secure(&from("93.184.216.34:5", &headers)));
    }

    #[test]
    fn the_public_url_wins_over_everything() {
        let outside = outside(&[("PUBLIC_URL", "https://trees.example.com/")]);
        let request = from("10.1.2.3:5", &[("host", "inner:8000")]);
        assert_eq!(
            outside.host_and_port(&request),
            ("trees.example.com".to_owned(), 443)
        );
        assert_eq!(outside.base(&request), "https://trees.example.com");
    }
}
