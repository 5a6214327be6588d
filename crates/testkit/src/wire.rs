// SPDX-License-Identifier: MPL-2.0
//! Stands between a service and any TCP server and lets through what a test wants: everything, no
//! connection, no byte, or no answer.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// What passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Everything, what was held included.
    All,
    /// Nothing, and connections are closed at once: the server is down.
    Closed,
    /// Connections stand, and every byte is held: the server hangs.
    Nothing,
    /// The server hears everything, and its answers are held.
    Questions,
}

/// A running wire. It ends when it is dropped.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    /// `None`: the end.
    passage: watch::Sender<Option<Passage>>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Starts a wire to the server of a URL with a port; returns the URL by the wire as well.
    ///
    /// # Panics
    /// As [`Wire::start`], and when the URL names no host and port.
    pub fn to_url(url: &str, passage: Passage) -> (Self, String) {
        let Ok(mut by_wire) = url::Url::parse(url) else {
            panic!("{url} is no URL");
        };
        let (Some(host), Some(port)) = (by_wire.host_str(), by_wire.port()) else {
            panic!("{url} names no host and port");
        };
        let wire = Self::start(&format!("{host}:{port}"), passage);
        // Loopback and a number suit every URL that has a host.
        let _ = by_wire.set_host(Some("127.0.0.1"));
        let _ = by_wire.set_port(Some(wire.port()));
        (wire, by_wire.into())
    }

    /// Starts a wire to a server, `host:port`.
    ///
    /// # Panics
    /// When the machine has no free loopback port or no thread left.
    pub fn start(server: &str, passage: Passage) -> Self {
        let (sender, receiver) = watch::channel(Some(passage));
        let open = || -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let server = server.to_owned();
            let thread = std::thread::Builder::new()
                .name("wire".to_owned())
                .spawn(move || runtime.block_on(serve(listener, server, receiver)))?;
            Ok((address, thread))
        };
        match open() {
            Ok((address, thread)) => Self {
                address,
                passage: sender,
                thread: Some(thread),
            },
            Err(error) => panic!("no wire to {server}: {error}"),
        }
    }

    /// Returns the port that clients connect to, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets through so much from now on, also on connections that stand.
    pub fn set(&self, passage: Passage) {
        self.passage.send_replace(Some(passage));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.passage.send_replace(None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Order = watch::Receiver<Option<Passage>>;

async fn serve(listener: TcpListener, server: String, order: Order) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(connect(client, server.clone(), order.clone()));
                }
            }
            () = until(order.clone(), Option::is_none) => return,
        }
    }
}

/// Waits until the order is so, or the wire is gone.
async fn until(mut order: Order, wanted: impl FnMut(&Option<Passage>) -> bool) {
    let _ = order.wait_for(wanted).await;
}

async fn connect(client: TcpStream, server: String, order: Order) {
    if let Ok(server) = TcpStream::connect(server).await {
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let is_closed = |passage: &Option<Passage>| matches!(passage, None | Some(Passage::Closed));
        tokio::select! {
            () = until(order.clone(), is_closed) => {}
            () = pass(from_client, to_server, order.clone(), true) => {}
            () = pass(from_server, to_client, order.clone(), false) => {}
        }
    }
}

/// Hands bytes on when they may pass. Questions go from the client to the server.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut order: Order,
    is_question: bool,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let may = |passage: &Option<Passage>| match passage {
            Some(Passage::All) => true,
            Some(Passage::Questions) => is_question,
            Some(Passage::Nothing | Passage::Closed) | None => false,
        };
        if order.wait_for(may).await.is_err() {
            return;
        }
        let bytes = buffer.get(..length).unwrap_or_default();
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::time::Duration;

    use super::*;

    /// Answers each byte with the same one.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
                });
            }
        });
        address
    }

    #[test]
    fn what_is_held_passes_later_and_a_closed_wire_ends_connections() {
        let wire = Wire::start(&echo().to_string(), Passage::All);
        let mut client = std::net::TcpStream::connect(("127.0.0.1", wire.port())).unwrap();
        let mut byte = [0];
        client.write_all(b"a").unwrap();
        client.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"a");
        for held in [Passage::Nothing, Passage::Questions] {
            wire.set(held);
            client.write_all(b"b").unwrap();
            client
                .set_read_timeout(Some(Duration::from_millis(50)))
                .unwrap();
            assert!(client.read_exact(&mut byte).is_err());
            wire.set(Passage::All);
            client.set_read_timeout(None).unwrap();
            client.read_exact(&mut byte).unwrap();
            assert_eq!(&byte, b"b");
        }
        wire.set(Passage::Closed);
        assert!(!matches!(client.read(&mut byte), Ok(1..)));
    }
}
