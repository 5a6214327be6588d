// SPDX-License-Identifier: MPL-2.0
//! Which real servers a test run has, and the rule that a missing one is said aloud, never skipped
//! in silence.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

/// Variable with the names that must be there: `postgres,redis`.
const REQUIRED: &str = "RELENG_TEST_REQUIRE";

/// Servers that tests know, with the variable that carries the address.
const SERVERS: [(&str, &str); 7] = [
    ("postgres", "TEST_DATABASE_URL"),
    ("redis", "TEST_REDIS_URL"),
    ("s3", "TEST_S3_URL"),
    ("sqs", "TEST_SQS_URL"),
    ("search", "TEST_SEARCH_URL"),
    ("rabbitmq", "TEST_AMQP_URL"),
    ("chromium", "TEST_WEBDRIVER_URL"),
];

/// Returns the address of a real server, or `None` after saying once that it is not exercised.
///
/// # Panics
/// When `RELENG_TEST_REQUIRE` names the server and its variable is unset, and for a name that no
/// test run knows.
pub fn requires(name: &str) -> Option<String> {
    let Some((_, variable)) = SERVERS.iter().find(|(known, _)| *known == name) else {
        panic!("no test server is called {name:?}");
    };
    match decide(name, variable, read(variable), read(REQUIRED)) {
        Ok(url) => Some(url),
        Err(Absence::Tolerated(line)) => {
            say_once(&line);
            None
        }
        Err(Absence::Forbidden(line)) => panic!("{line}"),
    }
}

/// Returns the address of the broker with TLS, and the file with its authority. Only where
/// `requires("rabbitmq")` found one: both come from the same script.
///
/// # Panics
/// When the variables are unset.
pub fn amqps() -> (String, String) {
    let value = |name| read(name).unwrap_or_else(|| panic!("{name} is unset"));
    (value("TEST_AMQPS_URL"), value("TEST_AMQPS_CA"))
}

/// Returns the number in a variable, for tests that can be run longer than usual.
///
/// # Panics
/// When the variable is set and holds no number.
pub fn rounds(variable: &str, usual: usize) -> usize {
    match read(variable).map(|text| text.trim().parse()) {
        None => usual,
        Some(Ok(number)) => number,
        Some(Err(_)) => panic!("{variable}: must be a whole number"),
    }
}

#[derive(Debug, PartialEq)]
enum Absence {
    Tolerated(String),
    Forbidden(String),
}

fn decide(
    name: &str,
    variable: &str,
    url: Option<String>,
    required: Option<String>,
) -> Result<String, Absence> {
    if let Some(url) = url {
        return Ok(url);
    }
    let required = required.unwrap_or_default();
    let mut names = required.split([',', ';', ' ']).map(str::trim);
    Err(if names.any(|required| required == name) {
        Absence::Forbidden(format!("{REQUIRED} names {name}, but {variable} is unset"))
    } else {
        Absence::Tolerated(format!("{name}: not exercised ({variable} is unset)"))
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "test runs are no service: their settings are these"
)]
fn read(variable: &str) -> Option<String> {
    std::env::var(variable)
        .ok()
        .filter(|value| !value.trim().is_empty())
}

/// Writes past the capture of the test harness, which hides what passing tests print.
fn say_once(line: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(line.to_owned()) {
        // Nobody reads a closed stream, so there is nobody to tell about it.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redis(url: Option<&str>, required: Option<&str>) -> Result<String, Absence> {
        decide(
            "redis",
            "TEST_REDIS_URL",
            url.map(str::to_owned),
            required.map(str::to_owned),
        )
    }

    #[test]
    fn a_server_that_is_there_is_used() {
        assert_eq!(redis(Some("redis://h"), None), Ok("redis://h".to_owned()));
        assert_eq!(
            redis(Some("redis://h"), Some("redis")),
            Ok("redis://h".to_owned())
        );
    }

    #[test]
    fn a_missing_server_is_said_aloud() {
        let said = Err(Absence::Tolerated(
            "redis: not exercised (TEST_REDIS_URL is unset)".to_owned(),
        ));
        assert_eq!(redis(None, None), said);
        assert_eq!(redis(None, Some("postgres, redis2")), said);
    }

    #[test]
    fn a_required_server_that_is_missing_is_a_failure() {
        let failure = Err(Absence::Forbidden(
            "RELENG_TEST_REQUIRE names redis, but TEST_REDIS_URL is unset".to_owned(),
        ));
        for required in [
            "redis",
            "postgres,redis",
            "postgres redis",
            "postgres; redis",
        ] {
            assert_eq!(redis(None, Some(required)), failure, "{required}");
        }
    }

    #[test]
    fn an_unknown_server_is_a_mistake_of_the_test() {
        assert!(std::panic::catch_unwind(|| requires("reddis")).is_err());
    }
}
