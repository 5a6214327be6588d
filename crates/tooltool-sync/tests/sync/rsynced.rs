// SPDX-License-Identifier: MPL-2.0
//! Packages that the real rsync brings, in the order in which the client sends them.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;

use crate::site::{COMPLETED, Site, digest, eventually, record, to_both};

/// A run that says what it has must have rsync too; elsewhere its absence is said and no failure.
#[expect(clippy::disallowed_methods, reason = "test runs are no service")]
fn has_rsync() -> bool {
    let version = Command::new("rsync")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    let has_it = version.is_ok_and(|status| status.success());
    let required = std::env::var("RELENG_TEST_REQUIRE").is_ok_and(|names| !names.is_empty());
    assert!(has_it || !required, "rsync is not installed");
    if !has_it {
        eprintln!("rsync: not exercised (it is not installed)");
    }
    has_it
}

/// Begins to bring something into the folder of an uploader.
fn begin(options: &[&str], source: &Path, site: &Site) -> Child {
    Command::new("rsync")
        .args(["--recursive", "--times"])
        .args(options)
        .arg("--")
        .args([source, &site.at("uploads/alice/pub")])
        .spawn()
        .unwrap()
}

fn bring(source: &Path, site: &Site) {
    assert!(begin(&[], source, site).wait().unwrap().success());
}

#[test]
fn nothing_is_looked_at_before_the_manifest_has_arrived_however_often_rsync_begins_anew() {
    if !has_rsync() {
        return;
    }
    let site = Site::new();
    fs::create_dir_all(site.at("uploads/alice/pub")).unwrap();
    let bytes = b"0123456789".repeat(100_000);
    let name = digest(&bytes);
    let package = "home/a-package.TOOLTOOL-PACKAGE";
    site.write(&format!("{package}/{name}"), &bytes);
    site.write("home/a-package.txt", "a note");
    let manifest = json!([record("a", &bytes)]).to_string();
    site.write("home/a-package.tt", &manifest);

    // rsync writes beside the file's name first, and leaves that when it is killed.
    let arriving = "uploads/alice/pub/a-package.TOOLTOOL-PACKAGE";
    let mut cut = begin(&["--bwlimit=64"], &site.at(package), &site);
    eventually("a part of the file", || {
        site.at(arriving).exists() && !site.names(arriving).is_empty()
    });
    site.run();
    cut.kill().unwrap();
    cut.wait().unwrap();
    site.run();
    assert!(site.names("pub").is_empty());
    assert!(!site.at(&format!("{arriving}/{name}")).exists());

    bring(&site.at(package), &site);
    site.run();
    bring(&site.at("home/a-package.txt"), &site);
    site.run();
    assert!(site.names("pub").is_empty());
    assert!(site.mail.take().is_empty());

    bring(&site.at("home/a-package.tt"), &site);
    site.run();
    assert_eq!(site.names("pub"), [name.as_str()]);
    assert_eq!(fs::read(site.at("pub").join(name)).unwrap(), bytes);
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
    assert!(!site.at(arriving).exists());
    // The same package once more is a new one, and changes nothing that is there.
    bring(&site.at(package), &site);
    bring(&site.at("home/a-package.tt"), &site);
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
    assert_eq!(site.names("pub").len(), 1);
}
