// SPDX-License-Identifier: MPL-2.0
//! What becomes of a good package.

use std::fs;

use serde_json::json;
use sha2::Digest as _;

use crate::site::{COMPLETED, Site, digest, record, to_both, unstamped};

#[test]
fn a_package_is_published_kept_marked_and_reported() {
    let site = Site::new();
    let files: [(&str, &[u8]); 2] = [("linker.tar.zst", b"linker"), ("empty", b"")];
    site.drop_package(
        "alice/pub",
        "a-package",
        &files,
        Some("Bug 1: new linker\n"),
    );
    let manifest = site.text("uploads/alice/pub/a-package.tt");
    site.run();

    let mut digests = files.map(|(_, bytes)| digest(bytes));
    digests.sort();
    assert_eq!(site.names("pub"), digests);
    assert!(site.names("pvt").is_empty());
    for (_, bytes) in files {
        let path = format!("pub/{}", digest(bytes));
        assert_eq!(fs::read(site.at(&path)).unwrap(), bytes);
        assert_eq!(site.mode(&path), 0o644);
    }

    let marked = site.names("uploads/alice/pub");
    let stamp = marked[0].strip_suffix(".a-package.tt").unwrap();
    assert_eq!(
        marked,
        [
            format!("{stamp}.a-package.tt"),
            format!("{stamp}.a-package.txt")
        ]
    );
    let copy = format!("alice.pub.{stamp}.a-package");
    assert_eq!(site.text(&format!("state/{copy}.tt")), manifest);
    assert_eq!(
        site.text(&format!("state/{copy}.txt")),
        "Bug 1: new linker\n"
    );
    for digest in &digests {
        let line = format!("{copy}.tt\n");
        assert_eq!(site.text(&format!("state/{digest}.MANIFESTS")), line);
    }

    let mails = site.mail.take();
    let recipients: Vec<_> = mails.iter().map(|mail| mail.recipient.as_str()).collect();
    assert_eq!(recipients, ["alice@example.org", "no-reply@example.com"]);
    for mail in &mails {
        assert_eq!(mail.from, "no-reply@example.com");
        assert_eq!(mail.header("From"), "no-reply@example.com");
        assert_eq!(mail.header("To"), "alice@example.org, no-reply@example.com");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert_eq!(mail.subject(), COMPLETED);
        assert_eq!(mail.body.trim_end(), manifest);
    }
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));

    site.run();
    assert_eq!(site.names("uploads/alice/pub"), marked);
    assert!(site.mail.take().is_empty());
    for shelf in ["journal", "failed", "mail", "undeliverable", "staging"] {
        assert!(
            site.names(&format!("state/tooltool-sync.d/{shelf}"))
                .is_empty(),
            "{shelf}"
        );
    }
}

#[test]
fn the_type_decides_the_target_and_the_name_the_address() {
    let site = Site::new();
    site.drop_package("bob/pvt", "a-package", &[("a", b"a")], None);
    site.run();
    assert_eq!(site.names("pvt"), [digest("a")]);
    assert!(site.names("pub").is_empty());
    let expected =
        ["bob@example.com", "no-reply@example.com"].map(|to| (to.into(), COMPLETED.into()));
    assert_eq!(site.mail.subjects(), expected);
}

#[test]
fn a_missing_note_is_normal() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    site.run();
    let marked: Vec<_> = site
        .names("uploads/alice/pub")
        .iter()
        .map(|n| unstamped(n))
        .collect();
    assert_eq!(marked, ["T.a-package.tt"]);
    let kept: Vec<_> = site.names("state").iter().map(|n| unstamped(n)).collect();
    assert!(kept.contains(&"alice.pub.T.a-package.tt".to_owned()));
    assert!(!kept.contains(&"alice.pub.T.a-package.txt".to_owned()));
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}

#[test]
fn an_empty_manifest_is_processed_and_reported() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[], Some("nothing"));
    site.run();
    assert!(site.names("pub").is_empty());
    let marked: Vec<_> = site
        .names("uploads/alice/pub")
        .iter()
        .map(|n| unstamped(n))
        .collect();
    assert_eq!(marked, ["T.a-package.tt", "T.a-package.txt"]);
    let mails = site.mail.take();
    assert_eq!(mails.len(), 2);
    assert_eq!(
        (mails[0].subject(), mails[0].body.trim()),
        (COMPLETED, "[]")
    );
}

#[test]
fn what_is_not_a_new_manifest_is_left_alone() {
    let site = Site::new();
    site.drop_package("alice/pub", "2026_01_02-03.04.05.old", &[("a", b"a")], None);
    site.drop_package("alice/other", "no-type", &[("b", b"b")], None);
    site.drop_package("alice/pub/deeper", "too-deep", &[("c", b"c")], None);
    site.write("uploads/alice/pub/.a-package.tt.x7Tz3q", "[");
    site.write("uploads/alice/pub/notes.txt", "hello");
    site.write("uploads/README", "not a directory");
    let before = site.names("uploads/alice/pub");
    site.run();
    assert_eq!(site.names("uploads/alice/pub"), before);
    assert!(site.names("pub").is_empty());
    assert!(site.mail.take().is_empty());
}

#[test]
fn files_beyond_the_manifest_are_removed_with_the_package() {
    let site = Site::new();
    site.drop_files("alice/pub", "a-package", &[b"extra"]);
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    site.run();
    assert_eq!(site.names("pub"), [digest("a")]);
    assert_eq!(site.names("uploads/alice/pub").len(), 1);
}

#[test]
fn the_same_name_twice_gets_two_timestamps() {
    let site = Site::new();
    for contents in [b"one", b"two"] {
        site.drop_package("alice/pub", "a-package", &[("a", contents)], Some("note"));
        site.run();
    }
    assert_eq!(site.names("uploads/alice/pub").len(), 4);
    assert_eq!(site.names("pub").len(), 2);
    assert_eq!(site.mail.take().len(), 4);
}

#[test]
fn a_file_in_two_packages_is_remembered_for_both_and_replaced_as_a_whole() {
    let site = Site::new();
    site.write(&format!("pub/{}", digest("a")), "damaged");
    for name in ["a-package", "b-package"] {
        let twice: [(&str, &[u8]); 2] = [("a", b"a"), ("b", b"a")];
        site.drop_package("alice/pub", name, &twice, None);
    }
    site.run();
    assert_eq!(site.text(&format!("pub/{}", digest("a"))), "a");
    let lines = site.text(&format!("state/{}.MANIFESTS", digest("a")));
    let lines: Vec<_> = lines.lines().map(unstamped).collect();
    assert_eq!(
        lines,
        ["alice.pub.T.a-package.tt", "alice.pub.T.b-package.tt"]
    );
}

#[test]
fn each_algorithm_of_old_manifests_is_checked() {
    let site = Site::new();
    let sha256 = hex::encode(sha2::Sha256::digest(b"a"));
    let mut old = record("a", "a");
    old["algorithm"] = json!("sha256");
    old["digest"] = json!(sha256);
    old["size"] = json!(null);
    site.write(
        &format!("uploads/alice/pub/a-package.TOOLTOOL-PACKAGE/{sha256}"),
        "a",
    );
    site.drop_manifest("alice/pub", "a-package", &json!([old]));
    site.run();
    assert_eq!(site.names("pub"), [sha256]);
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}
