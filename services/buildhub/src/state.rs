// SPDX-License-Identifier: MPL-2.0
//! The composition root: settings become the parts that operations work with.

use std::path::Path;
use std::sync::Arc;

use releng_common::http::Outside;
use releng_common::pool::Pool;
use releng_common::{Clock, Error, Kind, Result};
use releng_db::{Db, Fresh};
use releng_search::{Embedded, EmbeddedSettings, Limits, SearchIndex};
use tokio::sync::Notify;

use crate::Settings;
use crate::domain::RecordSchema;

/// Files that may wait for the thread that reads them.
const READ_QUEUE: usize = 64;

/// What is needed to take records in. It does without the index, so that commands can run beside a
/// server.
#[derive(Clone)]
pub struct Intake {
    /// The settings in force.
    pub settings: Settings,
    /// Where time comes from.
    pub clock: Clock,
    /// Records and remembered files.
    pub db: Db,
    /// The rules for records.
    pub schema: Arc<RecordSchema>,
    /// What is stored beside each record: the version of the software that took it in.
    pub metadata: Arc<str>,
    /// Reads and checks files.
    pub reading: Pool,
    /// Tells the indexer of this process that there are new rows.
    pub has_new_rows: Arc<Notify>,
}

impl Intake {
    /// Opens what the settings name.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let db = Db::open(&settings.common)?.expecting(&crate::repo::migrations());
        let schema = Arc::new(read_schema(settings.own.schema_file.as_deref())?);
        let metadata = read_version(&settings.common.version_file).into();
        let reading = Pool::new(1, READ_QUEUE);
        let has_new_rows = Arc::default();
        Ok(Self {
            settings,
            clock,
            db,
            schema,
            metadata,
            reading,
            has_new_rows,
        })
    }
}

/// Makes sure that the archive folder is there and can be read.
///
/// # Errors
/// `InvalidInput` when it cannot.
pub fn check_archive(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::read_dir(folder).map(|_| ()))
        .map_err(|e| {
            let folder = folder.display();
            Error::invalid(format!("ARCHIVE_DIR: the folder {folder} cannot be used"))
                .with_source(e)
        })
}

fn read_schema(path: Option<&Path>) -> Result<RecordSchema> {
    let Some(path) = path else {
        return RecordSchema::built_in().map_err(Error::internal);
    };
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::invalid(format!("SCHEMA_FILE: {name} cannot be read: {e}")))?;
    RecordSchema::parse(&text).map_err(|e| Error::invalid(format!("SCHEMA_FILE: {name} {e}")))
}

/// Returns the content of `version.json` on one line.
fn read_version(path: &Path) -> String {
    let content = std::fs::read(path).ok();
    let version = content.and_then(|c| serde_json::from_slice::<serde_json::Value>(&c).ok());
    version
        .filter(serde_json::Value::is_object)
        .unwrap_or_else(|| {
            serde_json::json!({
                "source": env!("CARGO_PKG_REPOSITORY"), "version": env!("CARGO_PKG_VERSION"),
                "commit": "unknown", "build": "unknown",
            })
        })
        .to_string()
}

/// Everything an operation of the web process may need.
pub struct State {
    /// Taking records in.
    pub intake: Intake,
    /// The projection that searches are answered from (D-49).
    pub index: Arc<dyn SearchIndex>,
    /// Number of records, kept until the next commit.
    pub totals: Fresh<(), i64>,
    /// The address that clients see.
    pub outside: Outside,
}

impl State {
    /// Opens everything that the settings name.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub async fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let outside = Outside::open(&settings.common)?;
        let intake = Intake::open(settings, clock)?;
        let index = Arc::new(open_index(&intake).await?);
        let totals = Fresh::new(intake.db.changes().clone(), 1);
        Ok(Self {
            intake,
            index,
            totals,
            outside,
        })
    }
}

/// Opens the embedded index; one process at a time can have it.
///
/// # Errors
/// `Unavailable` when another process has it.
pub async fn open_index(intake: &Intake) -> Result<Embedded> {
    let own = &intake.settings.own;
    let limits = Limits {
        max_size: own.max_search_size,
        ..Limits::default()
    };
    let settings = EmbeddedSettings {
        limits,
        ..EmbeddedSettings::new(own.index_dir.clone())
    };
    let workers = match own.search_workers {
        0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        n => n,
    };
    let searches = Pool::new(workers, own.search_queue);
    let opened = Embedded::open(settings, intake.clock.clone(), searches).await;
    opened.map_err(|error| match error.kind() {
        Kind::InvalidInput => Error::invalid(format!("INDEX_DIR: {}", error.chain())),
        _ => error,
    })
}
