// SPDX-License-Identifier: MPL-2.0
//! Signs requests as the Taskcluster clients do: permanent and temporary credentials, restricted
//! scopes, payload hashes and signed URLs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hawk::{Key, PayloadHasher, SHA256};
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

/// A client id with its key, and what restricts them.
#[derive(Clone, Debug)]
pub struct Credentials {
    client_id: String,
    access_token: String,
    certificate: Option<Value>,
    authorized_scopes: Option<Vec<String>>,
}

/// One signature in the making.
#[derive(Debug)]
pub struct Signature<'a> {
    credentials: &'a Credentials,
    method: &'a str,
    url: &'a Url,
    payload_hash: Option<Vec<u8>>,
    ext: Option<String>,
    at: SystemTime,
    nonce: String,
}

impl Credentials {
    /// Takes permanent credentials.
    pub fn new(client_id: impl Into<String>, access_token: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            access_token: access_token.into(),
            certificate: None,
            authorized_scopes: None,
        }
    }

    /// Adds the certificate of temporary credentials.
    #[must_use]
    pub fn with_certificate(mut self, certificate: Value) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Restricts requests to these scopes.
    #[must_use]
    pub fn with_authorized_scopes(mut self, scopes: &[&str]) -> Self {
        self.authorized_scopes = Some(scopes.iter().map(|&scope| scope.to_owned()).collect());
        self
    }

    /// Returns the client id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Returns the key.
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Returns the certificate, if these are temporary credentials.
    pub fn certificate(&self) -> Option<&Value> {
        self.certificate.as_ref()
    }

    /// Issues temporary credentials as the client libraries do, without asking the auth service.
    /// With `name` they carry a client id of their own.
    ///
    /// # Errors
    /// These are temporary already, or the times do not fit a certificate.
    pub fn temporary(
        &self,
        name: Option<&str>,
        scopes: &[&str],
        start: SystemTime,
        lifetime: Duration,
    ) -> anyhow::Result<Self> {
        if self.certificate.is_some() {
            bail!("temporary credentials cannot issue others");
        }
        let seed = format!("{}{}", slug(), slug());
        let (start, expiry) = (millis(start)?, millis(start + lifetime)?);
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let issuer = name.map(|name| (name, self.client_id.as_str()));
        let text = certificate_text(issuer, &seed, start, expiry, &scopes);
        let mut certificate = json!({
            "version": 1,
            "scopes": scopes,
            "start": start,
            "expiry": expiry,
            "seed": seed,
            "signature": STANDARD.encode(hmac(&self.access_token, &text)?),
        });
        if let Some(members) = certificate.as_object_mut().filter(|_| name.is_some()) {
            members.insert("issuer".to_owned(), json!(self.client_id));
        }
        let access_token = URL_SAFE_NO_PAD.encode(hmac(&self.access_token, &seed)?);
        Ok(Self::new(name.unwrap_or(&self.client_id), access_token).with_certificate(certificate))
    }

    /// Begins the signature of a request that happens now and whose body is not signed.
    pub fn sign<'a>(&'a self, method: &'a str, url: &'a Url) -> Signature<'a> {
        Signature {
            credentials: self,
            method,
            url,
            payload_hash: None,
            ext: self.ext(),
            at: SystemTime::now(),
            nonce: slug(),
        }
    }

    /// Returns `url` with a bewit in its query: whoever has it may read until it expires.
    ///
    /// # Errors
    /// The address has no host.
    pub fn bewit(&self, url: &Url, lifetime: Duration) -> anyhow::Result<Url> {
        let credentials = self.hawk()?;
        let ext = self.ext();
        let target = Target::of(url)?;
        let request = hawk::RequestBuilder::new("GET", target.host, target.port, target.resource)
            .ext(ext.as_deref())
            .request();
        let bewit = request
            .make_bewit_with_ttl(&credentials, lifetime)?
            .to_str();
        let mut signed = url.clone();
        signed.set_query(Some(&match url.query() {
            Some(query) => format!("{query}&bewit={bewit}"),
            None => format!("bewit={bewit}"),
        }));
        Ok(signed)
    }

    fn ext(&self) -> Option<String> {
        let mut ext = Map::new();
        if let Some(certificate) = &self.certificate {
            ext.insert("certificate".to_owned(), certificate.clone());
        }
        if let Some(scopes) = &self.authorized_scopes {
            ext.insert("authorizedScopes".to_owned(), json!(scopes));
        }
        (!ext.is_empty()).then(|| STANDARD.encode(Value::Object(ext).to_string()))
    }

    fn hawk(&self) -> anyhow::Result<hawk::Credentials> {
        let key = Key::new(self.access_token.as_bytes(), SHA256)?;
        Ok(hawk::Credentials {
            id: self.client_id.clone(),
            key,
        })
    }
}

impl Signature<'_> {
    /// Signs the body too.
    ///
    /// # Errors
    /// None on this machine: the text of the hashing library otherwise.
    pub fn payload(mut self, content_type: &str, body: &[u8]) -> anyhow::Result<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let media_type = media_type.to_ascii_lowercase();
        self.payload_hash = Some(PayloadHasher::hash(media_type, SHA256, body)?);
        Ok(self)
    }

    /// Replaces the `ext` attribute, whatever the credentials ask for.
    #[must_use]
    pub fn ext(mut self, ext: impl Into<String>) -> Self {
        self.ext = Some(ext.into());
        self
    }

    /// Signs as if it were another time.
    #[must_use]
    pub fn at(mut self, time: SystemTime) -> Self {
        self.at = time;
        self
    }

    /// Uses this nonce instead of a random one.
    #[must_use]
    pub fn nonce(mut self, nonce: impl Into<String>) -> Self {
        self.nonce = nonce.into();
        self
    }

    /// Returns the value of the `Authorization` header.
    ///
    /// # Errors
    /// The address has no host, or an attribute contains a quotation mark.
    pub fn header(self) -> anyhow::Result<String> {
        let target = Target::of(self.url)?;
        let method = self.method.to_ascii_uppercase();
        let header = hawk::RequestBuilder::new(&method, target.host, target.port, target.resource)
            .hash(self.payload_hash.as_deref())
            .ext(self.ext.as_deref())
            .request()
            .make_header_full(&self.credentials.hawk()?, self.at, self.nonce)?;
        Ok(format!("Hawk {header}"))
    }
}

/// Requests that can be signed on their way.
pub trait SignedRequest: Sized {
    /// Adds a signature that leaves the body out.
    ///
    /// # Errors
    /// The request cannot be built.
    fn hawk(self, credentials: &Credentials) -> anyhow::Result<Self>;

    /// Adds a signature that covers the body too.
    ///
    /// # Errors
    /// The request cannot be built, or its body is a stream.
    fn hawk_with_payload(self, credentials: &Credentials) -> anyhow::Result<Self>;
}

impl SignedRequest for reqwest::RequestBuilder {
    fn hawk(self, credentials: &Credentials) -> anyhow::Result<Self> {
        let (client, request) = self.build_split();
        let request = request?;
        let header = credentials
            .sign(request.method().as_str(), request.url())
            .header()?;
        Ok(with_authorization(client, request, header))
    }

    fn hawk_with_payload(self, credentials: &Credentials) -> anyhow::Result<Self> {
        let (client, request) = self.build_split();
        let request = request?;
        let content_type = match request.headers().get(reqwest::header::CONTENT_TYPE) {
            Some(value) => value.to_str()?.to_owned(),
            None => String::new(),
        };
        let body = match request.body() {
            Some(body) => body
                .as_bytes()
                .context("a streamed body cannot be signed")?,
            None => &[],
        };
        let header = credentials
            .sign(request.method().as_str(), request.url())
            .payload(&content_type, body)?
            .header()?;
        Ok(with_authorization(client, request, header))
    }
}

fn with_authorization(
    client: reqwest::Client,
    request: reqwest::Request,
    header: String,
) -> reqwest::RequestBuilder {
    reqwest::RequestBuilder::from_parts(client, request)
        .header(reqwest::header::AUTHORIZATION, header)
}

/// The parts of an address that a signature covers.
struct Target<'a> {
    host: &'a str,
    port: u16,
    resource: &'a str,
}

impl<'a> Target<'a> {
    fn of(url: &'a Url) -> anyhow::Result<Self> {
        let host = url.host_str().ok_or_else(|| anyhow!("{url} has no host"))?;
        Ok(Self {
            // Services ask the auth service about IPv6 hosts without the brackets of the address.
            host: host.trim_start_matches('[').trim_end_matches(']'),
            port: url
                .port_or_known_default()
                .ok_or_else(|| anyhow!("{url} has no port"))?,
            resource: &url[url::Position::BeforePath..url::Position::AfterQuery],
        })
    }
}

/// Returns the text that the issuer of a certificate signs. `named` is the client id of the
/// temporary credentials with that of the issuer, when they differ.
pub(crate) fn certificate_text(
    named: Option<(&str, &str)>,
    seed: &str,
    start: i64,
    expiry: i64,
    scopes: &[String],
) -> String {
    let mut lines = vec!["version:1".to_owned()];
    if let Some((client_id, issuer)) = named {
        lines.push(format!("clientId:{client_id}"));
        lines.push(format!("issuer:{issuer}"));
    }
    lines.push(format!("seed:{seed}"));
    lines.push(format!("start:{start}"));
    lines.push(format!("expiry:{expiry}"));
    lines.push("scopes:".to_owned());
    lines.extend(scopes.iter().cloned());
    lines.join("\n")
}

/// Returns the HMAC-SHA256 of a text.
pub(crate) fn hmac(key: &str, text: &str) -> anyhow::Result<Vec<u8>> {
    Ok(Key::new(key.as_bytes(), SHA256)?.sign(text.as_bytes())?)
}

fn millis(time: SystemTime) -> anyhow::Result<i64> {
    Ok(i64::try_from(time.duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// Returns 22 random characters that need no escaping anywhere.
fn slug() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())
}

#[cfg(test)]
mod tests;
