// SPDX-License-Identifier: MPL-2.0
//! The same rules for zip files.

use std::io::Write as _;

use ::zip::{
    CompressionMethod,
    write::{SimpleFileOptions, ZipWriter},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::Place;

pub(super) fn zip_of(members: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, mode, text) in members {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        if mode & 0o170_000 == 0o120_000 {
            writer.add_symlink(*name, *text, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

#[cfg(unix)]
#[test]
fn zip_restores_permission_bits_and_links() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let zip = zip_of(&[("sdk/tool", 0o750, "tool"), ("sdk/l", 0o120_777, "tool")]);
    assert_eq!(place.unpack("sdk.zip", &zip), Ok(()));
    let tool = place.folder.path().join("sdk/tool").metadata().unwrap();
    assert_eq!(tool.permissions().mode() & 0o777, 0o750);
    assert_eq!(place.text("sdk/l"), "tool");
    assert!(place.folder.path().join("sdk/l").is_symlink());
}

#[test]
fn a_zip_is_found_behind_a_program_and_with_every_usual_compression() {
    let place = Place::new();
    let zip = [
        b"MZ, a program that extracts what follows".to_vec(),
        zip_of(&[("sdk/a", 0o644, "a")]),
    ];
    assert_eq!(place.unpack("sdk.exe", &zip.concat()), Ok(()));
    assert_eq!(place.text("sdk/a"), "a");
    for method in [
        CompressionMethod::Stored,
        CompressionMethod::Deflated,
        CompressionMethod::Bzip2,
    ] {
        let place = Place::new();
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file("sdk/a", options).unwrap();
        writer.write_all(&b"contents".repeat(1000)).unwrap();
        let zip = writer.finish().unwrap().into_inner();
        assert_eq!(place.unpack("sdk.zip", &zip), Ok(()), "{method}");
        assert_eq!(place.text("sdk/a"), "contents".repeat(1000), "{method}");
    }
    let place = Place::new();
    let zip = BASE64_STANDARD.decode(LZMA_ZIP).unwrap();
    assert_eq!(place.unpack("sdk.zip", &zip), Ok(()));
    assert_eq!(place.text("sdk/a"), "contents".repeat(1000));
}

/// The writer here cannot do LZMA. Made with Python: `ZipFile.writestr(ZipInfo("sdk/a"),
/// b"contents" * 1000)` with `compress_type = ZIP_LZMA`.
const LZMA_ZIP: &str = "\
    UEsDBD8AAgAOAAAAIVDq6xVrPwAAAEAfAAAFAAAAc2RrL2EJBAUAXQAAgAAAMZvKGdrtpRYDDHTiYXV8b5HgPHcoEg\
    LqskoESLMABgr8Bz49vbe16cUOWAPPZNH//9wjwABQSwECPwM/AAIADgAAACFQ6usVaz8AAABAHwAABQAAAAAAAAAA\
    AAAAgAEAAAAAc2RrL2FQSwUGAAAAAAEAAQAzAAAAYgAAAAAA";

#[test]
fn special_files_and_truncation_are_refused_in_zip_too() {
    let place = Place::new();
    let mut zip = zip_of(&[("d/a", 0o644, "a"), ("d/f", 0o644, "f")]);
    let entry = zip
        .windows(4)
        .rposition(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    // The type of the second member becomes that of a FIFO.
    zip[entry + 41] = 0o010_644_u32.to_le_bytes()[1];
    let message = "Attempted special file in zip file: d/f";
    assert_eq!(place.unpack("a.zip", &zip), Err(message.to_owned()));
    assert_eq!(place.names(), ["a.zip"]);
    let whole = zip_of(&[("d/a", 0o644, "a"), ("d/f", 0o644, "f")]);
    let error = place
        .unpack("a.zip", &whole[..whole.len() - 30])
        .unwrap_err();
    assert!(error.starts_with("cannot unpack 'a.zip': "), "{error}");
    assert_eq!(place.names(), ["a.zip"]);
}

#[test]
fn the_rules_hold_for_zip_too() {
    for (members, message) in [
        (
            vec![("../evil", 0o644, "")],
            "Attempted path traversal in zip file: ../evil",
        ),
        (
            vec![("/evil", 0o644, "")],
            "Attempted path traversal in zip file: /evil",
        ),
        (
            vec![("l", 0o120_777, "../x")],
            "Attempted link path traversal in zip file: l",
        ),
        (
            vec![("l", 0o120_777, "d"), ("l/x", 0o644, "")],
            "Attempted write through a symbolic link in zip file: l/x",
        ),
    ] {
        let place = Place::new();
        assert_eq!(
            place.unpack("a.zip", &zip_of(&members)),
            Err(message.to_owned())
        );
        assert_eq!(place.names(), ["a.zip"]);
    }
}

#[test]
fn a_setuid_member_of_a_zip_is_refused() {
    let mut zip = zip_of(&[("s", 0o755, "")]);
    // The writer drops the bit, so it is set in the directory entry: its attributes are 38 bytes
    // in, the mode in their upper half.
    let entry = zip
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    zip[entry + 41] |= 0o4000u32.to_le_bytes()[1];
    let place = Place::new();
    let message = "Attempted setuid or setgid in zip file: s";
    assert_eq!(place.unpack("a.zip", &zip), Err(message.to_owned()));
}
