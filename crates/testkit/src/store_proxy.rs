// SPDX-License-Identifier: MPL-2.0
//! Stands between a service and a real S3 server and spoils what passes: slow, cut, garbled, silent.
//! It counts requests as well, so that a test can tell how often an object was read.
//!
//! Signatures hold, because the `Host` that the service signs is passed on as it is.

mod exchange;
mod fault;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::exchange::Exchange;
pub use self::fault::Fault;

/// Most requests that are remembered.
const MAX_SEEN: usize = 200_000;

/// A running proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct StoreProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    upstream: String,
    record: Mutex<Record>,
    /// Counts the calls of [`StoreProxy::heal`]; each sets free what is held.
    healed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Record {
    rules: Vec<Rule>,
    /// Methods and targets of all requests.
    seen: Vec<String>,
    holding: usize,
}

#[derive(Debug)]
struct Rule {
    method: String,
    part: String,
    fault: Fault,
    /// Requests that it still applies to; `None`: all.
    left: Option<usize>,
}

impl StoreProxy {
    /// Starts a proxy before the server at `upstream` (`http://host:port`).
    ///
    /// # Panics
    /// When there is no port or no thread.
    pub fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket option");
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/');
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            record: Mutex::default(),
            healed: watch::Sender::new(0),
        });
        let stop = CancellationToken::new();
        let (serving, until) = (Arc::clone(&shared), stop.clone());
        let (ready, started) = mpsc::channel();
        // A thread of its own: it must go on while a test waits for a process.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("an event loop");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let _ = ready.send(());
                tokio::select! {
                    () = until.cancelled() => {}
                    () = accept(listener, serving) => {}
                }
            });
        });
        started.recv().expect("the proxy starts");
        Self {
            address,
            shared,
            stop,
            thread: Some(thread),
        }
    }

    /// Returns the address, as a setting for the service.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Spoils requests of a method whose target contains `part`, the next `times` or all. The rule that
    /// was made first counts.
    pub fn spoil(&self, method: &str, part: &str, fault: Fault, times: Option<usize>) {
        self.shared.record().rules.push(Rule {
            method: method.to_owned(),
            part: part.to_owned(),
            fault,
            left: times,
        });
    }

    /// Ends all spoiling and lets go what is held.
    pub fn heal(&self) {
        self.shared.record().rules.clear();
        self.shared.healed.send_modify(|count| *count += 1);
    }

    /// Returns how many requests of a method had a target that contains `part`.
    pub fn hits(&self, method: &str, part: &str) -> usize {
        let record = self.shared.record();
        let is_meant = |line: &&String| {
            line.split_once(' ')
                .is_some_and(|(known, target)| known == method && target.contains(part))
        };
        record.seen.iter().filter(is_meant).count()
    }

    /// Returns how many requests are held now.
    pub fn holding(&self) -> usize {
        self.shared.record().holding
    }
}

impl Drop for StoreProxy {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request and returns what is to be done to it.
    fn judge(&self, method: &str, target: &str) -> Fault {
        let mut record = self.record();
        if record.seen.len() < MAX_SEEN {
            record.seen.push(format!("{method} {target}"));
        }
        let rule = record.rules.iter_mut().find(|rule| {
            rule.method == method && target.contains(&rule.part) && rule.left != Some(0)
        });
        let Some(rule) = rule else { return Fault::None };
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        rule.fault.clone()
    }

    /// Waits for the next [`StoreProxy::heal`].
    async fn hold(&self) {
        let mut healed = self.healed.subscribe();
        self.record().holding += 1;
        let _ = healed.changed().await;
        self.record().holding -= 1;
    }
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let mut running = tokio::task::JoinSet::new();
    loop {
        while running.try_join_next().is_some() {}
        if let Ok((client, _)) = listener.accept().await {
            let exchange = Exchange::new(client, Arc::clone(&shared));
            // A client or a server that goes away ends its own connection only.
            running.spawn(async move {
                let _ = exchange.run().await;
            });
        }
    }
}
