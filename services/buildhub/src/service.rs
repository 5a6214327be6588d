// SPDX-License-Identifier: MPL-2.0
//! buildhub as the run loop sees it.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use releng_common::config::{Common, Invalid, Source};
use releng_common::http::cors::Cors;
use releng_common::http::dockerflow::{Dockerflow, Heartbeat};
use releng_common::http::security_headers::SecurityHeaders;
use releng_common::http::{Frame, Routes};
use releng_common::run::{Info, Service, Worker};
use releng_common::{Clock, Error, Result};

use crate::settings::Own;
use crate::state::check_archive;
use crate::{Settings, State, http, ops, worker};

/// Headers that a preflight answer names (buildhub.md §2).
const CORS_HEADERS: &str = "accept, accept-encoding, authorization, content-type, dnt, origin, \
    user-agent, x-csrftoken, x-requested-with";
/// The policy for everything that is not the API (buildhub.md §2).
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    object-src 'none'; worker-src 'none'; frame-src 'none'; block-all-mixed-content";

/// A running buildhub. Clones share everything.
#[derive(Clone)]
pub struct Buildhub {
    state: Data<State>,
    frame: Frame,
    dockerflow: Dockerflow,
}

impl Buildhub {
    /// Returns the state, for demo data and tests.
    pub fn state(&self) -> Arc<State> {
        self.state.clone().into_inner()
    }
}

impl Service for Buildhub {
    type Settings = Settings;

    const INFO: Info = Info {
        name: "buildhub",
        binary: "releng-buildhub",
        about: "Every published build, searchable",
        port: 8040,
        reads_django_names: true,
    };

    fn settings(source: &Source) -> Result<Settings, Invalid> {
        Settings::load(source)
    }

    fn common(settings: &Settings) -> &Common {
        &settings.common
    }

    async fn migrate(settings: &Settings) -> Result<()> {
        ops::migrate(settings).await
    }

    async fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let security = security(&settings.own)?;
        let state = Data::new(State::open(settings, clock).await?);
        let common = &state.intake.settings.common;
        let frame = Frame {
            service: Self::INFO.name,
            renderer: http::render_error,
            cors: Cors::below("/api/", &common.cors_origins, CORS_HEADERS),
            security,
            outside: state.outside.clone(),
            sends_response_time: true,
        };
        let dockerflow = dockerflow(common, &state);
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
        http::routes(&mut routes);
        routes
    }

    fn configure(&self, config: &mut ServiceConfig) {
        config.app_data(self.state.clone());
    }

    fn check_workers(&self) -> Result<()> {
        check_archive(&self.state.intake.settings.own.archive_dir)
    }

    fn workers(&self) -> Vec<Worker> {
        let intake = self.state.intake.clone();
        vec![Worker::new("archive", |token| {
            worker::watch_archive(intake, token)
        })]
    }

    fn companions(&self) -> Vec<Worker> {
        let state = self.state();
        vec![Worker::new("indexer", |token| {
            worker::follow_table(state, token)
        })]
    }

    fn openapi() -> String {
        http::document()
    }
}

fn security(own: &Own) -> Result<SecurityHeaders, Invalid> {
    let policy = match &own.csp_report_uri {
        Some(address) => format!("{POLICY}; report-uri {address}"),
        None => POLICY.to_owned(),
    };
    SecurityHeaders::with_policy(&policy)?
        .without_policy_below("/api")
        .with_fixed("x-xss-protection", "1; mode=block")
        .with_hsts(&format!(
            "max-age={}; includeSubDomains; preload",
            own.secure_hsts_secs
        ))
}

/// The names are those of buildhub2 (buildhub.md §2). Its buckets belong to parts that are not set
/// up here; as there, a bucket that is not configured is in order.
fn dockerflow(common: &Common, state: &Data<State>) -> Dockerflow {
    let (connected, migrated, index) = (
        state.intake.db.clone(),
        state.intake.db.clone(),
        Arc::clone(&state.index),
    );
    Dockerflow::new(common, Heartbeat::Dockerflow(500), "")
        .check(
            "check_database_connected",
            "Cannot connect to the database.",
            move || {
                let db = connected.clone();
                async move { db.check().await }
            },
        )
        .check(
            "check_migrations_applied",
            "The tables are not up to date.",
            move || {
                let db = migrated.clone();
                async move { ops::check_tables(&db).await }
            },
        )
        .check(
            "check_elasticsearch",
            "The search index does not answer.",
            move || {
                let index = Arc::clone(&index);
                async move { index.health().await.map(|_| ()).map_err(Error::from) }
            },
        )
        .check(
            "check_s3_bucket_url",
            "The bucket cannot be reached.",
            || async { Ok(()) },
        )
        .check(
            "check_sqs_s3_bucket_url",
            "The bucket cannot be reached.",
            || async { Ok(()) },
        )
}
