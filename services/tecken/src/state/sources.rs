// SPDX-License-Identifier: MPL-2.0
//! The stores of symbols, opened.

use std::fmt;

use releng_common::{Clock, Error, Result};
use releng_store::local::http::Buckets;
use releng_store::{Key, Location, Options, Store};

use crate::Settings;
use crate::settings::Place;

/// A location that was opened.
#[derive(Clone)]
pub struct Source {
    /// Where it is.
    pub place: Place,
    /// What is there.
    pub store: Store,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.place.location)
    }
}

impl Source {
    /// Returns the name under which the shared cache knows an object.
    pub fn cache_key(&self, key: &str) -> String {
        format!("exists:{}:{key}", self.place.location)
    }

    /// Returns the key with the prefix of the location, as records have it.
    pub fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.place.location.prefix())
    }

    /// Returns the name of the bucket or folder.
    pub fn bucket_name(&self) -> String {
        self.place.location.name()
    }

    /// Returns region and server of a bucket.
    pub fn region_and_endpoint(&self) -> (Option<String>, Option<String>) {
        match &self.place.location {
            Location::S3(s3) => (s3.region.clone(), s3.endpoint.clone()),
            Location::Local(_) => (None, None),
        }
    }

    /// Returns an object's name in this store, or nothing when there can be no such object.
    pub fn key(&self, key: &str) -> Option<Key> {
        Key::parse(key)
            .ok()
            .filter(|_| self.full_key(key).len() <= releng_store::key::KEY_MAX_BYTES)
    }
}

/// All locations.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Read from, in this order.
    pub regular: Vec<Source>,
    /// Try symbols.
    pub try_source: Source,
    /// Uploads go here.
    pub default: Source,
    /// Uploads of some people.
    pub exceptions: Vec<(String, Source)>,
    /// Folders whose objects this service serves itself.
    pub buckets: Buckets,
}

impl Sources {
    /// Opens all locations of the settings.
    pub(super) async fn open(settings: &Settings, clock: &Clock) -> Result<Self> {
        let mut opener = Opener {
            settings,
            clock,
            opened: Vec::new(),
            folders: Vec::new(),
        };
        let places = &settings.places;
        let mut regular = Vec::new();
        for place in &places.regular {
            regular.push(opener.open(place).await?);
        }
        let try_source = opener.open(&places.try_place).await?;
        let default = opener.open(&places.default).await?;
        let mut exceptions = Vec::new();
        for (who, place) in &places.exceptions {
            exceptions.push((who.clone(), opener.open(place).await?));
        }
        let buckets = opener.folders.into_iter().collect();
        Ok(Self {
            regular,
            try_source,
            default,
            exceptions,
            buckets,
        })
    }

    /// Returns where to look, regular symbols first.
    pub fn readable(&self, with_try: bool) -> impl Iterator<Item = &Source> {
        self.regular
            .iter()
            .chain(with_try.then_some(&self.try_source))
    }

    /// Tells whether uploads go to a location. No other one is ever written to (D-55).
    pub fn takes_uploads(&self, source: &Source) -> bool {
        let exceptions = self.exceptions.iter().map(|(_, source)| source);
        [&self.default, &self.try_source]
            .into_iter()
            .chain(exceptions)
            .any(|known| known.place.location == source.place.location)
    }

    /// Returns every location, each once.
    pub fn all(&self) -> Vec<&Source> {
        let mut all: Vec<&Source> = Vec::new();
        let exceptions = self.exceptions.iter().map(|(_, source)| source);
        for source in self.readable(true).chain(exceptions) {
            if !all.iter().any(|known| known.place == source.place) {
                all.push(source);
            }
        }
        all
    }
}

struct Opener<'a> {
    settings: &'a Settings,
    clock: &'a Clock,
    opened: Vec<Source>,
    folders: Vec<releng_store::local::LocalStore>,
}

impl Opener<'_> {
    async fn open(&mut self, place: &Place) -> Result<Source> {
        if let Some(known) = self
            .opened
            .iter()
            .find(|s| s.place.location == place.location)
        {
            return Ok(Source {
                place: place.clone(),
                ..known.clone()
            });
        }
        let own = &self.settings.own;
        let mut options = Options::new(format!("s{}", self.opened.len()), self.clock.clone());
        options.s3.default_region.clone_from(&own.aws_region);
        options.s3.endpoint = own
            .aws_endpoint_url_s3
            .clone()
            .or_else(|| own.aws_endpoint_url.clone());
        options.s3.connect_timeout_secs = own.s3_connect_secs;
        options.s3.read_timeout_secs = own.s3_read_secs;
        let opened = releng_store::open(&place.location, &options)
            .await
            .map_err(|e| {
                Error::new(
                    e.kind(),
                    format!("the location {} cannot be opened", place.location),
                )
                .with_source(e)
            })?;
        // A stand-in for S3 begins empty; a real bucket is somebody's own to make.
        let is_stand_in = matches!(&place.location, Location::S3(s3)
            if s3.endpoint.as_deref().is_some_and(|e| e.contains("minio")));
        if is_stand_in && let Err(error) = opened.store.ensure().await {
            tracing::warn!(bucket = %place.location, error = error.chain(), "bucket not made");
        }
        self.folders.extend(opened.local);
        let source = Source {
            place: place.clone(),
            store: opened.store,
        };
        self.opened.push(source.clone());
        Ok(source)
    }
}
