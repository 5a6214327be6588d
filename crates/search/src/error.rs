// SPDX-License-Identifier: MPL-2.0
//! Why a search has no answer. Each variant is another shape on the wire.

use std::fmt;

use releng_common::{Error, Kind};
use serde_json::{Value, json};

/// The reason why a search or a write failed.
#[derive(Debug)]
pub enum SearchError {
    /// The body failed the structural check before the engine: 400 `{"error": text}`, not counted
    /// as a search request.
    Structure(String),
    /// The engine refuses the body: 400, and this JSON is the whole body of the answer.
    Engine(Value),
    /// The engine understood the body and will not run it: 400 `{"error": text}`.
    Refused(String),
    /// The engine does not answer or is overloaded: 503.
    Unavailable(Error),
    /// Our own fault: 500, the text is for the log.
    Internal(Error),
}

impl SearchError {
    /// Returns the body of the 400 answer; `None` for the failures that are not the client's.
    pub fn body(&self) -> Option<Value> {
        match self {
            Self::Structure(text) | Self::Refused(text) => Some(json!({"error": text})),
            Self::Engine(body) => Some(body.clone()),
            Self::Unavailable(_) | Self::Internal(_) => None,
        }
    }

    /// Creates an internal failure with its cause.
    pub fn internal(
        message: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Internal(Error::internal(message).with_source(source))
    }

    /// Creates the error of a clause that the parser refuses, e.g. `[range] query does not
    /// support [above]`.
    pub fn parsing(reason: impl Into<String>) -> Self {
        Self::rejected("parsing_exception", reason.into())
    }

    /// Creates the error of a value or combination that the engine refuses.
    pub fn illegal_argument(reason: impl Into<String>) -> Self {
        Self::rejected("illegal_argument_exception", reason.into())
    }

    fn rejected(kind: &str, reason: String) -> Self {
        let mut cause = json!({"type": kind, "reason": reason});
        if kind == "parsing_exception"
            && let Some(members) = cause.as_object_mut()
        {
            // Clients print the position at most; this parser works on values and knows none.
            members.insert("line".to_owned(), json!(1));
            members.insert("col".to_owned(), json!(1));
        }
        let mut error = cause.clone();
        if let Some(members) = error.as_object_mut() {
            members.insert("root_cause".to_owned(), json!([cause]));
        }
        Self::Engine(json!({"error": error, "status": 400}))
    }

    /// Creates the error of a body that parses and fails when it meets the index, e.g.
    /// `failed to parse date field [x]` of type `parse_exception`.
    pub fn shard(kind: &str, reason: impl Into<String>) -> Self {
        let index = crate::response::INDEX_NAME;
        let cause = json!({"type": kind, "reason": reason.into(), "index_uuid": "embedded", "index": index});
        Self::Engine(json!({
            "error": {
                "root_cause": [cause.clone()],
                "type": "search_phase_execution_exception",
                "reason": "all shards failed",
                "phase": "query",
                "grouped": true,
                "failed_shards": [{"shard": 0, "index": index, "node": "embedded", "reason": cause}],
            },
            "status": 400,
        }))
    }
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure(text) | Self::Refused(text) => f.write_str(text),
            Self::Engine(body) => match body.pointer("/error/root_cause/0/reason") {
                Some(Value::String(reason)) => f.write_str(reason),
                _ => f.write_str("the search engine refuses the body"),
            },
            Self::Unavailable(error) | Self::Internal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SearchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Structure(_) | Self::Refused(_) | Self::Engine(_) => None,
            Self::Unavailable(error) | Self::Internal(error) => error.source(),
        }
    }
}

impl From<Error> for SearchError {
    fn from(error: Error) -> Self {
        if error.kind() == Kind::Unavailable {
            Self::Unavailable(error)
        } else {
            Self::Internal(error)
        }
    }
}

impl From<tantivy::TantivyError> for SearchError {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::internal("the search index failed", error)
    }
}

impl From<std::io::Error> for SearchError {
    fn from(error: std::io::Error) -> Self {
        Self::internal("the search index cannot be read", error)
    }
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Unavailable(error) | SearchError::Internal(error) => error,
            SearchError::Structure(_) | SearchError::Refused(_) | SearchError::Engine(_) => {
                Self::invalid(error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parsing_error_has_the_object_form_with_its_root_cause() {
        let error = SearchError::parsing("[range] query does not support [above]");
        assert_eq!(
            error.body(),
            Some(json!({
                "error": {
                    "root_cause": [{"type": "parsing_exception",
                        "reason": "[range] query does not support [above]", "line": 1, "col": 1}],
                    "type": "parsing_exception",
                    "reason": "[range] query does not support [above]", "line": 1, "col": 1,
                },
                "status": 400,
            }))
        );
        assert_eq!(
            Error::from(error).message(),
            "[range] query does not support [above]"
        );
    }

    #[test]
    fn a_text_error_is_one_member() {
        let error = SearchError::Structure("DSL class `X` does not exist in query.".to_owned());
        assert_eq!(
            error.body(),
            Some(json!({"error": "DSL class `X` does not exist in query."}))
        );
    }
}
