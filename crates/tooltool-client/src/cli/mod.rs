// SPDX-License-Identifier: MPL-2.0
//! The command line: from words to an exit status. 0 is success, 1 a failed command, 2 wrong usage.

mod environment;
mod local;
mod options;
mod remote;

use std::{ffi::OsString, io::Write as _};

use self::{
    environment::Environment,
    options::{Options, Parsed},
};
use crate::log::{Level, Log};

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

/// Sending a package that was made earlier is a command of its own behind the name of another.
const LEGACY_UPLOAD: &str = "upload --package";

/// Runs a command line (the first word is the program) and returns the exit status.
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let options = match options::parse(words) {
        Parsed::Options(options) => *options,
        // Help goes to standard output, complaints to standard error, as clap knows.
        Parsed::Message { error, status } => {
            error.print().ok();
            return status;
        }
    };
    let log = Log::stderr(level(&options));
    let Some(command) = options.command() else {
        let usage = "usage: tooltool [options] command [FILES]; tooltool --help tells more";
        writeln!(std::io::stderr(), "{usage}").ok();
        log.error("no command was given");
        return WRONG_USAGE;
    };
    match dispatch(&command, &options, &log) {
        Ok(true) => 0,
        Ok(false) => FAILED,
        Err(reason) => {
            log.error(reason);
            FAILED
        }
    }
}

fn level(options: &Options) -> Level {
    if options.quiet {
        Level::Error
    } else if options.verbose {
        Level::Debug
    } else {
        Level::Info
    }
}

/// Returns whether the command succeeded; `Err` is a reason that is not yet logged.
fn dispatch(command: &str, options: &Options, log: &Log) -> Result<bool, String> {
    match command {
        "list" => local::list(options, log),
        "validate" => local::validate(options, log),
        "add" => local::add(options, log),
        "purge" => local::purge(options, &Environment::read()?, log),
        "fetch" => remote::fetch(options, &Environment::read()?, log),
        "upload" if options.package.is_some() => Err(not_implemented(LEGACY_UPLOAD)),
        "upload" => remote::upload(options, &Environment::read()?, log),
        "change-visibility" => remote::change_visibility(options, &Environment::read()?, log),
        "delete" => remote::delete(options, &Environment::read()?, log),
        other => Err(not_implemented(other)),
    }
}

fn not_implemented(command: &str) -> String {
    format!("command \"{command}\" is not implemented")
}
