// SPDX-License-Identifier: MPL-2.0
//! CloudFront in front of the buckets: downloads lead there, signed with a canned policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use releng_common::pool::Pool;
use releng_common::{Error, Result};
use releng_store::SignedUrl;
use rsa::PrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use sha1::Sha1;
use std::path::Path;
use std::sync::Arc;

use crate::Settings;
use crate::domain::Sha512;

/// Keys beyond this make a redirect slow; CloudFront takes 2048 bits.
const MAX_KEY_BITS: usize = 4096;

/// Signatures that wait for a thread. A signature takes milliseconds, so this is seconds of work.
const WAITING: usize = 1000;

/// A distribution that knows our public key.
pub struct Cdn {
    host: String,
    key_id: String,
    key: Arc<PrivateKey>,
    pool: Pool,
}

impl std::fmt::Debug for Cdn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cdn({})", self.host)
    }
}

impl Cdn {
    /// Reads the key, once; `None` when no distribution is configured.
    ///
    /// # Errors
    /// The key file cannot be read or holds no RSA key.
    pub async fn open(settings: &Settings) -> Result<Option<Self>> {
        let own = &settings.own;
        let (Some(host), Some(key_id), Some(path)) = (
            &own.cloudfront_url,
            &own.cloudfront_key_id,
            &own.cloudfront_private_key,
        ) else {
            return Ok(None);
        };
        let pem = tokio::fs::read_to_string(path)
            .await
            .map_err(|e| unusable(path, &format!("cannot be read: {e}")))?;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Some(Self {
            host: host.clone(),
            key_id: key_id.clone(),
            key: Arc::new(private_key(&pem).map_err(|problem| unusable(path, &problem))?),
            pool: Pool::new(threads, WAITING),
        }))
    }

    /// Returns a URL that CloudFront honours until `expires` (Unix seconds).
    ///
    /// # Errors
    /// `Unavailable` when too many signatures are waiting.
    pub async fn sign_get(&self, digest: &Sha512, expires: i64) -> Result<SignedUrl> {
        let resource = format!("https://{}/{}", self.host, digest.object_key());
        let (key, policy) = (Arc::clone(&self.key), policy(&resource, expires));
        // Blinded, as long as the crate's feature `getrandom` is on: its time tells nothing of the key.
        let sign = move || {
            key.pkcs1v15_sign::<Sha1>(policy.as_bytes())
                .map_err(|e| Error::internal("the CDN key cannot sign").with_source(e))
        };
        let signature = url_safe(&self.pool.run(sign).await?);
        let key_id = &self.key_id;
        Ok(SignedUrl::Absolute(format!(
            "{resource}?Expires={expires}&Signature={signature}&Key-Pair-Id={key_id}"
        )))
    }
}

/// Returns the policy that CloudFront puts together out of the URL: no blank may stand in it.
fn policy(resource: &str, expires: i64) -> String {
    format!(
        r#"{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}"#
    )
}

/// Base64 with the three characters that would mean something in a URL replaced, as CloudFront does.
fn url_safe(bytes: &[u8]) -> String {
    STANDARD
        .encode(bytes)
        .replace('+', "-")
        .replace('=', "_")
        .replace('/', "~")
}

/// Reads a key as AWS hands it out (`BEGIN RSA PRIVATE KEY`) or as openssl makes it today.
fn private_key(pem: &str) -> std::result::Result<PrivateKey, String> {
    let key = PrivateKey::from_pkcs1_pem(pem)
        .or_else(|_| PrivateKey::from_pkcs8_pem(pem))
        .map_err(|_| "holds no RSA private key in PEM form".to_owned())?;
    key.validate()
        .map_err(|_| "holds a broken key".to_owned())?;
    let bits = rsa::traits::PublicKeyParts::size(&key) * 8;
    if bits > MAX_KEY_BITS {
        return Err(format!("holds a key of more than {MAX_KEY_BITS} bits"));
    }
    Ok(key)
}

fn unusable(path: &Path, problem: &str) -> Error {
    let path = path.display();
    Error::invalid(format!("CLOUDFRONT_PRIVATE_KEY: {path} {problem}"))
}
