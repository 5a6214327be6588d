// SPDX-License-Identifier: MPL-2.0
//! The headers that make an answer shorter: `Range`, `If-Range`, `If-None-Match`,
//! `If-Modified-Since`.

use std::time::SystemTime;

use actix_web::HttpRequest;
use actix_web::http::header::{
    Header, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IfModifiedSince, RANGE,
};

use super::request::header;
use crate::{ByteRange, Meta};

/// Tells whether the client has this version already.
pub(crate) fn is_known(request: &HttpRequest, meta: &Meta) -> bool {
    if let Some(tags) = header(request, IF_NONE_MATCH.as_str()) {
        // The date counts only where no tags are given.
        return tags
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || is_tag(tag, meta));
    }
    request.headers().contains_key(IF_MODIFIED_SINCE)
        && IfModifiedSince::parse(request)
            .is_ok_and(|since| SystemTime::from(meta.last_modified) <= SystemTime::from(since.0))
}

/// Returns the part that the client wants. `None`: the whole object, also when the header is
/// malformed, names several parts, or is tied to another version.
pub(crate) fn range(request: &HttpRequest, meta: &Meta) -> Option<ByteRange> {
    let range = parse_range(&header(request, RANGE.as_str())?)?;
    match header(request, IF_RANGE.as_str()) {
        Some(tag) if !is_tag(&tag, meta) => None,
        _ => Some(range),
    }
}

/// Clients send tags quoted, proxies make them weak, and some scripts forget the quotes.
fn is_tag(text: &str, meta: &Meta) -> bool {
    text.trim_start_matches("W/").trim_matches('"') == meta.etag
}

fn parse_range(text: &str) -> Option<ByteRange> {
    let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
    match (first, last) {
        ("", count) => digits(count).map(ByteRange::Suffix),
        (first, "") => digits(first).map(ByteRange::From),
        (first, last) => {
            let (first, last) = (digits(first)?, digits(last)?);
            (first <= last).then_some(ByteRange::Inclusive(first, last))
        }
    }
}

fn digits(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_three_forms_and_anything_else_is_ignored() {
        for (text, range) in [
            ("bytes=0-0", Some(ByteRange::Inclusive(0, 0))),
            ("bytes=5-", Some(ByteRange::From(5))),
            ("bytes=-5", Some(ByteRange::Suffix(5))),
            ("bytes=5-4", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=0-99999999999999999999", None),
            ("lines=0-1", None),
            ("", None),
        ] {
            assert_eq!(parse_range(text), range, "{text}");
        }
    }

    #[test]
    fn a_part_lies_inside_the_object_or_nowhere() {
        for (range, size, offsets) in [
            (ByteRange::Inclusive(0, 0), 1, Some(0..1)),
            (ByteRange::Inclusive(2, 99), 10, Some(2..10)),
            (ByteRange::Inclusive(0, u64::MAX), 10, Some(0..10)),
            (ByteRange::From(10), 10, None),
            (ByteRange::Suffix(99), 10, Some(0..10)),
            (ByteRange::Suffix(0), 10, None),
            (ByteRange::From(0), 0, None),
        ] {
            assert_eq!(range.within(size), offsets, "{range:?} of {size}");
        }
    }
}
