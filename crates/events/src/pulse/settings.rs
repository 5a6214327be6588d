// SPDX-License-Identifier: MPL-2.0
//! The settings of the broker, by the names that the predecessors have (platform.md §11).

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use releng_common::config::Invalid;

releng_common::settings! {
    /// Settings of the message broker, the same for every service that knows one.
    pub struct Settings {
        /// User of the message broker Pulse (RabbitMQ); unset: no broker is used.
        pub user: Option<String> = "PULSE_USER";
        /// Password of that user.
        pub password: Option<String> = "PULSE_PASSWORD", secret true;
        /// Host of the broker.
        pub host: String = "PULSE_HOST", default "pulse.mozilla.org";
        /// Port of the broker.
        pub port: u16 = "PULSE_PORT", default "5671";
        /// Whether the connection is encrypted; then certificate and host name are checked.
        pub use_ssl: bool = "PULSE_USE_SSL", default "true";
        /// File in PEM form with authorities that are trusted besides those of the system.
        pub ca_file: Option<PathBuf> = "PULSE_CA_FILE";
        /// Virtual host of the broker.
        pub virtual_host: String = "PULSE_VIRTUAL_HOST", default "/";
        /// Seconds to connect, and for each answer of the broker.
        pub connection_timeout_secs: u32 = "PULSE_CONNECTION_TIMEOUT", default "5";
        /// Seconds until a consumer that lost the broker tries to connect again.
        pub reconnect_secs: u32 = "PULSE_RECONNECT_SECONDS", default "10";
    }
}

/// A broker and who we are there. Nothing is connected yet.
#[derive(Clone)]
pub struct Broker {
    pub(super) uri: AMQPUri,
    pub(super) authorities: Option<String>,
    pub(super) timeout: Duration,
    pub(super) reconnect: Duration,
}

impl Settings {
    /// Returns the broker that these settings name; `None` without a user.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn broker(&self) -> Result<Option<Broker>, Invalid> {
        let Some(user) = self.user.clone().filter(|user| !user.is_empty()) else {
            return Ok(None);
        };
        if !user
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            return Err(Invalid::new(
                "PULSE_USER",
                "must be letters, digits and -_.",
            ));
        }
        let Some(password) = self.password.clone() else {
            return Err(Invalid::missing("PULSE_PASSWORD", "with PULSE_USER"));
        };
        if self.host.is_empty() || self.host.contains(['/', '@', ' ']) {
            return Err(Invalid::new("PULSE_HOST", "must be the name of a host"));
        }
        Ok(Some(Broker {
            uri: self.uri(user, password),
            authorities: self.ca_file.as_deref().map(read_authorities).transpose()?,
            timeout: seconds("PULSE_CONNECTION_TIMEOUT", self.connection_timeout_secs)?,
            reconnect: seconds("PULSE_RECONNECT_SECONDS", self.reconnect_secs)?,
        }))
    }

    fn uri(&self, username: String, password: String) -> AMQPUri {
        let scheme = if self.use_ssl {
            AMQPScheme::AMQPS
        } else {
            AMQPScheme::AMQP
        };
        AMQPUri {
            scheme,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo { username, password },
                host: self.host.clone(),
                port: self.port,
            },
            vhost: self.virtual_host.clone(),
            query: AMQPQueryString {
                // A peer that has vanished without a word is noticed by then.
                heartbeat: Some(HEARTBEAT_SECS),
                ..AMQPQueryString::default()
            },
        }
    }
}

/// Seconds between two signs of life on a connection where nothing else happens.
const HEARTBEAT_SECS: u16 = 30;

fn seconds(name: &str, secs: u32) -> Result<Duration, Invalid> {
    if (1..=3600).contains(&secs) {
        return Ok(Duration::from_secs(secs.into()));
    }
    Err(Invalid::new(name, "must be between 1 and 3600"))
}

fn read_authorities(path: &Path) -> Result<String, Invalid> {
    let invalid = |problem: String| Invalid::new("PULSE_CA_FILE", problem);
    let text = std::fs::read_to_string(path)
        .map_err(|e| invalid(format!("{} cannot be read: {e}", path.display())))?;
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        let problem = format!("{} holds no certificate in PEM form", path.display());
        return Err(invalid(problem));
    }
    Ok(text)
}

impl Broker {
    /// Returns the full name of an exchange of ours.
    pub fn exchange(&self, name: &str) -> String {
        format!("exchange/{}/{name}", self.uri.authority.userinfo.username)
    }

    /// Returns the full name of a queue of ours.
    pub fn queue(&self, name: &str) -> String {
        format!("queue/{}/{name}", self.uri.authority.userinfo.username)
    }
}

/// Without the password.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.uri.authority;
        write!(
            f,
            "{}://{}@{}:{}",
            self.uri.scheme, at.userinfo.username, at.host, at.port
        )
    }
}

#[cfg(test)]
mod tests {
    use releng_common::config::Source;

    use super::*;

    fn broker(pairs: &[(&str, &str)]) -> Result<Option<Broker>, String> {
        let source = Source::from_pairs(pairs.iter().copied());
        let settings = Settings::load(&source).map_err(|e| e.to_string())?;
        settings.broker().map_err(|e| e.to_string())
    }

    const LOGIN: [(&str, &str); 2] = [("PULSE_USER", "demo"), ("PULSE_PASSWORD", "hush")];

    #[test]
    fn the_broker_is_that_of_mozilla_with_tls_unless_something_else_is_said() {
        let found = broker(&LOGIN).unwrap().unwrap();
        assert_eq!(format!("{found:?}"), "amqps://demo@pulse.mozilla.org:5671");
        assert_eq!(found.uri.vhost, "/");
        assert_eq!(
            (found.timeout.as_secs(), found.reconnect.as_secs()),
            (5, 10)
        );
        assert_eq!(found.exchange("tooltool_api"), "exchange/demo/tooltool_api");
        assert_eq!(found.queue("x"), "queue/demo/x");
        let other = [
            ("PULSE_HOST", "localhost"),
            ("PULSE_PORT", "5672"),
            ("PULSE_USE_SSL", "false"),
            ("PULSE_VIRTUAL_HOST", "demo"),
        ];
        let found = broker(&[LOGIN.as_slice(), &other].concat())
            .unwrap()
            .unwrap();
        assert_eq!(format!("{found:?}"), "amqp://demo@localhost:5672");
        assert_eq!(found.uri.vhost, "demo");
    }

    #[test]
    fn without_a_user_there_is_no_broker() {
        assert!(broker(&[]).unwrap().is_none());
        assert!(broker(&[("PULSE_USER", "")]).unwrap().is_none());
    }

    #[test]
    fn what_cannot_work_is_one_line_that_names_the_setting() {
        let refused = |more: &[(&str, &str)]| {
            let mut pairs = LOGIN.to_vec();
            for pair in more {
                pairs.retain(|known| known.0 != pair.0);
                pairs.push(*pair);
            }
            broker(&pairs).unwrap_err()
        };
        assert_eq!(
            broker(&[("PULSE_USER", "demo")]).unwrap_err(),
            "PULSE_PASSWORD environment variable is required with PULSE_USER"
        );
        assert_eq!(
            refused(&[("PULSE_USER", "a/b")]),
            "PULSE_USER: must be letters, digits and -_."
        );
        assert_eq!(
            refused(&[("PULSE_HOST", "")]),
            "PULSE_HOST: must be the name of a host"
        );
        assert_eq!(
            refused(&[("PULSE_RECONNECT_SECONDS", "0")]),
            "PULSE_RECONNECT_SECONDS: must be between 1 and 3600"
        );
        let line = refused(&[("PULSE_CA_FILE", "/nonexistent")]);
        assert!(
            line.starts_with("PULSE_CA_FILE: /nonexistent cannot be read"),
            "{line}"
        );
        let line = refused(&[("PULSE_CA_FILE", "Cargo.toml")]);
        assert_eq!(
            line,
            "PULSE_CA_FILE: Cargo.toml holds no certificate in PEM form"
        );
    }
}
