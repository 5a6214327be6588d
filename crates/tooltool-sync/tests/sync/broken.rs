// SPDX-License-Identifier: MPL-2.0
//! Targets and folders that cannot be written. A test may run as root, whom permissions do not
//! stop, so what is in the way here are directories with the names of files.

use std::fs;

use serde_json::json;

use crate::site::{COMPLETED, NOT_COPIED, NOT_RENAMED, Site, digest, to_both, unstamped};

const JOURNAL: &str = "state/tooltool-sync.d/journal";

#[test]
fn if_one_file_cannot_be_copied_none_is_published_and_it_is_tried_again() {
    let site = Site::new();
    let files: [(&str, &[u8]); 3] = [("a", b"a"), ("b", b"b"), ("c", b"c")];
    site.drop_package("alice/pub", "a-package", &files, None);
    let mut digests = files.map(|(_, bytes)| digest(bytes));
    digests.sort();
    let obstacle = site.at(&format!("pub/temp{}", digests[2]));
    fs::create_dir(&obstacle).unwrap();
    let before = site.names("uploads/alice/pub");
    site.run();
    assert_eq!(site.names("pub"), [format!("temp{}", digests[2])]);
    assert_eq!(site.names("uploads/alice/pub"), before);
    assert!(site.names(JOURNAL).is_empty());
    let mails = site.mail.take();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].subject(), NOT_COPIED);
    let path = obstacle.display().to_string();
    assert!(mails[0].body.contains(&path), "{}", mails[0].body);
    let errors = || {
        site.log()
            .matches("ERROR - alice/pub/a-package.tt: ")
            .count()
    };
    assert_eq!(errors(), 1);
    // Every run tries, nobody is told twice.
    site.run();
    assert_eq!(errors(), 2);
    assert!(site.mail.take().is_empty());
    fs::remove_dir(&obstacle).unwrap();
    site.run();
    assert_eq!(site.names("pub"), digests);
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}

#[test]
fn what_cannot_be_renamed_is_finished_later_even_if_the_package_is_gone() {
    let site = Site::new();
    let files: [(&str, &[u8]); 2] = [("a", b"a"), ("b", b"b")];
    site.drop_package("alice/pub", "a-package", &files, Some("note"));
    let obstacle = site.at(&format!("pub/{}", digest("a")));
    fs::create_dir(&obstacle).unwrap();
    site.run();
    assert_eq!(site.mail.subjects(), to_both(NOT_RENAMED));
    assert_eq!(site.names(JOURNAL).len(), 1);
    site.run();
    assert!(site.mail.take().is_empty());
    for path in ["a-package.tt", "a-package.txt"] {
        fs::remove_file(site.at("uploads/alice/pub").join(path)).unwrap();
    }
    fs::remove_dir(&obstacle).unwrap();
    site.run();
    let mut digests = files.map(|(_, bytes)| digest(bytes));
    digests.sort();
    assert_eq!(site.names("pub"), digests);
    let kept: Vec<_> = site.names("state").iter().map(|n| unstamped(n)).collect();
    for ending in ["tt", "txt"] {
        assert!(
            kept.contains(&format!("alice.pub.T.a-package.{ending}")),
            "{kept:?}"
        );
    }
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
    assert!(site.names(JOURNAL).is_empty());
    assert!(site.names("uploads/alice/pub").is_empty());
}

#[test]
fn what_was_uploaded_while_a_package_was_stuck_is_a_new_package() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], Some("first"));
    let obstacle = site.at(&format!("pub/{}", digest("a")));
    fs::create_dir(&obstacle).unwrap();
    site.run();
    assert_eq!(site.mail.subjects(), to_both(NOT_RENAMED));
    // As rsync does it: new files under the old names.
    let next = Site::new();
    next.drop_package("alice/pub", "a-package", &[("b", b"b")], Some("second"));
    let folder = "uploads/alice/pub/a-package.TOOLTOOL-PACKAGE";
    let file = format!("{folder}/{}", digest("b"));
    fs::rename(next.at(&file), site.at(&file)).unwrap();
    for name in ["txt", "tt"] {
        let path = format!("uploads/alice/pub/a-package.{name}");
        fs::rename(next.at(&path), site.at(&path)).unwrap();
    }
    fs::remove_dir(&obstacle).unwrap();
    site.run();
    let mut digests = [digest("a"), digest("b")];
    digests.sort();
    assert_eq!(site.names("pub"), digests);
    assert_eq!(site.mail.take().len(), 4);
    let marked: Vec<_> = site
        .names("uploads/alice/pub")
        .iter()
        .map(|n| unstamped(n))
        .collect();
    assert_eq!(marked, ["T.a-package.tt", "T.a-package.txt"]);
    let notes: Vec<_> = site
        .names("state")
        .into_iter()
        .filter(|name| name.ends_with(".txt"))
        .map(|name| site.text(&format!("state/{name}")))
        .collect();
    assert_eq!(notes, ["first", "second"]);
}

#[test]
fn copies_that_a_power_cut_left_empty_are_made_again() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    let obstacle = site.at(&format!("pub/{}", digest("a")));
    fs::create_dir(&obstacle).unwrap();
    site.run();
    site.write(&format!("pub/temp{}", digest("a")), "");
    fs::remove_dir(&obstacle).unwrap();
    site.run();
    assert!(
        site.log()
            .contains("alice/pub/a-package.tt: starting again"),
        "{}",
        site.log()
    );
    assert_eq!(site.text(&format!("pub/{}", digest("a"))), "a");
    assert_eq!(site.names("pub").len(), 1);
}

#[test]
fn a_target_that_vanishes_is_fatal_and_nothing_is_lost() {
    let mut site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    let pvt = site.config["target_folders"]["pvt"].clone();
    site.config["target_folders"]["pvt"] = json!(site.at("config.json"));
    let run = site.run_with(&["--state-dir", "state"]);
    assert_eq!(run.status, 2);
    site.config["target_folders"]["pvt"] = pvt;
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}

#[test]
fn damage_to_the_journal_is_loud_and_stops_nobody_else() {
    let site = Site::new();
    site.write(&format!("{JOURNAL}/damaged.json"), "{");
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    site.run();
    assert!(site.log().contains("ERROR - "), "{}", site.log());
    assert!(
        site.log().contains("journal/damaged.json makes no sense"),
        "{}",
        site.log()
    );
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}
