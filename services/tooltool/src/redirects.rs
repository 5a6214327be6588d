// SPDX-License-Identifier: MPL-2.0
//! The answer that was made last for a file. Whoever asks at the same address within the same second
//! gets the same URL, so link and body need not be written again.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use releng_store::SignedUrl;

/// What a redirect consists of.
#[derive(Debug)]
pub struct Redirect {
    /// The address.
    pub location: HeaderValue,
    /// The page for people.
    pub body: Bytes,
}

/// Keeps the newest redirect of one file.
#[derive(Debug, Default)]
pub struct Redirects(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    url: Arc<SignedUrl>,
    base: String,
    redirect: Arc<Redirect>,
}

impl Redirects {
    /// Returns the redirect to this very URL under this address of the service.
    pub fn get(&self, url: &Arc<SignedUrl>, base: &str) -> Option<Arc<Redirect>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        let is_it = Arc::ptr_eq(&kept.url, url) && kept.base == base;
        is_it.then(|| Arc::clone(&kept.redirect))
    }

    /// Keeps a redirect. The URL is kept with it, so that its place in memory names no other.
    pub fn put(&self, url: Arc<SignedUrl>, base: String, redirect: Arc<Redirect>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(Kept {
            url,
            base,
            redirect,
        });
    }
}
