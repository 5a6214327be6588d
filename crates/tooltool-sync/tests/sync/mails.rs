// SPDX-License-Identifier: MPL-2.0
//! Mails when the mail server has a bad day: they are late, never lost, and change nothing else.

use std::{fs, net::TcpListener};

use serde_json::json;

use crate::{
    site::{COMPLETED, Site, to_both},
    smtp::Mood,
};

const SPOOL: &str = "state/tooltool-sync.d/mail";
const ASIDE: &str = "state/tooltool-sync.d/undeliverable";

/// A site with a short time-out and a package that was published while the server was in a mood.
fn published_under(mood: Mood) -> Site {
    let site = Site::new().with("smtp_timeout_seconds", json!(1));
    site.mail.behave(mood);
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    site.run();
    assert_eq!(site.names("pub").len(), 1, "{}", site.log());
    site
}

/// Tells whether a line of the log says that the mail to an address waits.
fn waits(log: &str, address: &str) -> bool {
    let mut lines = log.lines();
    lines.any(|line| {
        let Some((_, rest)) = line.split_once("WARNING - mail to ") else {
            return false;
        };
        rest.split_once(" has to wait: ")
            .is_some_and(|(addresses, _)| addresses.split(", ").any(|known| known == address))
    })
}

#[test]
fn a_mail_to_several_is_one_transaction() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
    assert_eq!(site.mail.transactions(), 1);
    assert_eq!(site.mail.connections(), 1);
}

#[test]
fn an_outage_delays_mails() {
    for mood in [
        Mood::Greets("421 Too busy"),
        Mood::Greets("554 No mail service here"),
        Mood::Greets("no mail server"),
        Mood::Greets(""),
        Mood::RefusesData("451 Local error"),
        Mood::Cuts,
        Mood::Silent,
        Mood::Drips,
    ] {
        let site = published_under(mood.clone());
        assert!(site.mail.take().is_empty(), "{mood:?}");
        assert_eq!(site.names(SPOOL).len(), 1, "{mood:?}");
        for address in ["alice@example.org", "no-reply@example.com"] {
            assert!(waits(&site.log(), address), "{mood:?}: {}", site.log());
        }
        site.mail.behave(Mood::Kind);
        site.run();
        assert_eq!(site.mail.subjects(), to_both(COMPLETED), "{mood:?}");
        assert!(site.names(SPOOL).is_empty(), "{mood:?}");
        site.run();
        assert!(site.mail.take().is_empty(), "{mood:?}");
        assert_eq!(site.names("uploads/alice/pub").len(), 1, "{mood:?}");
    }
}

#[test]
fn no_server_at_all_delays_mails_too() {
    let mut site = Site::new();
    let port = site.config["smtp_port"].clone();
    // A port that is taken and not listened to: every connection is refused.
    let unused = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    site.config["smtp_port"] = json!(unused.local_addr().unwrap().port());
    drop(unused);
    for name in ["a-package", "b-package", "c-package"] {
        site.drop_package("alice/pub", name, &[], None);
    }
    site.run();
    assert_eq!(site.names(SPOOL).len(), 3);
    let log = site.log();
    assert_eq!(log.matches("has to wait").count(), 2, "{log}");
    assert!(
        log.contains("WARNING - the other mails wait for the next run"),
        "{log}"
    );
    site.config["smtp_port"] = port;
    site.run();
    assert_eq!(site.mail.take().len(), 6);
}

#[test]
fn a_recipient_that_is_refused_keeps_the_mail_from_nobody_else() {
    let site = published_under(Mood::Refuses("alice@example.org", "550 No such user"));
    let expected = [("no-reply@example.com".to_owned(), COMPLETED.to_owned())];
    assert_eq!(site.mail.subjects(), expected);
    assert!(site.names(SPOOL).is_empty());
    // It can be sent again by putting it back.
    let aside = site.names(ASIDE);
    assert_eq!(aside.len(), 1);
    assert_eq!(site.mail.transactions(), 1);
    let log = site.log();
    assert!(
        log.contains("ERROR - mail to alice@example.org is refused: "),
        "{log}"
    );
    site.mail.behave(Mood::Kind);
    site.run();
    assert!(site.mail.take().is_empty());
    fs::rename(
        site.at(ASIDE).join(&aside[0]),
        site.at(SPOOL).join(&aside[0]),
    )
    .unwrap();
    site.run();
    let expected = [("alice@example.org".to_owned(), COMPLETED.to_owned())];
    assert_eq!(site.mail.subjects(), expected);
}

#[test]
fn a_text_that_is_refused_because_of_one_recipient_reaches_the_other() {
    let mood = Mood::RefusesDataFor("alice@example.org", "554 Not for alice");
    let site = published_under(mood);
    let expected = [("no-reply@example.com".to_owned(), COMPLETED.to_owned())];
    assert_eq!(site.mail.subjects(), expected);
    assert_eq!(site.mail.transactions(), 3);
    assert!(site.names(SPOOL).is_empty());
    assert_eq!(site.names(ASIDE).len(), 1);
    let log = site.log();
    let line = "ERROR - mail to alice@example.org is refused: ";
    assert!(log.contains(line) && log.contains("Not for alice"), "{log}");
}

#[test]
fn a_text_that_is_refused_for_everybody_is_laid_aside_once() {
    let site = published_under(Mood::RefusesData("554 Looks like spam"));
    assert!(site.names(SPOOL).is_empty());
    let aside = site.names(ASIDE);
    assert_eq!(aside.len(), 1);
    let mail: serde_json::Value =
        serde_json::from_str(&site.text(&format!("{ASIDE}/{}", aside[0]))).unwrap();
    let both = json!(["alice@example.org", "no-reply@example.com"]);
    assert_eq!(mail["waiting"], both);
    site.run();
    assert_eq!(site.mail.transactions(), 3);
}

#[test]
fn a_recipient_that_has_to_wait_gets_the_mail_later_and_nobody_twice() {
    let site = published_under(Mood::Refuses("alice@example.org", "450 Greylisted"));
    assert_eq!(site.mail.subjects().len(), 1);
    site.run();
    assert!(site.mail.take().is_empty());
    site.mail.behave(Mood::Kind);
    site.run();
    let expected = [("alice@example.org".to_owned(), COMPLETED.to_owned())];
    assert_eq!(site.mail.subjects(), expected);
}

#[test]
fn a_mail_that_a_server_took_without_saying_so_comes_again_with_the_same_identity() {
    let site = published_under(Mood::TakesAndCuts);
    site.mail.behave(Mood::Kind);
    site.run();
    let mails = site.mail.take();
    let to_alice: Vec<_> = mails
        .iter()
        .filter(|mail| mail.recipient == "alice@example.org")
        .collect();
    assert_eq!(to_alice.len(), 2);
    assert_eq!(
        to_alice[0].header("Message-ID"),
        to_alice[1].header("Message-ID")
    );
    assert_eq!(to_alice[0].header("Date"), to_alice[1].header("Date"));
}

#[test]
fn one_mail_that_breaks_the_server_does_not_hold_up_the_others_for_ever() {
    let site = Site::new().with("smtp_timeout_seconds", json!(1));
    // Two that cannot be handed over, before all others in the spool.
    for key in ["0", "1"] {
        let mail = json!({
            "id": key, "written_secs": 4_000_000_000_u64, "to": ["alice@example.org"],
            "waiting": ["alice@example.org"], "subject": "s", "body": "b", "tries": 0,
        });
        site.write(&format!("{SPOOL}/{key}.json"), mail.to_string());
    }
    site.mail.behave(Mood::Silent);
    site.run();
    site.drop_package("alice/pub", "a-package", &[], None);
    site.mail.behave(Mood::Kind);
    site.run();
    let subjects: Vec<_> = site
        .mail
        .take()
        .iter()
        .map(|m| m.subject().to_owned())
        .collect();
    assert_eq!(subjects, [COMPLETED, COMPLETED, "s", "s"]);
}

#[test]
fn a_mail_is_given_up_when_it_is_too_old() {
    let site = published_under(Mood::Greets("421 Too busy")).with("mail_retry_days", json!(0));
    let name = site.names(SPOOL)[0].clone();
    let mut mail: serde_json::Value =
        serde_json::from_str(&site.text(&format!("{SPOOL}/{name}"))).unwrap();
    mail["written_secs"] = json!(1);
    site.write(&format!("{SPOOL}/{name}"), mail.to_string());
    site.run();
    assert!(site.names(SPOOL).is_empty());
    assert_eq!(site.names(ASIDE), [name]);
    let line = "ERROR - mail to alice@example.org, no-reply@example.com is given up, it is too old";
    assert!(site.log().contains(line), "{}", site.log());
}

#[test]
fn the_spool_is_bounded() {
    let site = Site::new().with("max_waiting_mails", json!(2));
    site.mail.behave(Mood::Greets("421 Too busy"));
    for name in ["a", "b", "c"] {
        site.drop_package("alice/pub", name, &[], None);
    }
    site.run();
    assert_eq!(site.names(SPOOL).len(), 2);
    assert_eq!(site.names("uploads/alice/pub").len(), 3);
    assert!(
        site.log().contains(" is dropped, 2 others are waiting"),
        "{}",
        site.log()
    );
}

#[test]
fn damage_in_the_spool_harms_nothing_else() {
    let site = Site::new();
    site.write(&format!("{SPOOL}/damaged.json"), "{\"id\": ");
    site.write("state/tooltool-sync.d/failed/damaged.json", "{");
    site.drop_package("alice/pub", "a-package", &[], None);
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
    assert_eq!(site.names(SPOOL), ["damaged.json"]);
    assert!(
        site.log().contains("mail/damaged.json makes no sense"),
        "{}",
        site.log()
    );
}

#[test]
fn an_uploader_without_an_address_leaves_the_mail_to_the_maintainer() {
    let site = Site::new();
    site.drop_package("not an address", "a-package", &[], None);
    site.drop_package("not an address/pub", "a-package", &[], None);
    site.run();
    let mails = site.mail.take();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].header("To"), "no-reply@example.com");
    let line = "This mail went to the maintainer alone: 'not an address@example.com' is no address";
    assert!(mails[0].body.contains(line), "{}", mails[0].body);
}

#[test]
fn an_uploader_who_is_the_maintainer_gets_one_mail() {
    let site = Site::new().with(
        "user_email_mapping",
        json!({"alice": "no-reply@example.com"}),
    );
    site.drop_package("alice/pub", "a-package", &[], None);
    site.run();
    assert_eq!(site.mail.take().len(), 1);
    assert_eq!(site.mail.connections(), 1);
}

#[test]
fn an_address_that_the_server_has_no_letters_for_holds_up_nobody() {
    let site = Site::new();
    for name in ["a-package", "b-package", "c-package"] {
        site.drop_package("jürgen/pub", name, &[], None);
    }
    site.drop_package("zoe/pub", "a-package", &[], None);
    site.run();
    let recipients: Vec<_> = site
        .mail
        .take()
        .into_iter()
        .map(|mail| mail.recipient)
        .collect();
    assert_eq!(
        recipients
            .iter()
            .filter(|to| *to == "zoe@example.com")
            .count(),
        1
    );
    assert_eq!(
        recipients
            .iter()
            .filter(|to| *to == "no-reply@example.com")
            .count(),
        4
    );
    assert_eq!(site.names(ASIDE).len(), 3, "{}", site.log());
}
