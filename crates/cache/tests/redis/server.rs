// SPDX-License-Identifier: MPL-2.0
//! The Redis servers that tests use: the one they are given, or one of their own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use releng_cache::{Cache, Options, RedisCache};
use tempfile::TempDir;

/// Returns the server that the tests are given. Without one they say so, or fail where one is
/// required.
pub fn given_url() -> Option<String> {
    let url = setting("TEST_REDIS_URL");
    if url.is_none() {
        not_exercised("TEST_REDIS_URL is unset");
    }
    url
}

/// Says that a test did not happen, or fails where it must.
pub fn not_exercised(reason: &str) {
    let required = setting("RELENG_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.contains("redis"),
        "redis is required, but {reason}"
    );
    #[expect(clippy::print_stdout, reason = "a test that is left out must be seen")]
    let say = || println!("redis: not exercised ({reason})");
    say();
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told of servers by their environment"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the given server, or one of the test's own that ends with the second part.
pub async fn any() -> Option<(String, Option<OwnServer>)> {
    if let Some(url) = setting("TEST_REDIS_URL") {
        return Some((url, None));
    }
    let server = OwnServer::start().await?;
    Some((server.url(), Some(server)))
}

/// A server that a test starts and ends as it likes. It forgets everything when it ends.
pub struct OwnServer {
    port: u16,
    process: Child,
    folder: TempDir,
}

impl OwnServer {
    /// Starts a server on a free port, or returns nothing when there is no program for it.
    pub async fn start() -> Option<Self> {
        // Another program may take the free port first; then the server ends and the next try has
        // another port.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let folder = tempfile::tempdir().unwrap();
            let Some(process) = launch(port, &folder) else {
                // A given server cannot be ended, but its wire can be cut: other tests do.
                if setting("TEST_REDIS_URL").is_none() {
                    not_exercised("there is no redis-server program");
                }
                return None;
            };
            let mut server = Self {
                port,
                process,
                folder,
            };
            if server.wait_until_up().await {
                return Some(server);
            }
        }
        panic!("redis-server does not start");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts the server anew on its old port.
    pub async fn start_again(&mut self) {
        self.process = launch(self.port, &self.folder).unwrap();
        assert!(
            self.wait_until_up().await,
            "redis-server does not start again"
        );
    }

    async fn wait_until_up(&mut self) -> bool {
        let cache = RedisCache::new(&self.url(), &Options::default()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline && self.process.try_wait().unwrap().is_none() {
            if cache.check().await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // It may have ended before; either way nothing of it stays.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn launch(port: u16, folder: &TempDir) -> Option<Child> {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}
