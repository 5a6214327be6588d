// SPDX-License-Identifier: MPL-2.0
//! The configured regions: one store each.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use releng_common::{Clock, Error, Result};
use releng_store::local::http::Buckets;
use releng_store::location::S3Location;
use releng_store::s3::Credentials;
use releng_store::{Attributes, Key, Location, Options, SignedUrl, Store};

use crate::Settings;
use crate::domain::Sha512;
use crate::settings::Region;

/// Name of the region of the embedded set-up.
const LOCAL: &str = "local";

/// The media type that uploaders must send: it is part of the signature.
const UPLOAD_TYPE: &str = "application/octet-stream";

/// The stores by region.
#[derive(Debug)]
pub struct Regions {
    stores: BTreeMap<String, RegionStore>,
    /// What the service itself serves; empty with S3.
    pub buckets: Buckets,
    turn: AtomicUsize,
}

/// The store of one region.
#[derive(Debug)]
pub struct RegionStore {
    /// The objects.
    pub store: Store,
    is_folder: bool,
}

impl Regions {
    /// Opens the store of every region. No bucket is touched.
    ///
    /// # Errors
    /// A setting or the folder cannot be used.
    pub async fn open(settings: &Settings, clock: &Clock) -> Result<Self> {
        let mut stores = BTreeMap::new();
        let mut folders = Vec::new();
        for region in &settings.regions {
            let location = Location::S3(bucket(region, settings.s3_endpoint()));
            let mut options = Options::new(region.name.clone(), clock.clone());
            options.s3.credentials = credentials(settings);
            options.s3.read_timeout_secs = settings.own.s3_timeout_secs;
            options.s3.copy_single_max_bytes = settings.own.s3_copy_single_max.0;
            options.s3.copy_part_bytes = settings.own.s3_copy_part.0;
            let store = releng_store::open(&location, &options).await?.store;
            stores.insert(
                region.name.clone(),
                RegionStore {
                    store,
                    is_folder: false,
                },
            );
        }
        if stores.is_empty() {
            let location = Location::parse(&settings.own.store_url)
                .map_err(|e| Error::invalid(format!("STORE_URL: {}", e.message())))?;
            let mut options = Options::new("tooltool", clock.clone());
            options.local.max_object_bytes = settings.own.store_max_object.0;
            let opened = releng_store::open(&location, &options).await?;
            folders.extend(opened.local);
            let folder = RegionStore {
                store: opened.store,
                is_folder: true,
            };
            stores.insert(LOCAL.to_owned(), folder);
        }
        let buckets = folders.into_iter().collect();
        Ok(Self {
            stores,
            buckets,
            turn: AtomicUsize::new(0),
        })
    }

    /// Returns the store of a region.
    pub fn get(&self, region: &str) -> Option<&RegionStore> {
        self.stores.get(region)
    }

    /// Returns the names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stores.keys().map(String::as_str)
    }

    /// Chooses among the configured ones of `available`: the preferred one, else each in turn.
    pub fn choose<'a>(
        &self,
        preferred: Option<&str>,
        available: impl Iterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let usable: Vec<&str> = available
            .filter(|name| self.stores.contains_key(*name))
            .collect();
        if let Some(name) = usable.iter().find(|name| Some(**name) == preferred) {
            return Some(name);
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        usable.get(turn.checked_rem(usable.len())?).copied()
    }

    /// Asks every store whether it works.
    ///
    /// # Errors
    /// The first that does not.
    pub async fn check(&self) -> Result<()> {
        for region in self.stores.values() {
            region.store.check().await?;
        }
        Ok(())
    }
}

impl RegionStore {
    /// Returns a URL with which anybody may download a file for some seconds.
    ///
    /// # Errors
    /// The store cannot sign.
    pub async fn sign_get(&self, digest: &Sha512, secs: u32) -> Result<SignedUrl> {
        self.store.sign_get(&key(digest)?, self.life(secs)).await
    }

    /// Returns a URL with which anybody may send a file for some seconds.
    ///
    /// # Errors
    /// The store cannot sign.
    pub async fn sign_put(&self, digest: &Sha512, secs: u32) -> Result<SignedUrl> {
        let signed = Attributes::of_type(UPLOAD_TYPE);
        self.store
            .sign_put(&key(digest)?, self.life(secs), &signed)
            .await
    }

    /// URLs of folders end at a whole second: with one second more they live no shorter than asked.
    fn life(&self, secs: u32) -> u32 {
        secs.saturating_add(u32::from(self.is_folder))
    }
}

/// Returns the key of a file in every store.
///
/// # Errors
/// None in practice: a digest makes a good key.
pub fn key(digest: &Sha512) -> Result<Key> {
    Key::parse(digest.object_key())
}

fn bucket(region: &Region, endpoint: Option<&str>) -> S3Location {
    S3Location {
        bucket: region.bucket.clone(),
        prefix: String::new(),
        region: Some(region.name.clone()),
        endpoint: endpoint.map(|url| url.trim_end_matches('/').to_owned()),
        is_public: false,
        keys: None,
        bucket_url: None,
    }
}

fn credentials(settings: &Settings) -> Credentials {
    Credentials::Keys {
        access_key_id: settings.own.s3_access_key_id.clone().unwrap_or_default(),
        secret_access_key: settings
            .own
            .s3_secret_access_key
            .clone()
            .unwrap_or_default(),
        session_token: None,
    }
}

/// GET URLs of one file. All stores sign for whole seconds, so within one second a URL is as good as
/// a new one and need not be computed again.
#[derive(Debug, Default)]
pub struct SignedUrls(Mutex<HashMap<String, (i64, Arc<SignedUrl>)>>);

impl SignedUrls {
    /// Returns the URL that was signed in this second.
    pub fn get(&self, region: &str, second: i64) -> Option<Arc<SignedUrl>> {
        let urls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        urls.get(region)
            .filter(|(at, _)| *at == second)
            .map(|(_, url)| Arc::clone(url))
    }

    /// Keeps a URL.
    pub fn put(&self, region: &str, second: i64, url: Arc<SignedUrl>) {
        let mut urls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        urls.insert(region.to_owned(), (second, url));
    }
}
