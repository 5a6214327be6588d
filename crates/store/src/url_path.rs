// SPDX-License-Identifier: MPL-2.0
//! Percent-encoding of object keys in paths and queries of URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986 calls unreserved stays; the signatures of S3 are made over this very form, and
/// servers that read `+` as a blank are not tempted.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

const PATH: &AsciiSet = &VALUE.remove(b'/');

/// Encodes a key as a path, slashes kept.
pub(crate) fn encode_path(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

/// Encodes a value of a query.
pub(crate) fn encode_value(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

/// Tells whether every HTTP client leaves the key alone when it stands in a path: empty segments
/// get merged on the way and dot segments resolved, encoded or not.
pub(crate) fn survives_in_path(key: &str) -> bool {
    !key.split('/')
        .any(|segment| matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_unreserved_characters_and_slashes_is_encoded() {
        assert_eq!(
            encode_path("v1/libstdc++.so.6/~a b%[ü]/x_y-z.sym"),
            "v1/libstdc%2B%2B.so.6/~a%20b%25%5B%C3%BC%5D/x_y-z.sym"
        );
        assert_eq!(encode_value("a/b&c=d"), "a%2Fb%26c%3Dd");
    }

    #[test]
    fn keys_that_clients_would_rewrite_are_known() {
        assert!(survives_in_path("a/b.c/.d"));
        for key in ["/a", "a/", "a//b", "..", "a/./b", "a/../b"] {
            assert!(!survives_in_path(key), "{key}");
        }
    }
}
