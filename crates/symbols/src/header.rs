// SPDX-License-Identifier: MPL-2.0
//! The head of a symbol file: which module it describes and which code file that belongs to.
//!
//! The upload path reads it from the first bytes of a file, without parsing the rest.

use crate::parse::record::{Record, parse_line};

/// How much of a file [`header`] needs at most.
pub const HEADER_BYTES: usize = 4096;

/// What the `MODULE` and `INFO CODE_ID` records of a symbol file say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The first complete `MODULE` record.
    pub module: Option<ModuleRecord>,
    /// The first `INFO CODE_ID` record.
    pub code: Option<CodeInfo>,
}

/// A `MODULE` record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRecord {
    /// Operating system, for example `Linux`.
    pub os: String,
    /// Processor architecture, for example `x86_64`.
    pub arch: String,
    /// Debug id as written. The store's key is the authority, not this.
    pub debug_id: String,
    /// Name of the debug file.
    pub debug_file: String,
}

/// An `INFO CODE_ID` record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeInfo {
    /// Code id as written: time stamp and size on Windows, build id elsewhere.
    pub code_id: String,
    /// Name of the code file (`xul.dll` for `xul.pdb`); written for Windows only.
    pub code_file: Option<String>,
}

/// Reads the header from the first [`HEADER_BYTES`] bytes of a file, or all of a shorter one.
///
/// A last line without its end is used only when the file is shorter than that: of a longer file
/// it would be a cut off record.
#[must_use]
pub fn header(prefix: &[u8]) -> Header {
    let mut header = Header::default();
    let is_whole_file = prefix.len() < HEADER_BYTES;
    for line in prefix.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\n").or(is_whole_file.then_some(line)) else {
            break;
        };
        match parse_line(line) {
            Record::Module(text) => header.note_module(text),
            Record::Info(text) => header.note_info(text),
            Record::Other => {}
            _ => break,
        }
    }
    header
}

impl Header {
    pub(crate) fn note_module(&mut self, text: &[u8]) {
        if self.module.is_none() {
            self.module = ModuleRecord::parse(text);
        }
    }

    pub(crate) fn note_info(&mut self, text: &[u8]) {
        if self.code.is_none() {
            self.code = CodeInfo::parse(text);
        }
    }
}

impl ModuleRecord {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let (os, rest) = next_word(&text)?;
        let (arch, rest) = next_word(rest)?;
        let (debug_id, rest) = next_word(rest)?;
        let debug_file = trimmed(rest)?;
        Some(Self {
            os: os.into(),
            arch: arch.into(),
            debug_id: debug_id.into(),
            debug_file,
        })
    }
}

impl CodeInfo {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let (kind, rest) = next_word(&text)?;
        let (code_id, rest) = next_word(rest)?;
        (kind == "CODE_ID").then(|| Self {
            code_id: code_id.into(),
            code_file: trimmed(rest),
        })
    }
}

/// The first word and what follows it.
fn next_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (!word.is_empty()).then_some((word, rest))
}

fn trimmed(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(code_id: &str, code_file: Option<&str>) -> Option<CodeInfo> {
        Some(CodeInfo {
            code_id: code_id.into(),
            code_file: code_file.map(Into::into),
        })
    }

    #[test]
    fn module_and_code_id_are_read_with_blanks_in_the_last_field() {
        let text = b"\r\nMODULE windows x86_64 44E4EC8C2 my lib.pdb\r\n\
            INFO URL http://demo.example/\r\nINFO CODE_ID 5CF2 my lib.dll\r\nFILE 0 a.c\r\n";
        let module = ModuleRecord {
            os: "windows".into(),
            arch: "x86_64".into(),
            debug_id: "44E4EC8C2".into(),
            debug_file: "my lib.pdb".into(),
        };
        let expected = Header {
            module: Some(module),
            code: code("5CF2", Some("my lib.dll")),
        };
        assert_eq!(header(text), expected);
    }

    #[test]
    fn a_code_id_without_a_file_is_a_build_id() {
        assert_eq!(header(b"INFO CODE_ID 9C73FF").code, code("9C73FF", None));
    }

    #[test]
    fn the_header_ends_at_the_first_symbol_record() {
        assert_eq!(
            header(b"FILE 0 a.c\nINFO CODE_ID 1 a.dll\n"),
            Header::default()
        );
    }

    #[test]
    fn the_first_code_id_is_the_one() {
        let text = b"INFO CODE_ID\nINFO CODE_ID 1 a.dll\nINFO CODE_ID 2 b.dll\n";
        assert_eq!(header(text).code, code("1", Some("a.dll")));
    }

    #[test]
    fn a_cut_off_record_of_a_longer_file_is_not_used() {
        let mut text = vec![b'\n'; HEADER_BYTES - 16];
        text.extend_from_slice(b"INFO CODE_ID 123");
        assert_eq!(text.len(), HEADER_BYTES);
        assert_eq!(header(&text), Header::default());
        assert_eq!(
            header(text.split_first().unwrap().1).code,
            code("123", None)
        );
    }

    #[test]
    fn arbitrary_bytes_have_no_header() {
        assert_eq!(
            header(b"\x1f\x8b\x08\0\xff\xfe\nMODULE\nINFO \n"),
            Header::default()
        );
    }
}
