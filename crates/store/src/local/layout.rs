// SPDX-License-Identifier: MPL-2.0
//! Where the object of a key lies below a folder: every key has one path, two keys never share
//! one, and none leads outside.
//!
//! Each segment of a key is one name. Letters, digits and `-_.+~=,` stand for themselves, every
//! other byte and a dot in front is `%XX`. What a name is shows at its end:
//!
//! | name | meaning | example |
//! |---|---|---|
//! | `text` | a segment with a slash after it; `%` alone is the empty one | `v1`, `%` |
//! | `text@` | the last segment: the object | `xul.sym@` |
//! | `text@+` | the first 200 characters of a segment that is longer | |
//!
//! So `a` and `a/b` are the file `a@` and the folder `a` side by side, and `../x` is `%2E./x@`.

use std::path::{Path, PathBuf};

/// Longest text of a name; file systems allow 255 bytes with the ending.
const NAME_MAX: usize = 200;

/// A name that was found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// A segment that goes on below.
    Folder(Vec<u8>),
    /// The last segment of a key.
    Object(Vec<u8>),
    /// The first part of a long segment.
    Beginning(Vec<u8>),
}

/// Returns the path of the object below `root`.
pub(crate) fn object_path(root: &Path, key: &str) -> PathBuf {
    let (folders, last) = key
        .rsplit_once('/')
        .map_or((None, key), |(a, b)| (Some(a), b));
    let mut path = folders.map_or_else(|| root.to_owned(), |keys| folder_path(root, keys));
    let last = descend(&mut path, last);
    path.push(format!("{last}@"));
    path
}

/// Returns the folder of all keys that begin with `segments` and a slash.
pub(crate) fn folder_path(root: &Path, segments: &str) -> PathBuf {
    let mut path = root.to_owned();
    for segment in segments.split('/') {
        let name = descend(&mut path, segment);
        path.push(if name.is_empty() { "%" } else { &name });
    }
    path
}

/// Reads a name back. `None`: it is not one of ours.
pub(crate) fn parse_name(name: &str) -> Option<Name> {
    if name == "%" {
        return Some(Name::Folder(Vec::new()));
    }
    if let Some(text) = name.strip_suffix("@+") {
        return decode(text).map(Name::Beginning);
    }
    match name.strip_suffix('@') {
        Some(text) => decode(text).map(Name::Object),
        None => decode(name)
            .filter(|text| !text.is_empty())
            .map(Name::Folder),
    }
}

/// Appends the folders of a long segment and returns the text of its end.
fn descend(path: &mut PathBuf, segment: &str) -> String {
    let mut text = String::new();
    for byte in segment.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_+~=,.".contains(&byte);
        let length = if is_plain { 1 } else { 3 };
        if text.len() + length > NAME_MAX {
            path.push(format!("{text}@+"));
            text.clear();
        }
        // A dot in front is written out in every name, also where a long segment goes on: `..` would
        // lead upwards.
        if is_plain && !(byte == b'.' && text.is_empty()) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                decoded.extend(hex::decode(digits).ok()?);
            }
            b'@' | b'/' => return None,
            other => decoded.push(other),
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    fn relative(key: &str) -> String {
        object_path(Path::new("/r"), key)
            .strip_prefix("/r")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// Puts the key together again from the names of its path.
    fn key_of(path: &str) -> Vec<u8> {
        let mut key = Vec::new();
        for name in path.split('/') {
            match parse_name(name).unwrap() {
                Name::Folder(text) => {
                    key.extend(text);
                    key.push(b'/');
                }
                Name::Object(text) | Name::Beginning(text) => key.extend(text),
            }
        }
        key
    }

    #[test]
    fn odd_keys_have_plain_paths() {
        for (key, path) in [
            ("sha512/3c99", "sha512/3c99@"),
            ("a", "a@"),
            ("a/b", "a/b@"),
            ("a/", "a/@"),
            ("/", "%/@"),
            ("a//b", "a/%/b@"),
            ("..", "%2E.@"),
            ("../../etc/passwd", "%2E./%2E./etc/passwd@"),
            ("a@/%/~x y", "a%40/%25/~x%20y@"),
            ("libstdc++.so/ü", "libstdc++.so/%C3%BC@"),
        ] {
            assert_eq!(relative(key), path);
        }
        let long = "y".repeat(450);
        let (full, rest) = ("y".repeat(200), "y".repeat(50));
        assert_eq!(relative(&long), format!("{full}@+/{full}@+/{rest}@"));
        let climbing = format!("{full}../x");
        assert_eq!(relative(&climbing), format!("{full}@+/%2E./x@"));
    }

    #[test]
    fn foreign_names_are_not_read_as_keys() {
        for name in ["", "a@b", "%4", "%zz", "%2@"] {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }

    fn keys() -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::collection::vec(
                prop_oneof![
                    Just('/'),
                    Just('.'),
                    Just('@'),
                    Just('%'),
                    Just('+'),
                    any::<char>()
                ],
                1..40
            )
            .prop_map(|chars| chars.into_iter().collect()),
            ("[a./]{1,3}", 190usize..300, "[-./0a]{0,3}")
                .prop_map(|(head, count, tail)| format!("{head}{}{tail}", "ä".repeat(count))),
        ]
    }

    proptest! {
        #[test]
        fn a_path_leads_back_to_its_key_and_stays_below_the_root(key in keys()) {
            prop_assume!(!key.contains('\0'));
            let path = relative(&key);
            prop_assert_eq!(key_of(&path), key.as_bytes());
            for part in Path::new(&path).components() {
                let Component::Normal(name) = part else {
                    return Err(TestCaseError::fail(format!("{part:?} in {path}")));
                };
                prop_assert!(name.len() <= 255);
                prop_assert!(!name.to_str().unwrap().starts_with('.'));
            }
            // Path::components skips empty names, the kernel too: none may be there.
            prop_assert_eq!(Path::new(&path).components().count(), path.split('/').count());
        }
    }
}
