// SPDX-License-Identifier: MPL-2.0
//! What people at a terminal see: standard error is a pseudo-terminal here.

use std::{
    fs::File,
    io::Read as _,
    process::{Child, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::{
    home::{Home, record},
    server::{Answer, Gate, Server},
};

const PATIENCE: Duration = Duration::from_secs(30);
const MIB: usize = 1024 * 1024;

/// A client whose standard error is a terminal, and what it has written there so far.
struct Session {
    child: Child,
    text: String,
    more: Receiver<Vec<u8>>,
}

impl Session {
    fn start(home: &Home, words: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let mut command = home.command(words);
        if command.get_envs().all(|(name, _)| name != "TERM") {
            command.env("TERM", "xterm");
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(terminal)
            .spawn()
            .unwrap();
        // The command holds the other end; the reader would never see its end.
        drop(command);
        let (sender, more) = channel();
        thread::spawn(move || {
            let mut master = File::from(master);
            let mut chunk = [0; 4096];
            // At its end a terminal gives an error and not an end.
            while let Ok(count @ 1..) = master.read(&mut chunk) {
                if sender.send(chunk[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            text: String::new(),
            more,
        }
    }

    fn wait_for(&mut self, parts: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        while !parts.iter().all(|part| self.text.contains(part)) {
            let rest = deadline.saturating_duration_since(Instant::now());
            let more = self.more.recv_timeout(rest);
            let more = more.unwrap_or_else(|_| panic!("{parts:?} did not come: {}", self.text));
            self.text.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// Returns the exit status and all that was written.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        while let Ok(more) = self.more.recv_timeout(PATIENCE) {
            self.text.push_str(&String::from_utf8_lossy(&more));
        }
        (status.code(), self.text)
    }
}

/// A server that stops in the middle of the body until the gate is opened.
fn half_way() -> (Server, Arc<Gate>, Vec<u8>) {
    let (gate, body) = (Arc::<Gate>::default(), vec![7; 2 * MIB]);
    let (answer_gate, answer_body) = (Arc::clone(&gate), body.clone());
    let server = Server::start(move |_, _| {
        Answer::new(200, answer_body.clone()).gate_after(MIB, &answer_gate)
    });
    (server, gate, body)
}

#[test]
fn a_download_shows_a_bar_for_the_file_and_one_for_the_total() {
    let (server, gate, body) = half_way();
    let home = Home::new();
    home.write("here", "here");
    home.manifest(&[record("clang.tar.zst", &body), record("here", "here")]);
    let mut session = Session::start(&home, &["fetch", "--url", &server.url()]);
    session.wait_for(&[
        "clang.tar.zst          [=",
        "1.00 MiB/2.00 MiB",
        "1 of 2 files",
    ]);
    gate.open();
    let (status, text) = session.end();
    assert_eq!(status, Some(0), "{text}");
    let line = format!("INFO - fetching 'clang.tar.zst' from {}\r\n", server.url());
    assert!(text.contains(&line), "{text}");
    assert!(std::fs::read(home.at("clang.tar.zst")).unwrap() == body);
}

#[test]
fn an_upload_shows_them_too() {
    let (gate, contents) = (Arc::<Gate>::default(), vec![7; MIB]);
    let waiting = Arc::clone(&gate);
    let server = crate::upload::server(&[], move |request, _| {
        if request.method == "PUT" {
            // The bytes are there, the answer is not.
            waiting.pass();
        }
        None
    });
    let home = Home::new();
    home.write("clang.tar.zst", &contents);
    let public = serde_json::json!({"visibility": "public"});
    home.manifest(&[crate::home::with(
        record("clang.tar.zst", &contents),
        public,
    )]);
    let words = ["upload", "--message=m", "--url", &server.url()];
    let mut session = Session::start(&home, &words);
    session.wait_for(&[
        "clang.tar.zst          [=",
        "1.00 MiB/1.00 MiB",
        "of 1 files",
    ]);
    gate.open();
    let (status, text) = session.end();
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("INFO - clang.tar.zst: uploaded\r\n"),
        "{text}"
    );
}

#[test]
fn quiet_shows_nothing_and_a_dumb_terminal_gets_plain_lines() {
    let server = Server::of(b"x");
    let home = Home::new();
    home.manifest(&[record("a", "x")]);
    let words = ["-q", "fetch", "--url", &server.url()];
    assert_eq!(
        Session::start(&home, &words).end(),
        (Some(0), String::new())
    );
    let home = Home::new().with_env("TERM", "dumb");
    home.manifest(&[record("a", "x")]);
    let line = format!("INFO - fetching 'a' from {}\r\n", server.url());
    assert_eq!(Session::start(&home, &words[1..]).end(), (Some(0), line));
}
