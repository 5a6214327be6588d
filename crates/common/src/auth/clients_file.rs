// SPDX-License-Identifier: MPL-2.0
//! Hawk clients of `AUTH_CLIENTS_FILE`, verified locally, for installations without Taskcluster.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hawk::{Credentials, DigestAlgorithm, Header, Key, RequestBuilder, SHA256};
use serde::Deserialize;

use super::{Caller, HawkRequest, Scopes, Verdict};
use crate::clock::Clock;
use crate::config::Invalid;

/// Clock skew that the auth service of Taskcluster accepts too.
const SKEW: Duration = Duration::from_secs(15 * 60);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    client_id: String,
    access_token: String,
    scopes: Vec<String>,
    expires: Option<DateTime<Utc>>,
}

struct Client {
    key: Key,
    scopes: Scopes,
    expires: Option<DateTime<Utc>>,
}

/// The clients of the file, by client id.
pub struct ClientsFile {
    clients: HashMap<String, Client>,
    clock: Clock,
}

impl std::fmt::Debug for ClientsFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientsFile({} clients)", self.clients.len())
    }
}

impl ClientsFile {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read, is not such a list, or names a client twice.
    pub fn read(path: &Path, clock: Clock) -> Result<Self, Invalid> {
        let problem = |text: String| Invalid::new("AUTH_CLIENTS_FILE", text);
        let text = std::fs::read_to_string(path)
            .map_err(|e| problem(format!("{} cannot be read: {e}", path.display())))?;
        Self::parse(&text, clock).map_err(|text| problem(format!("{}: {text}", path.display())))
    }

    fn parse(text: &str, clock: Clock) -> Result<Self, String> {
        let entries: Vec<Entry> =
            serde_yaml::from_str(text).map_err(|e| e.to_string().replace('\n', " "))?;
        let mut clients = HashMap::new();
        for entry in entries {
            if entry.client_id.is_empty() || entry.access_token.is_empty() {
                // Anybody can sign with an empty token.
                let text = "clientId and accessToken must not be empty";
                return Err(format!("{text}: client {:?}", entry.client_id));
            }
            let key = Key::new(entry.access_token.as_bytes(), SHA256)
                .map_err(|e| format!("accessToken of {}: {e}", entry.client_id))?;
            let client = Client {
                key,
                scopes: Scopes::new(entry.scopes),
                expires: entry.expires,
            };
            if clients.insert(entry.client_id.clone(), client).is_some() {
                return Err(format!("clientId {} stands twice", entry.client_id));
            }
        }
        Ok(Self { clients, clock })
    }

    /// Verifies a signature by one of the clients; `None` when the client is not in the file.
    pub fn verify(&self, request: &HawkRequest) -> Option<Verdict> {
        match &request.authorization {
            Some(header) => self.verify_header(request, header),
            None => request
                .bewit()
                .and_then(|bewit| self.verify_bewit(request, bewit)),
        }
    }

    fn verify_header(&self, request: &HawkRequest, header: &str) -> Option<Verdict> {
        let header = header.get(4..)?.trim();
        if !has_one_sane_time(header) {
            return None;
        }
        let header: Header = header.parse().ok()?;
        let client_id = header.id.as_deref()?;
        let client = self.clients.get(client_id)?;
        let signed = RequestBuilder::new(
            &request.method.to_ascii_uppercase(),
            &request.host,
            request.port,
            &request.resource,
        )
        .request()
        .validate_header(&header, &client.key, SKEW);
        let hash = header.hash.as_deref().map(|bytes| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(bytes)
        });
        Some(self.verdict(client_id, client, signed, header.ext.as_deref(), hash))
    }

    fn verify_bewit(&self, request: &HawkRequest, bewit: &str) -> Option<Verdict> {
        use base64::Engine as _;
        let raw = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(bewit.trim_end_matches('='))
            .ok()?;
        if !is_sane_time(std::str::from_utf8(&raw).ok()?.split('\\').nth(1)?) {
            return None;
        }
        let parsed: hawk::Bewit<'_> = bewit.parse().ok()?;
        let client = self.clients.get(parsed.id())?;
        let resource = without_bewit(&request.resource);
        let signed = RequestBuilder::new("GET", &request.host, request.port, &resource)
            .request()
            .validate_bewit(&parsed, &client.key);
        Some(self.verdict(parsed.id(), client, signed, parsed.ext(), None))
    }

    fn verdict(
        &self,
        client_id: &str,
        client: &Client,
        signed: bool,
        ext: Option<&str>,
        hash: Option<String>,
    ) -> Verdict {
        if !signed {
            return Verdict::Failed("Bad mac or timestamp".to_owned());
        }
        if client
            .expires
            .is_some_and(|expires| expires <= self.clock.now())
        {
            return Verdict::Failed("Client has expired".to_owned());
        }
        match scopes_of_request(&client.scopes, ext) {
            Ok(scopes) => Verdict::Success(Caller::client(client_id.to_owned(), scopes, hash)),
            Err(reason) => Verdict::Failed(reason.to_owned()),
        }
    }
}

/// What clients may write into `ext`, as base64 of JSON.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ext {
    authorized_scopes: Option<Vec<String>>,
    certificate: Option<serde::de::IgnoredAny>,
}

/// Returns what a request may do: all that the client may, or the part to which the client itself
/// restricts the request, as Taskcluster's auth service does.
fn scopes_of_request(held: &Scopes, ext: Option<&str>) -> Result<Scopes, &'static str> {
    use base64::Engine as _;
    let Some(text) = ext.filter(|text| !text.is_empty()) else {
        return Ok(held.clone());
    };
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    let ext = bytes
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Ext>(&bytes).ok())
        .ok_or("ext is not base64 of JSON")?;
    if ext.certificate.is_some() {
        return Err("clients of this installation have no temporary credentials");
    }
    match ext.authorized_scopes {
        None => Ok(held.clone()),
        Some(scopes) if scopes.iter().all(|scope| held.satisfy(scope)) => Ok(Scopes::new(scopes)),
        Some(_) => Err("authorizedScopes exceed the scopes of the client"),
    }
}

/// Returns whether a time in seconds fits the machine's clock: the Hawk library adds it unchecked.
fn is_sane_time(seconds: &str) -> bool {
    seconds.len() <= 12 && seconds.bytes().all(|b| b.is_ascii_digit())
}

/// Returns whether a header states one time, and a sane one. Blanks around names do not hide another.
fn has_one_sane_time(header: &str) -> bool {
    let mut times = header.split(',').filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        (name.trim() == "ts").then(|| value.trim().trim_matches('"'))
    });
    times.next().is_some_and(is_sane_time) && times.next().is_none()
}

/// Returns the resource that a bewit signs: the one without the bewit itself.
fn without_bewit(resource: &str) -> String {
    let Some((path, query)) = resource.split_once('?') else {
        return resource.to_owned();
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("bewit="))
        .collect();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

/// Makes the header that a client of the file would send; for tests and tools.
///
/// # Errors
/// The text of the Hawk library.
pub fn sign(
    request: &HawkRequest,
    client_id: &str,
    access_token: &str,
    payload: Option<(&str, &[u8])>,
) -> Result<String, String> {
    let key =
        Key::new(access_token.as_bytes(), DigestAlgorithm::Sha256).map_err(|e| e.to_string())?;
    let credentials = Credentials {
        id: client_id.to_owned(),
        key,
    };
    let hash = match payload {
        Some((media_type, body)) => {
            Some(hawk::PayloadHasher::hash(media_type, SHA256, body).map_err(|e| e.to_string())?)
        }
        None => None,
    };
    let method = request.method.to_ascii_uppercase();
    let header = RequestBuilder::new(&method, &request.host, request.port, &request.resource)
        .hash(hash.as_deref())
        .request()
        .make_header(&credentials)
        .map_err(|e| e.to_string())?;
    Ok(format!("Hawk {header}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
- clientId: project/releng/demo
  accessToken: demo-token
  scopes: ['project:releng:services/treestatus/*']
- clientId: old
  accessToken: old-token
  scopes: []
  expires: 2020-01-01T00:00:00Z
";

    fn request(resource: &str) -> HawkRequest {
        HawkRequest {
            method: "patch".to_owned(),
            resource: resource.to_owned(),
            host: "trees.example.com".to_owned(),
            port: 443,
            authorization: None,
            source_ip: None,
        }
    }

    fn signed(resource: &str, id: &str, token: &str, body: Option<&[u8]>) -> HawkRequest {
        let mut request = request(resource);
        let payload = body.map(|body| ("application/json", body));
        request.authorization = Some(sign(&request, id, token, payload).unwrap());
        request
    }

    #[test]
    fn a_signature_covers_the_query_string() {
        let file = ClientsFile::parse(FILE, Clock::system()).unwrap();
        let mut request = signed(
            "/stack/1?revert=1",
            "project/releng/demo",
            "demo-token",
            None,
        );
        let Some(Verdict::Success(caller)) = file.verify(&request) else {
            panic!()
        };
        assert_eq!(caller.client_id(), Some("project/releng/demo"));
        assert!(
            caller
                .scopes()
                .satisfy("project:releng:services/treestatus/trees/update")
        );
        request.resource = "/stack/1?revert=0".to_owned();
        assert!(matches!(file.verify(&request), Some(Verdict::Failed(_))));
    }

    #[test]
    fn the_payload_hash_travels_with_the_caller() {
        let file = ClientsFile::parse(FILE, Clock::system()).unwrap();
        let request = signed("/trees", "project/releng/demo", "demo-token", Some(b"{}"));
        let Some(Verdict::Success(caller)) = file.verify(&request) else {
            panic!()
        };
        assert!(caller.check_payload("application/json", b"{}").is_ok());
        assert!(caller.check_payload("application/json", b"[]").is_err());
    }

    #[test]
    fn a_client_may_restrict_a_request_and_cannot_widen_it() {
        use base64::Engine as _;
        let held = Scopes::new(vec!["api/upload/*".to_owned()]);
        let scopes = |ext: &str| {
            let ext = base64::engine::general_purpose::STANDARD.encode(ext);
            scopes_of_request(&held, Some(&ext)).map(|scopes| scopes.as_slice().to_vec())
        };
        assert_eq!(scopes("{}").unwrap(), ["api/upload/*"]);
        let restricted = scopes(r#"{"authorizedScopes": ["api/upload/public"]}"#);
        assert_eq!(restricted.unwrap(), ["api/upload/public"]);
        assert_eq!(scopes(r#"{"authorizedScopes": []}"#).unwrap(), [""; 0]);
        for ext in [
            r#"{"authorizedScopes": ["api/*"]}"#,
            r#"{"authorizedScopes": "api/upload/public"}"#,
            r#"{"certificate": {"version": 1}}"#,
            "[",
        ] {
            assert!(scopes(ext).is_err(), "{ext}");
        }
        assert!(scopes_of_request(&held, Some("no base64!")).is_err());
        assert_eq!(scopes_of_request(&held, None).unwrap(), held);
    }

    #[test]
    fn wrong_token_expired_client_and_unknown_client_differ() {
        let file = ClientsFile::parse(FILE, Clock::system()).unwrap();
        let wrong = signed("/trees", "project/releng/demo", "other", None);
        assert!(matches!(file.verify(&wrong), Some(Verdict::Failed(_))));
        let expired = signed("/trees", "old", "old-token", None);
        assert_eq!(
            file.verify(&expired),
            Some(Verdict::Failed("Client has expired".to_owned()))
        );
        assert_eq!(file.verify(&signed("/trees", "who", "x", None)), None);
        for garbage in [
            "Hawk \u{0}garbage",
            "Hawk",
            "Hawk id=\"project/releng/demo\", ts=\"18446744073709551615\", nonce=\"n\", mac=\"AAAA\"",
            "Hawk id=\"a\", ts=\"1\", nonce=\"n\", mac=\"AAAA\", ts=\"18446744073709551615\"",
            "Hawk id=\"a\", nonce=\"n\", mac=\"AAAA\", ts =\"18446744073709551615\"",
        ] {
            let mut request = request("/trees");
            request.authorization = Some(garbage.to_owned());
            assert_eq!(file.verify(&request), None, "{garbage}");
        }
        let mut bewit =
            request("/x?bewit=cHJvamVjdC9yZWxlbmcvZGVtb1wxODQ0Njc0NDA3MzcwOTU1MTYxNVxBQUFBXA");
        bewit.method = "get".to_owned();
        assert_eq!(file.verify(&bewit), None);
    }

    #[test]
    fn a_file_with_a_mistake_is_refused_with_its_place() {
        let twice = FILE.replace("old\n", "project/releng/demo\n");
        assert_eq!(
            ClientsFile::parse(&twice, Clock::system()).unwrap_err(),
            "clientId project/releng/demo stands twice"
        );
        let empty = FILE.replace("accessToken: old-token", "accessToken: ''");
        assert_eq!(
            ClientsFile::parse(&empty, Clock::system()).unwrap_err(),
            "clientId and accessToken must not be empty: client \"old\""
        );
        let unknown = FILE.replace("scopes: []", "scops: []");
        assert!(
            ClientsFile::parse(&unknown, Clock::system())
                .unwrap_err()
                .contains("scops")
        );
    }
}
