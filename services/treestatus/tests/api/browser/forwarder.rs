// SPDX-License-Identifier: MPL-2.0
//! A road between a browser and the service that can be cut and mended.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Hands connections on until it is cut; the port stays the same.
pub(super) struct Forwarder {
    address: SocketAddr,
    road: Arc<Mutex<Road>>,
}

#[derive(Default)]
struct Road {
    is_cut: bool,
    is_over: bool,
    open: Vec<TcpStream>,
}

impl Forwarder {
    /// Begins to hand on to a base address.
    pub(super) fn to(target: &str) -> Self {
        let target: SocketAddr = target.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let road = Arc::new(Mutex::new(Road::default()));
        let shared = Arc::clone(&road);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut road = shared.lock().unwrap();
                if road.is_over {
                    return;
                }
                if road.is_cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(target) else {
                    continue;
                };
                let _ = hand_on(&client, &server);
                let _ = hand_on(&server, &client);
                road.open.extend([client, server]);
            }
        });
        Self { address, road }
    }

    /// Returns the base address for clients.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends all connections and refuses new ones.
    pub(super) fn cut(&self) {
        let mut road = self.road.lock().unwrap();
        road.is_cut = true;
        for stream in road.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Hands on again.
    pub(super) fn mend(&self) {
        self.road.lock().unwrap().is_cut = false;
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.cut();
        self.road.lock().unwrap().is_over = true;
        // The thread wakes up and ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn hand_on(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    Ok(())
}
