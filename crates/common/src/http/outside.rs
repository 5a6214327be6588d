// SPDX-License-Identifier: MPL-2.0
//! The address under which the client reached the service (D-8): `PUBLIC_URL`, else the headers,
//! of which `X-Forwarded-*` count only when a trusted proxy sent them. A service may also be mounted
//! below a prefix: then the request is routed without it, and links get it back.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::{HttpMessage as _, HttpRequest};
use ipnet::IpNet;
use url::Url;

use crate::config::{Common, Invalid};

/// Paths that machines ask every few seconds, without TLS.
pub(super) const PROBES: [&str; 4] = [
    "/__version__",
    "/__heartbeat__",
    "/__lbheartbeat__",
    "/__metrics__",
];

/// Knows the outside address of the service.
#[derive(Clone, Debug)]
pub struct Outside {
    public: Option<Url>,
    proxies: Vec<IpNet>,
    prefix: String,
    is_https_only: bool,
}

/// What stood on the request line of a request that came in below the prefix.
struct Received(PathAndQuery);

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
        Ok(Self {
            public,
            proxies,
            prefix: String::new(),
            is_https_only: settings.dyno.is_some(),
        })
    }

    /// Serves everything below a path such as `/tooltool` as well; empty: at the root alone.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Takes the prefix off a request that has it, before it is routed.
    pub(super) fn unmount(&self, request: &mut ServiceRequest) {
        if self.prefix.is_empty() {
            return;
        }
        let Some(received) = request.uri().path_and_query().cloned() else {
            return;
        };
        let Some(inner) = inner_path(received.as_str(), &self.prefix) else {
            return;
        };
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(inner);
        let Ok(uri) = Uri::from_parts(parts) else {
            return;
        };
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
        request.extensions_mut().insert(Received(received));
    }

    /// Returns path and query as the client signed them.
    pub fn resource(&self, request: &HttpRequest) -> String {
        let received = match request.extensions().get::<Received>() {
            Some(Received(received)) => received.to_string(),
            None => request
                .uri()
                .path_and_query()
                .map_or("/", PathAndQuery::as_str)
                .to_owned(),
        };
        // A proxy may have cut the path of the outside address off.
        match self.public_path() {
            "" => received,
            path if is_below(&received, path) => received,
            path => format!("{path}{received}"),
        }
    }

    /// Returns the path in front of all paths of the service as the client sees them: empty, or
    /// something like `/tooltool`.
    pub fn mount(&self, request: &HttpRequest) -> &str {
        match self.public_path() {
            "" if request.extensions().contains::<Received>() => &self.prefix,
            path => path,
        }
    }

    /// Returns where a client belongs that came without TLS, where TLS is demanded.
    pub(super) fn https_address(&self, request: &HttpRequest) -> Option<String> {
        let is_plain = self.is_https_only
            && self.forwarded(request, "x-forwarded-proto") != Some("https")
            && !PROBES.contains(&request.path());
        if !is_plain {
            return None;
        }
        let host = match &self.public {
            Some(url) if url.scheme() == "https" => {
                url.authority().rsplit('@').next().unwrap_or_default()
            }
            _ => split_port(host_header(request)).0,
        };
        Some(format!("https://{host}{}", self.resource(request)))
    }

    fn public_path(&self) -> &str {
        let path = self.public.as_ref().map_or("", Url::path);
        path.trim_end_matches('/')
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
        let mount = self.mount(request);
        match &self.public {
            Some(url) => {
                let origin = url[..url::Position::BeforePath].to_owned();
                format!("{origin}{mount}")
            }
            None => {
                let scheme = if self.is_secure(request) {
                    "https"
                } else {
                    "http"
                };
                format!("{scheme}://{}{mount}", host_header(request))
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

/// Returns the rest of a path behind a prefix; what only begins with the same letters is not below it.
fn inner_path(received: &str, prefix: &str) -> Option<PathAndQuery> {
    if !is_below(received, prefix) {
        return None;
    }
    let rest = received.get(prefix.len()..)?;
    if rest.starts_with('/') {
        rest.parse().ok()
    } else {
        format!("/{rest}").parse().ok()
    }
}

fn is_below(received: &str, prefix: &str) -> bool {
    received
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
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

    #[test]
    fn a_path_of_the_public_url_stands_in_links_and_signatures() {
        let outside = outside(&[("PUBLIC_URL", "https://example.com/tooltool/")]);
        let request = from("10.1.2.3:5", &[("host", "inner:8000")]);
        assert_eq!(outside.base(&request), "https://example.com/tooltool");
        for (received, signed) in [
            ("/sha512/x?a=b", "/tooltool/sha512/x?a=b"),
            ("/tooltool/sha512/x", "/tooltool/sha512/x"),
            ("/tooltoolbox", "/tooltool/tooltoolbox"),
        ] {
            let request = TestRequest::with_uri(received).to_http_request();
            assert_eq!(outside.resource(&request), signed);
        }
    }

    #[test]
    fn below_a_prefix_requests_are_routed_without_it_and_signed_with_it() {
        let outside = outside(&[]).below("/tooltool");
        for (received, routed, mount) in [
            ("/tooltool/sha512/x?q=%2F", "/sha512/x?q=%2F", "/tooltool"),
            ("/tooltool", "/", "/tooltool"),
            ("/tooltool?q=1", "/?q=1", "/tooltool"),
            ("/tooltool.py", "/tooltool.py", ""),
            ("/sha512/x", "/sha512/x", ""),
        ] {
            let mut request = TestRequest::with_uri(received).to_srv_request();
            outside.unmount(&mut request);
            assert_eq!(request.uri().path_and_query().unwrap(), routed);
            assert_eq!(outside.resource(request.request()), received);
            assert_eq!(outside.mount(request.request()), mount);
        }
    }

    #[test]
    fn on_heroku_plain_requests_are_sent_to_https_but_probes_are_not() {
        let outside = outside(&[("DYNO", "web.1")]);
        let at = |path: &str, proto: &str| {
            let request = TestRequest::with_uri(path)
                .peer_addr("10.1.2.3:5".parse().unwrap())
                .insert_header(("host", "h.example.com:8080"))
                .insert_header(("x-forwarded-proto", proto));
            outside.https_address(&request.to_http_request())
        };
        let there = Some("https://h.example.com/file?q=a%20b".to_owned());
        assert_eq!(at("/file?q=a%20b", "http"), there);
        assert_eq!(at("/file?q=a%20b", "https"), None);
        assert_eq!(at("/__heartbeat__", "http"), None);
    }
}
