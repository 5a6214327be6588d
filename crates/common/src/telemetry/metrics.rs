// SPDX-License-Identifier: MPL-2.0
//! One vocabulary of metrics (`metrics` facade) with two readers: Prometheus at `/__metrics__` and,
//! when a host is set, StatsD.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::layers::FanoutBuilder;

use super::statsd::StatsD;
use crate::config::{Common, Invalid};

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

    /// Frees what the histograms of the last seconds hold; called every few seconds by the run loop.
    pub fn upkeep(&self) {
        if let Some(handle) = PROMETHEUS.get() {
            handle.run_upkeep();
        }
    }
}

/// Installs the recorder of the process. A second call keeps the first recorder.
///
/// # Errors
/// The StatsD address does not resolve.
pub fn install(settings: &Common) -> Result<Metrics, Invalid> {
    let prometheus = PrometheusBuilder::new().build_recorder();
    let handle = prometheus.handle();
    let fanout = FanoutBuilder::default().add_recorder(prometheus);
    let fanout = match &settings.statsd_host {
        Some(host) => fanout.add_recorder(StatsD::open(
            host,
            settings.statsd_port,
            &settings.statsd_namespace,
        )?),
        None => fanout,
    };
    if metrics::set_global_recorder(fanout.build()).is_ok() {
        let _ = PROMETHEUS.set(handle);
    }
    Ok(Metrics)
}
