// SPDX-License-Identifier: MPL-2.0
//! tooltool as the run loop sees it.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use clap::{Args, Subcommand};
use releng_common::config::{Common, Invalid, Source};
use releng_common::http::cors::Cors;
use releng_common::http::dockerflow::{Dockerflow, Heartbeat};
use releng_common::http::security_headers::SecurityHeaders;
use releng_common::http::{Frame, Routes};
use releng_common::run::{Info, Launch, Service, Worker};
use releng_common::{Clock, Error, Result};
use tokio_util::sync::CancellationToken;

use crate::{Settings, State, http, ops, worker};

/// A running tooltool. Clones share everything.
#[derive(Clone)]
pub struct Tooltool {
    state: Data<State>,
    frame: Frame,
    dockerflow: Dockerflow,
}

impl Tooltool {
    /// Returns the state, for demo data and tests.
    pub fn state(&self) -> Arc<State> {
        self.state.clone().into_inner()
    }
}

impl Service for Tooltool {
    type Settings = Settings;

    const INFO: Info = Info {
        name: "tooltool",
        binary: "releng-tooltool",
        about: "A content-addressed store for build inputs",
        port: 8010,
        reads_django_names: false,
    };

    fn settings(source: &Source) -> Result<Settings, Invalid> {
        Settings::load(source)
    }

    fn common(settings: &Settings) -> &Common {
        &settings.common
    }

    async fn migrate(settings: &Settings) -> Result<()> {
        ops::migrate(&settings.common.database_url).await
    }

    async fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let state = Data::new(State::open(settings, clock).await?);
        let common = &state.settings.common;
        let connect: Vec<&str> = common.taskcluster_root_url.as_deref().into_iter().collect();
        let mut security = SecurityHeaders::new(&connect)?;
        if let Some(uri) = &state.settings.own.csp_report_uri {
            let version = env!("CARGO_PKG_VERSION");
            security = security.with_reports_to(uri, &state.settings.own.env, version)?;
        }
        let frame = Frame {
            service: Self::INFO.name,
            renderer: http::render_error,
            cors: Cors::everywhere(&common.cors_origins),
            security,
            outside: state.outside.clone(),
            sends_response_time: false,
        };
        let dockerflow = dockerflow(&state);
        Ok(Self {
            state,
            frame,
            dockerflow,
        })
    }

    fn frame(&self) -> Frame {
        self.frame.clone()
    }

    fn dockerflow(&self) -> Dockerflow {
        self.dockerflow.clone()
    }

    fn routes(&self) -> Routes {
        let mut routes = http::routes();
        self.dockerflow.routes(&mut routes);
        routes
    }

    fn configure(&self, config: &mut ServiceConfig) {
        config.app_data(self.state.clone());
        releng_store::local::http::configure(config, &self.state.regions.buckets);
    }

    fn workers(&self) -> Vec<Worker> {
        worker::workers(&self.state())
    }

    fn companions(&self) -> Vec<Worker> {
        worker::companions(&self.state())
    }

    fn openapi() -> String {
        http::document()
    }
}

fn dockerflow(state: &Data<State>) -> Dockerflow {
    let (db, auth, store) = (state.db.clone(), state.authenticator.clone(), state.clone());
    let dockerflow = Dockerflow::new(&state.settings.common, Heartbeat::Flat, "OK!")
        .check("db", "Cannot connect to the database.", move || {
            let db = db.clone();
            async move { db.check().await }
        })
        .check(
            "auth",
            "Cannot connect to the taskcluster auth service.",
            move || {
                let auth = auth.clone();
                async move { auth.check().await }
            },
        )
        .check("store", "Cannot connect to the object store.", move || {
            let state = store.clone();
            async move { state.regions.check().await }
        });
    let Some(pulse) = &state.pulse else {
        return dockerflow;
    };
    let publishing = pulse.publishing().clone();
    // The text is the predecessor's.
    dockerflow.check("pulse", "Cannot connect to pulse the service.", move || {
        let publishing = publishing.clone();
        async move { publishing.check().await }
    })
}

/// The commands that only tooltool has.
#[derive(Subcommand)]
pub enum Command {
    /// Do the background work until SIGTERM
    Worker,
    /// Verify all uploads whose URL has ended, and end
    CheckPendingUploads,
    /// Copy all files into all regions, and end
    Replicate,
    /// Copy all rows of one database into another, whose tables are made
    ///
    /// Stop the service first: what it writes meanwhile is not copied. Objects in stores stay where
    /// they are. Nothing is copied when anything fails.
    CopyData(CopyData),
}

/// Options of `copy-data`.
#[derive(Args)]
pub struct CopyData {
    /// Database to read, as in `DATABASE_URL`
    #[arg(long, value_name = "URL")]
    from: String,
    /// Database to fill, which must not hold files or batches
    #[arg(long, value_name = "URL")]
    to: String,
    /// New name of a region, for objects that were brought into another store; repeatable
    #[arg(long = "region", value_name = "OLD=NEW", value_parser = renamed)]
    regions: Vec<(String, String)>,
}

fn renamed(text: &str) -> Result<(String, String), String> {
    let names = text.split_once('=');
    names
        .filter(|(old, new)| !old.is_empty() && !new.is_empty())
        .map(|(old, new)| (old.to_owned(), new.to_owned()))
        .ok_or_else(|| "must be OLD=NEW".to_owned())
}

impl Launch for Tooltool {
    type Command = Command;

    async fn run(settings: Settings, command: Command) -> Result<()> {
        match command {
            Command::Worker => worker(open(settings).await?).await,
            Command::CheckPendingUploads => finish(ops::check_all(&*open(settings).await?).await?),
            Command::Replicate => finish(ops::replicate_all(&*open(settings).await?).await?),
            Command::CopyData(options) => copy(options).await,
        }
    }
}

async fn open(settings: Settings) -> Result<Arc<State>> {
    if settings.common.is_embedded() {
        Tooltool::migrate(&settings).await?;
    }
    State::open(settings, Clock::system()).await.map(Arc::new)
}

async fn copy(options: CopyData) -> Result<()> {
    let regions = options.regions.into_iter().collect();
    let copied = ops::copy_data(&options.from, &options.to, regions).await?;
    releng_common::run::print(&format!("copied {copied}\n"))
}

async fn worker(state: Arc<State>) -> Result<()> {
    let cancel = CancellationToken::new();
    let work = tokio::spawn(worker::work_until(state, cancel.child_token()));
    let stopped = releng_common::run::wait_for_stop().await;
    cancel.cancel();
    work.await
        .map_err(|e| Error::internal("the worker failed").with_source(e))?;
    stopped
}

fn finish(failed: usize) -> Result<()> {
    match failed {
        0 => Ok(()),
        n => Err(Error::internal(format!("{n} files failed, see the log"))),
    }
}
