// SPDX-License-Identifier: MPL-2.0
//! Identity tokens: their claims, their signature, and the key that checks it.

use actix_web::web::{self, Data};
use actix_web::{HttpResponse, Route};
use anyhow::anyhow;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header};
use releng_common::Clock;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::state::State;
use super::{Algorithm, Fault};

/// Life of an identity token.
const LIFETIME_SECS: i64 = 36_000;
/// Name of the only key.
const KEY_ID: &str = "stand-in";

/// Signs tokens.
pub(super) struct Signer {
    header: Header,
    key: EncodingKey,
    keys: Value,
}

impl Signer {
    /// Prepares an algorithm; RS256 makes a new key.
    pub(super) fn new(algorithm: Algorithm, client_secret: &str) -> anyhow::Result<Self> {
        match algorithm {
            Algorithm::Hs256 => Ok(Self {
                header: Header::new(jsonwebtoken::Algorithm::HS256),
                key: EncodingKey::from_secret(client_secret.as_bytes()),
                keys: json!({"keys": []}),
            }),
            Algorithm::Rs256 => {
                let key = rsa_key()?;
                let algorithm = jsonwebtoken::Algorithm::RS256;
                let mut public = Jwk::from_encoding_key(&key, algorithm)?;
                public.common.key_id = Some(KEY_ID.to_owned());
                public.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
                let mut header = Header::new(algorithm);
                header.kid = Some(KEY_ID.to_owned());
                Ok(Self {
                    header,
                    key,
                    keys: json!({"keys": [public]}),
                })
            }
        }
    }
}

fn rsa_key() -> anyhow::Result<EncodingKey> {
    let unspecified = |_| anyhow!("no RSA key can be made");
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(unspecified)?;
    let der = pair.as_der().map_err(unspecified)?;
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    Ok(EncodingKey::from_rsa_pem(pem.as_bytes())?)
}

/// Returns the subject of a person: stable, and without the address.
pub(super) fn subject(email: &str) -> String {
    let digest = hex::encode(Sha256::digest(email.to_ascii_lowercase()));
    format!("auth0|{}", digest.get(..24).unwrap_or(&digest))
}

/// Issues a token for a person who signed in just now.
pub(super) fn issue(state: &State, email: &str, nonce: Option<&str>) -> anyhow::Result<String> {
    let claims = claims(state, email, nonce);
    if state.has_fault(Fault::Unsigned) {
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let header = encode(json!({"typ": "JWT", "alg": "none"}));
        return Ok(format!("{header}.{}.", encode(claims)));
    }
    let token = jsonwebtoken::encode(&state.signer.header, &claims, &state.signer.key)?;
    Ok(if state.has_fault(Fault::WrongSignature) {
        with_other_signature(&token)
    } else {
        token
    })
}

fn claims(state: &State, email: &str, nonce: Option<&str>) -> Value {
    let age = if state.has_fault(Fault::Expired) {
        LIFETIME_SECS + 3600
    } else {
        0
    };
    let issued = Clock::system().now().timestamp() - age;
    let or_other = |fault, text: &str, other: &str| {
        if state.has_fault(fault) {
            other.to_owned()
        } else {
            text.to_owned()
        }
    };
    let mut claims = json!({
        "iss": or_other(Fault::WrongIssuer, state.issuer(), "http://other-provider.invalid"),
        "sub": subject(email),
        "aud": or_other(Fault::WrongAudience, &state.client_id, "other-client"),
        "iat": issued,
        "exp": issued + LIFETIME_SECS,
        "email": email,
        "email_verified": true,
    });
    let nonce = nonce.filter(|_| !state.has_fault(Fault::NoNonce));
    if let (Some(claims), Some(nonce)) = (claims.as_object_mut(), nonce) {
        let nonce = or_other(Fault::WrongNonce, nonce, "another-nonce");
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    claims
}

/// Turns all bits of the signature around.
fn with_other_signature(token: &str) -> String {
    let Some((signed, signature)) = token.rsplit_once('.') else {
        return token.to_owned();
    };
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns the route of the public key.
pub(super) fn jwks() -> (&'static str, Route) {
    ("/jwks", keys())
}

/// Returns the same at the path that Auth0 has for it.
pub(super) fn jwks_of_auth0() -> (&'static str, Route) {
    ("/.well-known/jwks.json", keys())
}

fn keys() -> Route {
    web::get().to(|state: Data<State>| async move { HttpResponse::Ok().json(&state.signer.keys) })
}
