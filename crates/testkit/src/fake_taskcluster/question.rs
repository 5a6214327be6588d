// SPDX-License-Identifier: MPL-2.0
//! The question to `authenticate-hawk`, checked as strictly as the schema of the real service does.

use std::net::IpAddr;

use serde_json::{Map, Value};

const METHODS: [&str; 26] = [
    "get",
    "post",
    "put",
    "head",
    "delete",
    "options",
    "trace",
    "copy",
    "lock",
    "mkcol",
    "move",
    "purge",
    "propfind",
    "proppatch",
    "unlock",
    "report",
    "mkactivity",
    "checkout",
    "merge",
    "m-search",
    "notify",
    "subscribe",
    "unsubscribe",
    "patch",
    "search",
    "connect",
];
const PROPERTIES: [&str; 6] = [
    "method",
    "resource",
    "host",
    "port",
    "authorization",
    "sourceIp",
];

/// A well-formed question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) method: String,
    pub(super) resource: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authorization: Option<String>,
}

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// One text for each rule that it breaks.
    pub(super) fn parse(body: &Value) -> Result<Self, Vec<String>> {
        let Some(members) = body.as_object() else {
            return Err(vec!["data must be object".to_owned()]);
        };
        let mut problems = Vec::new();
        for name in members
            .keys()
            .filter(|name| !PROPERTIES.contains(&name.as_str()))
        {
            problems.push(format!("data must NOT have additional properties: {name}"));
        }
        let question = Self {
            method: text(members, "method", &mut problems, |m| METHODS.contains(&m)),
            resource: text(members, "resource", &mut problems, |_| true),
            host: text(members, "host", &mut problems, is_host_name).to_ascii_lowercase(),
            port: port(members, &mut problems),
            authorization: optional(members, "authorization", &mut problems, |_| true),
        };
        optional(members, "sourceIp", &mut problems, |ip| {
            ip.parse::<IpAddr>().is_ok()
        });
        if problems.is_empty() {
            Ok(question)
        } else {
            Err(problems)
        }
    }
}

fn text(
    members: &Map<String, Value>,
    name: &str,
    problems: &mut Vec<String>,
    is_valid: impl Fn(&str) -> bool,
) -> String {
    if !members.contains_key(name) {
        problems.push(format!("data must have required property '{name}'"));
    }
    optional(members, name, problems, is_valid).unwrap_or_default()
}

fn optional(
    members: &Map<String, Value>,
    name: &str,
    problems: &mut Vec<String>,
    is_valid: impl Fn(&str) -> bool,
) -> Option<String> {
    match members.get(name)? {
        Value::String(text) if is_valid(text) => Some(text.clone()),
        Value::String(_) => {
            problems.push(format!("data/{name} has a value that the schema forbids"));
            None
        }
        _ => {
            problems.push(format!("data/{name} must be string"));
            None
        }
    }
}

fn port(members: &Map<String, Value>, problems: &mut Vec<String>) -> u16 {
    let Some(value) = members.get("port") else {
        problems.push("data must have required property 'port'".to_owned());
        return 0;
    };
    match value.as_u64().and_then(|port| u16::try_from(port).ok()) {
        Some(port) => port,
        None => {
            problems.push("data/port must be integer from 0 to 65535".to_owned());
            0
        }
    }
}

/// Returns whether a host is a name or an IPv4 address: no port, no IPv6.
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253
        && host
            .strip_suffix('.')
            .unwrap_or(host)
            .split('.')
            .all(is_label)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({"method": "get", "resource": "/a?b", "host": "Trees.example.com", "port": 443})
    }

    fn problems_with(name: &str, value: Value) -> Vec<String> {
        let mut question = good();
        question[name] = value;
        Question::parse(&question).unwrap_err()
    }

    #[test]
    fn a_question_needs_four_properties_and_may_have_two_more() {
        let mut question = good();
        assert!(Question::parse(&question).is_ok());
        question["authorization"] = json!("Hawk x");
        question["sourceIp"] = json!("::1");
        assert_eq!(
            Question::parse(&question),
            Ok(Question {
                method: "get".to_owned(),
                resource: "/a?b".to_owned(),
                host: "trees.example.com".to_owned(),
                port: 443,
                authorization: Some("Hawk x".to_owned()),
            })
        );
        for name in ["method", "resource", "host", "port"] {
            let mut question = good();
            question.as_object_mut().unwrap().remove(name);
            assert_eq!(
                Question::parse(&question).unwrap_err(),
                [format!("data must have required property '{name}'")]
            );
        }
    }

    #[test]
    fn every_other_property_is_refused() {
        assert_eq!(
            problems_with("hash", json!("x")),
            ["data must NOT have additional properties: hash"]
        );
    }

    #[test]
    fn values_outside_the_schema_are_refused() {
        let table = [
            ("method", json!("GET")),
            ("method", json!("brew")),
            ("host", json!("example.com:443")),
            ("host", json!("::1")),
            ("host", json!("[::1]")),
            ("host", json!("")),
            ("host", json!("under_score.example.com")),
            ("port", json!("443")),
            ("port", json!(65536)),
            ("port", json!(-1)),
            ("port", json!(80.5)),
            ("authorization", Value::Null),
            ("resource", json!(1)),
            ("sourceIp", json!("somewhere")),
        ];
        for (name, value) in table {
            let problems = problems_with(name, value.clone());
            assert_eq!(problems.len(), 1, "{name} {value}: {problems:?}");
            assert!(problems[0].contains(name), "{name} {value}: {problems:?}");
        }
        assert_eq!(
            Question::parse(&json!([])).unwrap_err(),
            ["data must be object"]
        );
    }

    #[test]
    fn hosts_are_names_or_ipv4_addresses() {
        for host in [
            "localhost",
            "127.0.0.1",
            "a-b.example.com.",
            "xn--bcher-kva.example",
        ] {
            assert!(is_host_name(host), "{host}");
        }
        for host in [
            "-a.example",
            "a-.example",
            "a..b",
            ".",
            "a b",
            &"a".repeat(64),
        ] {
            assert!(!is_host_name(host), "{host}");
        }
    }
}
