// SPDX-License-Identifier: MPL-2.0
//! How a service process starts, works and stops: one command line, one server loop with workers,
//! draining on SIGTERM and SIGINT.

mod cli;
mod open_files;
mod server;
mod small_pages;

pub use cli::{CommonCommand, Launch, ServeArgs, main, print, wait_for_stop};
pub use open_files::raise_open_files;
pub use server::{Server, Worker};
pub use small_pages::use_small_pages;

use std::future::Future;

use crate::clock::Clock;
use crate::config::{Common, Invalid, Source};
use crate::error::Result;
use crate::http::dockerflow::Dockerflow;
use crate::http::{Frame, Routes};

/// A request makes dozens of small allocations; with this allocator a service spends some per cent of
/// its time less on them than with glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name and defaults of a service.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Short name: `tooltool`, `treestatus`, `tecken`, `buildhub`.
    pub name: &'static str,
    /// Name of the binary: `releng-tooltool` and so on (D-1).
    pub binary: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// Port unless `PORT` says otherwise.
    pub port: u16,
    /// True when every setting is also read with the prefix `DJANGO_`.
    pub reads_django_names: bool,
}

impl Info {
    /// Returns a source with the defaults of this service.
    pub fn source(&self, source: Source) -> Source {
        let source = source
            .with_default("PORT", self.port.to_string())
            .with_default(
                "DATABASE_URL",
                format!("sqlite://$DATA_DIR/{}.db", self.name),
            );
        if self.reads_django_names {
            source.with_django_names()
        } else {
            source
        }
    }
}

/// A service: what the run loop, the tests and the all-in-one need to start it.
pub trait Service: Clone + Send + Sync + Sized + 'static {
    /// All settings of the service.
    type Settings: Clone + Send + Sync + 'static;

    /// Name and defaults.
    const INFO: Info;

    /// Reads the settings.
    ///
    /// # Errors
    /// The first setting that is wrong.
    fn settings(source: &Source) -> Result<Self::Settings, Invalid>;

    /// Returns the shared part of the settings.
    fn common(settings: &Self::Settings) -> &Common;

    /// Brings the database up to date.
    fn migrate(settings: &Self::Settings) -> impl Future<Output = Result<()>> + Send;

    /// Opens databases, stores and caches.
    fn open(settings: Self::Settings, clock: Clock) -> impl Future<Output = Result<Self>> + Send;

    /// Returns the frame around every request.
    fn frame(&self) -> Frame;

    /// Returns the health checks.
    fn dockerflow(&self) -> Dockerflow;

    /// Returns all routes, Dockerflow included.
    fn routes(&self) -> Routes;

    /// Adds app data and whatever is not a plain route (the local store).
    fn configure(&self, config: &mut actix_web::web::ServiceConfig);

    /// Returns the error for an unknown path.
    fn path_not_found() -> crate::error::Error {
        crate::error::Error::not_found(crate::http::problem::PATH_NOT_FOUND)
    }

    /// Checks what only the background work needs, before it starts.
    ///
    /// # Errors
    /// The first setting that it cannot work with.
    fn check_workers(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the background work of this process.
    fn workers(&self) -> Vec<Worker>;

    /// Returns the work that every serving process needs, also where workers run elsewhere: a
    /// projection of the database that answers come from.
    fn companions(&self) -> Vec<Worker> {
        Vec::new()
    }

    /// Returns the OpenAPI document as JSON text, ending in a newline.
    fn openapi() -> String;
}
