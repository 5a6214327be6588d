// SPDX-License-Identifier: MPL-2.0
//! The command line that the four service binaries share (operations.md).

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, FromArgMatches as _, Subcommand};

use super::{Server, Service};
use crate::clock::Clock;
use crate::config::{Common, Invalid, Source};
use crate::error::{Error, Kind, Result};
use crate::telemetry::{self, logging::Format};

/// Commands of every service.
#[derive(Clone, Debug, Subcommand)]
pub enum CommonCommand {
    /// Answer requests (the default command)
    Serve(ServeArgs),
    /// Bring the database up to date and end
    Migrate,
    /// Show the effective settings, secrets masked
    Config,
    /// Print the OpenAPI document
    Openapi,
    /// End with status 0 if the local instance answers
    Healthcheck,
}

/// Options of `serve`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ServeArgs {
    /// Also run the background work (always so with SQLite)
    #[arg(long)]
    pub with_worker: bool,
    /// Run pending migrations first (always so with SQLite)
    #[arg(long)]
    pub migrate: bool,
}

/// What the main function of a service hands over: its own commands.
pub trait Launch: Service {
    /// The commands that only this service has.
    type Command: Subcommand;

    /// Runs one of them. Results go to stdout.
    fn run(
        settings: Self::Settings,
        command: Self::Command,
    ) -> impl Future<Output = Result<()>> + Send;
}

#[derive(Subcommand)]
enum Command<C: Subcommand> {
    #[command(flatten)]
    Common(CommonCommand),
    #[command(flatten)]
    Own(C),
}

/// Parses the command line, runs the command and returns the exit status: 0 done, 1 failed, 2 wrong
/// usage or settings.
pub fn main<S: Launch>() -> ExitCode {
    super::use_small_pages();
    // Two crypto providers are in the dependency graph; rediss:// asks for "the default" and would panic.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = clap::Command::new(S::INFO.binary)
        .about(S::INFO.about)
        .version(env!("CARGO_PKG_VERSION"))
        .arg(
            clap::Arg::new("config")
                .long("config")
                .global(true)
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("TOML file with settings, below the environment"),
        );
    // The comments of the command types would replace what the service says of itself.
    let cli = Command::<S::Command>::augment_subcommands(cli)
        .subcommand_required(false)
        .about(S::INFO.about)
        .long_about(None);
    let matches = cli.get_matches();
    let file = matches.get_one::<PathBuf>("config").cloned();
    let command = match matches.subcommand() {
        None => Command::Common(CommonCommand::Serve(ServeArgs::default())),
        Some(_) => match Command::from_arg_matches(&matches) {
            Ok(command) => command,
            Err(error) => error.exit(),
        },
    };
    match load::<S>(file) {
        Ok((source, settings)) => run::<S>(&source, settings, command),
        Err(invalid) => usage(&invalid.to_string()),
    }
}

fn usage(line: &str) -> ExitCode {
    complain(line);
    ExitCode::from(2)
}

/// Writes one line, also where a library puts several into its texts, as libpq does.
fn complain(text: &str) {
    let line: Vec<&str> = text.split_whitespace().collect();
    let _ = writeln!(std::io::stderr(), "error: {}", line.join(" "));
}

fn load<S: Service>(file: Option<PathBuf>) -> Result<(Source, S::Settings), Invalid> {
    let mut source = S::INFO.source(Source::from_environment());
    if let Some(path) = file {
        source = source.with_file(&path)?;
    }
    let settings = S::settings(&source)?;
    source.finish()?;
    Ok((source, settings))
}

fn run<S: Launch>(
    source: &Source,
    settings: S::Settings,
    command: Command<S::Command>,
) -> ExitCode {
    let common = S::common(&settings).clone();
    let prepared = Format::parse(common.log_format.as_deref())
        .and_then(|format| telemetry::init_logging(S::INFO.name, format, &common.log_level))
        .and_then(|()| telemetry::install_metrics(&common));
    if let Err(invalid) = prepared {
        return usage(&invalid.to_string());
    }
    for doubt in source.doubts() {
        tracing::warn!("{doubt}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return usage(&format!("no async runtime: {error}")),
    };
    let result = runtime.block_on(async {
        match command {
            Command::Common(CommonCommand::Serve(args)) => serve::<S>(settings, args).await,
            Command::Common(CommonCommand::Migrate) => migrate::<S>(&settings).await,
            Command::Common(CommonCommand::Config) => print(&effective(source)),
            Command::Common(CommonCommand::Openapi) => print(&S::openapi()),
            Command::Common(CommonCommand::Healthcheck) => healthcheck(&common).await,
            Command::Own(command) => S::run(settings, command).await,
        }
    });
    // Blocking jobs that still run must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    telemetry::Metrics.flush();
    telemetry::flush_logs();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == Kind::InvalidInput => usage(&error.chain()),
        Err(error) => {
            complain(&error.chain());
            ExitCode::FAILURE
        }
    }
}

/// Writes a result to stdout. A reader that has gone away is not our failure.
///
/// # Errors
/// Stdout cannot be written.
pub fn print(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::internal("stdout cannot be written").with_source(error))
        }
        _ => Ok(()),
    }
}

fn effective(source: &Source) -> String {
    let settings = source.effective();
    let width = settings
        .iter()
        .map(|s| s.name.len())
        .max()
        .unwrap_or_default();
    settings
        .into_iter()
        .map(|s| format!("{:width$}  {}  ({})\n", s.name, s.shown, s.origin))
        .collect()
}

/// Brings the database up to date. Where everything starts at once, the database server may be the
/// last to answer: that is waited for, within bounds.
async fn migrate<S: Service>(settings: &S::Settings) -> Result<()> {
    let bound = Duration::from_secs(S::common(settings).database_wait_secs);
    let deadline = tokio::time::Instant::now().checked_add(bound);
    let mut is_told = false;
    loop {
        match S::migrate(settings).await {
            Err(error)
                if error.kind() == Kind::Unavailable
                    && deadline.is_none_or(|end| tokio::time::Instant::now() < end) =>
            {
                if !is_told {
                    tracing::warn!(cause = error.chain(), "waiting for the database");
                }
                is_told = true;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            result => return result,
        }
    }
}

async fn serve<S: Service>(settings: S::Settings, args: ServeArgs) -> Result<()> {
    let is_embedded = S::common(&settings).is_embedded();
    let reports_nowhere = S::common(&settings).sentry_dsn.is_some();
    let mut stop = std::pin::pin!(wait_for_stop());
    if is_embedded || args.migrate {
        tokio::select! {
            migrated = migrate::<S>(&settings) => migrated?,
            stopped = &mut stop => return stopped,
        }
    }
    let server =
        Server::start::<S>(settings, Clock::system(), is_embedded || args.with_worker).await?;
    if reports_nowhere {
        tracing::warn!("SENTRY_DSN is set, and this version reports nothing to Sentry");
    }
    tracing::info!(address = %server.address(), "{} listens on http://{}", S::INFO.name, server.address());
    stop.await?;
    tracing::info!("stopping: running requests may finish");
    server.stop().await;
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
/// The handlers cannot be installed.
pub async fn wait_for_stop() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let install =
        |kind| signal(kind).map_err(|e| Error::internal("no signal handler").with_source(e));
    let mut terminate = install(SignalKind::terminate())?;
    let mut interrupt = install(SignalKind::interrupt())?;
    let mut upkeep = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = upkeep.tick() => telemetry::Metrics.upkeep(),
        }
    }
}

/// Asks the local instance for its `/__lbheartbeat__`.
async fn healthcheck(common: &Common) -> Result<()> {
    let host = match common.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "::1",
        host => host.trim_start_matches('[').trim_end_matches(']'),
    };
    let host = match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    };
    let url = format!("http://{host}:{}/__lbheartbeat__", common.port);
    let silent =
        |e: reqwest::Error| Error::unavailable(format!("{url} does not answer")).with_source(e);
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .build()
        .map_err(silent)?;
    client
        .get(&url)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(silent)?;
    Ok(())
}
