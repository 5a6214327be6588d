// SPDX-License-Identifier: MPL-2.0
//! One vocabulary of metrics (`metrics` facade) with two readers: Prometheus at `/__metrics__` and,
//! when a host is set, StatsD.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::layers::FanoutBuilder;

use super::statsd::{Sender, StatsD};
use crate::config::{Common, Invalid};

static STATSD: OnceLock<Sender> = OnceLock::new();
static PROMETHEUS: OnceLock<PrometheusHandle> = OnceLock::new();

/// What `/__metrics__` reads from.
#[derive(Clone, Debug)]
pub struct Metrics;

impl Metrics {
    /// Returns all metrics of the process in the Prometheus text format.
    pub fn render(&self) -> String {
        PROMETHEUS
            .get()
            .map(PrometheusHandle::render)
            .unwrap_or_default()
    }

    /// Frees what the histograms of the last seconds hold and sends what waits for StatsD; called every
    /// few seconds by the run loop.
    pub fn upkeep(&self) {
        if let Some(handle) = PROMETHEUS.get() {
            handle.run_upkeep();
        }
        if let Some(statsd) = STATSD.get() {
            // A host that is not there is the operator's choice, and was reported at start.
            let _ = statsd.client.flush();
        }
    }

    /// Sends what waits, at the end of the process.
    pub fn flush(&self) {
        let Some(statsd) = STATSD.get() else { return };
        let deadline = Instant::now() + LAST_METRICS;
        while statsd.is_waiting() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = statsd.client.flush();
    }
}

/// Longest time that the end of a process waits for metrics to leave it.
const LAST_METRICS: Duration = Duration::from_millis(500);

/// Installs the recorder of the process. A second call keeps the first recorder.
///
/// # Errors
/// The StatsD address does not resolve.
pub fn install(settings: &Common) -> Result<Metrics, Invalid> {
    let prometheus = PrometheusBuilder::new().build_recorder();
    let handle = prometheus.handle();
    let fanout = FanoutBuilder::default().add_recorder(prometheus);
    let mut statsd = None;
    let fanout = match &settings.statsd_host {
        Some(host) => {
            let recorder = StatsD::open(host, settings.statsd_port, &settings.statsd_namespace)?;
            statsd = Some(recorder.sender());
            fanout.add_recorder(recorder)
        }
        None => fanout,
    };
    if metrics::set_global_recorder(fanout.build()).is_ok() {
        let _ = PROMETHEUS.set(handle);
        if let Some(sender) = statsd {
            let _ = STATSD.set(sender);
        }
    }
    Ok(Metrics)
}
