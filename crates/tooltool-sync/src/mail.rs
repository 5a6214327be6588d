// SPDX-License-Identifier: MPL-2.0
//! The mails: what they say, and to whom. The subjects are what people's filters look for.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    check::{Cause, Complaint},
    config::{Config, OnFailure},
    package::Package,
};

/// Sentences in one mail; the log has the first of them only.
const MAX_LINES: usize = 200;

/// A mail that has not left yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its name in the spool and the first part of its `Message-ID`.
    pub id: String,
    /// When it was written, in seconds since 1970.
    pub written_secs: u64,
    /// What its header says.
    pub to: Vec<String>,
    /// Who has not got it yet.
    pub waiting: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// How often the server could not be asked to take it.
    pub tries: u32,
}

/// What a mail tells.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    /// The package is published; the text is its manifest.
    Completed(&'a str),
    /// The package is refused.
    Refused(&'a Complaint),
    /// Files could not be copied to the target.
    NotCopied(&'a str),
    /// Files were copied but the rest could not be done.
    NotRenamed(&'a str),
}

impl Mail {
    /// Writes a mail about a package to its uploader and to the maintainer.
    pub fn about(package: &Package, news: News, id: String, config: &Config) -> Self {
        let maintainer = config.smtp.from.to_string();
        let mut body = body(package, news, config.on_failure);
        let mut to = Vec::new();
        match config.addresses.of(&package.user) {
            Ok(address) if address.email == config.smtp.from.email => {}
            Ok(address) => to.push(address.to_string()),
            Err(reason) => body.push_str(&format!(
                "\nThis mail went to the maintainer alone: {reason}.\n"
            )),
        }
        to.push(maintainer);
        cut(&mut body, config.limits.mail_bytes);
        Self {
            id,
            written_secs: seconds(SystemTime::now()),
            waiting: to.clone(),
            to,
            subject: subject(package, news),
            body,
            tries: 0,
        }
    }

    /// Returns when it was written.
    pub fn written(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.written_secs)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn subject(package: &Package, news: News) -> String {
    let name = package.manifest();
    match news {
        News::Completed(_) => format!(
            "TOOLTOOL UPLOAD COMPLETED! Tooltool package {name} has been correctly processed by \
             the tooltool sync script!"
        ),
        News::Refused(_) => format!(
            "TOOLTOOL UPLOAD FAILURE! - the tooltool sync script could not process manifest {name}"
        ),
        News::NotCopied(_) => {
            format!("INTERNAL ERROR - sync script could not copy files in package {name}")
        }
        News::NotRenamed(_) => {
            format!("INTERNAL ERROR - sync script could not rename files in package {name}")
        }
    }
}

fn body(package: &Package, news: News, on_failure: OnFailure) -> String {
    match news {
        News::Completed(manifest) => manifest.to_owned(),
        News::Refused(complaint) => refused(package, complaint, on_failure),
        News::NotCopied(reason) => format!(
            "The files of {package} could not be brought to where they belong:\n\n  {reason}\n\n\
             Nothing of the package is lost, it stays where it was uploaded. Every run tries it \
             again; this mail comes once. The maintainer has to remove the cause. The uploader \
             need not do anything.\n"
        ),
        News::NotRenamed(reason) => format!(
            "{package} was copied, but what follows could not be finished:\n\n  {reason}\n\n\
             Every run goes on where this one ended; this mail comes once. The maintainer has to \
             remove the cause. The uploader need not do anything.\n"
        ),
    }
}

fn refused(package: &Package, complaint: &Complaint, on_failure: OnFailure) -> String {
    let what = match complaint.cause {
        Cause::Manifest => "The manifest is invalid:",
        Cause::Files => "Files of the package are missing or corrupted:",
        Cause::Refused => "The service refuses the package:",
    };
    let then = match on_failure {
        OnFailure::Keep => {
            "What was uploaded stays where it is, and is looked at again as soon as anything in \
             it changes."
        }
        OnFailure::Delete => "What was uploaded has been deleted.",
    };
    format!(
        "{package} was not published, and nothing of it was stored.\n\n{what}\n\n{}\nPlease \
         correct this and upload the package again. {then}\n",
        list(&complaint.lines)
    )
}

fn list(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines.iter().take(MAX_LINES) {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    if lines.len() > MAX_LINES {
        text.push_str(&format!("  and {} more\n", lines.len() - MAX_LINES));
    }
    text
}

/// Mail servers refuse what is too long; a manifest of that size is in the state directory.
fn cut(body: &mut String, limit: usize) {
    if body.len() > limit {
        let end = (0..=limit).rev().find(|end| body.is_char_boundary(*end));
        body.truncate(end.unwrap_or(0));
        body.push_str("\n\n(cut here, it is too long for a mail)\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut body = "aé".repeat(4);
        cut(&mut body, 12);
        assert_eq!(body, "aé".repeat(4));
        cut(&mut body, 5);
        assert!(body.starts_with("aéa\n\n(cut"), "{body}");
        let lines = vec!["x".to_owned(); MAX_LINES + 3];
        assert!(list(&lines).ends_with("  x\n  and 3 more\n"));
    }
}
