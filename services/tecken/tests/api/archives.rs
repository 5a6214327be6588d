// SPDX-License-Identifier: MPL-2.0
//! Archives that are refused, with the sentence that clients show. None of them stores anything.

use std::io::Write as _;

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use serde_json::json;
use zip::write::SimpleFileOptions;

use crate::{App, apps, zip};

const GOOD: &str = "good.pdb/AB/good.sym";

/// Replaces every occurrence of some bytes by as many others.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in 0..=bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + from.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// Sets a number in every local and central header: `at` counts from the flags.
fn patched(mut bytes: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    for start in 0..bytes.len() - 4 {
        match &bytes[start..start + 4] {
            b"PK\x03\x04" => bytes[start + 6 + at] = value,
            b"PK\x01\x02" => bytes[start + 8 + at] = value,
            _ => {}
        }
    }
    bytes
}

fn with_symlink() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(zip(&[])));
    zip.start_file(GOOD, SimpleFileOptions::default()).unwrap();
    zip.write_all(b"MODULE").unwrap();
    zip.add_symlink(
        "link.pdb/AB/link.sym",
        "/etc/passwd",
        SimpleFileOptions::default(),
    )
    .unwrap();
    zip.finish().unwrap().into_inner()
}

fn with_bad_checksum(name: &str) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(name, options).unwrap();
    zip.write_all(b"FUNC 1000 10 0 original").unwrap();
    zip.start_file(GOOD.to_uppercase(), options).unwrap();
    zip.write_all(b"MODULE").unwrap();
    replaced(zip.finish().unwrap().into_inner(), b"original", b"modified")
}

/// Lets the record at the end tell of more entries than there are.
fn with_count(mut archive: Vec<u8>, count: u16) -> Vec<u8> {
    let at = archive.len() - 22;
    for field in [8, 10] {
        archive[at + field..at + field + 2].copy_from_slice(&count.to_le_bytes());
    }
    archive
}

fn twice(first: &[u8], second: &[u8]) -> Vec<u8> {
    let archive = zip(&[("a.pdb/AB/x.sym", first), ("b.pdb/AB/x.sym", second)]);
    replaced(archive, b"b.pdb/AB/x.sym", b"a.pdb/AB/x.sym")
}

fn only_folders() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.add_directory("a.pdb/AB/", SimpleFileOptions::default())
        .unwrap();
    zip.finish().unwrap().into_inner()
}

fn pattern(name: &str) -> String {
    format!(
        "Unrecognized file pattern. Should only be <module>/<hex>/<file> or <name>-symbols.txt \
         and nothing else. (First unrecognized pattern was {name})"
    )
}

fn table() -> Vec<(Vec<u8>, String)> {
    let good: (&str, &[u8]) = (GOOD, b"MODULE Linux x86 AB good.pdb\n");
    let whole = zip(&[good]);
    let mut table =
        vec![
        (Vec::new(), "File is not a zip file".to_owned()),
        (b"certainly no zip".to_vec(), "File is not a zip file".to_owned()),
        (whole[..whole.len() / 2].to_vec(), "File is not a zip file".to_owned()),
        (zip(&[]), "No files in the archive".to_owned()),
        (only_folders(), "No files in the archive".to_owned()),
        (with_bad_checksum(GOOD), format!("Bad CRC-32 for file '{GOOD}'")),
        // Not stored, and a damaged archive all the same.
        (
            with_bad_checksum("demo-symbols.txt"),
            "Bad CRC-32 for file 'demo-symbols.txt'".to_owned(),
        ),
        (
            with_bad_checksum("GOOD.PDB/ab/GOOD.SYM"),
            "Bad CRC-32 for file 'GOOD.PDB/ab/GOOD.SYM'".to_owned(),
        ),
        // Said before the list is read, which here would fail.
        (
            with_count(whole.clone(), 60_000),
            "The archive has more than 50000 entries".to_owned(),
        ),
        (
            twice(b"short", b"longer"),
            "The zipfile buffer contains two files both called a.pdb/AB/x.sym and they have \
             difference sizes (6 != 5)"
                .to_owned(),
        ),
        (
            patched(whole.clone(), 0, 1),
            format!("The file '{GOOD}' in the archive is encrypted"),
        ),
        (
            patched(whole.clone(), 2, 12),
            format!("The file '{GOOD}' in the archive has an unsupported compression method"),
        ),
        (with_symlink(), pattern("link.pdb/AB/link.sym")),
        (
            zip(&[good, ("qcom/proprietary/x.sym", b"")]),
            "Content of archive file contains the snippet 'qcom/proprietary' which is not allowed"
                .to_owned(),
        ),
        (
            zip(&[good, ("caf\u{e9}.pdb/AB/x.sym", b"")]),
            "Invalid character in filename 'caf\u{e9}.pdb/AB/x.sym'".to_owned(),
        ),
        (
            zip(&[good, ("zeros.pdb/AB/zeros.sym", &vec![0; 48 << 20])]),
            "The files in the archive are more than 200 times its size".to_owned(),
        ),
    ];
    for name in [
        "../AB/x.sym",
        "/AB/x.sym",
        "./AB/x.sym",
        "x.pdb//x.sym",
        "../../x/AB/x.sym",
        "..\\..\\x.sym",
        "x.sym",
        "x.pdb/NOHEX/x.sym",
        "a/b/c/d.sym",
    ] {
        table.push((zip(&[good, (name, b"x")]), pattern(name)));
    }
    table
}

#[actix_web::test]
async fn a_bad_archive_is_a_400_in_the_known_words_and_stores_nothing() {
    for app in apps().await {
        let token = app.uploader().await;
        for (archive, text) in table() {
            let answer = app.upload(&token, archive).await;
            assert_eq!(answer.status, 400, "{text}: {}", answer.text());
            assert_eq!(answer.json(), json!({"error": text}));
        }
        assert_eq!(app.anonymous().get(&format!("/{GOOD}")).await.status, 404);
        let spool = app.0.data.path().join("raw-uploads");
        let left = std::fs::read_dir(spool)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
            .count();
        assert_eq!(left, 0);
    }
}

#[actix_web::test]
async fn the_same_name_twice_with_equal_sizes_is_accepted_and_the_last_one_wins() {
    for app in apps().await {
        let token = app.uploader().await;
        let answer = app.upload(&token, twice(b"MODULE 1", b"MODULE 2")).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let file = app.fetch("/a.pdb/AB/x.sym").await;
        assert_eq!(crate::gunzip(&file.body), b"MODULE 2");
    }
}

#[actix_web::test]
async fn the_number_of_entries_and_their_size_are_limited() {
    let app = TestAppBuilder::new(Backend::Sqlite)
        .set("UPLOAD_MAX_ENTRIES", "2")
        .set("UPLOAD_MAX_UNPACKED_SIZE", "1KiB")
        .start()
        .await;
    let app = App(app);
    let token = app.uploader().await;
    let many = zip(&[("a/AB/a", b""), ("b/AB/b", b""), ("c/AB/c", b"")]);
    let answer = app.upload(&token, many).await;
    assert_eq!(
        answer.json(),
        json!({"error": "The archive has more than 2 entries"})
    );
    let answer = app.upload(&token, zip(&[("a/AB/a", &[b'x'; 1025])])).await;
    let text = "The files in the archive have more than 1024 bytes";
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"error": text}))
    );
}
