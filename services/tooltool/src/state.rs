// SPDX-License-Identifier: MPL-2.0
//! The composition root: settings become the parts that operations work with.

use releng_common::auth::Authenticator;
use releng_common::http::Outside;
use releng_common::{Clock, Error, Result};
use releng_db::{Db, Fresh};
use releng_queue::{DbQueue, Limits};

use crate::Settings;
use crate::cdn::Cdn;
use crate::domain::{Permissions, Sha512, TokenKey, Visibility};
use crate::pulse::Pulse;
use crate::redirects::Redirects;
use crate::regions::{Regions, SignedUrls};

/// Files kept for downloads at once.
const KEPT_FILES: usize = 100_000;

/// Name of the queue.
const QUEUE: &str = "tooltool";

/// What a download needs to know of a file.
#[derive(Debug)]
pub struct Downloadable {
    /// Who may download it.
    pub visibility: Visibility,
    /// Regions with a verified copy.
    pub regions: Vec<String>,
    /// URLs of this second.
    pub urls: SignedUrls,
    /// The answer to the last who asked.
    pub redirects: Redirects,
}

/// Everything an operation may need.
pub struct State {
    /// The settings in force.
    pub settings: Settings,
    /// Where time comes from.
    pub clock: Clock,
    /// Files, batches and pending uploads.
    pub db: Db,
    /// Work for later.
    pub queue: DbQueue,
    /// Where the bytes are.
    pub regions: Regions,
    /// In front of the buckets, if there is one.
    pub cdn: Option<Cdn>,
    /// Verifies the tokens of RelengAPI, where they still count.
    pub token_key: Option<TokenKey>,
    /// The message broker, where one is used.
    pub pulse: Option<Pulse>,
    /// Verifies Hawk credentials.
    pub authenticator: Authenticator,
    /// The address that clients see.
    pub outside: Outside,
    /// Which scopes allow what.
    pub permissions: Permissions,
    /// Files that were asked for, unknown ones included, dropped with every commit (D-54).
    pub downloads: Fresh<Sha512, Option<Downloadable>>,
}

impl State {
    /// Opens everything that the settings name.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub async fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let db = Db::open(&settings.common)?
            .expecting(&crate::repo::migrations())
            .settling();
        let queue = DbQueue::new(db.clone(), QUEUE, clock.clone(), Limits::default())?;
        let regions = Regions::open(&settings, &clock).await?;
        let downloads = Fresh::new(db.changes().clone(), KEPT_FILES);
        let authenticator = Authenticator::open(&settings.common, clock.clone())?;
        let outside = Outside::open(&settings.common)?.below(&settings.own.url_prefix);
        let cdn = Cdn::open(&settings).await?;
        let token_key = token_key(&settings)?;
        let permissions = Permissions;
        let pulse = settings.broker.clone().map(Pulse::new);
        Ok(Self {
            settings,
            clock,
            db,
            queue,
            regions,
            cdn,
            token_key,
            pulse,
            authenticator,
            outside,
            permissions,
            downloads,
        })
    }
}

fn token_key(settings: &Settings) -> Result<Option<TokenKey>> {
    match &settings.own.secret_key {
        Some(text) if settings.own.relengapi_tokens => TokenKey::parse(text)
            .map(Some)
            .ok_or_else(|| Error::invalid("SECRET_KEY: must be base64")),
        Some(_) | None => Ok(None),
    }
}
