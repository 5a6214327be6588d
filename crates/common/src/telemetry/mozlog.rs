// SPDX-License-Identifier: MPL-2.0
//! The MozLog 2.0 layer: one JSON object per event, written with one system call (platform.md §7).

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::clock::Clock;

/// Writes every event to stderr.
pub(super) struct MozLog {
    logger: &'static str,
    hostname: String,
    clock: Clock,
}

impl MozLog {
    pub(super) fn new(logger: &'static str) -> Self {
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|name| name.trim().to_owned())
            .unwrap_or_else(|_| "unknown".to_owned());
        Self {
            logger,
            hostname,
            clock: Clock::system(),
        }
    }

    fn line(&self, event: &Event<'_>) -> String {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut map = fields.map;
        let kind = map
            .remove("type")
            .unwrap_or_else(|| json!(metadata.target()));
        let logger = map
            .remove("logger")
            .unwrap_or_else(|| json!(self.logger_of(metadata.target())));
        let now = self.clock.now();
        let record = json!({
            "Timestamp": now.timestamp_nanos_opt().unwrap_or_default(),
            "Time": now.to_rfc3339(),
            "Type": kind,
            "Logger": logger,
            "Hostname": self.hostname,
            "EnvVersion": "2.0",
            "Severity": severity(*metadata.level()),
            "Pid": std::process::id(),
            "Fields": map,
        });
        record.to_string()
    }

    /// `releng_tecken::ops` logs as `tecken`; in one process with four services that tells them apart.
    fn logger_of<'a>(&'a self, target: &'a str) -> &'a str {
        let root = target.split("::").next().unwrap_or(target);
        match root.strip_prefix("releng_") {
            Some(name @ ("tooltool" | "treestatus" | "tecken" | "buildhub")) => name,
            _ => self.logger,
        }
    }
}

/// Syslog severities: 3 error, 4 warning, 6 info, 7 debug.
fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

impl<S: Subscriber> Layer<S> for MozLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        thread_local! {
            static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        LINE.with(|buffer| {
            let mut buffer = buffer.borrow_mut();
            buffer.clear();
            buffer.extend_from_slice(self.line(event).as_bytes());
            buffer.push(b'\n');
            // A log that cannot be written has nowhere to be reported.
            let _ = std::io::stderr().write_all(&buffer);
        });
    }
}

/// Collects the fields of an event; `message` becomes `msg`, as MozLog names it.
#[derive(Default)]
struct Fields {
    map: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = if field.name() == "message" {
            "msg"
        } else {
            field.name()
        };
        self.map.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.put(field, Value::String(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt as _;

    struct Capture(MozLog, Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Capture {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.1.lock().unwrap().push(self.0.line(event));
        }
    }

    #[test]
    fn an_event_is_one_mozlog_object_on_one_line() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let layer = Capture(MozLog::new("treestatus"), Arc::clone(&lines));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(target: "releng_tecken::ops", tree = "auto\nland", n = 3_u64, "closed");
            tracing::info!(target: "x", logger = "buildhub", r#type = "request.summary", code = 200_u64);
        });
        let lines = lines.lock().unwrap();
        assert!(!lines[0].contains('\n'));
        let first: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(first["Logger"], "tecken");
        assert_eq!(first["Severity"], 4);
        assert_eq!(first["EnvVersion"], "2.0");
        assert_eq!(
            first["Fields"],
            json!({"msg": "closed", "tree": "auto\nland", "n": 3})
        );
        assert!(first["Timestamp"].is_i64());
        let second: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(
            (&second["Type"], &second["Logger"]),
            (&json!("request.summary"), &json!("buildhub"))
        );
        assert_eq!(second["Fields"], json!({"code": 200}));
    }
}
