// SPDX-License-Identifier: MPL-2.0
//! The problem object of treestatus and tooltool: five members, long title (platform.md §5).

use actix_web::http::StatusCode;
use serde::Serialize;

use crate::error::{Error, Kind};

/// Text of a 404 for a path that does not exist.
pub const PATH_NOT_FOUND: &str = "The requested URL was not found on the server. If you entered \
    the URL manually please check your spelling and try again.";
/// Text of a 500.
pub const INTERNAL: &str = "The server encountered an internal error and was unable to complete \
    your request. Either the server is overloaded or there is an error in the application.";
/// Text of a 403.
pub const FORBIDDEN: &str = "You don't have the permission to access the requested resource. It \
    is either read-protected or not readable by the server.";

/// A problem, members in alphabetical order as the predecessors wrote them.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// The sentence for people.
    pub detail: String,
    /// Always `about:blank`.
    pub instance: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// `<status> <reason phrase>: <detail>`.
    pub title: String,
    /// Always `about:blank`.
    pub r#type: &'static str,
}

impl Problem {
    /// Returns the problem for an error; internal ones say nothing of their cause.
    pub fn of(error: &Error) -> Self {
        let detail = match error.kind() {
            Kind::Internal => INTERNAL,
            _ => error.message(),
        };
        Self::new(error.kind().status(), detail)
    }

    /// Returns a problem with any status.
    pub fn new(status: u16, detail: &str) -> Self {
        Self {
            detail: detail.to_owned(),
            instance: "about:blank",
            status,
            title: format!("{status} {}: {detail}", reason(status)),
            r#type: "about:blank",
        }
    }
}

/// Returns the reason phrase as the predecessors print it.
fn reason(status: u16) -> &'static str {
    match status {
        413 => "Request Entity Too Large",
        _ => StatusCode::from_u16(status)
            .ok()
            .and_then(|s| s.canonical_reason())
            .unwrap_or("Error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_repeats_status_and_detail() {
        let problem = Problem::of(&Error::not_found("No such tree"));
        assert_eq!(
            serde_json::to_string(&problem).unwrap(),
            r#"{"detail":"No such tree","instance":"about:blank","status":404,"title":"404 Not Found: No such tree","type":"about:blank"}"#
        );
        let hidden = Problem::of(&Error::internal("column x is gone"));
        assert_eq!(hidden.detail, INTERNAL);
    }
}
