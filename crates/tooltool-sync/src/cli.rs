// SPDX-License-Identifier: MPL-2.0
//! The command line: from words to an exit status. 0 is a run that could be done, whatever became
//! of the packages; 1 is a directory that cannot be used; 2 is wrong usage or configuration.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser;
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, log::Log, run, stamp::Clock};

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
/// A name that hangs in the resolver must not keep the program from ending.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// Publishes what uploaders have brought into their folders.
///
/// Looks once through the upload root and ends, as a cron job does; with --interval it stays and
/// looks again and again.
#[derive(Debug, Parser)]
#[command(
    name = "tooltool-sync",
    version,
    after_help = "Exit status: 0 done, 1 a directory of the configuration cannot be used, \
                  2 wrong usage or configuration."
)]
struct Options {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "config.json")]
    config: PathBuf,
    /// What has been published, mails that wait, the lock; created if missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    state_dir: PathBuf,
    /// Look once and end, which is the default
    #[arg(long, conflicts_with = "interval")]
    once: bool,
    /// Stay, and look again this long after the end of each run, until SIGTERM or SIGINT
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    interval: Option<u64>,
    #[arg(
        long,
        value_name = "FILE",
        help = "The log; \"-\" is standard error [default: tooltool_sync.log in the state directory]"
    )]
    log: Option<PathBuf>,
}

/// Runs a command line (the first word is the program) and returns the exit status.
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let options = match Options::try_parse_from(words) {
        Ok(options) => options,
        Err(error) => {
            // Help goes to standard output, complaints to standard error, as clap knows.
            error.print().ok();
            return if error.use_stderr() { WRONG_USAGE } else { 0 };
        }
    };
    let clock = Clock::system();
    let log = log(&options, clock);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            log.critical(error);
            return FAILED;
        }
    };
    let stop = CancellationToken::new();
    if let Err(error) = listen(&runtime, &stop) {
        log.critical(error);
        return FAILED;
    }
    let status = work(&options, clock, &log, &stop, &runtime);
    runtime.shutdown_timeout(LEFTOVERS);
    status
}

fn log(options: &Options, clock: Clock) -> Log {
    let path = match &options.log {
        Some(path) if path == Path::new("-") => return Log::stderr(clock),
        Some(path) => path.clone(),
        // Created here because the log comes before everything else; an error shows again when
        // the state directory is opened.
        None => {
            std::fs::create_dir_all(&options.state_dir).ok();
            options.state_dir.join("tooltool_sync.log")
        }
    };
    Log::file(&path, clock).unwrap_or_else(|error| {
        let log = Log::stderr(clock);
        log.error(format_args!("{}: {error}", path.display()));
        log
    })
}

/// SIGTERM and SIGINT end the program between two steps.
fn listen(runtime: &Runtime, stop: &CancellationToken) -> std::io::Result<()> {
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    // Ends with the runtime.
    runtime.spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

fn work(
    options: &Options,
    clock: Clock,
    log: &Log,
    stop: &CancellationToken,
    runtime: &Runtime,
) -> u8 {
    let status = once(options, clock, log, stop, runtime);
    let Some(interval) = options.interval.map(Duration::from_secs) else {
        return status;
    };
    if status != 0 {
        return status;
    }
    log.info(format_args!("looking every {} seconds", interval.as_secs()));
    loop {
        let is_time = runtime.block_on(async {
            tokio::select! {
                () = stop.cancelled() => false,
                () = tokio::time::sleep(interval) => true,
            }
        });
        if !is_time {
            log.info("stopped");
            return 0;
        }
        // What breaks later may be whole again the next time, as a mount; it has been logged.
        once(options, clock, log, stop, runtime);
    }
}

/// Reads the configuration and runs once.
fn once(
    options: &Options,
    clock: Clock,
    log: &Log,
    stop: &CancellationToken,
    runtime: &Runtime,
) -> u8 {
    let config = match Config::load(&options.config) {
        Ok(config) => config,
        Err(problems) => {
            problems.iter().for_each(|problem| log.critical(problem));
            log.critical("Invalid configuration file");
            return WRONG_USAGE;
        }
    };
    match run::run(&config, &options.state_dir, clock, log, stop, runtime) {
        Ok(()) => 0,
        Err(error) => {
            log.critical(error);
            FAILED
        }
    }
}
