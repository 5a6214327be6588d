// SPDX-License-Identifier: MPL-2.0
//! The attributes of a Hawk header and of a bewit, read without trust: the Hawk library adds times
//! unchecked, so they are checked before it sees them.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hawk::mac::Mac;
use hawk::{Bewit, Header};

/// Longer headers are refused. Certificates with many scopes fill half of it.
const MAX_HEADER_BYTES: usize = 16 << 10;

/// Reads the header behind `Authorization`.
///
/// # Errors
/// What is wrong with it, as clients get to see it.
pub(super) fn parse_header(value: &str) -> Result<Header, String> {
    if value.len() > MAX_HEADER_BYTES {
        return Err("Bad Request: Header length too long".to_owned());
    }
    let attributes = match value.split_once(char::is_whitespace) {
        Some((scheme, attributes)) if scheme.eq_ignore_ascii_case("hawk") => attributes,
        _ => return Err("Bad Request: Invalid header syntax".to_owned()),
    };
    let mut header = Header {
        id: None,
        ts: None,
        nonce: None,
        mac: None,
        ext: None,
        hash: None,
        app: None,
        dlg: None,
    };
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let (name, value, after) = attribute(rest)?;
        set(&mut header, name, value)?;
        rest = after;
    }
    let is_complete = header.id.is_some()
        && header.ts.is_some()
        && header.nonce.is_some()
        && header.mac.is_some();
    if is_complete {
        Ok(header)
    } else {
        Err("Bad Request: Missing attributes".to_owned())
    }
}

/// Splits `name="value", …` into name, value and rest.
fn attribute(text: &str) -> Result<(&str, &str, &str), String> {
    let malformed = || "Bad Request: Bad header format".to_owned();
    let (name, rest) = text.split_once("=\"").ok_or_else(malformed)?;
    let (value, rest) = rest.split_once('"').ok_or_else(malformed)?;
    if !value
        .bytes()
        .all(|byte| (0x20..0x7f).contains(&byte) && byte != b'\\')
    {
        return Err(format!("Bad Request: Bad attribute value: {name}"));
    }
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix(',') {
        Some(rest) => rest.trim_start(),
        None if rest.is_empty() => rest,
        None => return Err(malformed()),
    };
    Ok((name, value, rest))
}

fn set(header: &mut Header, name: &str, value: &str) -> Result<(), String> {
    let bad_value = || format!("Bad Request: Bad attribute value: {name}");
    let bytes = || STANDARD.decode(value).map_err(|_| bad_value());
    let is_new = match name {
        "id" => header.id.replace(value.to_owned()).is_none(),
        "ts" => {
            let seconds = seconds(value).ok_or_else(bad_value)?;
            header
                .ts
                .replace(UNIX_EPOCH + Duration::from_secs(seconds))
                .is_none()
        }
        "nonce" => header.nonce.replace(value.to_owned()).is_none(),
        "mac" => header.mac.replace(Mac::from(bytes()?)).is_none(),
        "ext" => header.ext.replace(value.to_owned()).is_none(),
        "hash" => header.hash.replace(bytes()?).is_none(),
        "app" => header.app.replace(value.to_owned()).is_none(),
        "dlg" => header.dlg.replace(value.to_owned()).is_none(),
        _ => return Err(format!("Bad Request: Unknown attribute: {name}")),
    };
    if is_new {
        Ok(())
    } else {
        Err(format!("Bad Request: Duplicate attribute: {name}"))
    }
}

/// Reads a bewit.
///
/// # Errors
/// What is wrong with it, as clients get to see it.
pub(super) fn parse_bewit(value: &str) -> Result<Bewit<'static>, String> {
    let malformed = || "Bad Request: Invalid bewit structure".to_owned();
    let raw = URL_SAFE_NO_PAD
        .decode(value.trim_end_matches('='))
        .map_err(|_| "Bad Request: Invalid bewit encoding".to_owned())?;
    let text = String::from_utf8(raw).map_err(|_| malformed())?;
    let expiry = text.split('\\').nth(1).ok_or_else(malformed)?;
    seconds(expiry).ok_or_else(malformed)?;
    value.parse().map_err(|_| malformed())
}

/// Reads a time in seconds that every clock can represent.
fn seconds(text: &str) -> Option<u64> {
    if text.len() > 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "Hawk id=\"a/b\", ts=\"1353832234\", nonce=\"n\", mac=\"AAAA\", hash=\"AQID\"";

    #[test]
    fn a_header_gives_its_attributes() {
        let header = parse_header(GOOD).unwrap();
        assert_eq!(header.id.as_deref(), Some("a/b"));
        assert_eq!(
            header.ts,
            Some(UNIX_EPOCH + Duration::from_secs(1_353_832_234))
        );
        assert_eq!(header.hash.as_deref(), Some([1, 2, 3].as_slice()));
        assert_eq!(header.ext, None);
        assert!(parse_header(&GOOD.replace("Hawk", "hAWK")).is_ok());
    }

    #[test]
    fn a_malformed_header_is_named() {
        let table = [
            ("Bearer x", "Bad Request: Invalid header syntax"),
            ("Hawk", "Bad Request: Invalid header syntax"),
            ("Hawk id=\"a\"", "Bad Request: Missing attributes"),
            ("Hawk id", "Bad Request: Bad header format"),
            ("Hawk id=\"a", "Bad Request: Bad header format"),
            ("Hawk id=\"a\" ts=\"1\"", "Bad Request: Bad header format"),
            (
                "Hawk id=\"a\", id=\"b\"",
                "Bad Request: Duplicate attribute: id",
            ),
            ("Hawk x=\"1\"", "Bad Request: Unknown attribute: x"),
            ("Hawk id=\"a\\b\"", "Bad Request: Bad attribute value: id"),
            ("Hawk id=\"ü\"", "Bad Request: Bad attribute value: id"),
            ("Hawk mac=\"???\"", "Bad Request: Bad attribute value: mac"),
            (
                "Hawk ts=\"18446744073709551615\"",
                "Bad Request: Bad attribute value: ts",
            ),
            ("Hawk ts=\"-1\"", "Bad Request: Bad attribute value: ts"),
        ];
        for (header, message) in table {
            assert_eq!(parse_header(header).unwrap_err(), message, "{header}");
        }
        let long = GOOD.replace("a/b", &"a".repeat(17 << 10));
        assert_eq!(
            parse_header(&long).unwrap_err(),
            "Bad Request: Header length too long"
        );
        assert!(parse_header(&GOOD.replace("a/b", &"a".repeat(8 << 10))).is_ok());
    }

    #[test]
    fn a_bewit_whose_time_no_clock_knows_is_refused() {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        assert_eq!(
            parse_bewit(&encode("me\\1353832834\\AAAA\\")).unwrap().id(),
            "me"
        );
        for bad in [
            "me\\18446744073709551615\\AAAA\\",
            "me\\x\\AAAA\\",
            "me",
            "a\\1\\AAAA\\b\\c",
        ] {
            let message = parse_bewit(&encode(bad)).unwrap_err();
            assert_eq!(message, "Bad Request: Invalid bewit structure", "{bad}");
        }
        assert_eq!(
            parse_bewit("!").unwrap_err(),
            "Bad Request: Invalid bewit encoding"
        );
    }
}
