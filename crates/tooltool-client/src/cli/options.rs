// SPDX-License-Identifier: MPL-2.0
//! The options of the command line. Words and options mix in any order, and the names of options
//! may be shortened as long as they stay unambiguous.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, Parser, ValueHint, error::ErrorKind};

use super::{WRONG_USAGE, commands};
use crate::server_urls::ServerUrl;

const TEMPLATE: &str = "\
{name} {version}: {about}

{usage-heading} {usage}

{before-help}{all-args}{after-help}";

const SERVERS: &str = "Servers";
const FETCHING: &str = "Fetching, cache and unpacking";
const ADDING: &str = "Adding and uploading";
const OLDER: &str = "Older ways of sending";

/// What became of the command line.
pub(super) enum Parsed {
    /// Something to do.
    Options(Box<Options>),
    /// Something to print: help, or what is wrong with the usage.
    Message { error: clap::Error, status: u8 },
}

/// fetches, checks and uploads the files that a manifest lists
#[derive(Debug, Parser)]
#[command(
    name = "tooltool",
    version,
    disable_version_flag = true,
    disable_help_flag = true,
    infer_long_args = true,
    args_override_self = true,
    help_template = TEMPLATE,
    override_usage = "tooltool [options] command [FILES]",
    before_help = commands::help(),
    after_help = commands::environment_help()
)]
pub(super) struct Options {
    /// The command and its files
    #[arg(hide = true)]
    words: Vec<OsString>,

    // The alias: --host would make the shortening ambiguous.
    /// Print this text
    #[arg(short, long, alias = "h", action = ArgAction::Help)]
    help: Option<bool>,

    /// Log errors only, show no progress
    #[arg(short, long)]
    pub quiet: bool,

    /// Log everything
    #[arg(short, long)]
    pub verbose: bool,

    /// The manifest
    #[arg(short, long, value_name = "FILE", default_value = "manifest.tt")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub manifest: PathBuf,

    /// Accepted for old scripts: invalid files are always replaced
    #[arg(short, long)]
    pub overwrite: bool,

    /// A server; fetch asks all in order, other commands the first
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse)]
    #[arg(value_hint = ValueHint::Url, help_heading = SERVERS)]
    pub url: Vec<ServerUrl>,

    /// The region to prefer (fetch, upload)
    #[arg(short, long, help_heading = SERVERS)]
    pub region: Option<String>,

    /// Credentials: a token, or JSON with clientId and accessToken
    #[arg(long, value_name = "FILE", help_heading = SERVERS)]
    #[arg(value_hint = ValueHint::FilePath)]
    pub authentication_file: Option<PathBuf>,

    /// Attempts per download URL, and rounds of an upload
    #[arg(long, value_name = "N", default_value = "5", help_heading = SERVERS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    pub tries: u32,

    /// How long to wait for a connection, in seconds
    #[arg(long, value_name = "SECS", default_value = "30", help_heading = SERVERS)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout_connect: u64,

    /// How long to wait for the next byte, in seconds
    #[arg(long, value_name = "SECS", default_value = "60", help_heading = SERVERS)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout_idle: u64,

    /// Keep fetched files in a folder for the next time (fetch, purge)
    #[arg(short, long, value_name = "DIR", help_heading = FETCHING)]
    #[arg(value_hint = ValueHint::DirPath)]
    pub cache_folder: Option<PathBuf>,

    /// Share the bytes of the cache by hard links instead of copying
    #[arg(long, help_heading = FETCHING)]
    pub link_cache: bool,

    /// Downloads at a time
    #[arg(short, long, value_name = "N", default_value = "4", help_heading = FETCHING)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,

    /// How much space purge makes free, in GiB; 0 deletes everything
    #[arg(short, long, value_name = "GB", default_value = "0", value_parser = gibibytes)]
    #[arg(allow_negative_numbers = true, help_heading = FETCHING)]
    pub size: u64,

    /// The longest download for a record without a size, in GiB
    #[arg(long, value_name = "GB", default_value = "64", value_parser = gibibytes)]
    #[arg(help_heading = FETCHING)]
    pub limit_download: u64,

    /// What one archive may unpack to, in GiB
    #[arg(long, value_name = "GB", default_value = "64", value_parser = gibibytes)]
    #[arg(help_heading = FETCHING)]
    pub limit_unpacked: u64,

    /// How many members one archive may have
    #[arg(long, value_name = "N", default_value = "1000000", help_heading = FETCHING)]
    pub limit_members: u64,

    /// Run the program that a record names after unpacking
    #[arg(long, help_heading = FETCHING)]
    pub allow_setup: bool,

    /// How long such a program may take, in seconds
    #[arg(long, value_name = "SECS", default_value = "3600", help_heading = FETCHING)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub timeout_setup: u64,

    /// Who may download the file (add, change-visibility)
    #[arg(long, value_parser = ["internal", "public"], help_heading = ADDING)]
    pub visibility: Option<String>,

    /// Let fetch unpack the added file (add)
    #[arg(long, help_heading = ADDING)]
    pub unpack: bool,

    /// A note about the version of the contents (add)
    #[arg(long, value_name = "STRING", allow_hyphen_values = true, help_heading = ADDING)]
    pub version: Option<String>,

    // The alias keeps a shortening working that --allow-setup would make ambiguous.
    /// The digest algorithm of new records
    #[arg(
        short = 'd',
        long,
        alias = "al",
        value_name = "ALG",
        default_value = "sha512"
    )]
    #[arg(value_parser = ["sha512"], help_heading = ADDING)]
    pub algorithm: String,

    /// What the upload is about
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, help_heading = ADDING)]
    pub message: Option<String>,

    /// After an upload, wait until the server has verified the files
    #[arg(long, help_heading = ADDING)]
    pub wait: bool,

    /// How long --wait waits, in seconds
    #[arg(long, value_name = "SECS", default_value = "1800", help_heading = ADDING)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=604_800))]
    pub timeout_wait: u64,

    /// The digest of the file (change-visibility, delete)
    #[arg(long, help_heading = ADDING)]
    pub digest: Option<String>,

    /// The folder to package (package, distribute)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = OLDER)]
    pub folder: Option<PathBuf>,

    /// Send this package with rsync instead of uploading (upload)
    #[arg(long, value_name = "PKG", value_hint = ValueHint::DirPath, help_heading = OLDER)]
    pub package: Option<PathBuf>,

    /// Whose account there (distribute, upload --package)
    #[arg(long, value_hint = ValueHint::Username, help_heading = OLDER)]
    pub user: Option<String>,

    /// The host with the drop folder
    #[arg(long, value_hint = ValueHint::Hostname, help_heading = OLDER)]
    pub host: Option<String>,

    /// The drop folder on that host
    #[arg(long, value_hint = ValueHint::Other, help_heading = OLDER)]
    pub path: Option<String>,

    /// Answer the questions of distribute with yes
    #[arg(long, help_heading = OLDER)]
    pub yes: bool,
}

impl Options {
    /// Returns the command, if any.
    pub fn command_word(&self) -> Option<String> {
        self.words
            .first()
            .map(|word| word.to_string_lossy().into_owned())
    }

    /// Returns the words behind the command.
    pub fn files(&self) -> impl Iterator<Item = &OsString> {
        self.words.iter().skip(1)
    }
}

/// Reads a command line; the first word is the program.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Parsed {
    match Options::try_parse_from(words) {
        Ok(options) => Parsed::Options(Box::new(options)),
        Err(error) => {
            let status = if error.kind() == ErrorKind::DisplayHelp {
                0
            } else {
                WRONG_USAGE
            };
            Parsed::Message { error, status }
        }
    }
}

/// Reads a number of GiB; returns bytes.
fn gibibytes(text: &str) -> Result<u64, String> {
    const RULE: &str = "must be a number of gigabytes from 0 to 1000000000";
    let number: f64 = text.parse().map_err(|_| RULE)?;
    if !(0.0..=1e9).contains(&number) {
        return Err(RULE.to_owned());
    }
    let bytes = number * 1_073_741_824.0;
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked above, and a fraction of a byte does not matter"
    )]
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Options {
        let words = ["tooltool"].iter().chain(words).map(OsString::from);
        match parse(words) {
            Parsed::Options(options) => *options,
            Parsed::Message { error, .. } => panic!("{error}"),
        }
    }

    fn status(words: &[&str]) -> u8 {
        match parse(["tooltool"].iter().chain(words).map(OsString::from)) {
            Parsed::Options(options) => panic!("{options:?}"),
            Parsed::Message { status, .. } => status,
        }
    }

    #[test]
    fn words_and_options_mix_in_any_order() {
        let options = options(&[
            "a-first",
            "-m",
            "x.tt",
            "b",
            "--visibility=public",
            "c",
            "-v",
        ]);
        assert_eq!(options.command_word().as_deref(), Some("a-first"));
        assert_eq!(options.files().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(options.manifest, PathBuf::from("x.tt"));
        assert_eq!(options.visibility.as_deref(), Some("public"));
        assert!(options.verbose);
    }

    #[test]
    fn every_shortening_that_was_unambiguous_upstream_still_is() {
        let options = options(&[
            "--q",
            "--verb",
            "--ma=m",
            "--al=sha512",
            "--o",
            "--ur=http://h",
            "--c=c",
            "--s=1",
            "--r=r",
            "--vi=public",
            "--un",
            "--vers=v",
            "--d=d",
            "--me=t",
            "--au=f",
        ]);
        assert!(options.quiet && options.verbose && options.overwrite && options.unpack);
        assert_eq!(options.size, 1 << 30);
        assert_eq!(options.manifest, PathBuf::from("m"));
        assert_eq!(options.authentication_file, Some(PathBuf::from("f")));
        assert_eq!(options.cache_folder, Some(PathBuf::from("c")));
        for (value, given) in [
            (&options.region, "r"),
            (&options.visibility, "public"),
            (&options.version, "v"),
            (&options.digest, "d"),
            (&options.message, "t"),
        ] {
            assert_eq!(value.as_deref(), Some(given));
        }
        assert_eq!(status(&["--h"]), 0);
    }

    #[test]
    fn the_last_of_a_repeated_option_counts_except_for_urls() {
        let options = options(&[
            "-m", "a", "-m", "b", "--url", "http://a", "--url", "http://b",
        ]);
        assert_eq!(options.manifest, PathBuf::from("b"));
        let urls: Vec<_> = options.url.iter().map(ToString::to_string).collect();
        assert_eq!(urls, ["http://a/", "http://b/"]);
    }

    #[test]
    fn the_version_option_is_a_note_that_may_begin_with_a_hyphen() {
        assert_eq!(
            options(&["--version", "-rc1"]).version.as_deref(),
            Some("-rc1")
        );
    }

    #[test]
    fn help_is_success_and_wrong_usage_is_two() {
        assert_eq!(status(&["--help"]), 0);
        assert_eq!(status(&["-h"]), 0);
        for words in [
            &["--nonsense"][..],
            &["--algorithm", "md5"],
            &["--visibility", "secret"],
            &["--size", "many"],
            &["--size", "-1"],
            &["--size", "nan"],
            &["--ver", "x"],
            &["--url", "ftp://h"],
            &["-j", "0"],
            &["-m"],
        ] {
            assert_eq!(status(words), 2, "{words:?}");
        }
    }
}
