// SPDX-License-Identifier: MPL-2.0
//! What becomes of a package that is wrong: nothing, and one mail per state.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::site::{COMPLETED, FAILURE, Site, digest, record, to_both, unstamped};

const MANIFEST: &str = "The manifest is invalid:";
const FILES: &str = "Files of the package are missing or corrupted:";

/// Runs and expects one failure of each, with this cause and a line that begins so.
#[track_caller]
fn refused(site: &Site, cause: &str, line: &str) {
    let before = site.names("uploads/alice/pub");
    site.run();
    assert!(site.names("pub").is_empty(), "{line}");
    assert_eq!(site.names("uploads/alice/pub"), before, "{line}");
    let kept = site.names("state");
    assert_eq!(kept, ["tooltool-sync.d", "tooltool_sync.log"], "{line}");
    let mails = site.mail.take();
    assert_eq!(mails.len(), 2, "{line}");
    for mail in &mails {
        assert_eq!(mail.subject(), FAILURE, "{line}");
        let expected = format!("{cause}\n\n  {line}");
        assert!(
            mail.body.contains(&expected),
            "{expected} not in {}",
            mail.body
        );
        assert!(
            mail.body.contains("upload the package again"),
            "{}",
            mail.body
        );
    }
    assert!(
        site.log().contains("WARNING - alice/pub/a-package.tt: "),
        "{}",
        site.log()
    );
}

#[test]
fn a_manifest_that_makes_no_sense_is_refused() {
    let with = |name: &str, value: Value| {
        let mut record = record("a", "a");
        record[name] = value;
        json!([record]).to_string()
    };
    let mut short = record("a", "a");
    short.as_object_mut().unwrap().remove("digest");
    let digest = digest("a");
    for (manifest, line) in [
        (String::new(), "not valid JSON: EOF".to_owned()),
        ("[{".to_owned(), "not valid JSON: EOF".to_owned()),
        (
            "{}".to_owned(),
            "a manifest must be an array of records".to_owned(),
        ),
        ("[1]".to_owned(), "record 1 must be an object".to_owned()),
        (
            json!([short]).to_string(),
            "record 1 is skipped, it has no digest".to_owned(),
        ),
        (
            with("size", json!("1")),
            "record 1: size must be a whole number".to_owned(),
        ),
        (
            with("filename", json!("../a")),
            "record 1: filename '../a' must not contain /".to_owned(),
        ),
        (
            with("algorithm", json!("crc32")),
            "a: algorithm 'crc32' is not known".to_owned(),
        ),
        (
            with("digest", json!("../../etc/passwd")),
            "a: digest '../../etc/passwd' is not 128".to_owned(),
        ),
        (
            with("digest", json!(digest.to_uppercase())),
            format!(
                "a: digest '{}' is not 128 characters",
                digest.to_uppercase()
            ),
        ),
        (
            with("digest", json!(&digest[1..])),
            format!("a: digest '{}' is not 128", &digest[1..]),
        ),
        (
            with("algorithm", json!("md5")),
            format!("a: digest '{digest}' is not 32 characters"),
        ),
    ] {
        let site = Site::new();
        site.drop_files("alice/pub", "a-package", &[b"a"]);
        site.write("uploads/alice/pub/a-package.tt", &manifest);
        refused(&site, MANIFEST, &line);
    }
}

#[test]
fn files_that_are_not_those_of_the_manifest_are_refused() {
    let folder = "uploads/alice/pub/a-package.TOOLTOOL-PACKAGE";
    let digest = digest("a");
    type Damage<'a> = &'a dyn Fn(&Site);
    let cases: [(Damage, String); 8] = [
        (
            &|s| fs::remove_dir_all(s.at(folder)).unwrap(),
            "a-package.TOOLTOOL-PACKAGE is missing".into(),
        ),
        (
            &|s| {
                fs::remove_dir_all(s.at(folder)).unwrap();
                s.write(folder, "x");
            },
            "a-package.TOOLTOOL-PACKAGE is a plain file, not a directory".into(),
        ),
        (
            &|s| fs::remove_file(s.at(folder).join(&digest)).unwrap(),
            format!("{digest} (a) is missing"),
        ),
        (
            &|s| s.write(&format!("{folder}/{digest}"), "b"),
            format!(
                "{digest} (a) is corrupted: its digest is {}",
                crate::site::digest("b")
            ),
        ),
        (
            &|s| s.write(&format!("{folder}/{digest}"), "ab"),
            format!("{digest} (a) has 2 bytes, the manifest says 1"),
        ),
        (
            &|s| fs::create_dir(s.at(folder).join("deeper")).unwrap(),
            "deeper is a directory, not a plain file".into(),
        ),
        (
            &|s| {
                fs::remove_file(s.at(folder).join(&digest)).unwrap();
                fs::create_dir(s.at(folder).join(&digest)).unwrap();
            },
            format!("{digest} is a directory, not a plain file"),
        ),
        (
            &|s| {
                s.write(
                    "uploads/alice/pub/a-package.txt",
                    vec![b'x'; 1024 * 1024 + 1],
                )
            },
            "a-package.txt is longer than 1048576 bytes".into(),
        ),
    ];
    for (damage, line) in cases {
        let site = Site::new();
        site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
        damage(&site);
        refused(&site, FILES, &line);
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a"), ("b", b"b")], None);
    fs::remove_dir_all(site.at("uploads/alice/pub/a-package.TOOLTOOL-PACKAGE")).unwrap();
    site.drop_files("alice/pub", "a-package", &[]);
    site.run();
    let body = &site.mail.take()[0].body;
    for name in ["a", "b"] {
        let line = format!("{} ({name}) is missing", digest(name));
        assert!(body.contains(&line), "{body}");
    }
}

#[test]
fn a_mail_goes_out_once_per_state_and_a_change_is_looked_at() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    let file = format!(
        "uploads/alice/pub/a-package.TOOLTOOL-PACKAGE/{}",
        digest("a")
    );
    site.write(&file, "b");
    site.run();
    assert_eq!(site.mail.subjects(), to_both(FAILURE));
    for _ in 0..3 {
        site.run();
        assert!(site.mail.take().is_empty());
    }
    // Still wrong, but in another way.
    fs::remove_file(site.at(&file)).unwrap();
    site.run();
    assert_eq!(site.mail.subjects(), to_both(FAILURE));
    site.run();
    assert!(site.mail.take().is_empty());
    site.write(&file, "a");
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
    assert_eq!(site.names("pub"), [digest("a")]);
}

#[test]
fn a_corrected_file_with_the_old_size_and_time_is_noticed() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    let file = site.at(&format!(
        "uploads/alice/pub/a-package.TOOLTOOL-PACKAGE/{}",
        digest("a")
    ));
    fs::write(&file, "b").unwrap();
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    site.run();
    assert_eq!(site.mail.subjects(), to_both(FAILURE));
    // As `rsync --inplace --times` does it.
    fs::write(&file, "a").unwrap();
    let handle = fs::File::options().write(true).open(&file).unwrap();
    handle.set_modified(time).unwrap();
    drop(handle);
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}

#[test]
fn new_permissions_are_looked_at_without_another_mail() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"b")], None);
    let file = site.at(&format!(
        "uploads/alice/pub/a-package.TOOLTOOL-PACKAGE/{}",
        digest("b")
    ));
    fs::write(&file, "c").unwrap();
    site.run();
    assert_eq!(site.mail.subjects(), to_both(FAILURE));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let looked = || site.log().matches("is corrupted").count();
    assert_eq!(looked(), 1);
    site.run();
    assert_eq!(looked(), 2);
    assert!(site.mail.take().is_empty());
    site.run();
    assert_eq!(looked(), 2);
}

#[test]
fn a_failure_is_forgotten_with_its_package() {
    let site = Site::new();
    site.write("uploads/alice/pub/a-package.tt", "[");
    site.run();
    assert_eq!(site.names("state/tooltool-sync.d/failed").len(), 1);
    fs::remove_file(site.at("uploads/alice/pub/a-package.tt")).unwrap();
    site.run();
    assert!(site.names("state/tooltool-sync.d/failed").is_empty());
    assert_eq!(site.mail.subjects(), to_both(FAILURE));
}

#[test]
fn the_old_way_deletes_what_is_refused() {
    let site = Site::new().with("on_failure", json!("delete"));
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], Some("note"));
    site.write("uploads/alice/pub/a-package.tt", "[");
    site.drop_package("alice/pub", "b-package", &[("b", b"b")], None);
    site.run();
    let left: Vec<_> = site
        .names("uploads/alice/pub")
        .iter()
        .map(|n| unstamped(n))
        .collect();
    assert_eq!(left, ["T.b-package.tt"]);
    let mails = site.mail.take();
    let deleted: Vec<_> = mails
        .iter()
        .filter(|mail| mail.subject() == FAILURE)
        .collect();
    assert_eq!(deleted.len(), 2);
    assert!(
        deleted[0]
            .body
            .contains("What was uploaded has been deleted.")
    );
    site.run();
    assert!(site.mail.take().is_empty());
    // Uploading the same again is a new upload.
    site.write("uploads/alice/pub/a-package.tt", "[");
    site.run();
    assert_eq!(site.mail.subjects(), to_both(FAILURE));
}

#[test]
fn a_bad_package_does_not_stop_the_rest() {
    let site = Site::new();
    for name in ["a", "b", "c"] {
        site.drop_package("alice/pub", name, &[(name, name.as_bytes())], None);
        site.drop_package("zoe/pvt", name, &[(name, name.as_bytes())], None);
    }
    site.write("uploads/alice/pub/a.tt", "[");
    site.write("uploads/alice/pub/.tt", "[]");
    fs::remove_dir_all(site.at("uploads/zoe/pvt/b.TOOLTOOL-PACKAGE")).unwrap();
    site.run();
    let mut expected = [digest("b"), digest("c")];
    expected.sort();
    assert_eq!(site.names("pub"), expected);
    let mut expected = [digest("a"), digest("c")];
    expected.sort();
    assert_eq!(site.names("pvt"), expected);
    assert_eq!(site.mail.take().len(), 14);
}

#[test]
fn names_that_could_forge_lines_or_burst_are_refused() {
    let site = Site::new();
    site.write("uploads/alice/pub/a\nBcc: all@example.com.tt", "[]");
    let long = "x".repeat(225);
    site.drop_package("alice/pub", &long, &[], None);
    site.run();
    let mails = site.mail.take();
    assert_eq!(mails.len(), 4);
    for mail in mails {
        assert!(
            mail.subject().starts_with("TOOLTOOL UPLOAD FAILURE! - "),
            "{mail:?}"
        );
        assert_eq!(mail.header("Bcc"), "");
        let lines = ["its name must be UTF-8 text", "its name is too long"];
        assert!(
            lines.iter().any(|line| mail.body.contains(line)),
            "{mail:?}"
        );
    }
    // One byte less than too long goes through to the end.
    let most = "x".repeat(255 - "alice.pub.".len() - "2026_01_02-03.04.05.".len() - ".txt".len());
    site.drop_package("alice/pub", &most, &[], Some("note"));
    site.run();
    assert!(site.mail.take()[0].subject().contains(" COMPLETED! "));
}

#[test]
fn too_many_entries_are_refused_where_they_are() {
    let site = Site::new().with("max_folder_entries", json!(5));
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    for n in 0..5_u8 {
        site.drop_files("alice/pub", "a-package", &[&[n]]);
    }
    refused(
        &site,
        FILES,
        "a-package.TOOLTOOL-PACKAGE holds too many files",
    );
    for n in 0..5 {
        site.write(&format!("uploads/zoe/pub/{n}"), "");
        site.write(&format!("uploads/zoe/pub/{n}.tt"), "[");
    }
    site.run();
    let line = "uploads/zoe/pub: holds too many entries";
    assert!(site.log().contains(line), "{}", site.log());
    assert!(site.mail.take().is_empty());
}
