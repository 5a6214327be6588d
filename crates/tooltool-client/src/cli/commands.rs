// SPDX-License-Identifier: MPL-2.0
//! The commands: what they are called, what they take, and which options mean something to them.
//! Help, man page and completions are made from this table and the options.

/// A command.
pub(super) struct Command {
    /// The word that calls it.
    pub name: &'static str,
    /// What may stand behind the word.
    pub words: Words,
    /// One line for people.
    pub about: &'static str,
    /// The options it looks at, besides those that all look at, by the names of their fields.
    pub options: &'static [&'static str],
}

/// What may stand behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    None,
    Files,
    SomeFiles,
    Shell,
}

impl Words {
    /// Returns them as help shows them.
    pub fn shown(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Files => "FILE...",
            Self::SomeFiles => "[FILE...]",
            Self::Shell => "SHELL",
        }
    }
}

/// The options that every command looks at.
pub(super) const GENERAL: [&str; 4] = ["help", "quiet", "verbose", "manifest"];

/// The options that no command looks at any more; old scripts give them.
#[cfg(test)]
const WITHOUT_EFFECT: [&str; 1] = ["overwrite"];

/// All commands, in the order in which one meets them.
pub(super) const COMMANDS: [Command; 12] = [
    Command {
        name: "fetch",
        words: Words::SomeFiles,
        about: "bring the files of the manifest here, or only the named ones",
        options: &[
            "url",
            "region",
            "authentication_file",
            "cache_folder",
            "link_cache",
            "jobs",
            "allow_setup",
            "tries",
            "timeout_connect",
            "timeout_idle",
            "timeout_setup",
            "limit_download",
            "limit_unpacked",
            "limit_members",
        ],
    },
    Command {
        name: "list",
        words: Words::None,
        about: "show which files of the manifest are present (P) and valid (V)",
        options: &[],
    },
    Command {
        name: "validate",
        words: Words::None,
        about: "succeed if all files of the manifest are present and valid",
        options: &[],
    },
    Command {
        name: "add",
        words: Words::Files,
        about: "add files to the manifest",
        options: &["algorithm", "visibility", "unpack", "version"],
    },
    Command {
        name: "upload",
        words: Words::None,
        about: "send the files of the manifest to the server",
        options: &[
            "message",
            "url",
            "region",
            "authentication_file",
            "wait",
            "jobs",
            "tries",
            "timeout_connect",
            "timeout_idle",
            "timeout_wait",
            "package",
            "user",
            "host",
            "path",
        ],
    },
    Command {
        name: "change-visibility",
        words: Words::None,
        about: "set who may download a file",
        options: &[
            "digest",
            "visibility",
            "url",
            "authentication_file",
            "tries",
            "timeout_connect",
            "timeout_idle",
        ],
    },
    Command {
        name: "delete",
        words: Words::None,
        about: "delete the stored copies of a file",
        options: &[
            "digest",
            "url",
            "authentication_file",
            "tries",
            "timeout_connect",
            "timeout_idle",
        ],
    },
    Command {
        name: "purge",
        words: Words::None,
        about: "delete files from the cache folder, oldest first",
        options: &["cache_folder", "size"],
    },
    Command {
        name: "package",
        words: Words::None,
        about: "older way: pack the files of a folder for a drop folder",
        options: &[
            "folder",
            "message",
            "algorithm",
            "visibility",
            "version",
            "unpack",
        ],
    },
    Command {
        name: "distribute",
        words: Words::None,
        about: "older way: package, then send with rsync to a drop folder",
        options: &[
            "folder",
            "message",
            "algorithm",
            "visibility",
            "version",
            "unpack",
            "user",
            "host",
            "path",
            "yes",
            "timeout_idle",
        ],
    },
    Command {
        name: "completions",
        words: Words::Shell,
        about: "print the completions for bash, zsh, fish, elvish or powershell",
        options: &[],
    },
    Command {
        name: "man",
        words: Words::None,
        about: "print the manual page",
        options: &[],
    },
];

/// What the environment may say, as help and man page show it.
pub(super) const ENVIRONMENT: [(&str, &str); 8] = [
    ("TOOLTOOL_HOST", "the server, when no --url is given"),
    ("TOOLTOOL_CACHE", "the default of --cache-folder"),
    (
        "TASKCLUSTER_PROXY_URL",
        "the proxy of a task, put before the host",
    ),
    (
        "TASKCLUSTER_CLIENT_ID",
        "credentials, when no --authentication-file is given",
    ),
    ("TASKCLUSTER_ACCESS_TOKEN", "comes with the client id"),
    (
        "TASKCLUSTER_CERTIFICATE",
        "comes with them when they are temporary",
    ),
    ("TERM", "no progress bars on a terminal that is called dumb"),
    ("TOOLTOOL_RETRY_SCALE", "a factor on every wait, for tests"),
];

/// Returns the commands as help shows them.
pub(super) fn help() -> String {
    let rows = COMMANDS.iter().map(|command| {
        let words = format!("{} {}", command.name, command.words.shown());
        (words.trim_end().to_owned(), command.about)
    });
    format!("Commands:\n{}", table(rows))
}

/// Returns the environment as help shows it.
pub(super) fn environment_help() -> String {
    let rows = ENVIRONMENT.map(|(name, about)| (name.to_owned(), about));
    format!("Environment:\n{}", table(rows))
}

fn table(rows: impl IntoIterator<Item = (String, &'static str)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, about)| format!("  {name:width$}  {about}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::options::Options;

    #[test]
    fn the_table_names_every_option_and_no_other() {
        let known: BTreeSet<_> = Options::command()
            .get_arguments()
            .map(|argument| argument.get_id().to_string())
            .filter(|id| id != "words")
            .collect();
        let named: BTreeSet<_> = COMMANDS
            .iter()
            .flat_map(|command| command.options)
            .chain(&GENERAL)
            .chain(&WITHOUT_EFFECT)
            .map(|id| (*id).to_owned())
            .collect();
        assert_eq!(named, known);
    }
}
