// SPDX-License-Identifier: MPL-2.0
//! Which objects of an archive are records.

/// How the last part of the name of a record ends. Nightlies carry the long form
/// `firefox-72.0a1.en-US.win64.buildhub.json`.
const SUFFIX: &str = "buildhub.json";

/// Returns whether a key names a record: its last part ends with `buildhub.json`.
pub fn is_record_name(key: &str) -> bool {
    key.rsplit('/')
        .next()
        .is_some_and(|name| name.ends_with(SUFFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_decides() {
        for key in [
            "buildhub.json",
            "pub/x/buildhub.json",
            "a/mybuildhub.json",
            "a/firefox-72.0a1.en-US.win64.buildhub.json",
        ] {
            assert!(is_record_name(key), "{key}");
        }
        for key in [
            "",
            "a/buildhub.json/x",
            "a/BUILDHUB.JSON",
            "buildhub.json/",
            "buildhub.jso",
        ] {
            assert!(!is_record_name(key), "{key}");
        }
    }
}
