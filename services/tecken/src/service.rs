// SPDX-License-Identifier: MPL-2.0
//! tecken as the run loop sees it.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use releng_common::config::{Common, Invalid, Source};
use releng_common::http::cors::Cors;
use releng_common::http::dockerflow::{Dockerflow, Heartbeat};
use releng_common::http::security_headers::SecurityHeaders;
use releng_common::http::{Frame, Routes};
use releng_common::run::{Info, Launch, Service, Worker};
use releng_common::{Clock, Error, Result};

use crate::{Command, Settings, State, command, http, ops, worker};

/// A running tecken. Clones share everything.
#[derive(Clone)]
pub struct Tecken {
    state: Data<State>,
    frame: Frame,
    dockerflow: Dockerflow,
}

impl Tecken {
    /// Returns the state, for demo data and tests.
    pub fn state(&self) -> Arc<State> {
        self.state.clone().into_inner()
    }
}

impl Service for Tecken {
    type Settings = Settings;

    const INFO: Info = Info {
        name: "tecken",
        binary: "releng-tecken",
        about: "Symbol server: upload, download, symbolication",
        port: 8030,
        reads_django_names: true,
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
        let state = Data::new(Box::pin(State::open(settings, clock)).await?);
        let security = SecurityHeaders::new(&[])?;
        let frame = Frame {
            service: Self::INFO.name,
            renderer: http::render_error,
            cors: Cors::by_handlers(),
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
        let mut routes = Routes::new();
        self.dockerflow.routes(&mut routes);
        http::add_routes(&mut routes);
        routes
    }

    fn configure(&self, config: &mut ServiceConfig) {
        config.app_data(self.state.clone());
        config.app_data(http::gate(&self.state));
        releng_store::local::http::configure(config, &self.state.sources.buckets);
    }

    fn path_not_found() -> Error {
        http::path_not_found()
    }

    fn workers(&self) -> Vec<Worker> {
        let state = self.state();
        vec![Worker::new("housekeeping", move |stop| {
            worker::run(state, stop)
        })]
    }

    fn openapi() -> String {
        http::document()
    }
}

fn dockerflow(state: &Data<State>) -> Dockerflow {
    let common = &state.settings.common;
    let (db, cache, stores) = (state.db.clone(), state.clone(), state.clone());
    Dockerflow::new(common, Heartbeat::Dockerflow(500), "")
        .with_required_version()
        .check("database", "Cannot connect to the database.", move || {
            let db = db.clone();
            async move { db.check().await }
        })
        .check("cache", "Cannot connect to the cache.", move || {
            let state = cache.clone();
            async move { state.exists.cache().check().await }
        })
        .check(
            "stores",
            "Unable to connect to a location of symbols.",
            move || {
                let state = stores.clone();
                async move {
                    for source in state.sources.all() {
                        source.store.check().await?;
                    }
                    Ok(())
                }
            },
        )
}

impl Launch for Tecken {
    type Command = Command;

    async fn run(settings: Settings, command: Command) -> Result<()> {
        command::run(settings, command).await
    }
}
