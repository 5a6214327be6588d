// SPDX-License-Identifier: MPL-2.0
//! Which location an upload goes to (tecken.md §5.5).

use releng_common::{Error, Result};

use crate::State;
use crate::domain::{Caller, Permission, Wish, glob_matches};
use crate::state::Source;

/// Where an upload goes.
#[derive(Debug)]
pub(super) struct Destination {
    pub source: Source,
    pub is_try: bool,
}

/// Chooses. Nobody without the right to upload regular symbols gets a regular location, whatever
/// the form says; locations of single people are private and follow their own rule.
pub(super) fn choose(state: &State, caller: &Caller, wish: &Wish) -> Result<Destination> {
    let is_try = wish.is_try || !caller.has(Permission::UploadSymbols);
    if is_try && !caller.has(Permission::UploadTrySymbols) && !caller.has(Permission::UploadSymbols)
    {
        return Err(Error::forbidden("Forbidden"));
    }
    let usual = if is_try {
        &state.sources.try_source
    } else {
        &state.sources.default
    };
    let exception = exception_of(state, &caller.user.email);
    let source = match &wish.bucket_name {
        None => exception.unwrap_or(usual),
        Some(name) => named(state, caller, name, is_try)?,
    };
    Ok(Destination {
        source: source.clone(),
        is_try,
    })
}

/// Returns the location of one person: the exact address first, then the first pattern.
fn exception_of<'a>(state: &'a State, email: &str) -> Option<&'a Source> {
    let email = email.to_lowercase();
    let exceptions = &state.sources.exceptions;
    exceptions
        .iter()
        .find(|(who, _)| *who == email)
        .or_else(|| exceptions.iter().find(|(who, _)| glob_matches(who, &email)))
        .map(|(_, source)| source)
}

fn named<'a>(state: &'a State, caller: &Caller, name: &str, is_try: bool) -> Result<&'a Source> {
    let no_bucket = || Error::forbidden("No valid bucket");
    let default = &state.sources.default;
    let own = exception_of(state, &caller.user.email);
    let mut possible: Vec<&Source> = match own {
        Some(own) => vec![own],
        None => vec![default],
    };
    if caller.user.is_superuser {
        possible.push(default);
        possible.extend(state.sources.exceptions.iter().map(|(_, source)| source));
    }
    let found = possible
        .into_iter()
        .find(|source| source.place.url.contains(name))
        .ok_or_else(no_bucket)?;
    match (is_try, found.place == default.place) {
        (true, true) => Ok(&state.sources.try_source),
        // Only a person's own location is theirs without the right to regular symbols.
        (true, false) if own.is_none_or(|own| own.place != found.place) => Err(no_bucket()),
        _ => Ok(found),
    }
}
