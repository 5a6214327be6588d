// SPDX-License-Identifier: MPL-2.0
//! The download of one file: URL after URL, attempt after attempt.

use std::path::Path;

use super::{Context, Wanted, attempt::Failure, partial::Partial};
use crate::server_urls::ServerUrl;

impl Context {
    /// Downloads, verifies and publishes a file.
    pub(super) async fn download(&self, wanted: &Wanted, target: &Path) -> Result<(), String> {
        let local = |error: std::io::Error| format!("cannot write the file: {error}");
        let progress = self.log.progress();
        let bar = progress.file(&wanted.record.filename, wanted.expected.size);
        let mut partial = Partial::new(target, bar).map_err(local)?;
        for server in &self.options.servers {
            match self.ask_server(server, wanted, &mut partial).await {
                Ok(()) => return partial.publish(target).map_err(local),
                Err(Failure::Local(error)) => return Err(local(error)),
                Err(Failure::Later { reason, .. } | Failure::Final { reason }) => {
                    let name = &wanted.record.filename;
                    self.log.warning(format_args!(
                        "cannot fetch '{name}' from {server}: {reason}"
                    ));
                }
            }
            // Another server may have other bytes under this name.
            partial.restart().map_err(local)?;
        }
        Err(match self.options.servers.len() {
            1 => "could not be fetched".to_owned(),
            count => format!("could not be fetched from any of {count} servers"),
        })
    }

    async fn ask_server(
        &self,
        server: &ServerUrl,
        wanted: &Wanted,
        partial: &mut Partial,
    ) -> Result<(), Failure> {
        let name = &wanted.record.filename;
        let pace = self.transport.pace;
        let url = server.file(&wanted.expected.digest, self.options.region.as_deref());
        self.log
            .info(format_args!("fetching '{name}' from {server}"));
        for attempt in 1.. {
            match self.attempt(&url, wanted, partial).await {
                Err(Failure::Later { reason, asked }) if attempt < pace.tries => {
                    let pause = pace.pause(attempt, asked);
                    self.log.warning(format_args!(
                        "attempt {attempt} of {} for '{name}' failed: {reason}; next in {:.1} seconds",
                        pace.tries,
                        pause.as_secs_f64()
                    ));
                    tokio::time::sleep(pause).await;
                }
                outcome => return outcome,
            }
        }
        Ok(())
    }
}
