// SPDX-License-Identifier: MPL-2.0
//! A service binary as a process of its own, for tests that kill it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longest time that a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service process. It is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    address: String,
}

impl Process {
    /// Starts `binary serve` on a free port with its data in `folder` and waits until it listens.
    ///
    /// # Panics
    /// When it ends or stays silent: then the test has nothing to say.
    pub fn serve(binary: &str, folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::run(binary, &["serve"], folder, settings)
    }

    /// Starts the binary with arguments that make it listen, as [`Process::serve`] does.
    ///
    /// # Panics
    /// As [`Process::serve`] does.
    pub fn run(binary: &str, arguments: &[&str], folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary)
            .args(arguments)
            .env_clear()
            .env("DATA_DIR", folder)
            .env("PORT", "0")
            .env("LOG_FORMAT", "mozlog")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{binary} does not start: {e}"));
        let Some(stderr) = child.stderr.take() else {
            panic!("{binary} has no stderr")
        };
        let (found, address) = mpsc::channel();
        // The thread lives until the process closes its end: a full pipe must not stop the service.
        std::thread::spawn(move || {
            let mut lines = Vec::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    let _ = found.send(Ok(address));
                }
                lines.push(line);
                lines.truncate(200);
            }
            let _ = found.send(Err(lines.join("\n")));
        });
        match address.recv_timeout(PATIENCE) {
            Ok(Ok(address)) => Self { child, address },
            Ok(Err(log)) => panic!("{binary} ended before it listened:\n{log}"),
            Err(_) => {
                let _ = child.kill();
                panic!("{binary} does not listen");
            }
        }
    }

    /// Returns the base address, without a slash at the end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process as `kill -9` does and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the process to end as an operator does (SIGTERM) and returns its exit status.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn terminate(&mut self) -> ExitStatus {
        self.ask_to_end();
        self.wait()
    }

    /// Sends SIGTERM and does not wait.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn ask_to_end(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "no signal to {id}"
        );
    }

    /// Waits for the end and returns the exit status.
    ///
    /// # Panics
    /// When the process cannot be waited for.
    pub fn wait(&mut self) -> ExitStatus {
        let id = self.child.id();
        self.child
            .wait()
            .unwrap_or_else(|e| panic!("{id} cannot be waited for: {e}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Finds the address in the log line of the run loop.
fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listens on ")?;
    let end = rest
        .find(|c: char| c == '"' || c.is_whitespace())
        .unwrap_or(rest.len());
    rest.get(..end).map(str::to_owned)
}
