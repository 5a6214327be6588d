// SPDX-License-Identifier: MPL-2.0
//! A running `releng up`, found by its banner.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

pub const BINARY: &str = env!("CARGO_BIN_EXE_releng");

pub struct Running {
    child: Child,
    pub banner: String,
}

impl Running {
    /// Starts on free ports and waits for `Ready`.
    pub fn start(data: &Path) -> Self {
        let mut child = Command::new(BINARY)
            .args(["up", "--port-base", "0", "--data"])
            .arg(data)
            .env_clear()
            // Uploads are verified when their address has expired.
            .env("TOOLTOOL_UPLOAD_EXPIRES_IN", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut banner = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !banner.contains("Ready.") {
            assert_ne!(
                lines.read_line(&mut banner).unwrap(),
                0,
                "ended early: {banner}"
            );
        }
        Self { child, banner }
    }

    /// Returns the address that the banner gives for a name, without a slash at the end.
    pub fn address(&self, name: &str) -> String {
        let line = self
            .banner
            .lines()
            .find(|l| l.trim_start().starts_with(name))
            .unwrap();
        line.split_whitespace()
            .last()
            .unwrap()
            .trim_end_matches('/')
            .to_owned()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
