// SPDX-License-Identifier: MPL-2.0
//! A tooltool service as target, as far as it can be seen without one. What a real service does
//! with packages is tested where the service is.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::site::{COMPLETED, FAILURE, NOT_COPIED, Site, digest, record, to_both};

/// A site whose `pub` goes to a service that nobody listens for.
fn site() -> Site {
    let unused = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let store = format!("http://{}/", unused.local_addr().unwrap());
    let mut site = Site::new().with("upload_tries", json!(1));
    site.config["target_folders"]["pub"] = json!({"store": store, "visibility": "internal"});
    site
}

#[test]
fn a_service_that_is_down_is_reported_once_and_tried_again() {
    let site = site();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    site.drop_package("zoe/pub", "a-package", &[("a", b"a")], None);
    // Packages for folders do not wait for it.
    site.drop_package("bob/pvt", "a-package", &[("a", b"a")], None);
    site.run();
    assert_eq!(site.names("pvt"), [digest("a")]);
    let mails = site.mail.take();
    let subjects: Vec<_> = mails.iter().map(|mail| mail.subject()).collect();
    assert_eq!(subjects.iter().filter(|s| **s == NOT_COPIED).count(), 4);
    assert_eq!(subjects.iter().filter(|s| **s == COMPLETED).count(), 2);
    let reasons = mails
        .iter()
        .filter(|m| m.body.contains("no answer from http://127.0.0.1:"));
    assert_eq!(reasons.count(), 4);
    site.run();
    assert!(site.mail.take().is_empty());
    assert_eq!(
        site.log()
            .matches("ERROR - alice/pub/a-package.tt: ")
            .count(),
        2
    );
    assert!(site.names("state/tooltool-sync.d/staging").is_empty());
    assert!(site.names("state/tooltool-sync.d/journal").is_empty());
}

#[test]
fn a_package_that_no_service_takes_is_refused_without_asking() {
    let with = |name: &str, value: Value| {
        let mut record = record("a", "a");
        record[name] = value;
        json!([record])
    };
    for (manifest, line) in [
        (with("algorithm", json!("sha1")), "a: digest '".to_owned()),
        (
            with("visibility", json!("public")),
            "a: visibility is 'public', but what is dropped here becomes internal".to_owned(),
        ),
        (
            with("filename", json!("x".repeat(256))),
            format!("{}: filename is longer than 255 bytes", "x".repeat(256)),
        ),
        (
            json!([record("a", "a"), record("a", "b")]),
            "a: two different files have this name".to_owned(),
        ),
    ] {
        let site = site();
        site.drop_files("alice/pub", "a-package", &[b"a", b"b"]);
        site.drop_manifest("alice/pub", "a-package", &manifest);
        site.run();
        let mails = site.mail.take();
        assert_eq!(mails.len(), 2, "{line}");
        assert_eq!(mails[0].subject(), FAILURE, "{line}");
        assert!(
            mails[0].body.contains(&line),
            "{line} not in {}",
            mails[0].body
        );
    }
}

#[test]
fn an_empty_manifest_needs_no_service() {
    let site = site();
    site.drop_package("alice/pub", "a-package", &[], None);
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}
