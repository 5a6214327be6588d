// SPDX-License-Identifier: MPL-2.0
//! Commands that only buildhub has.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use releng_common::run::{Launch, wait_for_stop};
use releng_common::{Clock, Error, Kind, Result};
use tokio_util::sync::CancellationToken;

use crate::ops::ArchiveSummary;
use crate::state::{check_archive, open_index};
use crate::{Buildhub, Intake, Settings, ops, worker};

/// Files that one transaction stores.
const BATCH: usize = 100;
/// Pause between two looks at the work of a running server.
const LOOK: Duration = Duration::from_millis(500);
/// Looks between two lines about the progress.
const LOOKS_PER_LINE: u64 = 10;

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum BuildhubCommand {
    /// Watch the archive folder (PostgreSQL only; with SQLite `serve` does it)
    Daemon,
    /// Take record files in, and all buildhub.json files below folders
    Ingest {
        /// Files and folders
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Write every record into the search index again
    #[command(alias = "reindex")]
    ReindexElasticsearch,
}

impl Launch for Buildhub {
    type Command = BuildhubCommand;

    async fn run(settings: Settings, command: BuildhubCommand) -> Result<()> {
        if settings.common.is_embedded() {
            ops::migrate(&settings).await?;
        }
        match command {
            BuildhubCommand::Daemon => daemon(settings).await,
            BuildhubCommand::Ingest { paths } => ingest(settings, paths).await,
            BuildhubCommand::ReindexElasticsearch => reindex(settings).await,
        }
    }
}

async fn daemon(settings: Settings) -> Result<()> {
    if settings.common.is_embedded() {
        return Err(Error::invalid(
            "DATABASE_URL: with SQLite `serve` watches the archive itself",
        ));
    }
    check_archive(&settings.own.archive_dir)?;
    let intake = Intake::open(settings, Clock::system())?;
    let token = CancellationToken::new();
    let work = tokio::spawn(worker::watch_archive(intake, token.clone()));
    wait_for_stop().await?;
    token.cancel();
    work.await
        .map_err(|e| Error::internal("the daemon failed").with_source(e))
}

async fn ingest(settings: Settings, paths: Vec<PathBuf>) -> Result<()> {
    let intake = Intake::open(settings, Clock::system())?;
    let mut summary = ArchiveSummary::default();
    for path in paths {
        if !path.exists() {
            return Err(Error::new(
                Kind::NotFound,
                format!("{} does not exist", path.display()),
            ));
        }
        let files = intake
            .reading
            .run(move || Ok(worker::record_files(path)))
            .await?;
        for batch in files.chunks(BATCH) {
            summary += ops::path_ingest(&intake, batch.to_vec()).await?;
        }
    }
    let ArchiveSummary {
        inserted,
        known,
        invalid,
        unreadable,
    } = summary;
    print(&format!(
        "inserted {inserted}, known {known}, invalid {invalid}, unreadable {unreadable}"
    ))?;
    match invalid + unreadable {
        0 => Ok(()),
        bad => Err(Error::new(
            Kind::Conflict,
            format!("{bad} of the files could not be taken in"),
        )),
    }
}

/// Feeds the index from the table. Searches go on meanwhile, on the documents that are there. When
/// a server has the index, the server does the work and this command waits for it (D-53).
async fn reindex(settings: Settings) -> Result<()> {
    let intake = Intake::open(settings, Clock::system())?;
    let index = match open_index(&intake).await {
        Ok(index) => Some(index),
        Err(error) if error.kind() == Kind::Unavailable => None,
        Err(error) => return Err(error),
    };
    if let Some(index) = &index {
        ops::index_prepare(&intake, index).await?;
    }
    let count = ops::index_reset(&intake.db).await?;
    match index {
        Some(index) => while ops::index_step(&intake, &index).await? > 0 {},
        None => wait_for_server(&intake).await?,
    }
    print(&format!("{count} records indexed"))
}

async fn wait_for_server(intake: &Intake) -> Result<()> {
    tracing::info!("another process has the index and does the work");
    for look in 0_u64.. {
        let waiting = ops::index_waiting(&intake.db).await?;
        if waiting == 0 {
            break;
        }
        if look % LOOKS_PER_LINE == 0 {
            tracing::info!(waiting, "records wait for the index");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn print(line: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
        .map_err(|e| Error::internal("stdout cannot be written").with_source(e))
}
