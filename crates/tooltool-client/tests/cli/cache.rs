// SPDX-License-Identifier: MPL-2.0
//! fetch with a cache folder.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use crate::{
    home::{Home, digest, record},
    server::Server,
};

const URL_NOBODY_LISTENS_ON: &str = "http://127.0.0.1:1/";

fn cached(home: &Home, contents: &str) -> std::path::PathBuf {
    let entry = home.at("cache").join(digest(contents));
    fs::create_dir_all(home.at("cache")).unwrap();
    fs::write(&entry, contents).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options()
        .append(true)
        .open(&entry)
        .unwrap()
        .set_modified(old)
        .unwrap();
    entry
}

#[test]
fn a_downloaded_file_is_put_into_a_private_cache() {
    let server = Server::of(b"contents");
    let home = Home::new();
    home.manifest(&[record("a", "contents")]);
    let run = home.run(&["fetch", "-c", "deep/cache", "--url", &server.url()]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(home.names("deep/cache"), [digest("contents")]);
    assert_eq!(
        home.text(&format!("deep/cache/{}", digest("contents"))),
        "contents"
    );
    #[cfg(unix)]
    for folder in ["deep", "deep/cache"] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            home.at(folder).metadata().unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}

#[test]
fn a_cached_file_needs_no_server_and_counts_as_used() {
    let home = Home::new().with_env("TOOLTOOL_CACHE", "cache");
    let entry = cached(&home, "contents");
    let before = entry.metadata().unwrap().modified().unwrap();
    home.manifest(&[record("a", "contents")]);
    let run = home.run(&["fetch", "--url", URL_NOBODY_LISTENS_ON]);
    assert_eq!(
        (run.status, run.stderr.as_str()),
        (0, "INFO - 'a' comes from the cache\n")
    );
    assert_eq!(home.text("a"), "contents");
    assert!(entry.metadata().unwrap().modified().unwrap() > before);
}

#[test]
fn a_changed_working_copy_does_not_change_the_cache() {
    let home = Home::new();
    let entry = cached(&home, "contents");
    home.manifest(&[record("a", "contents")]);
    let run = home.run(&["fetch", "-c", "cache", "--url", URL_NOBODY_LISTENS_ON]);
    assert_eq!(run.status, 0);
    home.write("a", "changed!");
    assert_eq!(fs::read_to_string(entry).unwrap(), "contents");
}

#[cfg(unix)]
#[test]
fn hard_links_are_made_on_request() {
    use std::os::unix::fs::MetadataExt as _;

    let home = Home::new();
    let entry = cached(&home, "contents");
    home.manifest(&[record("a", "contents")]);
    let words = [
        "fetch",
        "-c",
        "cache",
        "--link-cache",
        "--url",
        URL_NOBODY_LISTENS_ON,
    ];
    assert_eq!(home.run(&words).status, 0);
    assert_eq!(
        home.at("a").metadata().unwrap().ino(),
        entry.metadata().unwrap().ino()
    );
}

#[test]
fn a_damaged_cache_entry_is_deleted_and_downloaded_again() {
    let server = Server::of(b"contents");
    let home = Home::new();
    let entry = cached(&home, "contents");
    fs::write(&entry, "damaged!").unwrap();
    home.manifest(&[record("a", "contents")]);
    let run = home.run(&["fetch", "-c", "cache", "--url", &server.url()]);
    assert_eq!(run.status, 0);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(
        (home.text("a"), fs::read_to_string(entry).unwrap()),
        ("contents".into(), "contents".into())
    );
    assert_eq!(home.names("."), ["a", "cache", "manifest.tt"]);
    assert_eq!(home.names("cache").len(), 1);
}

#[test]
fn a_cache_that_cannot_be_written_is_only_a_warning() {
    let server = Server::of(b"contents");
    let home = Home::new();
    home.write("file", "");
    home.manifest(&[record("a", "contents")]);
    let run = home.run(&["fetch", "-c", "file/cache", "--url", &server.url()]);
    assert_eq!(run.status, 0);
    let warning = "WARNING - cannot put 'a' into the cache: Not a directory (os error 20)";
    assert_eq!(run.stderr.lines().last(), Some(warning));
}
