// SPDX-License-Identifier: MPL-2.0
//! The key under which a module's symbol file is stored, and which names can be a key at all.
//!
//! A request may name anything (fonts, `[vdso]`, paths). What cannot be a key has no symbols; it
//! is not an error, and the store is never asked for it.

/// Largest number of hex digits in a debug id (the usual 32 plus an age, with room to spare).
const MAX_DEBUG_ID_DIGITS: usize = 64;

/// A module whose symbol file can be looked up: the debug file's name and its debug id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleKey {
    debug_file: String,
    debug_id: String,
}

impl ModuleKey {
    /// Returns the key for this name and id, or nothing when no symbol file can exist for them.
    ///
    /// The id may come in either letter case; the key holds it in upper case, as the store does.
    #[must_use]
    pub fn parse(debug_file: &str, debug_id: &str) -> Option<Self> {
        (is_storable_name(debug_file) && is_debug_id(debug_id)).then(|| Self {
            debug_file: debug_file.to_owned(),
            debug_id: debug_id.to_ascii_uppercase(),
        })
    }

    /// Returns the name of the debug file, as sent.
    #[must_use]
    pub fn debug_file(&self) -> &str {
        &self.debug_file
    }

    /// Returns the debug id in upper case.
    #[must_use]
    pub fn debug_id(&self) -> &str {
        &self.debug_id
    }

    /// Returns the path of the symbol file below the store's prefix: `{name}/{ID}/{stem}.sym`.
    #[must_use]
    pub fn store_path(&self) -> String {
        let file = symbol_file_name(&self.debug_file);
        format!("{}/{}/{file}", self.debug_file, self.debug_id)
    }

    /// Returns the path of the symbol file's index, beside it: `{name}/{ID}/{stem}.symx1`.
    #[must_use]
    pub fn index_path(&self) -> String {
        let file = index_file_name(&self.debug_file);
        format!("{}/{}/{file}", self.debug_file, self.debug_id)
    }
}

/// Returns the name of the symbol file of a debug file: `xul.pdb` has `xul.sym`, `libxul.so` has
/// `libxul.so.sym`. Only `.pdb` in lower case is replaced.
#[must_use]
pub fn symbol_file_name(debug_file: &str) -> String {
    format!("{}.sym", stem(debug_file))
}

/// Returns the name of the index of a debug file's symbol file, which is the same for every format:
/// an index tells its format, and one of another is made anew.
#[must_use]
pub fn index_file_name(debug_file: &str) -> String {
    format!("{}.symx1", stem(debug_file))
}

fn stem(debug_file: &str) -> &str {
    debug_file.strip_suffix(".pdb").unwrap_or(debug_file)
}

/// Tells whether the text is 1 to 64 hex digits.
#[must_use]
pub fn is_debug_id(text: &str) -> bool {
    (1..=MAX_DEBUG_ID_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A name that stays one segment of a path, whatever store the path ends up in.
fn is_storable_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && !name
            .chars()
            .any(|c| c == '/' || c == '\\' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_loses_a_lower_case_pdb_suffix_only() {
        for (debug_file, expected) in [
            ("xul.pdb", "xul.sym"),
            ("XUL.PDB", "XUL.PDB.sym"),
            ("libxul.so", "libxul.so.sym"),
            ("a.pdb.pdb", "a.pdb.sym"),
            ("pdb", "pdb.sym"),
        ] {
            assert_eq!(symbol_file_name(debug_file), expected);
        }
    }

    #[test]
    fn the_store_path_has_the_id_in_upper_case_and_the_name_as_sent() {
        let key = ModuleKey::parse("Xul.pdb", "44e4ec8c2f41492b9369d6b9a059577c2").unwrap();
        assert_eq!(
            key.store_path(),
            "Xul.pdb/44E4EC8C2F41492B9369D6B9A059577C2/Xul.sym"
        );
    }

    #[test]
    fn the_index_stands_beside_the_symbol_file() {
        let key = ModuleKey::parse("xul.pdb", "ab").unwrap();
        assert_eq!(key.index_path(), "xul.pdb/AB/xul.symx1");
        assert_eq!(index_file_name("libxul.so"), "libxul.so.symx1");
    }

    #[test]
    fn ids_that_differ_in_letter_case_are_one_key() {
        assert_eq!(ModuleKey::parse("a", "ab"), ModuleKey::parse("a", "AB"));
        assert_ne!(ModuleKey::parse("a", "ab"), ModuleKey::parse("A", "ab"));
    }

    #[test]
    fn names_that_leave_their_folder_are_no_key() {
        for name in [
            "", ".", "..", "a/b", "/", "a\\b", "../x", "a\nb", "a\u{7f}", "a\u{85}", "\0",
        ] {
            assert_eq!(ModuleKey::parse(name, "AB"), None, "{name:?}");
        }
    }

    #[test]
    fn strange_names_that_are_one_segment_are_keys() {
        for name in [
            "[vdso]",
            "a b (deleted)",
            "...",
            "..a",
            "ä.so",
            "%2e%2e",
            "a:b",
        ] {
            assert!(ModuleKey::parse(name, "AB").is_some(), "{name:?}");
        }
    }

    #[test]
    fn a_debug_id_is_1_to_64_hex_digits() {
        for (id, expected) in [
            ("", false),
            ("0", true),
            ("aF09", true),
            ("g", false),
            ("0x1", false),
            ("44E4-EC8C", false),
            (" 1", false),
            ("１", false),
        ] {
            assert_eq!(is_debug_id(id), expected, "{id:?}");
        }
        assert!(is_debug_id(&"A".repeat(64)));
        assert!(!is_debug_id(&"A".repeat(65)));
    }
}
