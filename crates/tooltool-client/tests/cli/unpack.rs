// SPDX-License-Identifier: MPL-2.0
//! fetch of records with `unpack` and `setup`.

use serde_json::json;
use tar::{Builder, Header};

use crate::{
    home::{Home, record, with},
    server::{Answer, Server},
};

fn tar_of(path: &str, contents: &str) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_mode(0o755);
    header.set_size(u64::try_from(contents.len()).unwrap());
    header.set_cksum();
    let mut builder = Builder::new(Vec::new());
    builder.append(&header, contents.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn an_archive_is_unpacked_after_the_download_and_again_when_it_is_already_here() {
    let archive = tar_of("pkg/a", "contents");
    let answer = archive.clone();
    let server = Server::start(move |_, _| Answer::new(200, answer.clone()));
    let home = Home::new();
    home.manifest(&[with(
        record("pkg.tar.gz", &archive),
        json!({"unpack": true}),
    )]);
    for _ in 0..2 {
        let run = home.run(&["fetch", "--url", &server.url()]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert_eq!(home.text("pkg/a"), "contents");
        std::fs::remove_dir_all(home.at("pkg")).unwrap();
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_bad_archive_fails_with_one_line_and_the_others_are_unpacked() {
    let (bad, good) = (tar_of("../evil", "x"), tar_of("good/a", "a"));
    let home = Home::new();
    home.write("bad.tar.gz", &bad);
    home.write("good.tar.gz", &good);
    home.manifest(&[
        with(record("bad.tar.gz", &bad), json!({"unpack": true})),
        with(record("good.tar.gz", &good), json!({"unpack": true})),
    ]);
    let run = home.run(&["-q", "fetch"]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        "ERROR - Attempted path traversal in tar file: ../evil\n\
         ERROR - The following files failed: 'bad.tar.gz'\n"
    );
    assert_eq!(
        home.names("."),
        ["bad.tar.gz", "good", "good.tar.gz", "manifest.tt"]
    );
}

#[test]
fn no_archive_replaces_the_manifest_or_the_file_of_another_record() {
    let (one, two) = (tar_of("manifest.tt", "[]"), tar_of("b", "evil"));
    let home = Home::new();
    home.write("one.tar.gz", &one);
    home.write("two.tar.gz", &two);
    home.write("b", "good");
    home.manifest(&[
        with(record("one.tar.gz", &one), json!({"unpack": true})),
        with(record("two.tar.gz", &two), json!({"unpack": true})),
        record("b", "good"),
    ]);
    let manifest = home.text("manifest.tt");
    for names in [&[][..], &["one.tar.gz", "two.tar.gz"]] {
        let run = home.run(&[&["-q", "fetch"], names].concat());
        assert_eq!(run.status, 1);
        assert_eq!(
            run.stderr,
            "ERROR - Attempted overwrite of a file that the manifest needs in tar file: manifest.tt\n\
             ERROR - Attempted overwrite of a file that the manifest needs in tar file: b\n\
             ERROR - The following files failed: 'one.tar.gz', 'two.tar.gz'\n"
        );
        assert_eq!(
            (home.text("manifest.tt"), home.text("b")),
            (manifest.clone(), "good".into())
        );
    }
}

#[cfg(unix)]
#[test]
fn setup_runs_only_when_allowed() {
    let archive = tar_of("pkg/run.sh", "#!/bin/sh\npwd > ran-in\n");
    let home = Home::new();
    home.write("pkg.tar.gz", &archive);
    let members = json!({"unpack": true, "setup": "run.sh"});
    home.manifest(&[with(record("pkg.tar.gz", &archive), members)]);
    let run = home.run(&["fetch"]);
    assert_eq!(run.status, 0);
    let warning = "WARNING - setup of 'pkg.tar.gz' is ignored: running it needs --allow-setup\n";
    assert!(run.stderr.starts_with(warning), "{}", run.stderr);
    assert!(!home.at("ran-in").exists());
    let run = home.run(&["fetch", "--allow-setup"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let folder = home.at(".").canonicalize().unwrap();
    assert_eq!(home.text("ran-in").trim_end(), folder.to_str().unwrap());
}

#[cfg(unix)]
#[test]
fn setup_that_fails_hangs_or_lies_outside_fails_the_file() {
    let archive = tar_of("pkg/run.sh", "#!/bin/sh\nexit 3\n");
    let endless = tar_of("pkg/run.sh", "#!/bin/sh\nwhile true; do :; done\n");
    for (archive, setup, reason) in [
        (&archive, "run.sh", "exit status: 3"),
        (&endless, "run.sh", "it took longer than 1 seconds"),
        (
            &archive,
            "../outside.sh",
            "it is not inside the unpacked folder",
        ),
        (
            &archive,
            "/bin/true",
            "it is not inside the unpacked folder",
        ),
    ] {
        let home = Home::new();
        home.write("pkg.tar.gz", archive);
        home.write("outside.sh", "");
        let members = json!({"unpack": true, "setup": setup});
        home.manifest(&[with(record("pkg.tar.gz", archive), members)]);
        let run = home.run(&["-q", "fetch", "--allow-setup", "--timeout-setup=1"]);
        assert_eq!(run.status, 1);
        assert_eq!(
            run.stderr,
            format!(
                "ERROR - setup '{setup}' of 'pkg.tar.gz' failed: {reason}\n\
                 ERROR - The following files failed: 'pkg.tar.gz'\n"
            )
        );
    }
}

#[test]
fn setup_without_unpack_is_refused_when_setup_is_allowed() {
    let home = Home::new();
    home.write("a", "a");
    home.manifest(&[with(record("a", "a"), json!({"setup": "run.sh"}))]);
    assert_eq!(home.run(&["fetch"]).status, 0);
    let run = home.run(&["fetch", "--allow-setup"]);
    assert_eq!(run.status, 1);
    assert_eq!(run.stderr, "ERROR - record 'a' has setup but not unpack\n");
}
