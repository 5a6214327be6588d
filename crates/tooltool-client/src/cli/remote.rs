// SPDX-License-Identifier: MPL-2.0
//! Commands that talk to servers: fetch, upload, change-visibility, delete.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    environment::{Environment, expand_home},
    local,
    options::Options,
};
use crate::{
    admin,
    api::Api,
    credentials::Credentials,
    digest::Sha512,
    fetch::{self, Cache},
    log::Log,
    retry::Pace,
    server_urls::ServerUrl,
    transport::{Timeouts, Transport},
    unpack, upload,
};

/// How long interrupted work may take to clean up.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) fn fetch(
    options: &Options,
    environment: &Environment,
    log: &Log,
) -> Result<bool, String> {
    let manifest = local::manifest(options, log)?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let fetch_options = fetch_options(options, environment, Arc::clone(&cancelled))?;
    let transport = transport(options, environment)?;
    let fetched = fetch::fetch(&manifest, fetch_options, transport, log.clone());
    match block_on(fetched, &cancelled)? {
        Err(error) => {
            for problem in error.0 {
                log.error(problem);
            }
            Ok(false)
        }
        Ok(failed) if failed.is_empty() => Ok(true),
        Ok(failed) => {
            log.error(format_args!(
                "The following files failed: '{}'",
                failed.join("', '")
            ));
            Ok(false)
        }
    }
}

fn fetch_options(
    options: &Options,
    environment: &Environment,
    cancelled: Arc<AtomicBool>,
) -> Result<fetch::Options, String> {
    let cache = local::cache_folder(options, environment);
    let setup_limit = Duration::from_secs(options.timeout_setup);
    Ok(fetch::Options {
        folder: local::working_folder(),
        manifest: options.manifest.clone(),
        names: options
            .files()
            .map(|name| name.to_string_lossy().into_owned())
            .collect(),
        servers: servers(options, environment)?,
        region: options.region.clone(),
        cache: cache.map(|folder| Cache::new(folder, options.link_cache)),
        jobs: options.jobs.into(),
        unsized_limit_bytes: options.limit_download,
        unpack: unpack::Options {
            size_limit_bytes: options.limit_unpacked,
            member_limit: options.limit_members,
            cancelled,
            ..unpack::Options::default()
        },
        setup: options.allow_setup.then_some(setup_limit),
    })
}

pub(super) fn upload(
    options: &Options,
    environment: &Environment,
    log: &Log,
) -> Result<bool, String> {
    let message = options
        .message
        .clone()
        .filter(|message| !message.is_empty());
    let message = message.ok_or("upload command requires a message")?;
    let manifest = local::manifest(options, log)?;
    let upload_options = upload::Options {
        folder: local::working_folder(),
        message,
        region: options.region.clone(),
        jobs: options.jobs.into(),
        wait: options
            .wait
            .then(|| Duration::from_secs(options.timeout_wait)),
    };
    let api = api(options, environment, log)?;
    let uploaded = upload::upload(&manifest, &upload_options, &api);
    outcome(block_on(uploaded, &AtomicBool::default())?)
}

pub(super) fn change_visibility(
    options: &Options,
    environment: &Environment,
    log: &Log,
) -> Result<bool, String> {
    let digest = digest(options, "change-visibility")?;
    let visibility = options.visibility.as_ref();
    let visibility = visibility.ok_or("change-visibility command requires a visibility option")?;
    let api = api(options, environment, log)?;
    let changed = admin::visibility_set(&api, &digest, visibility);
    outcome(block_on(changed, &AtomicBool::default())?)
}

pub(super) fn delete(
    options: &Options,
    environment: &Environment,
    log: &Log,
) -> Result<bool, String> {
    let digest = digest(options, "delete")?;
    let api = api(options, environment, log)?;
    outcome(block_on(
        admin::instances_delete(&api, &digest),
        &AtomicBool::default(),
    )?)
}

fn outcome<E: ToString>(result: Result<(), E>) -> Result<bool, String> {
    result.map(|()| true).map_err(|error| error.to_string())
}

fn digest(options: &Options, command: &str) -> Result<Sha512, String> {
    let text = options.digest.as_ref();
    let text = text.ok_or_else(|| format!("{command} command requires a digest option"))?;
    Sha512::parse(text).map_err(|error| format!("--digest '{text}': {error}"))
}

fn servers(options: &Options, environment: &Environment) -> Result<Vec<ServerUrl>, String> {
    if !options.url.is_empty() {
        return Ok(options.url.clone());
    }
    let default = ServerUrl::default_for(environment.host.as_deref(), environment.proxy.as_deref());
    Ok(vec![default.map_err(|error| error.to_string())?])
}

fn credentials(options: &Options, environment: &Environment) -> Result<Credentials, String> {
    let file = options.authentication_file.as_deref();
    match (file, &environment.client) {
        (Some(file), _) => load(&expand_home(file)),
        (None, Some((id, token))) => {
            Credentials::taskcluster(id, token, environment.certificate.as_deref())
                .map_err(|error| error.to_string())
        }
        (None, None) => Ok(Credentials::None),
    }
}

fn load(file: &Path) -> Result<Credentials, String> {
    Credentials::load(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn transport(options: &Options, environment: &Environment) -> Result<Transport, String> {
    let timeouts = Timeouts {
        connect: Duration::from_secs(options.timeout_connect),
        idle: Duration::from_secs(options.timeout_idle),
    };
    let pace = Pace {
        tries: options.tries,
        scale: environment.retry_scale,
    };
    Transport::new(credentials(options, environment)?, timeouts, pace)
        .map_err(|error| error.to_string())
}

fn api(options: &Options, environment: &Environment, log: &Log) -> Result<Api, String> {
    let transport = transport(options, environment)?;
    let mut servers = servers(options, environment)?.into_iter();
    let server = servers.next().ok_or("no server is configured")?;
    Ok(Api::new(transport, server, log.clone()))
}

/// Runs network work to its end or to the user's; temporary files are removed either way.
pub(super) fn block_on<T>(
    work: impl Future<Output = T>,
    cancelled: &AtomicBool,
) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = work => Ok(outcome),
            () = interrupt() => Err("interrupted".to_owned()),
        }
    });
    if outcome.is_err() {
        cancelled.store(true, Ordering::Relaxed);
        runtime.shutdown_timeout(FAREWELL);
    }
    outcome
}

#[cfg(unix)]
async fn interrupt() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        else => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
