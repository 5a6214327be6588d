// SPDX-License-Identifier: MPL-2.0
//! Two runs at once.

use std::{fs::File, process::Child};

use serde_json::json;

use crate::{
    site::{Run, Site, eventually},
    smtp::Mood,
};

fn finished(child: Child) -> Run {
    Run::of(child.wait_with_output().unwrap())
}

#[test]
fn a_second_run_leaves_everything_to_the_first() {
    let site = Site::new().with("smtp_timeout_seconds", json!(60));
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    // The first run holds the lock as long as the mail server lets it wait.
    site.mail.behave(Mood::Silent);
    let mut first = site.start(&["--state-dir", "state"]);
    eventually("a mail", || site.mail.connections() == 1);
    site.drop_package("alice/pub", "b-package", &[("b", b"b")], None);
    let second = site.run_with(&["--state-dir", "state"]);
    assert_eq!((second.status, second.stderr.as_str()), (0, ""));
    assert!(
        site.log().contains("INFO - another run is under way"),
        "{}",
        site.log()
    );
    // Another state directory does not help: the upload root is the same.
    let third = site.run_with(&["--state-dir", "other", "--log", "-"]);
    assert_eq!(third.status, 0);
    let line = "INFO - another run is under way, this one leaves everything to it\n";
    assert_eq!(third.stderr, line);
    assert_eq!(site.names("pub").len(), 1);
    first.kill().unwrap();
    first.wait().unwrap();
    site.mail.behave(Mood::Kind);
    site.run();
    assert_eq!(site.names("pub").len(), 2);
    assert_eq!(site.mail.take().len(), 4);
}

#[test]
fn another_installation_with_the_same_target_waits() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    let target = File::open(site.at("pub")).unwrap();
    target.try_lock().unwrap();
    site.run();
    assert!(site.names("pub").is_empty());
    drop(target);
    site.run();
    assert_eq!(site.names("pub").len(), 1);
}

#[test]
fn many_runs_at_once_publish_each_package_once() {
    let site = Site::new();
    for n in 0..20 {
        let name = format!("package-{n}");
        let bytes = vec![n; 100_000];
        site.drop_package("alice/pub", &name, &[("a", &bytes)], Some("note"));
    }
    let runs: Vec<_> = (0..8)
        .map(|_| site.start(&["--state-dir", "state"]))
        .collect();
    for run in runs {
        let run = finished(run);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    }
    // Whoever had the lock did all of it, so one run is enough; a second one finds nothing.
    assert_eq!(site.names("pub").len(), 20);
    assert_eq!(site.mail.take().len(), 40);
    assert_eq!(site.names("uploads/alice/pub").len(), 40);
    site.run();
    assert!(site.mail.take().is_empty());
}

#[test]
fn types_may_share_a_target() {
    let mut site = Site::new();
    site.config["target_folders"]["pvt"] = site.config["target_folders"]["pub"].clone();
    for place in ["alice/pub", "alice/pvt"] {
        site.drop_package(place, "a-package", &[("a", b"a")], None);
    }
    site.run();
    assert_eq!(site.names("pub").len(), 1);
    assert_eq!(site.mail.take().len(), 4);
}
