// SPDX-License-Identifier: MPL-2.0
//! Mails wait in the state directory until a server has taken them: an outage delays them.
//! A mail is removed after the server has taken it, so a crash in between sends it again, with the
//! same `Message-ID`: each mail arrives at least once.

use std::time::SystemTime;

use crate::{
    config::Limits,
    log::Log,
    mail::Mail,
    smtp::{Outcome, Sender, Unreached},
    state::{State, StateError},
};
use tokio_util::sync::CancellationToken;

/// After so many mails that the server could not be asked to take, the rest waits for the next
/// run: each costs the whole time-out. More than one, so that a single mail at which a server
/// breaks down does not hold up all others.
const MAX_UNREACHED: u32 = 2;

/// Puts a mail into the spool. The same mail once more replaces the first.
///
/// # Errors
/// The state directory cannot be written.
pub fn put(mail: &Mail, state: &State, limits: &Limits, log: &Log) -> Result<(), StateError> {
    if state.mail.keys()?.len() >= limits.waiting_mails {
        log.error(format_args!(
            "mail '{}' is dropped, {} others are waiting",
            mail.subject, limits.waiting_mails
        ));
        return Ok(());
    }
    state.mail.put(&mail.id, mail)
}

/// Tries to deliver all mails.
///
/// # Errors
/// The state directory cannot be used. What the server does is no error.
pub async fn deliver(
    state: &State,
    sender: &Sender,
    limits: &Limits,
    log: &Log,
    stop: &CancellationToken,
) -> Result<(), StateError> {
    let mut mails: Vec<Mail> = Vec::new();
    for key in state.mail.keys()? {
        mails.extend(state.mail.get(&key, log)?);
    }
    // Those that make trouble come last.
    mails.sort_by(|a, b| (a.tries, &a.id).cmp(&(b.tries, &b.id)));
    let mut unreached = 0;
    for mut mail in mails {
        if stop.is_cancelled() {
            return Ok(());
        }
        if !one(&mut mail, state, sender, limits, log).await? {
            unreached += 1;
        }
        if unreached == MAX_UNREACHED {
            log.warning("the other mails wait for the next run");
            return Ok(());
        }
    }
    Ok(())
}

/// Sends a mail to everybody who waits for it. Returns whether the server could be reached.
async fn one(
    mail: &mut Mail,
    state: &State,
    sender: &Sender,
    limits: &Limits,
    log: &Log,
) -> Result<bool, StateError> {
    let mut refusing = Vec::new();
    let answers = sender.send(mail, &mail.waiting).await;
    let is_reached = answers.is_ok();
    match answers {
        Ok(answers) => {
            for (address, outcome) in answers {
                note(mail, address, outcome, &mut refusing, log);
            }
        }
        Err(Unreached(reason)) => {
            let waiting = mail.waiting.join(", ");
            log.warning(format_args!("mail to {waiting} has to wait: {reason}"));
            mail.tries = mail.tries.saturating_add(1);
        }
    }
    settle(mail, refusing, state, limits, log)?;
    Ok(is_reached)
}

fn note(mail: &mut Mail, address: String, outcome: Outcome, refusing: &mut Vec<String>, log: &Log) {
    let subject = &mail.subject;
    match outcome {
        Outcome::Taken => {
            log.info(format_args!("mail to {address}: {subject}"));
            mail.waiting.retain(|waiting| *waiting != address);
        }
        Outcome::Refused(reason) => {
            log.error(format_args!(
                "mail to {address} is refused: {reason}; it was: {subject}"
            ));
            refusing.push(address);
        }
        Outcome::Later(reason) => {
            log.warning(format_args!("mail to {address} has to wait: {reason}"));
        }
    }
}

/// Removes what was delivered and lays aside what never will be.
fn settle(
    mail: &mut Mail,
    mut refusing: Vec<String>,
    state: &State,
    limits: &Limits,
    log: &Log,
) -> Result<(), StateError> {
    mail.waiting.retain(|address| !refusing.contains(address));
    let age = SystemTime::now().duration_since(mail.written());
    if age.is_ok_and(|age| age > limits.mail_retry) && !mail.waiting.is_empty() {
        log.error(format_args!(
            "mail to {} is given up, it is too old; it was: {}",
            mail.waiting.join(", "),
            mail.subject
        ));
        refusing.append(&mut mail.waiting);
    }
    if !refusing.is_empty() {
        let aside = Mail {
            waiting: refusing,
            ..mail.clone()
        };
        state.undeliverable.put(&aside.id, &aside)?;
    }
    if mail.waiting.is_empty() {
        state.mail.take(&mail.id)
    } else {
        state.mail.put(&mail.id, mail)
    }
}
