// SPDX-License-Identifier: MPL-2.0
//! A small HTTP server on a free loopback port, in threads of its own, for the life of a value.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

/// A bound port that nobody serves yet: an app may need its own address first.
pub(crate) struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

/// A running server. Dropping it ends all its connections and frees the port.
pub(crate) struct Server {
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    /// Binds a free port of the loopback interface.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn open() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns the address as the beginning of a URL, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves what `configure` mounts.
    ///
    /// # Errors
    /// No thread or no event loop can be made.
    pub(crate) fn serve<C>(self, configure: C) -> std::io::Result<Server>
    where
        C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        let (ready, started) = mpsc::channel();
        // A thread of its own: the server must answer while a test blocks its own event loop.
        let thread = std::thread::Builder::new()
            .name("fake".to_owned())
            .spawn(move || {
                actix_web::rt::System::new().block_on(async move {
                    let server = HttpServer::new(move || App::new().configure(configure.clone()))
                        .workers(1)
                        .disable_signals()
                        .listen(self.listener)
                        .map(HttpServer::run);
                    match server {
                        Ok(server) => {
                            let _ = ready.send(Ok(server.handle()));
                            let _ = server.await;
                        }
                        Err(error) => {
                            let _ = ready.send(Err(error));
                        }
                    }
                });
            })?;
        let handle = started.recv().map_err(std::io::Error::other)??;
        Ok(Server {
            handle,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is on its way as soon as `stop` returns; its future only waits for the end.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use actix_web::{HttpResponse, web};

    use super::*;

    #[tokio::test]
    async fn a_server_answers_until_it_is_dropped() {
        let port = Port::open().unwrap();
        let (url, address) = (port.url(), port.address);
        let server = port
            .serve(|cfg| {
                cfg.route(
                    "/",
                    web::get().to(|| async { HttpResponse::Ok().body("here") }),
                );
            })
            .unwrap();
        let client = reqwest::Client::new();
        let body = client.get(&url).send().await.unwrap().text().await.unwrap();
        assert_eq!(body, "here");
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
