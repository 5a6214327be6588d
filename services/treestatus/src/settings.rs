// SPDX-License-Identifier: MPL-2.0
//! Settings of treestatus beyond the shared ones.

mod notices;

use std::sync::Arc;

use releng_common::config::{Common, Doc, Invalid, Source};

pub use notices::{Notices, Page};

use crate::domain::Limits;

releng_common::settings! {
    /// Settings that only treestatus has.
    pub struct Own {
        /// Name of the environment: `localdev`, `dev`, `staging`, `production`, `test`.
        pub env: String = "ENV" ["APP_CHANNEL"], default "localdev";
        /// Whether Taskcluster is asked about credentials.
        pub taskcluster_auth: bool = "TASKCLUSTER_AUTH", default "true";
        /// Address to which browsers report what the Content-Security-Policy forbade; environment and version are appended.
        pub csp_report_uri: Option<String> = "SECURITY_CSP_REPORT_URI";
        /// Name under which Taskcluster knows the page for its sign-in; unset: `releng-treestatus-` and `ENV`.
        pub login_client_id: Option<String> = "LOGIN_CLIENT_ID";
        /// Scopes that a sign-in asks Taskcluster for, separated by blanks.
        pub login_scopes: String = "LOGIN_SCOPES", default "project:releng:services/treestatus/*";
        /// Scope prefixes of which any satisfies, comma separated (D-17).
        pub scope_prefixes: Vec<String> = "SCOPE_PREFIXES", default "project:releng:services/treestatus/,project:releng:treestatus/";
        /// Where status changes go while Pulse is off: `log:` writes a line per change.
        pub events_url: String = "EVENTS_URL", default "log:";
        /// Event streams (`/events`) that may be open at once.
        pub event_streams: usize = "EVENT_STREAMS", default "2000";
        /// Seconds for which events are kept, so that streams may resume.
        pub events_keep_secs: i64 = "EVENTS_KEEP_SECONDS", default "86400";
        /// Seconds for which trees are shown from memory while the database does not answer; 0: not at all.
        pub serve_stale_secs: u64 = "SERVE_STALE_SECONDS", default "30";
        /// Largest request body in bytes.
        pub max_body_bytes: usize = "MAX_BODY_BYTES", default "1048576";
        /// Longest reason and message of the day in characters; texts that are in the database already may be longer.
        pub max_text_chars: usize = "MAX_TEXT_CHARS", default "10000";
        /// Most tags of one change.
        pub max_tags: usize = "MAX_TAGS", default "50";
        /// Longest tag in characters.
        pub max_tag_chars: usize = "MAX_TAG_CHARS", default "200";
        /// Most entries that `/stack` answers with, the newest.
        pub max_list_length: i64 = "MAX_LIST_LENGTH", default "100000";
    }
}

/// Returns the descriptions of all settings that are not those of every service.
pub fn docs() -> Vec<Doc> {
    [Own::docs(), notices::docs()].concat()
}

/// All settings of the service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The shared ones.
    pub common: Common,
    /// Those of treestatus.
    pub own: Own,
    /// What is told to others about changes.
    pub notices: Arc<Notices>,
}

impl Settings {
    /// Reads everything and checks what single settings cannot.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn load(source: &Source) -> Result<Self, Invalid> {
        let (mut common, own) = (Common::load(source)?, Own::load(source)?);
        let notices = Notices::load(source, common.taskcluster_root_url.clone())?;
        if !own.taskcluster_auth {
            common.taskcluster_root_url = None;
        }
        let settings = Self {
            common,
            own,
            notices: Arc::new(notices),
        };
        settings.validate()?;
        Ok(settings)
    }

    /// Returns the name under which Taskcluster knows the sign-in page (D-24).
    pub fn login_client_id(&self) -> String {
        let own = &self.own;
        own.login_client_id
            .clone()
            .unwrap_or_else(|| format!("releng-treestatus-{}", own.env))
    }

    /// Returns how long may be what people write.
    pub fn limits(&self) -> Limits {
        Limits {
            text: self.own.max_text_chars,
            tags: self.own.max_tags,
            tag: self.own.max_tag_chars,
        }
    }

    fn validate(&self) -> Result<(), Invalid> {
        if self.own.scope_prefixes.is_empty() {
            return Err(Invalid::new(
                "SCOPE_PREFIXES",
                "must name at least one prefix",
            ));
        }
        let is_http = |uri: &String| {
            let is_address = uri.starts_with("http://") || uri.starts_with("https://");
            is_address && !uri.contains(|c: char| c.is_whitespace() || c == ';' || c == ',')
        };
        if self
            .own
            .csp_report_uri
            .as_ref()
            .is_some_and(|uri| !is_http(uri))
        {
            let problem = "must be an http or https address without blanks, commas and semicolons";
            return Err(Invalid::new("SECURITY_CSP_REPORT_URI", problem));
        }
        if self.own.max_body_bytes == 0 {
            return Err(Invalid::new("MAX_BODY_BYTES", "must be at least 1"));
        }
        // A century; more overflows the calendar.
        if !(1..=3_153_600_000).contains(&self.own.events_keep_secs) {
            let problem = "must be a number from 1 to 3153600000";
            return Err(Invalid::new("EVENTS_KEEP_SECONDS", problem));
        }
        // What a semaphore can count.
        if self.own.event_streams > 1_000_000 {
            return Err(Invalid::new("EVENT_STREAMS", "must be at most 1000000"));
        }
        // A day: a state older than that helps nobody.
        if self.own.serve_stale_secs > 86_400 {
            let problem = "must be a number from 0 to 86400";
            return Err(Invalid::new("SERVE_STALE_SECONDS", problem));
        }
        // With less nothing can be said, and no tree can be closed.
        for (name, value) in [
            ("MAX_TEXT_CHARS", self.own.max_text_chars),
            ("MAX_TAGS", self.own.max_tags),
            ("MAX_TAG_CHARS", self.own.max_tag_chars),
        ] {
            if value == 0 {
                return Err(Invalid::new(name, "must be at least 1"));
            }
        }
        if self.own.max_list_length < 1 {
            return Err(Invalid::new("MAX_LIST_LENGTH", "must be at least 1"));
        }
        Ok(())
    }
}
