// SPDX-License-Identifier: MPL-2.0
//! package, distribute and upload --package: once with an rsync that writes down how it is called,
//! and once with the real one, whose ssh stays on this machine.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, process::Stdio};

use crate::home::{Home, Run, digest, names};

/// A home with a folder to send and a folder for programs that come first.
struct Place(Home);

impl Place {
    fn new() -> Self {
        let home = Home::new();
        for folder in ["bin", "linker", "linker/folder"] {
            fs::create_dir(home.at(folder)).unwrap();
        }
        home.write("linker/a.tar", "a");
        home.write("linker/b.tar", "b");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", home.at("bin").display());
        Self(home.with_env("PATH", &path))
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.0.at("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// An rsync that writes down its words, and fails at the one that ends as given.
    fn note_rsync(&self, fails_at: &str) {
        let script = format!(
            "echo \"$@\" >>rsync-calls\nfor word in \"$@\"; do case $word in *{fails_at}) exit 23;; esac; done"
        );
        self.program("rsync", &script);
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.0.at("rsync-calls")).unwrap_or_default();
        let folder = self.0.at(".").canonicalize().unwrap();
        let folder = format!("{}/", folder.display());
        calls
            .lines()
            .map(|line| line.replace(&folder, ""))
            .collect()
    }

    fn run(&self, words: &[&str]) -> Run {
        self.0.run(words)
    }

    /// Runs with something to read on standard input.
    fn run_answering(&self, words: &[&str], answers: &str) -> (Option<i32>, String) {
        let mut command = self.0.command(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It need not read all of it.
        child
            .stdin
            .take()
            .unwrap()
            .write_all(answers.as_bytes())
            .ok();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

const TO: [&str; 6] = [
    "--user",
    "alice",
    "--host",
    "h.example",
    "--path",
    "/srv/in/alice/pub",
];

fn distribute(more: &[&'static str]) -> Vec<&'static str> {
    [
        &["distribute", "--folder", "linker", "--message", "a note"][..],
        &TO,
        more,
    ]
    .concat()
}

/// The three calls of one package: its files, the note, the manifest.
fn calls_for(package: &str) -> Vec<String> {
    let (options, to) = (
        "--times --timeout=60 --",
        "alice@h.example:/srv/in/alice/pub",
    );
    let folder = format!("{package}.TOOLTOOL-PACKAGE");
    vec![
        format!(
            "--recursive --exclude=*.tt --exclude=*.txt --exclude=.tooltool-* {options} {folder} {to}"
        ),
        format!("{options} {folder}/{package}.txt {to}"),
        format!("{options} {folder}/{package}.tt {to}"),
    ]
}

#[test]
fn package_makes_a_folder_beside_the_given_one() {
    let place = Place::new();
    let run = place.run(&["package", "--folder", "linker", "--message", "a note"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let mut expected = vec![
        digest("a"),
        digest("b"),
        "linker.tt".into(),
        "linker.txt".into(),
    ];
    expected.sort();
    assert_eq!(place.0.names("linker.TOOLTOOL-PACKAGE"), expected);
    assert_eq!(place.0.text("linker.TOOLTOOL-PACKAGE/linker.txt"), "a note");
    let run = place.run(&["package", "--folder=linker/", "--message=again"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(
        place.0.text("linker1.TOOLTOOL-PACKAGE/linker1.txt"),
        "again"
    );
}

#[test]
fn distribute_sends_the_manifest_last() {
    let place = Place::new();
    place.note_rsync("nothing");
    let run = place.run(&distribute(&["--yes"]));
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert_eq!(place.calls(), calls_for("linker"));
}

#[test]
fn a_package_is_sent_again_by_upload() {
    let place = Place::new();
    // The manifest must not go when something before it did not.
    for (fails_at, calls) in [
        (".TOOLTOOL-PACKAGE", 1),
        ("/linker.txt", 2),
        ("/linker.tt", 3),
    ] {
        fs::remove_file(place.0.at("rsync-calls")).ok();
        fs::remove_dir_all(place.0.at("linker.TOOLTOOL-PACKAGE")).ok();
        place.note_rsync(fails_at);
        let run = place.run(&distribute(&["--yes"]));
        assert_eq!(run.status, 1, "{}", run.stderr);
        let last = run.stderr.lines().last().unwrap();
        assert!(last.starts_with("ERROR - rsync of "), "{last}");
        assert!(
            last.contains(" failed: exit status: 23; the package is complete, "),
            "{last}"
        );
        assert_eq!(place.calls().len(), calls, "{fails_at}");
    }
    fs::remove_file(place.0.at("rsync-calls")).unwrap();
    place.note_rsync("nothing");
    let words = [&["upload", "--package", "linker.TOOLTOOL-PACKAGE"][..], &TO].concat();
    let run = place.run(&words);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(place.calls(), calls_for("linker"));
}

#[test]
fn distribute_asks_first_and_takes_only_yes() {
    for (answers, is_sent) in [
        ("y\nyes\nY\n", true),
        ("y\ny\nn\n", false),
        ("y\ny\n", false),
        ("\n\n\n", false),
        ("", false),
    ] {
        let place = Place::new();
        place.note_rsync("nothing");
        let (status, stderr) = place.run_answering(&distribute(&[]), answers);
        assert_eq!(status, Some(i32::from(!is_sent)), "{answers:?}: {stderr}");
        assert_eq!(place.calls().is_empty(), !is_sent, "{answers:?}");
        assert!(
            stderr.starts_with("The package will be sent to alice@h.example:/srv/in/alice/pub.\n")
        );
        let refused = stderr.ends_with("ERROR - not confirmed, nothing was sent\n");
        assert_eq!(refused, !is_sent, "{stderr}");
        assert_eq!(place.0.at("linker.TOOLTOOL-PACKAGE").exists(), is_sent);
    }
}

#[test]
fn what_is_missing_or_wrong_is_said_before_anything_happens() {
    let place = Place::new();
    place.note_rsync("nothing");
    let long = |start: &[&'static str]| [start, &TO].concat();
    for (words, message) in [
        (
            vec!["package", "--message=m"],
            "package command requires a folder option",
        ),
        (
            vec!["package", "--folder=linker"],
            "package command requires a message",
        ),
        (
            long(&["distribute", "--message=m"]),
            "distribute command requires a folder option",
        ),
        (
            long(&["distribute", "--folder=linker"]),
            "distribute command requires a message",
        ),
        (
            vec![
                "distribute",
                "--folder=linker",
                "--message=m",
                "--user=u",
                "--host=h",
            ],
            "distribute command requires a path option",
        ),
        (
            vec!["upload", "--package=p", "--user=u"],
            "upload --package command requires a host option",
        ),
        (
            vec![
                "upload",
                "--package=p",
                "--user=u",
                "--host=-oProxyCommand=x",
                "--path=p",
            ],
            "--host '-oProxyCommand=x' must not begin with a hyphen",
        ),
        (
            vec![
                "distribute",
                "--folder=folder",
                "--message=m",
                "--user=a b",
                "--host=h",
                "--path=p",
            ],
            "--user 'a b' has characters that it cannot have",
        ),
    ] {
        let run = place.run(&words);
        assert_eq!(
            (run.status, run.stderr),
            (1, format!("ERROR - {message}\n"))
        );
    }
    let run = place.run(&long(&["upload", "--package=linker"]));
    assert_eq!(run.status, 1);
    assert!(
        run.stderr
            .ends_with("the name of a package must end in .TOOLTOOL-PACKAGE\n")
    );
    assert!(place.calls().is_empty());
    assert_eq!(place.0.names("."), ["bin", "linker"]);
}

/// A run that says what it has must have rsync too; elsewhere its absence is said and no failure.
#[expect(clippy::disallowed_methods, reason = "test runs are no service")]
fn has_rsync() -> bool {
    let has_it = std::process::Command::new("rsync")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let required = std::env::var("RELENG_TEST_REQUIRE").is_ok_and(|names| !names.is_empty());
    assert!(has_it || !required, "rsync is not installed");
    if !has_it {
        eprintln!("rsync: not exercised (it is not installed)");
    }
    has_it
}

#[test]
fn the_real_rsync_brings_the_package_into_the_drop_folder() {
    if !has_rsync() {
        return;
    }
    let place = Place::new();
    // Stands for ssh: leaves out the words about the host and runs the rest here.
    place.program(
        "ssh",
        "while [ \"$1\" != rsync ]; do shift; done\nexec \"$@\"",
    );
    let drop_folder = place.0.at("drop");
    fs::create_dir(&drop_folder).unwrap();
    let path = drop_folder.display().to_string();
    let words = [
        &["distribute", "--yes", "--folder=linker", "--message=a note"][..],
        &["--user=alice", "--host=h.example", "--path", &path],
    ];
    let run = place.run(&words.concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(
        names(&drop_folder),
        ["linker.TOOLTOOL-PACKAGE", "linker.tt", "linker.txt"]
    );
    let mut expected = vec![digest("a"), digest("b")];
    expected.sort();
    assert_eq!(
        names(&drop_folder.join("linker.TOOLTOOL-PACKAGE")),
        expected
    );
    assert_eq!(
        fs::read_to_string(drop_folder.join("linker.txt")).unwrap(),
        "a note"
    );
}
