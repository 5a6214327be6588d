// SPDX-License-Identifier: MPL-2.0
//! The command line of `releng` (operations.md).

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use releng_common::config::{Common, Source};
use releng_common::telemetry::{self, logging::Format};

use crate::{configuration, up};

#[derive(Parser)]
#[command(
    name = "releng",
    version,
    about = "All release engineering services in one process"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start all four services on embedded backends, for trying out and developing
    Up(UpArgs),
    /// Print a generated page of the book
    Docs {
        /// Which page
        page: Page,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Page {
    /// All settings of all services
    Configuration,
}

/// Options of `releng up`.
#[derive(Clone, Debug, Args)]
pub struct UpArgs {
    /// Folder with all data
    #[arg(long, default_value = "./data")]
    pub data: PathBuf,
    /// Port of the home page; the services follow at +10, +20, +30 and +40; 0 picks free ones
    #[arg(long, default_value_t = 8000)]
    pub port_base: u16,
    /// Address to listen on; only loopback without --i-know-this-is-a-demo
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Start without demo data
    #[arg(long)]
    pub no_demo: bool,
    /// Listen on an address that others can reach, with accounts whose keys everybody knows
    #[arg(long)]
    pub i_know_this_is_a_demo: bool,
}

impl UpArgs {
    fn check(&self) -> Result<(), String> {
        let is_loopback = self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !is_loopback && !self.i_know_this_is_a_demo {
            return Err(format!(
                "--host {}: this set-up has accounts whose keys everybody knows; it listens on \
                 loopback addresses only, unless --i-know-this-is-a-demo is given",
                self.host
            ));
        }
        if self.port_base > u16::MAX - 40 {
            return Err(format!(
                "--port-base {}: must be at most 65495",
                self.port_base
            ));
        }
        Ok(())
    }
}

/// Runs the command line; exit status 0 done, 1 failed, 2 wrong usage or settings.
pub fn main() -> ExitCode {
    releng_common::run::use_small_pages();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Cli::parse().command {
        Command::Up(args) => run_up(&args),
        Command::Docs {
            page: Page::Configuration,
        } => {
            let text = configuration::page();
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
    }
}

fn run_up(args: &UpArgs) -> ExitCode {
    if let Err(line) = args.check().and_then(|()| start_telemetry()) {
        let _ = writeln!(std::io::stderr(), "error: {line}");
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        let _ = writeln!(std::io::stderr(), "error: no async runtime");
        return ExitCode::FAILURE;
    };
    let result = runtime.block_on(up::run(args));
    runtime.shutdown_timeout(Duration::from_secs(1));
    telemetry::flush_logs();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let is_usage = error.kind() == releng_common::Kind::InvalidInput;
            let _ = writeln!(std::io::stderr(), "error: {}", error.chain());
            if is_usage {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// `LOG_FORMAT`, `LOG_LEVEL` and `STATSD_…` mean the same as for a single service, but the level is
/// `warn` unless set: the terminal belongs to the banner.
fn start_telemetry() -> Result<(), String> {
    let source = Source::from_environment().with_default("LOG_LEVEL", "warn");
    let common = Common::load(&source).map_err(|e| e.to_string())?;
    let format = Format::parse(common.log_format.as_deref()).map_err(|e| e.to_string())?;
    telemetry::init_logging("releng", format, &common.log_level).map_err(|e| e.to_string())?;
    telemetry::install_metrics(&common).map_err(|e| e.to_string())?;
    Ok(())
}
