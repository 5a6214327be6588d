// SPDX-License-Identifier: MPL-2.0
//! Signing in at an OpenID provider by the authorization code flow. Who the person is to the
//! service, and where the pending sign-in is kept, is the service's business.

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use url::Url;

use crate::error::{Error, Result};

/// Largest answer of the provider that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Seconds that the clocks of provider and service may differ.
const LEEWAY_SECS: u64 = 60;

/// How the service knows its provider.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the service at the provider.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where the provider tells who it is.
    pub user_endpoint: String,
    /// Keys of the provider: then tokens are signed by RS256, else by HS256 with the secret.
    pub jwks_endpoint: Option<String>,
    /// Name of the provider in its tokens, without a slash at the end.
    pub issuer: String,
    /// Longest time of one question.
    pub timeout: Duration,
}

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    options: Options,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: String,
}

#[derive(Deserialize)]
struct Claims {
    nonce: Option<String>,
    sub: String,
}

#[derive(Deserialize)]
struct Person {
    sub: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
}

impl Provider {
    /// Prepares the client.
    ///
    /// # Errors
    /// An endpoint is no address.
    pub fn new(options: Options) -> Result<Self> {
        for endpoint in [
            &options.authorization_endpoint,
            &options.token_endpoint,
            &options.user_endpoint,
        ] {
            Url::parse(endpoint)
                .map_err(|e| Error::invalid(format!("{endpoint:?} is no address: {e}")))?;
        }
        let http = reqwest::Client::builder()
            .timeout(options.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Error::internal("no HTTP client").with_source(e))?;
        Ok(Self { options, http })
    }

    /// Returns where to send the browser.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn authorization_url(
        &self,
        redirect_uri: &str,
        state: &str,
        nonce: &str,
    ) -> Result<String> {
        let mut url = Url::parse(&self.options.authorization_endpoint)
            .map_err(|e| Error::internal("the sign-in address is malformed").with_source(e))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("scope", "openid email")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state)
            .append_pair("nonce", nonce);
        Ok(url.into())
    }

    /// Exchanges a code for the e-mail address of the person who signed in.
    ///
    /// # Errors
    /// The provider does not answer, or what it says does not hold.
    pub async fn email(&self, code: &str, redirect_uri: &str, nonce: &str) -> Result<String> {
        let form = [
            ("client_id", self.options.client_id.as_str()),
            ("client_secret", self.options.client_secret.as_str()),
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
        ];
        let request = self.http.post(&self.options.token_endpoint).form(&form);
        let tokens: Tokens = read(request).await?;
        let claims = self.claims(&tokens.id_token).await?;
        if claims.nonce.as_deref() != Some(nonce) {
            return Err(refused("the token is for another sign-in"));
        }
        let request = self
            .http
            .get(&self.options.user_endpoint)
            .bearer_auth(&tokens.access_token);
        let person: Person = read(request).await?;
        if person.sub.is_some_and(|sub| sub != claims.sub) {
            return Err(refused("the user information is about somebody else"));
        }
        if person.email_verified == Some(false) {
            return Err(refused("the provider has not verified the address"));
        }
        person
            .email
            .filter(|e| !e.is_empty())
            .ok_or_else(|| refused("there is no address"))
    }

    async fn claims(&self, token: &str) -> Result<Claims> {
        let (algorithm, key) = match &self.options.jwks_endpoint {
            None => {
                let secret = self.options.client_secret.as_bytes();
                (Algorithm::HS256, DecodingKey::from_secret(secret))
            }
            Some(endpoint) => (Algorithm::RS256, self.public_key(endpoint, token).await?),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECS;
        validation.set_audience(&[&self.options.client_id]);
        let issuer = self.options.issuer.trim_end_matches('/');
        // Some providers write their name with a slash at the end.
        validation.set_issuer(&[issuer, &format!("{issuer}/")]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .map(|decoded| decoded.claims)
            .map_err(|e| refused("the token does not hold").with_source(e))
    }

    async fn public_key(&self, endpoint: &str, token: &str) -> Result<DecodingKey> {
        let malformed = |e| refused("the token is malformed").with_source(e);
        let header = jsonwebtoken::decode_header(token).map_err(malformed)?;
        let keys: JwkSet = read(self.http.get(endpoint)).await?;
        let found = match header.kid.as_deref() {
            Some(id) => keys.find(id),
            None => keys.keys.first(),
        };
        let key = found.ok_or_else(|| refused("the provider has no such key"))?;
        DecodingKey::from_jwk(key).map_err(malformed)
    }
}

fn refused(why: &'static str) -> Error {
    Error::forbidden("sign-in failed").with_source(why)
}

/// Sends a request and reads the JSON of a bounded answer.
async fn read<T: serde::de::DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T> {
    let silent = |e: reqwest::Error| {
        Error::unavailable("the OpenID provider does not answer").with_source(e)
    };
    let mut response = request.send().await.map_err(silent)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(silent)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(refused("the answer of the provider is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_server_error() {
        return Err(Error::unavailable("the OpenID provider does not answer")
            .with_source(format!("status {status}")));
    }
    if !status.is_success() {
        return Err(refused("the provider refused").with_source(format!("status {status}")));
    }
    serde_json::from_slice(&body)
        .map_err(|e| refused("the answer of the provider is malformed").with_source(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_sent_with_everything_that_the_provider_needs() {
        let provider = Provider::new(Options {
            client_id: "demo client".to_owned(),
            client_secret: "demo".to_owned(),
            authorization_endpoint: "https://id.example.com/authorize?tenant=1".to_owned(),
            token_endpoint: "https://id.example.com/oauth/token".to_owned(),
            user_endpoint: "https://id.example.com/userinfo".to_owned(),
            jwks_endpoint: None,
            issuer: "https://id.example.com".to_owned(),
            timeout: Duration::from_secs(1),
        });
        let url = provider
            .unwrap()
            .authorization_url("http://h/cb", "s", "n")
            .unwrap();
        assert_eq!(
            url,
            "https://id.example.com/authorize?tenant=1&response_type=code&scope=openid+email\
             &client_id=demo+client&redirect_uri=http%3A%2F%2Fh%2Fcb&state=s&nonce=n"
        );
    }
}
