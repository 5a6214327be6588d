// SPDX-License-Identifier: MPL-2.0
//! What a download asks for, and which requests are refused before anything is looked up
//! (tecken.md §2.1, §2.2).

/// First segments of the old form with a product in front.
pub const PRODUCTS: [&str; 7] = [
    "firefox",
    "seamonkey",
    "sunbird",
    "thunderbird",
    "xulrunner",
    "fennec",
    "b2g",
];

/// First segments that belong to other parts of the service: modules of these names cannot be
/// downloaded by the plain form.
pub const RESERVED: [&str; 7] = [
    "try",
    "api",
    "upload",
    "oidc",
    "symbolicate",
    "__benchmarking__",
    "__store__",
];

/// Asked for by debuggers of Microsoft; never uploaded.
const POINTER_FILE: &str = "file.ptr";
/// The id of a module that has none.
const ZERO_ID: &str = "000000000000000000000000000000000";

/// Returns whether a text is hex digits, at least one.
pub fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Returns whether a name holds a character that no stored name has.
pub fn has_forbidden_character(name: &str) -> bool {
    name.chars().any(|c| {
        matches!(c, '\u{0}'..='\u{1f}' | '\u{80}'..='\u{ff}') || "\\^`><{}[]#%\"'~|".contains(c)
    })
}

/// Returns whether a file is an index of symbols: `.symx` and the number of its format (D-55).
pub fn is_index(filename: &str) -> bool {
    let format = filename
        .rsplit_once('.')
        .and_then(|(_, extension)| extension.strip_prefix("symx"));
    format.is_some_and(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()))
}

/// A file that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The module, such as `xul.pdb`.
    pub symbol: String,
    /// The debug id as requested, in any letter case.
    pub debug_id: String,
    /// The file, such as `xul.sym`.
    pub filename: String,
    /// Whether try symbols count.
    pub is_try: bool,
}

/// Why a request is answered without a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Files like this are never there.
    Ignored,
    /// The name can never be found.
    ForbiddenCharacter,
}

impl Wanted {
    /// Tells whether the request is answered without a look.
    ///
    /// # Errors
    /// Why it is.
    pub fn check(&self, extensions: &[String]) -> Result<(), Refusal> {
        if self.filename == POINTER_FILE
            || self.debug_id == ZERO_ID
            || is_index(&self.filename)
            || !extensions
                .iter()
                .any(|e| self.filename.ends_with(e.as_str()))
        {
            return Err(Refusal::Ignored);
        }
        if has_forbidden_character(&self.symbol) || has_forbidden_character(&self.filename) {
            return Err(Refusal::ForbiddenCharacter);
        }
        Ok(())
    }

    /// Returns the key below the prefix of a location.
    pub fn key(&self, prefix: &str) -> String {
        let path = format!(
            "{}/{}/{}",
            self.symbol,
            self.debug_id.to_ascii_uppercase(),
            self.filename
        );
        if prefix.is_empty() {
            path
        } else {
            format!("{prefix}/{path}")
        }
    }

    /// Returns whether this may be a request by code file and code id (tecken.md §2.6).
    pub fn may_be_code_id(&self) -> bool {
        self.debug_id.len() < ZERO_ID.len() && self.filename.ends_with(".sym")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(symbol: &str, debug_id: &str, filename: &str) -> Wanted {
        Wanted {
            symbol: symbol.to_owned(),
            debug_id: debug_id.to_owned(),
            filename: filename.to_owned(),
            is_try: false,
        }
    }

    #[test]
    fn the_whitelist_comes_before_forbidden_characters() {
        let extensions = [".sym", ".dbg.gz", ".symx1"].map(str::to_owned);
        let table = [
            (wanted("a.pdb", "AB", "a.sym"), Ok(())),
            (wanted("a.pdb", "AB", "a.SYM"), Err(Refusal::Ignored)),
            (wanted("a.pdb", "AB", "file.ptr"), Err(Refusal::Ignored)),
            (wanted("a.pdb", "AB", "a.symx1"), Err(Refusal::Ignored)),
            (wanted("a.pdb", ZERO_ID, "a.sym"), Err(Refusal::Ignored)),
            (wanted("a~", "AB", "a.exe"), Err(Refusal::Ignored)),
            (
                wanted("a~", "AB", "a.sym"),
                Err(Refusal::ForbiddenCharacter),
            ),
            (
                wanted("a", "AB", "caf\u{e9}.sym"),
                Err(Refusal::ForbiddenCharacter),
            ),
            (wanted("\u{1f600}\u{100}", "AB", "a+b.sym"), Ok(())),
        ];
        for (wanted, expected) in table {
            assert_eq!(wanted.check(&extensions), expected, "{wanted:?}");
        }
    }

    #[test]
    fn the_key_has_the_id_in_upper_case_and_no_empty_parts() {
        let wanted = wanted("Xul.pdb", "abC1", "Xul.sym");
        assert_eq!(wanted.key("v1"), "v1/Xul.pdb/ABC1/Xul.sym");
        assert_eq!(wanted.key(""), "Xul.pdb/ABC1/Xul.sym");
    }
}
