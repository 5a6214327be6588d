// SPDX-License-Identifier: MPL-2.0
//! `/__version__`, `/__heartbeat__`, `/__lbheartbeat__` and `/__metrics__` (platform.md §6, D-6, D-51).

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use super::routes::{Route, Routes};
use crate::config::Common;
use crate::error::{Error, Result};
use crate::telemetry::Metrics;

/// Longest time that one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Results are shared for so long: probing must not become a load.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// Body and failure status of `/__heartbeat__`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// `OK`, or 502 with one text per broken part (tooltool).
    Flat,
    /// python-dockerflow's form with the given failure status (tecken and buildhub 500, treestatus 503).
    Dockerflow(u16),
}

type Checking = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type Check = Arc<dyn Fn() -> Checking + Send + Sync>;

/// The parts that a service needs, and how it reports them.
#[derive(Clone)]
pub struct Dockerflow {
    heartbeat: Heartbeat,
    lb_body: &'static str,
    version_file: PathBuf,
    /// True when a missing version file is a 404 (tecken), false for `unknown` in each member.
    is_version_required: bool,
    checks: Vec<Part>,
    is_draining: Arc<AtomicBool>,
    last: Arc<tokio::sync::Mutex<Option<Checked>>>,
}

/// When the checks ran last, and what they said.
type Checked = (Instant, Vec<Outcome>);

/// One part of the service.
#[derive(Clone)]
struct Part {
    name: &'static str,
    /// What probes see when it is broken; `None`: requests do without it, and probes see a warning with
    /// the text of the error.
    problem: Option<&'static str>,
    check: Check,
}

#[derive(Clone)]
struct Outcome {
    name: &'static str,
    problem: Option<String>,
    is_warning: bool,
}

impl Outcome {
    fn is_error(&self) -> bool {
        self.problem.is_some() && !self.is_warning
    }

    /// Returns python-dockerflow's word and number for it.
    fn level(&self) -> (&'static str, u8) {
        match (&self.problem, self.is_warning) {
            (None, _) => ("ok", 0),
            (Some(_), true) => ("warning", 30),
            (Some(_), false) => ("error", 40),
        }
    }
}

impl Dockerflow {
    /// Creates the set without checks.
    pub fn new(settings: &Common, heartbeat: Heartbeat, lb_body: &'static str) -> Self {
        Self {
            heartbeat,
            lb_body,
            version_file: settings.version_file.clone(),
            is_version_required: false,
            checks: Vec::new(),
            is_draining: Arc::default(),
            last: Arc::default(),
        }
    }

    /// Makes a missing version file a 404.
    pub fn with_required_version(mut self) -> Self {
        self.is_version_required = true;
        self
    }

    /// Adds a part that requests need. `problem` is the text that probes see when it is broken.
    pub fn check<F, Fut>(mut self, name: &'static str, problem: &'static str, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.checks.push(Part {
            name,
            problem: Some(problem),
            check: Arc::new(move || Box::pin(run())),
        });
        self
    }

    /// Adds a part that requests do without: while it is broken probes see a warning with the text of
    /// the error, and the status stays 200.
    pub fn warn<F, Fut>(mut self, name: &'static str, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.checks.push(Part {
            name,
            problem: None,
            check: Arc::new(move || Box::pin(run())),
        });
        self
    }

    /// Turns the heartbeat red, so that no new requests come while the process drains.
    pub fn start_draining(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// Adds the four routes.
    pub fn routes(&self, routes: &mut Routes) {
        let (beat, version) = (self.clone(), self.clone());
        let lb_body = self.lb_body;
        routes
            .add(Route::new("/__lbheartbeat__").get(move || async move {
                HttpResponse::Ok()
                    .insert_header(("cache-control", "no-cache"))
                    .content_type("text/plain; charset=utf-8")
                    .body(lb_body)
            }))
            .add(Route::new("/__heartbeat__").get(move || {
                let beat = beat.clone();
                async move { beat.answer().await }
            }))
            .add(Route::new("/__version__").get(move || {
                let version = version.clone();
                async move { version.version().await }
            }))
            .add(Route::new("/__metrics__").get(|| async {
                HttpResponse::Ok()
                    .content_type("text/plain; version=0.0.4; charset=utf-8")
                    .body(Metrics.render())
            }));
    }

    async fn outcomes(&self) -> Vec<Outcome> {
        let mut last = self.last.lock().await;
        if let Some((at, outcomes)) = &*last
            && at.elapsed() < SHARED_FOR
        {
            return outcomes.clone();
        }
        let runs = self.checks.iter().map(|part| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, (part.check)())
                .await
                .unwrap_or_else(|_| Err(Error::unavailable("no answer within 2 seconds")));
            if let Err(error) = &result {
                tracing::warn!(
                    check = part.name,
                    error = error.chain(),
                    "heartbeat check failed"
                );
            }
            Outcome {
                name: part.name,
                problem: result.err().map(|error| match part.problem {
                    Some(problem) => problem.to_owned(),
                    None => error.message().to_owned(),
                }),
                is_warning: part.problem.is_none(),
            }
        });
        let outcomes = futures_util::future::join_all(runs).await;
        *last = Some((Instant::now(), outcomes.clone()));
        outcomes
    }

    async fn answer(&self) -> HttpResponse {
        let mut outcomes = self.outcomes().await;
        if self.is_draining.load(Ordering::SeqCst) {
            let problem = Some("The process is shutting down.".to_owned());
            outcomes.push(Outcome {
                name: "draining",
                problem,
                is_warning: false,
            });
        }
        let is_ok = !outcomes.iter().any(Outcome::is_error);
        match self.heartbeat {
            Heartbeat::Flat if is_ok => HttpResponse::Ok()
                .insert_header(("cache-control", "public, max-age=60"))
                .content_type("text/plain; charset=utf-8")
                .body("OK"),
            Heartbeat::Flat => {
                let body: Map<String, Value> = outcomes
                    .into_iter()
                    .filter(Outcome::is_error)
                    .filter_map(|o| o.problem.map(|p| (o.name.to_owned(), json!(p))))
                    .collect();
                HttpResponse::BadGateway()
                    .insert_header(("cache-control", "no-store"))
                    .json(body)
            }
            Heartbeat::Dockerflow(failure) => {
                let status = if is_ok { 200 } else { failure };
                let status = actix_web::http::StatusCode::from_u16(status)
                    .unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR);
                HttpResponse::build(status)
                    .insert_header(("cache-control", "no-store"))
                    .json(dockerflow_body(&outcomes))
            }
        }
    }

    async fn version(&self) -> Result<HttpResponse> {
        let content = tokio::fs::read(&self.version_file).await.ok();
        match content.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) {
            Some(version) => Ok(HttpResponse::Ok().json(version)),
            None if self.is_version_required => Err(Error::not_found("version.json not found")),
            None => Ok(HttpResponse::Ok().json(json!({
                "source": env!("CARGO_PKG_REPOSITORY"),
                "version": "unknown",
                "commit": "unknown",
                "build": "unknown",
            }))),
        }
    }
}

fn dockerflow_body(outcomes: &[Outcome]) -> Value {
    let checks: Map<String, Value> = outcomes
        .iter()
        .map(|o| (o.name.to_owned(), json!(o.level().0)))
        .collect();
    let details: Map<String, Value> = outcomes
        .iter()
        .filter_map(|o| {
            let problem = o.problem.as_ref()?;
            let (status, level) = o.level();
            let id = format!("releng.health.{}", o.name);
            let detail = json!({"status": status, "level": level, "messages": {id: problem}});
            Some((o.name.to_owned(), detail))
        })
        .collect();
    let worst = outcomes.iter().map(Outcome::level).max_by_key(|l| l.1);
    let status = worst.map_or("ok", |(status, _)| status);
    json!({"status": status, "checks": checks, "details": details})
}

/// Registers the route table of a service as its HTTP surface.
pub fn install(config: &mut web::ServiceConfig, routes: Routes) {
    config.service(routes);
}
