// SPDX-License-Identifier: MPL-2.0
//! Staying, and stopping.

use std::{
    fs,
    process::{Child, Command},
};

use serde_json::json;

use crate::{
    site::{COMPLETED, Run, Site, eventually, to_both},
    smtp::Mood,
};

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn with_an_interval_it_looks_again_until_it_is_told_to_stop() {
    for name in ["-TERM", "-INT"] {
        let site = Site::new();
        let child = site.start(&["--state-dir", "state", "--interval", "1"]);
        eventually("the first run", || {
            site.log().contains("looking every 1 seconds")
        });
        site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
        eventually("publishing", || site.names("pub").len() == 1);
        eventually("mails", || {
            site.names("state/tooltool-sync.d/mail").is_empty()
        });
        // A configuration that is broken later is complained about and read again.
        site.write("config.json", "{");
        eventually("a complaint", || {
            site.log().contains("CRITICAL - Invalid configuration file")
        });
        site.write_config();
        site.drop_package("alice/pub", "b-package", &[("b", b"b")], None);
        eventually("publishing more", || site.names("pub").len() == 2);
        // A cron job beside it does no harm.
        site.run();
        signal(&child, name);
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert!(
            site.log().ends_with(" - INFO - stopped\n"),
            "{}",
            site.log()
        );
    }
}

#[test]
fn an_interval_with_an_invalid_configuration_does_not_begin() {
    let site = Site::new().with("smtp_port", json!("x"));
    assert_eq!(site.run_with(&["--interval", "1"]).status, 2);
}

#[test]
fn a_stop_while_the_mail_server_hangs_loses_nothing() {
    let site = Site::new().with("smtp_timeout_seconds", json!(2));
    for name in ["a-package", "b-package", "c-package"] {
        site.drop_package("alice/pub", name, &[], None);
    }
    site.mail.behave(Mood::Silent);
    let child = site.start(&["--state-dir", "state"]);
    eventually("a mail", || site.mail.connections() == 1);
    signal(&child, "-TERM");
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert_eq!(
        site.mail.connections(),
        1,
        "no other mail is tried after the signal"
    );
    site.mail.behave(Mood::Kind);
    site.run();
    assert_eq!(site.mail.take().len(), 6);
}

#[test]
fn a_stop_while_a_large_file_is_copied_is_quick_and_loses_nothing() {
    let site = Site::new();
    let large = vec![7; 120_000_000];
    site.drop_package("alice/pub", "a-package", &[("large", &large)], None);
    let child = site.start(&["--state-dir", "state"]);
    let journal = site.at("state/tooltool-sync.d/journal");
    eventually("copying", || {
        fs::read_dir(&journal).is_ok_and(|mut entries| entries.next().is_some())
    });
    signal(&child, "-TERM");
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let names = site.names("pub");
    assert!(
        names.iter().all(|name| !name.starts_with("temp")),
        "{names:?}"
    );
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}
