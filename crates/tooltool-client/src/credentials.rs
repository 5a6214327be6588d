// SPDX-License-Identifier: MPL-2.0
//! What proves to a server who asks: a Taskcluster client (Hawk) or a legacy token (Bearer).

use std::{fmt, io, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hawk::{Key, PayloadHasher, RequestBuilder, SHA256};
use reqwest::header::HeaderValue;
use serde_json::{Map, Value, json};
use url::Url;

/// The content type of every body this client signs.
pub const JSON_TYPE: &str = "application/json";

/// Credentials, or none.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Requests go out unsigned.
    None,
    /// `Authorization: Bearer …`.
    Bearer(String),
    /// Each request is signed.
    Hawk(HawkClient),
}

/// A Taskcluster client.
#[derive(Clone, PartialEq, Eq)]
pub struct HawkClient {
    client_id: String,
    access_token: String,
    /// Temporary credentials carry a certificate, which travels in the header's `ext`.
    ext: Option<String>,
}

/// Why there are no usable credentials. The secrets themselves never appear.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the authentication file: {0}")]
    Read(#[from] io::Error),
    /// A member is absent or wrong.
    #[error("{0}")]
    Rule(String),
    /// The request cannot be signed.
    #[error("cannot sign the request: {0}")]
    Sign(String),
}

impl Credentials {
    /// Reads an authentication file: a JSON object with `clientId` and `accessToken`, otherwise
    /// the whole text is a token.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or is a JSON object without the two members.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)?;
        let text = text.trim();
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Ok(Self::Hawk(HawkClient::from_json(&object)?)),
            _ if text.is_empty() => Err(Error::Rule("the authentication file is empty".to_owned())),
            _ => Ok(Self::Bearer(text.to_owned())),
        }
    }

    /// Returns the client named by the task's environment; the certificate is JSON text.
    ///
    /// # Errors
    /// The certificate is not JSON.
    pub fn taskcluster(id: &str, token: &str, certificate: Option<&str>) -> Result<Self, Error> {
        let certificate = certificate
            .filter(|text| !text.is_empty())
            .map(|text| Value::String(text.to_owned()));
        Ok(Self::Hawk(HawkClient::new(id, token, certificate)?))
    }

    /// Returns the header that authorises a request; `body` is what goes along as JSON.
    ///
    /// # Errors
    /// The token cannot stand in a header.
    pub fn authorization(
        &self,
        method: &str,
        url: &Url,
        body: Option<&[u8]>,
    ) -> Result<Option<HeaderValue>, Error> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Bearer(token) => format!("Bearer {token}"),
            Self::Hawk(client) => client
                .header(method, url, body)
                .map_err(|error| Error::Sign(error.to_string()))?,
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            Error::Rule("the credentials have characters that a header cannot hold".to_owned())
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Hawk(_) => "Hawk(…)",
        })
    }
}

impl HawkClient {
    fn new(id: &str, token: &str, certificate: Option<Value>) -> Result<Self, Error> {
        Ok(Self {
            client_id: id.to_owned(),
            access_token: token.to_owned(),
            ext: certificate.map(ext).transpose()?,
        })
    }

    fn from_json(object: &Map<String, Value>) -> Result<Self, Error> {
        let member = |name| {
            object.get(name).and_then(Value::as_str).ok_or_else(|| {
                Error::Rule(format!(
                    "{name} in the authentication file must be a string"
                ))
            })
        };
        let certificate = object.get("certificate").filter(|value| {
            // `taskcluster signin` writes null or "" for permanent credentials.
            !value.is_null() && value.as_str() != Some("")
        });
        Self::new(
            member("clientId")?,
            member("accessToken")?,
            certificate.cloned(),
        )
    }

    fn header(&self, method: &str, url: &Url, body: Option<&[u8]>) -> hawk::Result<String> {
        let hash = body
            .map(|body| PayloadHasher::hash(JSON_TYPE, SHA256, body))
            .transpose()?;
        let credentials = hawk::Credentials {
            id: self.client_id.clone(),
            key: Key::new(self.access_token.as_bytes(), SHA256)?,
        };
        let header = RequestBuilder::from_url(method, url)?
            .hash(hash.as_deref())
            .ext(self.ext.as_deref())
            .request()
            .make_header(&credentials)?;
        Ok(format!("Hawk {header}"))
    }
}

/// The certificate is an object, or the same as JSON text.
fn ext(certificate: Value) -> Result<String, Error> {
    let certificate = match certificate {
        Value::String(text) => serde_json::from_str(&text).unwrap_or_default(),
        other => other,
    };
    if !certificate.is_object() {
        return Err(Error::Rule(
            "the certificate must be a JSON object".to_owned(),
        ));
    }
    Ok(BASE64_STANDARD.encode(json!({ "certificate": certificate }).to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn load(text: &str) -> Result<Credentials, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Credentials::load(file.path())
    }

    fn header(credentials: &Credentials, url: &Url, body: Option<&[u8]>) -> hawk::Header {
        let value = credentials
            .authorization("POST", url, body)
            .unwrap()
            .unwrap();
        value
            .to_str()
            .unwrap()
            .strip_prefix("Hawk ")
            .unwrap()
            .parse()
            .unwrap()
    }

    #[test]
    fn text_that_is_not_a_json_object_is_a_bearer_token() {
        let url = Url::parse("http://h/").unwrap();
        for (text, value) in [(" abc.def \n", "Bearer abc.def"), ("12345", "Bearer 12345")] {
            let header = load(text)
                .unwrap()
                .authorization("GET", &url, None)
                .unwrap()
                .unwrap();
            assert_eq!(header.to_str().unwrap(), value);
        }
    }

    #[test]
    fn the_hawk_header_signs_query_port_and_body() {
        let credentials = load(r#"{"clientId": "demo/client", "accessToken": "key"}"#).unwrap();
        let url = Url::parse("https://h.example/upload?region=r").unwrap();
        let header = header(&credentials, &url, Some(b"{}"));
        assert_eq!(header.id.as_deref(), Some("demo/client"));
        assert_eq!(header.ext, None);
        let hash = PayloadHasher::hash("application/json", SHA256, b"{}").unwrap();
        assert_eq!(header.hash.as_ref(), Some(&hash));
        let request = RequestBuilder::new("POST", "h.example", 443, "/upload?region=r")
            .hash(hash.as_slice())
            .request();
        let key = Key::new("key", SHA256).unwrap();
        assert!(request.validate_header(&header, &key, Duration::from_secs(60)));
    }

    #[test]
    fn a_certificate_travels_in_ext_whether_it_is_an_object_or_text() {
        let url = Url::parse("http://h/").unwrap();
        for text in [
            r#"{"clientId": "c", "accessToken": "k", "certificate": {"version": 1}}"#,
            r#"{"clientId": "c", "accessToken": "k", "certificate": "{\"version\": 1}"}"#,
        ] {
            let ext = header(&load(text).unwrap(), &url, None).ext.unwrap();
            assert_eq!(
                BASE64_STANDARD.decode(ext).unwrap(),
                br#"{"certificate":{"version":1}}"#
            );
        }
    }

    #[test]
    fn broken_files_are_refused_without_repeating_their_contents() {
        for (text, message) in [
            (
                "{\"clientId\": \"c\"}",
                "accessToken in the authentication file must be a string",
            ),
            ("{}", "clientId in the authentication file must be a string"),
            ("  ", "the authentication file is empty"),
            (
                r#"{"clientId": "c", "accessToken": "k", "certificate": "x"}"#,
                "the certificate must be a JSON object",
            ),
        ] {
            assert_eq!(load(text).unwrap_err().to_string(), message);
        }
        let url = Url::parse("http://h/").unwrap();
        let error = load("a\nb")
            .unwrap()
            .authorization("GET", &url, None)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the credentials have characters that a header cannot hold"
        );
        assert_eq!(format!("{:?}", load("secret").unwrap()), "Bearer(…)");
    }
}
