// SPDX-License-Identifier: MPL-2.0
//! treestatus as the run loop sees it.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use clap::Subcommand;
use releng_common::config::{Common, Invalid, Source};
use releng_common::http::cors::Cors;
use releng_common::http::dockerflow::{Dockerflow, Heartbeat};
use releng_common::http::security_headers::SecurityHeaders;
use releng_common::http::{Frame, Routes};
use releng_common::run::{Info, Launch, Service, Worker};
use releng_common::{Clock, Result};
use releng_events::Publisher as _;

use crate::{Settings, State, http, ops};

/// A running treestatus. Clones share everything.
#[derive(Clone)]
pub struct Treestatus {
    state: Data<State>,
    frame: Frame,
    dockerflow: Dockerflow,
}

impl Treestatus {
    /// Returns the state, for demo data and tests.
    pub fn state(&self) -> Arc<State> {
        self.state.clone().into_inner()
    }
}

impl Service for Treestatus {
    type Settings = Settings;

    const INFO: Info = Info {
        name: "treestatus",
        binary: "releng-treestatus",
        about: "Status of source code trees",
        port: 8020,
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
        let state = Data::new(State::open(settings, clock)?);
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
        let db = state.db.clone();
        let mut dockerflow = Dockerflow::new(common, Heartbeat::Dockerflow(503), "OK!").check(
            "db",
            "Cannot connect to the database.",
            move || {
                let db = db.clone();
                async move { db.check().await }
            },
        );
        if state.authenticator.asks_taskcluster() {
            let auth = state.authenticator.clone();
            let text = "Cannot connect to the taskcluster auth service.";
            dockerflow = dockerflow.check("auth", text, move || {
                let auth = auth.clone();
                async move { auth.check().await }
            });
        }
        let dockerflow = with_outbox(dockerflow, &state);
        state.settings.notices.complain();
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
    }

    fn workers(&self) -> Vec<Worker> {
        Vec::new()
    }

    fn companions(&self) -> Vec<Worker> {
        let state = self.state.clone();
        let keeping = self.state.clone();
        let mut workers = vec![
            Worker::new("feed", move |cancel| async move {
                ops::feed_follow(&state, cancel).await;
            }),
            Worker::new("memory", move |cancel| async move {
                ops::memory_keep(&keeping, cancel).await;
            }),
        ];
        for target in ops::outbox_targets(&self.state) {
            let state = self.state.clone();
            workers.push(Worker::new(target.as_str(), move |cancel| async move {
                ops::outbox_follow(&state, target, cancel).await;
            }));
        }
        workers
    }

    fn openapi() -> String {
        http::document()
    }
}

/// Nobody who asks for a tree needs those who are told of changes: their trouble is a warning.
fn with_outbox(mut dockerflow: Dockerflow, state: &Data<State>) -> Dockerflow {
    if let Some(publisher) = &state.pulse {
        let publisher = Arc::clone(publisher);
        dockerflow = dockerflow.warn("pulse", move || {
            let publisher = Arc::clone(&publisher);
            async move { publisher.check().await }
        });
    }
    if ops::outbox_targets(state).is_empty() {
        return dockerflow;
    }
    let state = state.clone();
    dockerflow.warn("outbox", move || {
        let state = state.clone();
        async move { ops::outbox_check(&state).await }
    })
}

/// treestatus has no commands beyond the shared ones.
#[derive(Subcommand)]
pub enum NoCommand {}

impl Launch for Treestatus {
    type Command = NoCommand;

    async fn run(_: Settings, command: NoCommand) -> Result<()> {
        match command {}
    }
}
