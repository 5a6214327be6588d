// SPDX-License-Identifier: MPL-2.0
//! `kill -9` of the client at random points: no file is ever half there under its name, and the
//! next run succeeds. `deploy/load/kill-client` does the same against the real service for as long
//! as one likes.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rand::Rng as _;
use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::{
    home::{Home, digest, names, record, with},
    original::Original,
};

/// How often a run is killed in the middle.
const ROUNDS: usize = 40;
/// More starts than that mean that the kills miss.
const MOST_STARTS: usize = 20 * ROUNDS;

/// Starts a command and kills it after a random part of the time that it takes; returns whether it
/// was still running.
fn kill_somewhere(mut command: Command, whole: Duration) -> bool {
    let after = whole.mul_f64(rand::rng().random_range(0.0..1.0));
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    // Waits for nothing: the pause itself is what is tried out.
    std::thread::sleep(after);
    child.kill().unwrap();
    // Not by a signal: it was faster.
    child.wait().unwrap().code().is_none()
}

fn measure(run: impl FnOnce()) -> Duration {
    let started = Instant::now();
    run();
    started.elapsed()
}

fn contents(name: &str, length: usize) -> Vec<u8> {
    name.bytes().cycle().take(length).collect()
}

fn archive() -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for number in 0..50 {
        let path = format!("pkg/file-{number}");
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(20_000);
        builder
            .append_data(&mut header, path, contents("pkg", 20_000).as_slice())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

struct Fetch {
    home: Home,
    files: Vec<(String, Vec<u8>)>,
    words: Vec<String>,
}

impl Fetch {
    fn command(&self) -> Command {
        let words: Vec<_> = self.words.iter().map(String::as_str).collect();
        self.home.command(&words)
    }

    fn succeed(&self) {
        let output = self.command().output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        for (name, contents) in &self.files {
            assert!(fs::read(self.home.at(name)).unwrap() == *contents, "{name}");
        }
        assert_eq!(names(&self.home.at("pkg")).len(), 50);
        // Nothing that the killed ones left is there any more.
        let mut expected: Vec<_> = self.files.iter().map(|(name, _)| name.clone()).collect();
        expected.extend(["cache", "manifest.tt", "pkg"].map(str::to_owned));
        expected.sort();
        assert_eq!(self.home.names("."), expected);
        let cached = names(&self.home.at("cache"));
        assert!(
            !cached.iter().any(|name| name.starts_with(".tooltool-")),
            "{cached:?}"
        );
    }

    /// What has its name is whole, here and in the cache.
    fn is_whole(&self) {
        for (name, contents) in &self.files {
            match fs::read(self.home.at(name)) {
                Ok(found) => assert!(found == *contents, "{name} is half there"),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
            }
        }
        if self.home.at("pkg").exists() {
            assert_eq!(names(&self.home.at("pkg")).len(), 50);
        }
        for name in fs::read_dir(self.home.at("cache")).into_iter().flatten() {
            let name = name.unwrap().file_name().into_string().unwrap();
            if !name.starts_with(".tooltool-") {
                let found = fs::read(self.home.at("cache").join(&name)).unwrap();
                assert_eq!(digest(found), name);
            }
        }
    }

    /// Takes some of the files away, so that there is something to do again.
    fn forget(&self) {
        for (name, contents) in &self.files {
            if rand::random_bool(0.7) {
                fs::remove_file(self.home.at(name)).ok();
            }
            if rand::random_bool(0.5) {
                fs::remove_file(self.home.at("cache").join(digest(contents))).ok();
            }
        }
    }
}

#[test]
fn a_fetch_that_is_killed_leaves_only_whole_files() {
    let original = Original::start();
    let mut files = vec![("pkg.tar.gz".to_owned(), archive())];
    files.extend((0..6).map(|number| {
        let name = format!("file-{number}");
        let contents = contents(&name, 100_000 << number);
        (name, contents)
    }));
    let records: Vec<Value> = files
        .iter()
        .map(|(name, contents)| {
            original.put(contents);
            with(
                record(name, contents),
                json!({"unpack": name == "pkg.tar.gz"}),
            )
        })
        .collect();
    let home = Home::new();
    home.manifest(&records);
    let words = ["fetch", "-c", "cache", "--url", &original.api.url()];
    let words = words.map(str::to_owned).to_vec();
    let fetch = Fetch { home, files, words };
    let whole = measure(|| fetch.succeed());
    let (mut killed, mut starts) = (0, 0);
    while killed < ROUNDS {
        fetch.forget();
        starts += 1;
        assert!(
            starts < MOST_STARTS,
            "only {killed} of {starts} were killed"
        );
        killed += usize::from(kill_somewhere(fetch.command(), whole));
        fetch.is_whole();
        if starts % 5 == 0 {
            fetch.succeed();
        }
    }
    fetch.succeed();
}

#[test]
fn an_upload_that_is_killed_succeeds_the_next_time() {
    let original = Original::start();
    let home = Home::new()
        .with_env("TASKCLUSTER_CLIENT_ID", "demo/engineer")
        .with_env("TASKCLUSTER_ACCESS_TOKEN", "key");
    let url = original.api.url();
    let words = ["upload", "--message=m", "--wait", "--url", &url];
    let files = |round: usize| {
        (0..4).map(move |number| {
            let name = format!("file-{number}");
            let contents = contents(&format!("{name} of {round}"), 100_000 << number);
            (name, contents)
        })
    };
    let prepare = |round| {
        let mut records = Vec::new();
        for (name, contents) in files(round) {
            home.write(&name, &contents);
            records.push(with(
                record(&name, &contents),
                json!({"visibility": "public"}),
            ));
        }
        home.manifest(&records);
    };
    let succeed = |round| {
        let run = home.run(&words);
        assert_eq!(run.status, 0, "{}", run.stderr);
        for (name, contents) in files(round) {
            assert!(original.has(&contents), "{name}");
        }
    };
    prepare(0);
    let whole = measure(|| succeed(0));
    let (mut killed, mut round) = (0, 0);
    while killed < ROUNDS {
        round += 1;
        assert!(round < MOST_STARTS, "only {killed} of {round} were killed");
        prepare(round);
        killed += usize::from(kill_somewhere(home.command(&words), whole));
        assert!(original.is_sound());
        succeed(round);
    }
}
