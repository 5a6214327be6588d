// SPDX-License-Identifier: MPL-2.0
//! Query parameters and path segments, decoded without surprises.

use actix_web::HttpRequest;

use crate::error::{Error, Result};

/// The parameters of a query string, in order; blanks may be written as `+`.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query string of a request. Bytes that are not UTF-8 become replacement characters.
    pub fn of(request: &HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    /// Parses a query string.
    pub fn parse(text: &str) -> Self {
        Self(
            url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// Returns the first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns whether the parameter is there, with whatever value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns all parameters.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Returns the parameters that have a value: forms send all their fields, filled in or not.
    #[must_use]
    pub fn filled(mut self) -> Self {
        self.0.retain(|(_, value)| !value.is_empty());
        self
    }

    /// Returns the parameters of these names, as the text of a query string.
    pub fn text_of(&self, names: &[&str]) -> String {
        let wanted = self
            .0
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()));
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(wanted)
            .finish()
    }

    /// Returns the first value of a parameter as a whole number.
    ///
    /// # Errors
    /// `InvalidInput` that names the parameter.
    pub fn number(&self, name: &str) -> Result<Option<u64>> {
        match self.get(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                Error::invalid(format!("query parameter {name:?} must be a whole number"))
            }),
        }
    }
}

/// Returns a path parameter, percent-decoded. `None` when it is not UTF-8: such a thing cannot exist.
pub fn path_segment(request: &HttpRequest, name: &str) -> Option<String> {
    let raw = request.match_info().get(name)?;
    percent_encoding::percent_decode_str(raw)
        .decode_utf8()
        .ok()
        .map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_may_lack_a_value() {
        let query = Query::parse("q=a+b%2Bc&try&n=12&n=13");
        assert_eq!(query.get("q"), Some("a b+c"));
        assert!(query.has("try"));
        assert_eq!(query.number("n").unwrap(), Some(12));
        assert_eq!(query.number("m").unwrap(), None);
        assert_eq!(
            query.number("q").unwrap_err().message(),
            "query parameter \"q\" must be a whole number"
        );
    }

    #[test]
    fn what_was_read_is_written_again_without_what_is_empty() {
        let query = Query::parse("q=a+b%26&who=&n=1&m=2").filled();
        assert!(!query.has("who"));
        assert_eq!(query.text_of(&["n", "q", "who"]), "q=a+b%26&n=1");
    }
}
