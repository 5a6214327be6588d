// SPDX-License-Identifier: MPL-2.0
//! The composition root: settings become the parts that operations work with.

mod index_folder;
mod lanes;
mod memory;
mod module;
mod modules;
mod news;
mod sources;
mod spool;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use releng_cache::{Handle, SingleFlight};
use releng_common::auth::oidc::{self, Provider};
use releng_common::config::mask_url;
use releng_common::http::Outside;
use releng_common::pool::Pool;
use releng_common::{Clock, Error, Result};
use releng_db::Db;
use releng_symbols::index::PageCache;
use tokio::sync::Semaphore;

use crate::Settings;
use crate::domain::Miss;
use crate::settings::Own;

pub use index_folder::{IndexFolder, IndexName};
pub use lanes::{Admitted, Lanes};
pub use memory::Room;
pub use module::{LocalFile, Module, Place, StoredIndex, Text};
pub use modules::{Found, Held, Loaded, Modules, Scales};
pub use news::{FileRecord, Question, Turn};
pub use sources::{Source, Sources};
pub use spool::{Spool, SpoolFile};

/// Jobs that may wait for a thread before requests get 503.
const POOL_QUEUE: usize = 4096;
/// Folder of symbol indexes below `DATA_DIR` (D-55).
const INDEX_FOLDER: &str = "symbol-index";
/// Part of the memory for symbols that the modules take; the rest is for pages of their indexes.
const MODULES_SHARE: u64 = 4;

/// Everything that an operation may need.
pub struct State {
    /// The settings in force.
    pub settings: Settings,
    /// Where time comes from.
    pub clock: Clock,
    /// People, uploads and misses.
    pub db: Db,
    /// The address that clients see.
    pub outside: Outside,
    /// Where symbols are.
    pub sources: Sources,
    /// Which objects exist, shared between processes.
    pub exists: SingleFlight,
    /// Modules whose symbols are at hand.
    pub modules: Modules,
    /// Pages of symbol indexes.
    pub pages: Arc<PageCache>,
    /// Symbol indexes on the local disk.
    pub index_folder: Arc<IndexFolder>,
    /// Threads for archives and compression.
    pub upload_pool: Pool,
    /// Threads and places for symbolication.
    pub lanes: Lanes,
    /// Places for uploads.
    pub uploads: Arc<Semaphore>,
    /// Folder for archives on their way.
    pub spool: Spool,
    /// Misses that the database did not take; written with the next one.
    pub unrecorded: Mutex<VecDeque<Miss>>,
    /// Where people sign in.
    pub provider: Option<Provider>,
}

impl State {
    /// Opens everything that the settings name.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub async fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let own = &settings.own;
        let db = Db::open(&settings.common)?.expecting(&crate::repo::migrations());
        let outside = Outside::open(&settings.common)?;
        let sources = Sources::open(&settings, &clock).await?;
        let cache = open_cache(own, "REDIS_URL", own.redis_url.as_deref(), "tecken:")?;
        let store_url = own.redis_store_url.as_deref().or(own.redis_url.as_deref());
        let shared = open_cache(own, "REDIS_STORE_URL", store_url, "tecken-store:")?;
        let memory = own.symbol_cache_max.0;
        let modules = Modules::new(
            shared,
            clock.clone(),
            memory / MODULES_SHARE,
            own.symbols_negative_ttl_secs,
        );
        let pages = usize::try_from(memory - memory / MODULES_SHARE).unwrap_or(usize::MAX);
        let (folder, max_bytes) = (
            settings.common.data_dir.join(INDEX_FOLDER),
            own.symbol_index_max.0,
        );
        let index_folder =
            tokio::task::spawn_blocking(move || IndexFolder::open(folder, max_bytes))
                .await
                .map_err(|e| Error::internal("the index folder cannot be opened").with_source(e))?;
        let folder = settings.common.data_dir.join(&own.upload_tempdir_prefix);
        let spool = tokio::task::spawn_blocking(move || Spool::open(&folder))
            .await
            .map_err(|e| Error::internal("the spool folder cannot be opened").with_source(e))??;
        let threads = match own.pool_workers {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            threads => threads,
        };
        Ok(Self {
            provider: provider(own)?,
            uploads: Arc::new(Semaphore::new(own.upload_max_running)),
            upload_pool: Pool::new(threads, POOL_QUEUE),
            lanes: Lanes::new(
                threads,
                own.symbolicate_max_running,
                own.symbolicate_max_memory.0,
            ),
            pages: Arc::new(PageCache::new(pages)),
            index_folder: Arc::new(index_folder),
            exists: SingleFlight::new(cache),
            unrecorded: Mutex::default(),
            settings,
            clock,
            db,
            outside,
            sources,
            modules,
            spool,
        })
    }
}

fn open_cache(own: &Own, name: &str, url: Option<&str>, prefix: &str) -> Result<Handle> {
    let options = releng_cache::Options {
        prefix: prefix.to_owned(),
        connect_timeout: Duration::from_secs(own.redis_connect_secs.max(1)),
        response_timeout: Duration::from_secs(own.redis_answer_secs.max(1)),
        ignore_faults: own.redis_ignore_exceptions,
        ..releng_cache::Options::default()
    };
    let memory = format!("memory:?max={}", own.cache_max.0);
    let url = url.unwrap_or(&memory);
    releng_cache::open(url, &options)
        .map_err(|e| Error::invalid(format!("{name}: {}: {}", mask_url(url), e.message())))
}

fn provider(own: &Own) -> Result<Option<Provider>> {
    let (Some(client_id), Some(client_secret)) = (&own.oidc_client_id, &own.oidc_client_secret)
    else {
        return Ok(None);
    };
    let user_endpoint = own.oidc_user_endpoint.trim_end_matches('/');
    let derived = user_endpoint
        .strip_suffix("/userinfo")
        .unwrap_or(user_endpoint);
    let options = oidc::Options {
        client_id: client_id.clone(),
        client_secret: client_secret.clone(),
        authorization_endpoint: own.oidc_authorization_endpoint.clone(),
        token_endpoint: own.oidc_token_endpoint.clone(),
        user_endpoint: own.oidc_user_endpoint.clone(),
        jwks_endpoint: own
            .oidc_jwks_endpoint
            .clone()
            .filter(|_| own.oidc_sign_algo == "RS256"),
        issuer: own
            .oidc_issuer
            .clone()
            .unwrap_or_else(|| derived.to_owned()),
        timeout: Duration::from_secs(own.oidc_timeout_secs.max(1)),
    };
    Provider::new(options)
        .map(Some)
        .map_err(|e| Error::invalid(format!("OIDC_OP_…_ENDPOINT: {}", e.message())))
}
