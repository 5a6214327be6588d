// SPDX-License-Identifier: MPL-2.0
//! `config.json`: what is collected where, and where it goes.

mod members;
mod target;

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use lettre::{Address, message::Mailbox};
use serde_json::{Map, Value};

use self::members::{Members, is_folder};
pub use self::target::{Store, Target, Visibility};

/// What a configuration file may be long.
const SIZE_LIMIT_BYTES: u64 = 1024 * 1024;
const DAY_SECS: u64 = 24 * 60 * 60;

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory with a directory for each uploader.
    pub upload_root: PathBuf,
    /// What to do with the packages of each type.
    pub targets: BTreeMap<String, Target>,
    /// How mails leave.
    pub smtp: Smtp,
    /// Whom to write to.
    pub addresses: Addresses,
    /// What becomes of a package that is refused.
    pub on_failure: OnFailure,
    /// What is bounded, and how.
    pub limits: Limits,
    /// Members that mean nothing; misspelt ones are among them.
    pub unknown: Vec<String>,
}

/// How mails leave.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// `smtp_server`: host name or address.
    pub server: String,
    /// `smtp_port`.
    pub port: u16,
    /// `smtp_from`: the sender and the maintainer, who gets every mail.
    pub from: Mailbox,
    /// `smtp_timeout_seconds` (30): for handing over one mail, from connecting to the end.
    pub timeout: Duration,
}

/// Whom to write to.
#[derive(Debug, Clone)]
pub struct Addresses {
    mapping: BTreeMap<String, Mailbox>,
    default_domain: String,
}

/// What becomes of a package that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It stays, and is looked at again when anything in it changes.
    Keep,
    /// It is deleted, together with manifest and note.
    Delete,
}

/// What is bounded, and how; each is an optional member of the configuration.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `max_manifest_bytes` (64 MiB).
    pub manifest_bytes: u64,
    /// `max_note_bytes` (1 MiB).
    pub note_bytes: u64,
    /// `max_folder_entries` (100,000): of a package and of an uploader's directory.
    pub folder_entries: usize,
    /// `max_mail_bytes` (1 MiB): longer texts are cut.
    pub mail_bytes: usize,
    /// `max_waiting_mails` (10,000).
    pub waiting_mails: usize,
    /// `mail_retry_days` (14): then a mail that cannot be delivered is laid aside.
    pub mail_retry: Duration,
    /// `verify_timeout_seconds` (1800): how long a service may take to verify a package.
    pub verify_timeout: Duration,
    /// `upload_tries` (5): how often a service is asked before it counts as out of order.
    pub upload_tries: u32,
    /// `log_max_bytes` (10 MiB).
    pub log_bytes: u64,
    /// `log_backups` (5).
    pub log_backups: u32,
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// A sentence for each thing that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Vec<String>> {
        let problem = |text: String| vec![format!("{}: {text}", path.display())];
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(SIZE_LIMIT_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|error| problem(format!("cannot be read: {error}")))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > SIZE_LIMIT_BYTES) {
            return Err(problem(format!("is longer than {SIZE_LIMIT_BYTES} bytes")));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Self::parse(&object),
            Ok(_) => Err(problem("must hold a JSON object".to_owned())),
            Err(error) => Err(problem(format!("is not valid JSON: {error}"))),
        }
    }

    /// Checks a configuration.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<String>> {
        let mut members = Members::of(object);
        let upload_root = members.required_text("upload_root").map(PathBuf::from);
        if let Some(root) = &upload_root
            && let Err(rule) = is_folder(root)
        {
            members.problem(format!("upload_root {rule}"));
        }
        let targets = target::all(&mut members);
        let smtp = smtp(&mut members);
        let addresses = addresses(&mut members);
        let on_failure = on_failure(&mut members);
        let limits = limits(&mut members);
        let unknown = members.finish()?;
        match (upload_root, smtp, addresses) {
            (Some(upload_root), Some(smtp), Some(addresses)) => Ok(Self {
                upload_root,
                targets,
                smtp,
                addresses,
                on_failure,
                limits,
                unknown,
            }),
            // Each absent one has been complained about.
            _ => Err(Vec::new()),
        }
    }
}

impl Addresses {
    /// Returns the address of an uploader.
    ///
    /// # Errors
    /// The name makes no address.
    pub fn of(&self, user: &str) -> Result<Mailbox, String> {
        if let Some(address) = self.mapping.get(user) {
            return Ok(address.clone());
        }
        let address = Address::new(user, &self.default_domain);
        address
            .map(|address| Mailbox::new(None, address))
            .map_err(|error| {
                format!(
                    "'{user}@{}' is no address ({error}), user_email_mapping can name one",
                    self.default_domain
                )
            })
    }
}

fn smtp(members: &mut Members) -> Option<Smtp> {
    let server = members.required_text("smtp_server");
    let port = members.required_number("smtp_port", 1, u64::from(u16::MAX));
    let from = members
        .required_text("smtp_from")
        .and_then(|text| members.mailbox("smtp_from", &text));
    let timeout = members.seconds("smtp_timeout_seconds", 30, 3600);
    Some(Smtp {
        server: server?,
        port: port.and_then(|port| u16::try_from(port).ok())?,
        from: from?,
        timeout,
    })
}

fn addresses(members: &mut Members) -> Option<Addresses> {
    let domain = members.required_text("default_domain");
    if let Some(domain) = &domain
        && let Err(error) = Address::new("someone", domain)
    {
        members.problem(format!("default_domain '{domain}' is no domain: {error}"));
    }
    let mut mapping = BTreeMap::new();
    for (user, address) in members.object("user_email_mapping") {
        let name = format!("user_email_mapping.{user}");
        match address {
            Value::String(text) => {
                mapping.extend(members.mailbox(&name, &text).map(|mailbox| (user, mailbox)));
            }
            _ => members.problem(format!("{name} must be a string")),
        }
    }
    Some(Addresses {
        mapping,
        default_domain: domain?,
    })
}

fn on_failure(members: &mut Members) -> OnFailure {
    match members.text("on_failure").as_deref() {
        None | Some("keep") => OnFailure::Keep,
        Some("delete") => OnFailure::Delete,
        Some(other) => {
            members.problem(format!(
                "on_failure must be \"keep\" or \"delete\", not \"{other}\""
            ));
            OnFailure::Keep
        }
    }
}

fn limits(members: &mut Members) -> Limits {
    const MIB: u64 = 1024 * 1024;
    let days = members.number("mail_retry_days", 14, 0, 3650);
    Limits {
        manifest_bytes: members.number(
            "max_manifest_bytes",
            64 * MIB,
            2,
            releng_tooltool_client::manifest::SIZE_LIMIT_BYTES,
        ),
        note_bytes: members.number("max_note_bytes", MIB, 0, 64 * MIB),
        folder_entries: members.count("max_folder_entries", 100_000, 10_000_000),
        mail_bytes: members.count("max_mail_bytes", 1024 * 1024, 64 * 1024 * 1024),
        waiting_mails: members.count("max_waiting_mails", 10_000, 1_000_000),
        mail_retry: Duration::from_secs(days.saturating_mul(DAY_SECS)),
        verify_timeout: members.seconds("verify_timeout_seconds", 1800, DAY_SECS),
        upload_tries: u32::try_from(members.number("upload_tries", 5, 1, 100)).unwrap_or(5),
        log_bytes: members.number("log_max_bytes", 10 * MIB, 1024, u64::MAX),
        log_backups: u32::try_from(members.number("log_backups", 5, 0, 1000)).unwrap_or(5),
    }
}

#[cfg(test)]
mod tests;
