// SPDX-License-Identifier: MPL-2.0
//! The commands from before there was a service: package, distribute, upload --package.

use std::{
    io::{self, BufRead as _, Write as _},
    sync::atomic::AtomicBool,
    time::Duration,
};

use super::{options::Options, remote::block_on};
use crate::{
    add::Notes,
    log::Log,
    package::{self, Destination, Package},
};

/// What a person has to be sure of before files leave this machine, each answered with yes.
const QUESTIONS: [&str; 3] = [
    "Do the files go where they belong: public ones may be downloaded by anybody, internal ones only by those with the right to?",
    "Do the files come from a source that you trust?",
    "Your e-mail address will be disclosed to those who see the upload. Do you agree?",
];

pub(super) fn package(options: &Options, log: &Log) -> Result<bool, String> {
    make(options, "package", log).map(|_| true)
}

pub(super) fn distribute(options: &Options, log: &Log) -> Result<bool, String> {
    // Everything that can be wrong is found before anybody is asked.
    required(options.folder.as_ref(), "distribute", "folder")?;
    message(options, "distribute")?;
    let destination = destination(options, "distribute")?;
    if !options.yes && !confirmed(&destination)? {
        log.error("not confirmed, nothing was sent");
        return Ok(false);
    }
    let package = make(options, "distribute", log)?;
    send(&package, &destination, options, log)
}

/// `upload --package`.
pub(super) fn upload(options: &Options, log: &Log) -> Result<bool, String> {
    let folder = required(options.package.as_ref(), "upload", "package")?;
    let destination = destination(options, "upload --package")?;
    let package = Package::open(folder).map_err(|error| error.to_string())?;
    send(&package, &destination, options, log)
}

fn make(options: &Options, command: &str, log: &Log) -> Result<Package, String> {
    let folder = required(options.folder.as_ref(), command, "folder")?;
    let notes = Notes {
        visibility: options.visibility.clone(),
        version: options.version.clone(),
        unpack: options.unpack,
    };
    let made = Package::make(folder, message(options, command)?, &notes, log);
    made.map_err(|error| error.to_string())
}

fn send(
    package: &Package,
    destination: &Destination,
    options: &Options,
    log: &Log,
) -> Result<bool, String> {
    let idle = Duration::from_secs(options.timeout_idle);
    let sent = package::send(package, destination, idle, log);
    let sent = block_on(sent, &AtomicBool::default())?;
    sent.map(|()| true).map_err(|error| {
        format!(
            "{error}; the package is complete, send it again with: tooltool upload --package {}",
            package.folder().display()
        )
    })
}

fn message<'a>(options: &'a Options, command: &str) -> Result<&'a str, String> {
    let message = options.message.as_deref();
    let message = message.filter(|message| !message.is_empty());
    message.ok_or_else(|| format!("{command} command requires a message"))
}

fn destination(options: &Options, command: &str) -> Result<Destination, String> {
    let user = required(options.user.as_ref(), command, "user")?;
    let host = required(options.host.as_ref(), command, "host")?;
    let path = required(options.path.as_ref(), command, "path")?;
    Destination::new(user, host, path).map_err(|error| format!("--{error}"))
}

fn required<'a, T>(value: Option<&'a T>, command: &str, name: &str) -> Result<&'a T, String> {
    value.ok_or_else(|| format!("{command} command requires a {name} option"))
}

/// Asks on the terminal; nobody there is no.
fn confirmed(destination: &Destination) -> Result<bool, String> {
    let mut stderr = io::stderr();
    let mut answers = io::stdin().lock();
    let mut ask = |question: &str| -> io::Result<bool> {
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        let answer = answer.trim().to_lowercase();
        Ok(matches!(answer.as_str(), "y" | "yes"))
    };
    writeln!(io::stderr(), "The package will be sent to {destination}.").ok();
    for question in QUESTIONS {
        if !ask(question).map_err(|error| format!("cannot ask: {error}"))? {
            return Ok(false);
        }
    }
    Ok(true)
}
