// SPDX-License-Identifier: MPL-2.0
//! The options of the command line. Words and options mix in any order, and the names of options
//! may be shortened as long as they stay unambiguous.

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, error::ErrorKind};

use super::WRONG_USAGE;
use crate::server_urls::ServerUrl;

const COMMANDS: &str = "\
Commands:
  list               show which files of the manifest are present (P) and valid (V)
  validate           exit with 0 if all files of the manifest are present and valid
  add FILE…          add files to the manifest
  fetch [FILE…]      bring the files of the manifest here
  purge              delete files from the cache folder, oldest first
  upload             send the files of the manifest to the server
  change-visibility  set who may download a file
  delete             delete the stored copies of a file

Environment:
  TOOLTOOL_HOST              the server, when no --url is given
  TOOLTOOL_CACHE             the default of --cache-folder
  TASKCLUSTER_PROXY_URL      the proxy of a task, put before the host
  TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN, TASKCLUSTER_CERTIFICATE
                             credentials, when no --authentication-file is given
  TOOLTOOL_RETRY_SCALE       a factor on every wait, for tests";

/// What became of the command line.
pub(super) enum Parsed {
    /// Something to do.
    Options(Box<Options>),
    /// Something to print: help, or what is wrong with the usage.
    Message { error: clap::Error, status: u8 },
}

/// Fetches, checks and uploads the files that a manifest lists.
#[derive(Debug, Parser)]
#[command(
    name = "tooltool",
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true,
    override_usage = "tooltool [options] command [FILES]",
    after_help = COMMANDS
)]
pub(super) struct Options {
    /// The command and its files
    #[arg(hide = true)]
    words: Vec<OsString>,

    /// Log errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// Log everything
    #[arg(short, long)]
    pub verbose: bool,

    /// The manifest
    #[arg(short, long, value_name = "FILE", default_value = "manifest.tt")]
    pub manifest: PathBuf,

    // The alias keeps a shortening working that --allow-setup would make ambiguous.
    /// The digest algorithm of new records
    #[arg(
        short = 'd',
        long,
        alias = "al",
        value_name = "ALG",
        default_value = "sha512"
    )]
    #[arg(value_parser = ["sha512"])]
    pub algorithm: String,

    /// Accepted for old scripts: invalid files are always replaced
    #[arg(short, long)]
    pub overwrite: bool,

    /// A server; fetch asks all in order, other commands the first
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse)]
    pub url: Vec<ServerUrl>,

    /// A folder of downloaded files (fetch, purge)
    #[arg(short, long, value_name = "DIR")]
    pub cache_folder: Option<PathBuf>,

    /// How much space purge makes free, in GiB; 0 deletes everything
    #[arg(short, long, value_name = "GB", default_value = "0", value_parser = gibibytes)]
    #[arg(allow_negative_numbers = true)]
    pub size: u64,

    /// The region to prefer (fetch, upload)
    #[arg(short, long)]
    pub region: Option<String>,

    /// Who may download the file (add, change-visibility)
    #[arg(long, value_parser = ["internal", "public"])]
    pub visibility: Option<String>,

    /// Let fetch unpack the added file (add)
    #[arg(long)]
    pub unpack: bool,

    /// A note about the version of the contents (add)
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    pub version: Option<String>,

    /// The digest of the file (change-visibility, delete)
    #[arg(long)]
    pub digest: Option<String>,

    /// What the upload is about
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<String>,

    /// Credentials: a token, or JSON with clientId and accessToken
    #[arg(long, value_name = "FILE")]
    pub authentication_file: Option<PathBuf>,

    /// Downloads at a time
    #[arg(short, long, value_name = "N", default_value = "4")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,

    /// Share the bytes of the cache by hard links instead of copying
    #[arg(long)]
    pub link_cache: bool,

    /// Run the program that a record names after unpacking (fetch)
    #[arg(long)]
    pub allow_setup: bool,

    /// After an upload, wait until the server has verified the files
    #[arg(long)]
    pub wait: bool,

    /// Attempts per download URL, and rounds of an upload
    #[arg(long, value_name = "N", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    pub tries: u32,

    /// How long to wait for a connection, in seconds
    #[arg(long, value_name = "SECS", default_value = "30")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout_connect: u64,

    /// How long to wait for the next byte, in seconds
    #[arg(long, value_name = "SECS", default_value = "60")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout_idle: u64,

    /// How long --wait waits, in seconds
    #[arg(long, value_name = "SECS", default_value = "1800")]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=604_800))]
    pub timeout_wait: u64,

    /// How long a program run for --allow-setup may take, in seconds
    #[arg(long, value_name = "SECS", default_value = "3600")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub timeout_setup: u64,

    /// The longest download for a record without a size, in GiB
    #[arg(long, value_name = "GB", default_value = "64", value_parser = gibibytes)]
    pub limit_download: u64,

    /// What one archive may unpack to, in GiB
    #[arg(long, value_name = "GB", default_value = "64", value_parser = gibibytes)]
    pub limit_unpacked: u64,

    /// How many members one archive may have
    #[arg(long, value_name = "N", default_value = "1000000")]
    pub limit_members: u64,

    /// Legacy: a package to send
    #[arg(long, value_name = "PKG", hide = true)]
    pub package: Option<PathBuf>,

    /// Legacy: the folder to package
    #[arg(long, value_name = "DIR", hide = true)]
    pub folder: Option<PathBuf>,

    /// Legacy: who sends a package
    #[arg(long, hide = true)]
    pub user: Option<String>,

    /// Legacy: where a package is sent
    #[arg(long, hide = true)]
    pub host: Option<String>,

    /// Legacy: the folder a package is sent to
    #[arg(long, hide = true)]
    pub path: Option<String>,
}

impl Options {
    /// Returns the command, if any.
    pub fn command(&self) -> Option<String> {
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
        assert_eq!(options.command().as_deref(), Some("a-first"));
        assert_eq!(options.files().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(options.manifest, PathBuf::from("x.tt"));
        assert_eq!(options.visibility.as_deref(), Some("public"));
        assert!(options.verbose);
    }

    #[test]
    fn every_shortening_that_was_unambiguous_upstream_still_is() {
        let options = options(&[
            "--qu",
            "--verb",
            "--man=m",
            "--al=sha512",
            "--ov",
            "--ur=http://h",
            "--ca=c",
            "--si=1",
            "--re=r",
            "--vis=public",
            "--un",
            "--vers=v",
            "--di=d",
            "--me=t",
            "--au=f",
        ]);
        assert!(options.quiet && options.verbose && options.overwrite && options.unpack);
        assert_eq!(options.size, 1 << 30);
        assert_eq!(options.authentication_file, Some(PathBuf::from("f")));
        assert_eq!(options.cache_folder, Some(PathBuf::from("c")));
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
