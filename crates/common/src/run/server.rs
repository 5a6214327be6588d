// SPDX-License-Identifier: MPL-2.0
//! One running service: listener, actix server, workers, and how they stop.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use socket2::Socket;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::body::Patience;
use crate::http::dockerflow::{self, Dockerflow};
use crate::http::frame;
use crate::http::in_flight::InFlight;

/// Most threads that the setting may ask for.
const MAX_THREADS: usize = 512;
/// Seconds for the last bytes of answers after all requests are done. Idle connections end with them.
const LAST_BYTES_SECS: u64 = 1;
/// Pause between two looks at the running requests.
const LOOK: Duration = Duration::from_millis(20);
/// Looks in a row that must find none before the server stops.
const QUIET_LOOKS: u32 = 5;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A loop of background work. It must return soon after its token is cancelled.
pub struct Worker {
    name: &'static str,
    start: Box<dyn FnOnce(CancellationToken) -> Work + Send>,
}

impl Worker {
    /// Wraps an async function that works until the token is cancelled.
    pub fn new<F, Fut>(name: &'static str, start: F) -> Self
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self {
            name,
            start: Box::new(move |token| Box::pin(start(token))),
        }
    }
}

/// A started service.
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    workers: Vec<(&'static str, JoinHandle<()>)>,
    stop_workers: CancellationToken,
    dockerflow: Dockerflow,
    in_flight: InFlight,
    /// The listening socket once more, to close it while connections still work.
    socket: Socket,
    drain: Duration,
}

impl Server {
    /// Binds, opens and starts a service. Port 0 picks a free one.
    ///
    /// # Errors
    /// The address is taken or a backend cannot be opened.
    pub async fn start<S: Service>(
        settings: S::Settings,
        clock: Clock,
        with_workers: bool,
    ) -> Result<Self> {
        super::raise_open_files();
        let common = S::common(&settings).clone();
        let listener = bind(&common.host, common.port)?;
        let address = listener
            .local_addr()
            .map_err(|e| Error::internal("the listener has no address").with_source(e))?;
        let socket = listener
            .try_clone()
            .map_err(|e| Error::internal("the listener cannot be shared").with_source(e))?
            .into();
        let in_flight = InFlight::default();
        let service = S::open(settings, clock).await?;
        let dockerflow = service.dockerflow();
        let mut workers = service.companions();
        if with_workers {
            service.check_workers()?;
            workers.extend(service.workers());
        }
        if common.workers > MAX_THREADS {
            let text = format!("WORKERS: must be at most {MAX_THREADS}");
            return Err(Error::invalid(text));
        }
        let threads = match common.workers {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            n => n,
        };
        let server = HttpServer::new({
            let in_flight = in_flight.clone();
            let patience = Patience(Duration::from_secs(common.body_timeout_secs));
            move || app(service.clone(), in_flight.clone(), patience)
        })
        .workers(threads)
        .disable_signals()
        .shutdown_timeout(LAST_BYTES_SECS)
        .client_request_timeout(Duration::from_secs(common.request_head_timeout_secs))
        .keep_alive(Duration::from_secs(common.keep_alive_secs))
        .listen(listener)
        .map_err(|e| Error::internal("cannot listen").with_source(e))?
        .run();
        let handle = server.handle();
        let stop_workers = CancellationToken::new();
        let workers = workers
            .into_iter()
            .map(|w| (w.name, tokio::spawn((w.start)(stop_workers.child_token()))))
            .collect();
        Ok(Self {
            address,
            handle,
            serving: tokio::spawn(server),
            workers,
            stop_workers,
            dockerflow,
            in_flight,
            socket,
            drain: Duration::from_secs(common.shutdown_secs),
        })
    }

    /// Returns the address that the service listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Turns the heartbeat red, stops listening, finishes running requests, then stops the workers.
    pub async fn stop(self) {
        self.dockerflow.start_draining();
        self.in_flight.start_draining();
        self.handle.pause().await;
        // A paused listener lets clients in and then keeps them waiting: new ones must be refused.
        if let Err(error) = self.socket.shutdown(std::net::Shutdown::Read) {
            tracing::debug!(%error, "the listening socket was closed already");
        }
        let deadline = tokio::time::Instant::now() + self.drain;
        let _ = tokio::time::timeout_at(deadline, self.idle()).await;
        self.handle.stop(true).await;
        let _ = self.serving.await;
        self.stop_workers.cancel();
        for (name, worker) in self.workers {
            match tokio::time::timeout_at(deadline, worker).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(worker = name, %error, "worker failed"),
                Err(_) => tracing::warn!(worker = name, "worker did not stop in time"),
            }
        }
    }

    /// Waits until no request has been answered for a moment: one may be on its way into a connection
    /// that is open, and an answer on its way out.
    async fn idle(&self) {
        let mut quiet = 0;
        while quiet < QUIET_LOOKS {
            tokio::time::sleep(LOOK).await;
            quiet = if self.in_flight.count() == 0 {
                quiet + 1
            } else {
                0
            };
        }
    }

    /// Ends at once, as `kill -9` would for the clients; for tests.
    pub async fn abort(self) {
        for (_, worker) in &self.workers {
            worker.abort();
        }
        self.handle.stop(false).await;
    }
}

fn bind(host: &str, port: u16) -> Result<TcpListener> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    TcpListener::bind((host, port)).map_err(|e| {
        Error::new(
            crate::Kind::InvalidInput,
            format!("HOST, PORT: cannot listen on {host}:{port}: {e}"),
        )
    })
}

/// Builds the actix application of one service thread.
fn app<S: Service>(
    service: S,
    in_flight: InFlight,
    patience: Patience,
) -> App<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<actix_web::body::BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(in_flight)
        .app_data(patience)
        .app_data(web::Data::new(service.frame()))
        .app_data(web::Data::new(service.clone()))
        .configure(|config| {
            service.configure(config);
            dockerflow::install(config, service.routes());
        })
        .default_service(web::to(|| async {
            Err::<HttpResponse, _>(S::path_not_found())
        }))
        .wrap(from_fn(frame::middleware))
}
