// SPDX-License-Identifier: MPL-2.0
//! A recorder that sends every change at once in the StatsD dialect with Datadog tags: counters as
//! `|c`, gauges as `|g`, histograms (milliseconds everywhere) as `|ms`, because the documented keys
//! are timers.

use std::net::{ToSocketAddrs as _, UdpSocket};
use std::sync::Arc;

use cadence::{
    BufferedUdpMetricSink, Counted, Gauged, MetricBuilder, QueuingMetricSink, StatsdClient, Timed,
};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

use crate::config::Invalid;

/// Messages that may wait for the sending thread; more are dropped, requests never wait.
const QUEUE: usize = 64 * 1024;

/// Sends metrics to one host over UDP, from a bounded queue on a thread of its own.
pub(super) struct StatsD {
    client: Arc<StatsdClient>,
    queue: QueuingMetricSink,
}

/// The way out, for whoever flushes what waits for more to come.
pub(super) struct Sender {
    pub(super) client: Arc<StatsdClient>,
    queue: QueuingMetricSink,
}

impl Sender {
    /// Returns whether metrics wait for the sending thread.
    pub(super) fn is_waiting(&self) -> bool {
        self.queue.queued() > 0
    }
}

impl StatsD {
    pub(super) fn open(host: &str, port: u16, namespace: &str) -> Result<Self, Invalid> {
        let problem =
            |e: &dyn std::fmt::Display| Invalid::new("STATSD_HOST", format!("{host}: {e}"));
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = (bare, port)
            .to_socket_addrs()
            .map_err(|e| problem(&e))?
            .next()
            .ok_or_else(|| problem(&"has no address"))?;
        let any = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any).map_err(|e| problem(&e))?;
        socket.set_nonblocking(true).map_err(|e| problem(&e))?;
        let sink = BufferedUdpMetricSink::from(address, socket).map_err(|e| problem(&e))?;
        let queue = QueuingMetricSink::with_capacity(sink, QUEUE);
        let prefix = namespace.trim_end_matches('.');
        Ok(Self {
            client: Arc::new(StatsdClient::builder(prefix, queue.clone()).build()),
            queue,
        })
    }

    /// Returns the way out.
    pub(super) fn sender(&self) -> Sender {
        Sender {
            client: Arc::clone(&self.client),
            queue: self.queue.clone(),
        }
    }

    fn series(&self, key: &Key) -> Arc<Series> {
        Arc::new(Series {
            client: Arc::clone(&self.client),
            name: key.name().to_owned(),
            tags: key
                .labels()
                .map(|l| (l.key().to_owned(), l.value().to_owned()))
                .collect(),
        })
    }
}

impl Recorder for StatsD {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.series(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.series(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.series(key))
    }
}

/// One key with its tags.
struct Series {
    client: Arc<StatsdClient>,
    name: String,
    tags: Vec<(String, String)>,
}

impl Series {
    fn send<'a, T: cadence::Metric + From<String>>(
        &'a self,
        mut message: MetricBuilder<'a, 'a, T>,
    ) {
        for (key, value) in &self.tags {
            message = message.with_tag(key, value);
        }
        message.send();
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        self.send(self.client.count_with_tags(&self.name, value));
    }

    /// StatsD knows no absolute counters.
    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Series {
    /// Gauges are set, never moved: several processes send the same key.
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}

    fn set(&self, value: f64) {
        self.send(self.client.gauge_with_tags(&self.name, value));
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        #[expect(
            clippy::as_conversions,
            reason = "float to integer saturates, and timers are whole milliseconds"
        )]
        let millis = value.round() as u64;
        self.send(self.client.time_with_tags(&self.name, millis));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tags_are_sent_in_the_datadog_dialect() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server
            .set_read_timeout(Some(std::time::Duration::from_millis(50)))
            .unwrap();
        let recorder =
            StatsD::open("127.0.0.1", server.local_addr().unwrap().port(), "stage").unwrap();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("tecken.upload_uploads", "try" => "False").increment(2);
            metrics::gauge!("buildhub2.api_search_records").set(7.0);
            metrics::histogram!("tecken.upload_archive").record(12.4);
        });
        // The queue has a thread of its own: what it has not taken over yet, the next flush sends.
        let mut text = String::new();
        for _ in 0..200 {
            recorder.client.flush().unwrap();
            let mut buffer = [0; 1500];
            if let Ok(n) = server.recv(&mut buffer) {
                text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
            }
            if text.matches('\n').count() == 3 {
                break;
            }
        }
        assert_eq!(
            text,
            "stage.tecken.upload_uploads:2|c|#try:False\n\
             stage.buildhub2.api_search_records:7|g\n\
             stage.tecken.upload_archive:12|ms\n"
        );
    }
}
