// SPDX-License-Identifier: MPL-2.0
//! The MozLog 2.0 layer: one JSON object per event, on one line (platform.md §7).

use std::cell::RefCell;
use std::fmt::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::sink::Sink;
use crate::clock::Clock;

/// Turns every event into a line.
pub(super) struct MozLog {
    logger: &'static str,
    hostname: String,
    pid: u32,
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
            pid: std::process::id(),
            clock: Clock::system(),
        }
    }

    /// Writes one event as a line into an empty buffer. No tree of values in between: at tens of
    /// thousands of requests a second this is a visible part of the cost of a request.
    fn write(&self, event: &Event<'_>, line: &mut String) {
        let metadata = event.metadata();
        thread_local! {
            static FIELDS: RefCell<Fields> = RefCell::default();
        }
        FIELDS.with_borrow_mut(|fields| {
            fields.clear();
            event.record(fields);
            self.join(metadata, fields, line);
        });
    }

    fn join(&self, metadata: &Metadata<'_>, fields: &Fields, line: &mut String) {
        let nanos = self.clock.now().timestamp_nanos_opt().unwrap_or_default();
        let _ = write!(line, "{{\"Timestamp\":{nanos},\"Type\":");
        let kind = fields.kind.as_str();
        quote(
            if kind.is_empty() {
                metadata.target()
            } else {
                kind
            },
            line,
        );
        line.push_str(",\"Logger\":");
        let logger = match fields.logger.as_str() {
            "" => self.logger_of(metadata.target()),
            logger => logger,
        };
        quote(logger, line);
        line.push_str(",\"Hostname\":");
        quote(&self.hostname, line);
        let (severity, pid) = (severity(*metadata.level()), self.pid);
        let _ = write!(
            line,
            ",\"EnvVersion\":\"2.0\",\"Severity\":{severity},\"Pid\":{pid},\"Fields\":{{{}}}}}",
            fields.json
        );
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
            static LINE: RefCell<String> = const { RefCell::new(String::new()) };
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            self.write(event, line);
            line.push('\n');
            Sink::global().push(line.as_bytes(), *event.metadata().level());
        });
    }
}

/// Appends a text as a JSON string.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    let is_plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if text.bytes().all(is_plain) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Writes the fields of an event as JSON members; `message` becomes `msg`, as MozLog names it, and
/// `type` and `logger` move to the top.
#[derive(Default)]
struct Fields {
    json: String,
    kind: String,
    logger: String,
}

impl Fields {
    /// Forgets an event and keeps the room that it took.
    fn clear(&mut self) {
        self.json.clear();
        self.kind.clear();
        self.logger.clear();
    }

    fn name(&mut self, field: &Field) {
        if !self.json.is_empty() {
            self.json.push(',');
        }
        let name = if field.name() == "message" {
            "msg"
        } else {
            field.name()
        };
        quote(name, &mut self.json);
        self.json.push(':');
    }

    fn plain(&mut self, field: &Field, value: impl std::fmt::Display) {
        self.name(field);
        let _ = write!(self.json, "{value}");
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "type" => value.clone_into(&mut self.kind),
            "logger" => value.clone_into(&mut self.logger),
            _ => {
                self.name(field);
                quote(value, &mut self.json);
            }
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON knows neither NaN nor infinities.
        if value.is_finite() {
            self.plain(field, value);
        } else {
            self.record_str(field, &value.to_string());
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        self.record_str(field, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt as _;

    struct Capture(MozLog, Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Capture {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut line = String::new();
            self.0.write(event, &mut line);
            self.1.lock().unwrap().push(line);
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
