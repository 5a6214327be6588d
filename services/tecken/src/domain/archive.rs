// SPDX-License-Identifier: MPL-2.0
//! What may stand in an uploaded archive (tecken.md §5.4).

use md5::{Digest as _, Md5};

use super::symbol::{has_forbidden_character, is_hex, is_index};
use super::text::python_repr;

/// What becomes of one file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It is stored.
    Stored(SymbolPath),
    /// It is known and left out.
    Ignored,
}

/// Where a file belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SymbolPath {
    /// The module.
    pub module: String,
    /// The debug id in upper case (D-29).
    pub debug_id: String,
    /// The file.
    pub file: String,
}

impl SymbolPath {
    /// Returns the key below the prefix of a location.
    pub fn key(&self, prefix: &str) -> String {
        let path = format!("{}/{}/{}", self.module, self.debug_id, self.file);
        if prefix.is_empty() {
            path
        } else {
            format!("{prefix}/{path}")
        }
    }
}

/// Decides about a file by its name.
///
/// # Errors
/// The sentence for the client.
pub fn classify(name: &str, snippets: &[String]) -> Result<Listed, String> {
    if let Some(snippet) = snippets.iter().find(|s| name.contains(s.as_str())) {
        return Err(format!(
            "Content of archive file contains the snippet '{snippet}' which is not allowed"
        ));
    }
    let segments: Vec<&str> = name.split('/').collect();
    // Names that would leave their folder somewhere on their way must not get that far.
    if segments.iter().any(|s| matches!(*s, "" | "." | "..")) {
        return Err(unrecognized(name));
    }
    // An index is ours to make; nobody else's is taken for one.
    let is_left_out = |last: &&str| *last == ".DS_Store" || is_index(last);
    if segments.last().is_some_and(is_left_out) {
        return Ok(Listed::Ignored);
    }
    match segments.as_slice() {
        [module, _, file] if has_forbidden_character(module) || has_forbidden_character(file) => {
            Err(format!(
                "Invalid character in filename {}",
                python_repr(name)
            ))
        }
        [module, id, file] if is_hex(id) => Ok(Listed::Stored(SymbolPath {
            module: (*module).to_owned(),
            debug_id: id.to_ascii_uppercase(),
            file: (*file).to_owned(),
        })),
        [one] if one.to_lowercase().ends_with("-symbols.txt") => Ok(Listed::Ignored),
        _ => Err(unrecognized(name)),
    }
}

/// Returns the sentence for a name that fits nowhere.
fn unrecognized(name: &str) -> String {
    format!(
        "Unrecognized file pattern. Should only be <module>/<hex>/<file> or <name>-symbols.txt \
         and nothing else. (First unrecognized pattern was {name})"
    )
}

/// Returns the last extension with its dot, as Python's `splitext` finds it; empty without one.
pub fn last_extension(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    let stem = base.trim_start_matches('.');
    stem.rfind('.')
        .and_then(|dot| stem.get(dot..))
        .unwrap_or_default()
}

/// Returns the name of a posted archive: the field's, or the file's when only that one ends in
/// `.zip` (D-27).
///
/// # Errors
/// The sentence for the client.
pub fn archive_name(field: &str, file: &str) -> Result<String, String> {
    let is_zip = |name: &str| last_extension(name).eq_ignore_ascii_case(".zip");
    if is_zip(field) {
        return Ok(field.to_owned());
    }
    if is_zip(file) {
        return Ok(file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned());
    }
    Err(format!(
        "Unrecognized archive file extension \"{}\"",
        last_extension(field)
    ))
}

/// Returns the hash by which uploads of equal content are known: 30 hex digits of the MD5 of
/// `name:size` lines in order.
pub fn content_hash<'a>(files: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let mut lines: Vec<(&str, u64)> = files.into_iter().collect();
    lines.sort_unstable();
    let lines: Vec<String> = lines
        .iter()
        .map(|(name, size)| format!("{name}:{size}"))
        .collect();
    let mut digest = hex::encode(Md5::digest(lines.join("\n")));
    digest.truncate(30);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str) -> Result<Listed, String> {
        classify(name, &["qcom/proprietary".to_owned()])
    }

    #[test]
    fn symbols_lists_and_desktop_files_are_known() {
        let path = SymbolPath {
            module: "xul.pdb".to_owned(),
            debug_id: "44E4".to_owned(),
            file: "xul.sym".to_owned(),
        };
        assert_eq!(path.key("v1"), "v1/xul.pdb/44E4/xul.sym");
        assert_eq!(check("xul.pdb/44e4/xul.sym"), Ok(Listed::Stored(path)));
        for name in ["Firefox-Symbols.txt", "a/b/.DS_Store", ".DS_Store"] {
            assert_eq!(check(name), Ok(Listed::Ignored), "{name}");
        }
    }

    #[test]
    fn names_that_leave_their_folder_are_not_recognized() {
        for name in [
            "../AB/x.sym",
            "/AB/x.sym",
            "./AB/x.sym",
            "x.pdb/AB/.",
            "x.pdb/AB/..",
            "x.pdb//x.sym",
            "/x.pdb/AB/x.sym",
            "..\\AB\\x.sym",
            "x.sym",
            "x/NOHEX/x.sym",
            "a/b/c/d",
            "../.DS_Store",
        ] {
            let expected = format!(
                "Unrecognized file pattern. Should only be <module>/<hex>/<file> or \
                 <name>-symbols.txt and nothing else. (First unrecognized pattern was {name})"
            );
            assert_eq!(check(name), Err(expected), "{name}");
        }
    }

    #[test]
    fn snippets_and_characters_have_sentences_of_their_own() {
        assert_eq!(
            check("qcom/proprietary/x.sym").unwrap_err(),
            "Content of archive file contains the snippet 'qcom/proprietary' which is not allowed"
        );
        assert_eq!(
            check("caf\u{e9}.pdb/AB/x.sym").unwrap_err(),
            "Invalid character in filename 'caf\u{e9}.pdb/AB/x.sym'"
        );
    }

    #[test]
    fn the_archive_is_named_by_its_field() {
        assert_eq!(archive_name("a.ZIP", "b.zip"), Ok("a.ZIP".to_owned()));
        assert_eq!(archive_name("file", "C:\\b.zip"), Ok("b.zip".to_owned()));
        let refused = |field: &str| archive_name(field, "x").unwrap_err();
        assert_eq!(
            refused("a.tar.gz"),
            "Unrecognized archive file extension \".gz\""
        );
        assert_eq!(refused("file"), "Unrecognized archive file extension \"\"");
    }

    #[test]
    fn the_content_hash_depends_on_names_and_sizes_alone() {
        let hash = content_hash([("b", 2), ("a", 1)]);
        assert_eq!(hash, content_hash([("a", 1), ("b", 2)]));
        assert_eq!(hash.len(), 30);
        assert_ne!(hash, content_hash([("a", 1), ("b", 3)]));
    }
}
