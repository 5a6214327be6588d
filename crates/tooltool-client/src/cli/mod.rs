// SPDX-License-Identifier: MPL-2.0
//! The command line: from words to an exit status. 0 is success, 1 a failed command, 2 wrong usage.

mod commands;
mod environment;
mod legacy;
mod local;
mod options;
mod remote;
mod shell;

use std::{
    ffi::OsString,
    io::{IsTerminal as _, Write as _},
};

use self::{
    environment::Environment,
    options::{Options, Parsed},
};
use crate::{
    log::{Level, Log},
    progress::Progress,
};

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

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
    let Some(command) = options.command_word() else {
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
        "package" => legacy::package(options, log),
        "distribute" => legacy::distribute(options, log),
        "upload" if options.package.is_some() => legacy::upload(options, log),
        "completions" => shell::completions(options),
        "man" => shell::man(),
        "purge" => local::purge(options, &Environment::read()?, log),
        "change-visibility" => remote::change_visibility(options, &Environment::read()?, log),
        "delete" => remote::delete(options, &Environment::read()?, log),
        "fetch" => with_progress(options, log, remote::fetch),
        "upload" => with_progress(options, log, remote::upload),
        other => Err(format!("command \"{other}\" is not implemented")),
    }
}

/// Runs a command that moves bytes, with progress bars if somebody is there to see them.
fn with_progress(
    options: &Options,
    log: &Log,
    run: fn(&Options, &Environment, &Log) -> Result<bool, String>,
) -> Result<bool, String> {
    let environment = Environment::read()?;
    let is_watched = !options.quiet && !environment.is_dumb && std::io::stderr().is_terminal();
    if !is_watched {
        return run(options, &environment, log);
    }
    let progress = Progress::stderr();
    let outcome = run(
        options,
        &environment,
        &log.clone().with_progress(progress.clone()),
    );
    progress.clear();
    outcome
}
