// SPDX-License-Identifier: MPL-2.0
//! The `If-Match` header: a change is done only if the newest log entry of its tree is still the one that
//! the caller has seen. A condition that cannot be honoured is an error: who states one would rather have
//! nothing happen than the wrong thing.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use actix_web::http::header::IF_MATCH;
use releng_common::{Error, Result};

use crate::domain::Condition;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// Nothing, or that the tree is there, which every change requires.
    Any,
    /// That this is the newest log entry of the one tree of the request.
    LogId(i64),
}

impl Match {
    /// Reads the header.
    ///
    /// # Errors
    /// `InvalidInput` for anything but one `log_id` in double quotes, or `*`.
    pub(super) fn of(request: &HttpRequest) -> Result<Self> {
        let mut values = request.headers().get_all(IF_MATCH);
        match (values.next(), values.next()) {
            (None, _) => Ok(Self::Any),
            (Some(value), None) => value.to_str().ok().and_then(Self::parse).ok_or_else(wrong),
            (Some(_), Some(_)) => Err(wrong()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "*" => Some(Self::Any),
            text => {
                let digits = text.strip_prefix('"')?.strip_suffix('"')?;
                digits.parse().ok().map(Self::LogId)
            }
        }
    }

    /// Returns the condition on the trees of a request, of which repeated ones count once (D-19).
    ///
    /// # Errors
    /// `InvalidInput` when the header speaks of one tree and the request of several.
    pub(super) fn of_trees(self, trees: &[String]) -> Result<Condition> {
        let Self::LogId(id) = self else {
            return Ok(Condition::new());
        };
        let names: BTreeSet<&String> = trees.iter().collect();
        let mut names = names.into_iter();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(Condition::from([(name.clone(), id)])),
            _ => Err(wrong()),
        }
    }
}

fn wrong() -> Error {
    Error::invalid(
        "If-Match must be one log_id in double quotes, 0 for none, and trees must name one tree",
    )
}

/// Refuses the header on a change that is not one of a tree's state.
///
/// # Errors
/// `InvalidInput` when it is there.
pub(super) fn refuse(request: &HttpRequest) -> Result<()> {
    if request.headers().contains_key(IF_MATCH) {
        let where_then = "it is for PATCH /trees, DELETE /trees/{tree} and DELETE /trees2";
        return Err(Error::invalid(format!(
            "If-Match is not understood here: {where_then}"
        )));
    }
    Ok(())
}
