// SPDX-License-Identifier: MPL-2.0
//! Settings of what is told to others about changes: Pulse, Statuspage, mails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use releng_common::config::{Doc, Invalid, Source};
use releng_common::notify::Notify;
use releng_events::pulse::{self, Broker};

use crate::statuspage::{Statuspage, is_id};

/// Longest name of an exchange in bytes, by the protocol.
const EXCHANGE_LIMIT: usize = 255;

releng_common::settings! {
    /// Settings of the messages about changes.
    pub struct Own {
        /// Whether changes of a status are published on Pulse. All processes of one database need the same value.
        pub pulse_enable: bool = "PULSE_TREESTATUS_ENABLE", default "false";
        /// Exchange of the messages; Pulse demands `exchange/<user>/<name>`.
        pub pulse_exchange: String = "PULSE_TREESTATUS_EXCHANGE", default "exchange/treestatus/v1";
        /// Whether closed trees become incidents on Statuspage. All processes of one database need the same value.
        pub statuspage_enable: bool = "STATUSPAGE_ENABLE", default "false";
        /// Key of the Statuspage API.
        pub statuspage_token: Option<String> = "STATUSPAGE_TOKEN", secret true;
        /// Id of the page.
        pub statuspage_page_id: Option<String> = "STATUSPAGE_PAGE_ID";
        /// Components by tree: `tree:component;tree:component`. Trees without one are not reported.
        pub statuspage_components: Option<String> = "STATUSPAGE_COMPONENTS";
        /// Tags of which one makes a closed tree an incident: `tag;tag`.
        pub statuspage_tags: Option<String> = "STATUSPAGE_TAGS";
        /// Address that gets a mail when Statuspage cannot be told.
        pub statuspage_notify_on_error: Option<String> = "STATUSPAGE_NOTIFY_ON_ERROR";
        /// Base address of the Statuspage API.
        pub statuspage_api_url: String = "STATUSPAGE_API_URL", default "https://api.statuspage.io/v1";
        /// Seconds that one request to Statuspage, or one order of a mail, may take.
        pub statuspage_timeout_secs: u64 = "STATUSPAGE_TIMEOUT_SECONDS", default "10";
        /// Seconds since the change after which Statuspage, or the order of a mail, is not tried again.
        pub statuspage_retry_secs: i64 = "STATUSPAGE_RETRY_SECONDS", default "3600";
        /// Client of the service itself at Taskcluster, with the scope `notify:email:<address>`, for the mails.
        pub client_id: Option<String> = "TASKCLUSTER_CLIENT_ID";
        /// Access token of that client.
        pub access_token: Option<String> = "TASKCLUSTER_ACCESS_TOKEN", secret true;
        /// Longest pause in seconds between two tries to send a message; the first is one second, each further one twice as long.
        pub outbox_retry_max_secs: u64 = "OUTBOX_RETRY_MAX_SECONDS", default "60";
        /// Seconds after which another process sends when the one that did so has died.
        pub outbox_lease_secs: u64 = "OUTBOX_LEASE_SECONDS", default "10";
        /// Age in seconds of a waiting message from which the heartbeat warns.
        pub outbox_warn_secs: u64 = "OUTBOX_WARN_SECONDS", default "60";
        /// Seconds for which messages are kept after they were sent, and waiting ones after their setting was switched off.
        pub outbox_keep_secs: i64 = "OUTBOX_KEEP_SECONDS", default "86400";
    }
}

/// Returns the descriptions of these settings, those of the broker included.
pub fn docs() -> Vec<Doc> {
    [Own::docs(), pulse::Settings::docs()].concat()
}

/// What is told to whom, read and checked.
#[derive(Clone, Debug)]
pub struct Notices {
    /// The plain values.
    pub own: Own,
    /// The message broker, when Pulse is on.
    pub broker: Option<Broker>,
    /// Statuspage, when it is on and complete.
    pub page: Option<Page>,
    /// Settings that Statuspage lacks though it is on.
    pub missing: Vec<&'static str>,
    /// Base address of the Taskcluster deployment that sends mails.
    pub root_url: Option<String>,
}

/// A page on Statuspage, and which changes belong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Key of the API.
    pub token: String,
    /// Id.
    pub id: String,
    /// Components by tree.
    pub components: BTreeMap<String, String>,
    /// Tags of which one makes an incident.
    pub tags: BTreeSet<String>,
}

impl Notices {
    /// Reads everything and checks what single settings cannot.
    ///
    /// # Errors
    /// The first setting that is wrong. One that Statuspage lacks is none: it is reported, and
    /// Statuspage stays off (treestatus.md §8).
    pub fn load(source: &Source, root_url: Option<String>) -> Result<Self, Invalid> {
        let (own, pulse) = (Own::load(source)?, pulse::Settings::load(source)?);
        own.check()?;
        let broker = if own.pulse_enable {
            let broker = pulse.broker()?;
            let missing = || Invalid::missing("PULSE_USER", "with PULSE_TREESTATUS_ENABLE");
            Some(broker.ok_or_else(missing)?)
        } else {
            None
        };
        let (page, missing) = own.page()?;
        Ok(Self {
            own,
            broker,
            page,
            missing,
            root_url,
        })
    }

    /// Returns what orders mails; `None` when Statuspage is off or a setting is missing.
    ///
    /// # Errors
    /// A setting cannot be used.
    pub fn notify(&self) -> Result<Option<Notify>, Invalid> {
        let own = &self.own;
        let (Some(_), Some(_), Some(root), Some(client_id), Some(access_token)) = (
            &self.page,
            &own.statuspage_notify_on_error,
            &self.root_url,
            &own.client_id,
            &own.access_token,
        ) else {
            return Ok(None);
        };
        Notify::new(root, client_id, access_token, self.timeout()).map(Some)
    }

    /// Returns what tells Statuspage, when it is on and complete.
    ///
    /// # Errors
    /// A setting cannot be used.
    pub fn statuspage(&self) -> Result<Option<Statuspage>, Invalid> {
        let api = &self.own.statuspage_api_url;
        let page = self.page.clone();
        page.map(|page| Statuspage::new(api, page, self.timeout()))
            .transpose()
    }

    /// Writes into the log what is on and cannot work because of missing settings.
    pub fn complain(&self) {
        if !self.missing.is_empty() {
            let missing = self.missing.join(", ");
            tracing::error!(
                missing,
                "Statuspage is on, and settings are missing: {missing}"
            );
        }
        let own = &self.own;
        let missing: Vec<&str> = [
            (
                "STATUSPAGE_NOTIFY_ON_ERROR",
                own.statuspage_notify_on_error.is_none(),
            ),
            ("TASKCLUSTER_ROOT_URL", self.root_url.is_none()),
            ("TASKCLUSTER_CLIENT_ID", own.client_id.is_none()),
            ("TASKCLUSTER_ACCESS_TOKEN", own.access_token.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, is_missing)| is_missing.then_some(name))
        .collect();
        if self.page.is_some() && !missing.is_empty() {
            let missing = missing.join(", ");
            tracing::warn!(
                missing,
                "nobody gets a mail when Statuspage cannot be told; settings are missing: {missing}"
            );
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.own.statuspage_timeout_secs)
    }

    /// Returns the longest pause between two tries.
    pub fn pause_max(&self) -> Duration {
        Duration::from_secs(self.own.outbox_retry_max_secs)
    }
}

impl Own {
    fn check(&self) -> Result<(), Invalid> {
        let century = 3_153_600_000;
        let bounded: [(&str, i64, i64, i64); 6] = [
            (
                "STATUSPAGE_TIMEOUT_SECONDS",
                number(self.statuspage_timeout_secs),
                1,
                300,
            ),
            (
                "STATUSPAGE_RETRY_SECONDS",
                self.statuspage_retry_secs,
                0,
                century,
            ),
            (
                "OUTBOX_RETRY_MAX_SECONDS",
                number(self.outbox_retry_max_secs),
                1,
                3600,
            ),
            (
                "OUTBOX_LEASE_SECONDS",
                number(self.outbox_lease_secs),
                1,
                3600,
            ),
            (
                "OUTBOX_WARN_SECONDS",
                number(self.outbox_warn_secs),
                1,
                century,
            ),
            ("OUTBOX_KEEP_SECONDS", self.outbox_keep_secs, 0, century),
        ];
        for (name, value, min, max) in bounded {
            if !(min..=max).contains(&value) {
                let problem = format!("must be a number from {min} to {max}");
                return Err(Invalid::new(name, problem));
            }
        }
        if !(1..=EXCHANGE_LIMIT).contains(&self.pulse_exchange.len()) {
            let problem = format!("must be 1 to {EXCHANGE_LIMIT} bytes long");
            return Err(Invalid::new("PULSE_TREESTATUS_EXCHANGE", problem));
        }
        let url = &self.statuspage_api_url;
        let is_http = url.starts_with("http://") || url.starts_with("https://");
        if !is_http || url.contains(char::is_whitespace) {
            let problem = "must be an http or https address";
            return Err(Invalid::new("STATUSPAGE_API_URL", problem));
        }
        Ok(())
    }

    fn page(&self) -> Result<(Option<Page>, Vec<&'static str>), Invalid> {
        let components = components(self.statuspage_components.as_deref().unwrap_or_default())?;
        let id = self.statuspage_page_id.clone().unwrap_or_default();
        if !is_id(&id) && !id.is_empty() {
            let problem = "must be letters, digits, - and _";
            return Err(Invalid::new("STATUSPAGE_PAGE_ID", problem));
        }
        let token = self.statuspage_token.clone().unwrap_or_default();
        if !token.chars().all(|c| c.is_ascii_graphic()) {
            let problem = "must be printable ASCII without blanks";
            return Err(Invalid::new("STATUSPAGE_TOKEN", problem));
        }
        if !self.statuspage_enable {
            return Ok((None, Vec::new()));
        }
        let tags = items(self.statuspage_tags.as_deref().unwrap_or_default());
        let tags: BTreeSet<String> = tags.map(str::to_owned).collect();
        let missing: Vec<&str> = [
            ("STATUSPAGE_TOKEN", token.is_empty()),
            ("STATUSPAGE_PAGE_ID", id.is_empty()),
            ("STATUSPAGE_COMPONENTS", components.is_empty()),
            ("STATUSPAGE_TAGS", tags.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, is_missing)| is_missing.then_some(name))
        .collect();
        let page = missing.is_empty().then_some(Page {
            token,
            id,
            components,
            tags,
        });
        Ok((page, missing))
    }
}

fn number(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX)
}

/// Returns the parts of a list with `;` between them.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(';')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Reads `tree:component;tree:component`. Names of trees may hold a colon, components do not.
fn components(text: &str) -> Result<BTreeMap<String, String>, Invalid> {
    let invalid = |problem: String| Invalid::new("STATUSPAGE_COMPONENTS", problem);
    let mut components = BTreeMap::new();
    for item in items(text) {
        let (tree, component) = item
            .rsplit_once(':')
            .map(|(tree, component)| (tree.trim(), component.trim()))
            .filter(|(tree, component)| !tree.is_empty() && is_id(component))
            .ok_or_else(|| invalid(format!("{item:?} must be tree:component")))?;
        if components
            .insert(tree.to_owned(), component.to_owned())
            .is_some()
        {
            return Err(invalid(format!("the tree {tree} is named twice")));
        }
    }
    Ok(components)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Notices, String> {
        Notices::load(&Source::from_pairs(pairs.iter().copied()), None).map_err(|e| e.to_string())
    }

    const PAGE: [(&str, &str); 5] = [
        ("STATUSPAGE_ENABLE", "1"),
        ("STATUSPAGE_TOKEN", "demo"),
        ("STATUSPAGE_PAGE_ID", "p1"),
        ("STATUSPAGE_COMPONENTS", "autoland:c1; try : c2 ;"),
        ("STATUSPAGE_TAGS", "infra;backlog"),
    ];

    #[test]
    fn nothing_is_told_unless_it_is_switched_on() {
        let login = [("PULSE_USER", "demo"), ("PULSE_PASSWORD", "demo")];
        let notices = load(&login).unwrap();
        assert!(notices.broker.is_none() && notices.page.is_none());
        let notices = load(&PAGE[1..]).unwrap();
        assert!(notices.page.is_none() && notices.missing.is_empty());
        let notices = load(&[login.as_slice(), &[("PULSE_TREESTATUS_ENABLE", "1")]].concat());
        assert!(notices.unwrap().broker.is_some());
    }

    #[test]
    fn components_and_tags_are_lists_with_semicolons() {
        let page = load(&PAGE).unwrap().page.unwrap();
        let component = |tree| page.components.get(tree).map(String::as_str);
        assert_eq!(
            (component("autoland"), component("try")),
            (Some("c1"), Some("c2"))
        );
        assert_eq!(page.tags.len(), 2);
    }

    #[test]
    fn what_statuspage_lacks_is_named_and_no_error() {
        let notices = load(&PAGE[..1]).unwrap();
        assert!(notices.page.is_none());
        assert_eq!(
            notices.missing,
            [
                "STATUSPAGE_TOKEN",
                "STATUSPAGE_PAGE_ID",
                "STATUSPAGE_COMPONENTS",
                "STATUSPAGE_TAGS"
            ]
        );
    }

    #[test]
    fn what_cannot_work_is_one_line_that_names_the_setting() {
        for (name, value, line) in [
            (
                "PULSE_TREESTATUS_ENABLE",
                "true",
                "PULSE_USER environment variable is required with PULSE_TREESTATUS_ENABLE",
            ),
            (
                "PULSE_TREESTATUS_EXCHANGE",
                "",
                "PULSE_TREESTATUS_EXCHANGE: must be 1 to 255 bytes long",
            ),
            (
                "STATUSPAGE_API_URL",
                "api.example.org",
                "STATUSPAGE_API_URL: must be an http or https address",
            ),
            (
                "STATUSPAGE_COMPONENTS",
                "autoland",
                "STATUSPAGE_COMPONENTS: \"autoland\" must be tree:component",
            ),
            (
                "STATUSPAGE_COMPONENTS",
                "a:1;a:2",
                "STATUSPAGE_COMPONENTS: the tree a is named twice",
            ),
            (
                "STATUSPAGE_PAGE_ID",
                "a/b",
                "STATUSPAGE_PAGE_ID: must be letters, digits, - and _",
            ),
            (
                "OUTBOX_LEASE_SECONDS",
                "0",
                "OUTBOX_LEASE_SECONDS: must be a number from 1 to 3600",
            ),
            (
                "OUTBOX_KEEP_SECONDS",
                "-1",
                "OUTBOX_KEEP_SECONDS: must be a number from 0 to 3153600000",
            ),
        ] {
            assert_eq!(load(&[(name, value)]).unwrap_err(), line);
        }
    }
}
