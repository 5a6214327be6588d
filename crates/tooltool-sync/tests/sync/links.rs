// SPDX-License-Identifier: MPL-2.0
//! Symbolic links and other things that are not what they seem.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::site::{COMPLETED, FAILURE, Site, digest, record, to_both};

const FOLDER: &str = "uploads/alice/pub/a-package.TOOLTOOL-PACKAGE";

/// A site with a secret that is not in the upload root, and a package that names its digest.
fn site() -> Site {
    let site = Site::new();
    site.write("secret", "secret");
    site.drop_package("alice/pub", "a-package", &[("a", b"secret")], Some("note"));
    site
}

#[track_caller]
fn refused(site: &Site, line: &str) {
    site.run();
    assert!(site.names("pub").is_empty(), "{line}");
    let mails = site.mail.take();
    assert_eq!(mails.len(), 2, "{line}: {}", site.log());
    assert_eq!(mails[0].subject(), FAILURE);
    assert!(
        mails[0].body.contains(line),
        "{line} not in {}",
        mails[0].body
    );
    assert_eq!(site.text("secret"), "secret");
}

fn replace_by_link(site: &Site, path: &str) {
    let path = site.at(path);
    if path.is_dir() {
        fs::rename(&path, site.at("elsewhere")).unwrap();
        symlink(site.at("elsewhere"), &path).unwrap();
    } else {
        let copy = site.at("elsewhere");
        fs::copy(&path, &copy).unwrap();
        fs::remove_file(&path).unwrap();
        symlink(copy, &path).unwrap();
    }
}

#[test]
fn a_link_to_the_right_file_is_refused() {
    let site = site();
    let file = format!("{FOLDER}/{}", digest("secret"));
    replace_by_link(&site, &file);
    refused(
        &site,
        &format!("{} is a symbolic link, not a plain file", digest("secret")),
    );
}

#[test]
fn a_link_that_no_record_names_is_refused() {
    let site = site();
    symlink(site.at("secret"), site.at(FOLDER).join("extra")).unwrap();
    refused(&site, "extra is a symbolic link, not a plain file");
}

#[test]
fn a_link_to_a_directory_is_refused() {
    let site = site();
    replace_by_link(&site, FOLDER);
    refused(
        &site,
        "a-package.TOOLTOOL-PACKAGE is a symbolic link, not a directory",
    );
    assert_eq!(site.names("elsewhere"), [digest("secret")]);
}

#[test]
fn a_link_to_a_manifest_is_refused() {
    let site = site();
    replace_by_link(&site, "uploads/alice/pub/a-package.tt");
    refused(&site, "the manifest is a symbolic link");
}

#[test]
fn a_link_to_a_note_is_refused() {
    let site = site();
    replace_by_link(&site, "uploads/alice/pub/a-package.txt");
    refused(&site, "a-package.txt is a symbolic link");
}

#[test]
fn a_link_to_the_folder_of_another_uploader_is_not_followed() {
    let site = Site::new();
    site.drop_package("bob/pvt", "a-package", &[("a", b"secret")], None);
    fs::create_dir(site.at("uploads/mallory")).unwrap();
    symlink("../bob/pvt", site.at("uploads/mallory/pub")).unwrap();
    site.run();
    assert!(site.names("pub").is_empty());
    assert_eq!(site.names("pvt"), [digest("secret")]);
    let recipients: Vec<_> = site
        .mail
        .take()
        .into_iter()
        .map(|mail| mail.recipient)
        .collect();
    assert_eq!(recipients, ["bob@example.com", "no-reply@example.com"]);
}

#[test]
fn the_administrator_may_keep_an_uploader_on_another_disk() {
    let site = Site::new();
    site.drop_package("alice/pub", "a-package", &[("a", b"a")], None);
    replace_by_link(&site, "uploads/alice");
    site.run();
    assert_eq!(site.mail.subjects(), to_both(COMPLETED));
}

#[test]
fn pipes_and_sockets_neither_block_nor_pass() {
    let site = site();
    let file = site.at(FOLDER).join(digest("secret"));
    fs::remove_file(&file).unwrap();
    let made = Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    refused(&site, "is a device, pipe or socket, not a plain file");
    let manifest = site.at("uploads/alice/pub/a-package.tt");
    fs::remove_file(&manifest).unwrap();
    let _socket = UnixListener::bind(&manifest).unwrap();
    refused(&site, "the manifest cannot be read: ");
}

#[test]
fn deleting_the_old_way_removes_a_link_and_not_what_it_points_at() {
    let site = site().with("on_failure", serde_json::json!("delete"));
    replace_by_link(&site, FOLDER);
    site.run();
    assert_eq!(site.mail.take().len(), 2);
    assert!(site.names("uploads/alice/pub").is_empty());
    assert_eq!(site.names("elsewhere"), [digest("secret")]);
}

/// Somebody exchanges the file of a package for a link to a secret, and back, as fast as possible.
#[test]
fn exchanging_a_file_between_check_and_copy_wins_nothing() {
    let site = Site::new();
    site.write("secret", "secret");
    let harmless = vec![b'x'; 300_000];
    let name = digest(&harmless);
    let manifest = serde_json::json!([record("a", &harmless)]);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (file, spare) = (site.at(FOLDER).join(&name), site.at("spare"));
            // Never through the link: the folder vanishes now and then, and the link stays behind.
            let exchange = |make: &dyn Fn()| {
                let _ = fs::remove_file(&spare);
                make();
                let _ = fs::rename(&spare, &file);
            };
            while !is_done.load(Ordering::SeqCst) {
                exchange(&|| symlink(site.at("secret"), &spare).unwrap());
                exchange(&|| fs::write(&spare, "swapped").unwrap());
                exchange(&|| fs::write(&spare, &harmless).unwrap());
            }
        });
        for _ in 0..150 {
            site.drop_files("alice/pub", "a-package", &[]);
            site.drop_manifest("alice/pub", "a-package", &manifest);
            site.run();
            for published in site.names("pub") {
                assert_eq!(published, name);
                let bytes = fs::read(site.at("pub").join(&published)).unwrap();
                assert!(bytes == harmless, "{} bytes", bytes.len());
            }
        }
        is_done.store(true, Ordering::SeqCst);
    });
    assert_eq!(site.text("secret"), "secret");
}
