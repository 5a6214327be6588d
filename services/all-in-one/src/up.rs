// SPDX-License-Identifier: MPL-2.0
//! `releng up`: starts the home page with the stand-ins, then the four services, and stops them.

use std::io::Write as _;

use releng_buildhub::Buildhub;
use releng_common::config::Source;
use releng_common::run::{Server, Service, wait_for_stop};
use releng_common::{Clock, Error, Result};
use releng_tecken::Tecken;
use releng_tooltool::Tooltool;
use releng_treestatus::Treestatus;

use crate::accounts::{CLIENTS, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, TECKEN_ADMIN, TECKEN_UPLOADER};
use crate::cli::UpArgs;
use crate::demo;
use crate::home::{self, Entries, Entry, Home};
use crate::stand_ins::OIDC_PATH;

/// Names that every service reads from the environment as they are; all others need the prefix of
/// their service (`TECKEN_SYMBOL_URLS`), so that a `DATABASE_URL` meant for something else does no harm.
const SHARED_NAMES: [&str; 1] = ["AUTH_CLIENTS_FILE"];

/// Starts everything and returns after SIGTERM or SIGINT, when all has stopped.
///
/// # Errors
/// A port is taken, the data folder cannot be written, a setting is wrong.
pub async fn run(args: &UpArgs) -> Result<()> {
    make_folder(args)?;
    let entries = Entries::default();
    let (home, root) = start_home(args, &entries).await?;
    let port = |offset: u16| {
        if args.port_base == 0 {
            0
        } else {
            args.port_base + offset
        }
    };
    let with = |offset, scope| source(args, &root, port(offset), scope);
    // One after the other: together they would fight for the same two cores.
    let tooltool = start::<Tooltool>(with(10, "TOOLTOOL_")).await?;
    let treestatus = start::<Treestatus>(with(20, "TREESTATUS_")).await?;
    let tecken = start::<Tecken>(tecken_source(with(30, "TECKEN_"), &root)).await?;
    let buildhub = start::<Buildhub>(with(40, "BUILDHUB_")).await?;
    let list = list(&[&tooltool, &treestatus, &tecken, &buildhub]);
    banner(&root, &list);
    let _ = entries.set(list.clone());
    let loading = (!args.no_demo).then(|| {
        let source = tecken_source(with(30, "TECKEN_"), &root);
        tokio::spawn(demo::load(args.data.clone(), list, source))
    });

    wait_for_stop().await?;
    if let Some(loading) = loading {
        loading.abort();
    }
    let servers = [home, tooltool, treestatus, tecken, buildhub];
    futures_util::future::join_all(servers.map(Server::stop)).await;
    Ok(())
}

fn make_folder(args: &UpArgs) -> Result<()> {
    let folder = args.data.display();
    let cannot = |e: std::io::Error| {
        Error::invalid(format!("--data {folder}: cannot be written")).with_source(e)
    };
    std::fs::create_dir_all(&args.data).map_err(cannot)?;
    // A folder on a read-only disk can be there and still be of no use.
    let probe = args.data.join(".writable");
    std::fs::write(&probe, b"").map_err(cannot)?;
    std::fs::remove_file(&probe).map_err(cannot)
}

async fn start_home(args: &UpArgs, entries: &Entries) -> Result<(Server, String)> {
    let port = match args.port_base {
        0 => free_port(&args.host)?,
        port => port,
    };
    let root = format!("http://{}:{port}", url_host(&args.host));
    let source = Home::INFO
        .source(Source::from_pairs::<String, String>([]))
        .set("HOST", &*args.host)
        .set("PORT", port.to_string())
        .set("DATA_DIR", args.data.display().to_string())
        .set("WORKERS", "1");
    let settings = Home::settings(&source)?;
    let settings = home::Settings {
        root: root.clone(),
        entries: Entries::clone(entries),
        ..settings
    };
    let server = Server::start::<Home>(settings, Clock::system(), false).await?;
    Ok((server, root))
}

/// The stand-ins name their own address, so it must be known before they start.
fn free_port(host: &str) -> Result<u16> {
    let unusable =
        |e: std::io::Error| Error::invalid(format!("--host {host}: cannot listen")).with_source(e);
    let listener = std::net::TcpListener::bind((host, 0)).map_err(unusable)?;
    listener.local_addr().map(|a| a.port()).map_err(unusable)
}

fn url_host(host: &str) -> String {
    match host {
        // Stand-ins and demo data must reach it from this machine.
        "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    }
}

fn source(args: &UpArgs, root: &str, port: u16, scope: &str) -> Source {
    let threads = "2";
    Source::from_environment()
        .scoped(scope, &SHARED_NAMES)
        .with_default("TASKCLUSTER_ROOT_URL", root)
        .set("HOST", &*args.host)
        .set("PORT", port.to_string())
        .set("DATA_DIR", args.data.display().to_string())
        .with_default("WORKERS", threads)
}

fn tecken_source(source: Source, root: &str) -> Source {
    let oidc = format!("{root}{OIDC_PATH}");
    source
        // The stand-in is no Auth0.
        .with_default("ENABLE_AUTH0_BLOCKED_CHECK", "false")
        .with_default("OIDC_RP_CLIENT_ID", OIDC_CLIENT_ID)
        .with_default("OIDC_RP_CLIENT_SECRET", OIDC_CLIENT_SECRET)
        .with_default(
            "OIDC_OP_AUTHORIZATION_ENDPOINT",
            format!("{oidc}/authorize"),
        )
        .with_default("OIDC_OP_TOKEN_ENDPOINT", format!("{oidc}/oauth/token"))
        .with_default("OIDC_OP_USER_ENDPOINT", format!("{oidc}/userinfo"))
}

async fn start<S: Service>(source: Source) -> Result<Server> {
    let source = S::INFO.source(source);
    let settings =
        S::settings(&source).map_err(|e| Error::invalid(format!("{}: {e}", S::INFO.name)))?;
    for doubt in source.doubts() {
        tracing::warn!("{}: {doubt}", S::INFO.name);
    }
    S::migrate(&settings).await?;
    Server::start::<S>(settings, Clock::system(), true).await
}

fn list(servers: &[&Server; 4]) -> Vec<Entry> {
    type About = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
    );
    let about: [About; 4] = [
        (
            "tooltool",
            "Build inputs by SHA-512",
            &[("Search", "/"), ("API", "/swagger.json")],
        ),
        (
            "treestatus",
            "Which trees are open",
            &[("Trees", "/static/ui"), ("API", "/swagger.json")],
        ),
        (
            "tecken",
            "Symbols for crash stacks",
            &[("Start", "/"), ("Try symbolication", "/symbolication")],
        ),
        (
            "buildhub",
            "Every build, searchable",
            &[("Search", "/"), ("Records", "/api/records")],
        ),
    ];
    about
        .into_iter()
        .zip(servers)
        .map(|((name, about, links), server)| {
            let address = server.address();
            let host = url_host(&address.ip().to_string());
            Entry {
                name,
                about,
                address: format!("http://{host}:{}", address.port()),
                links,
            }
        })
        .collect()
}

/// Prints where everything is, one line per address.
fn banner(root: &str, entries: &[Entry]) {
    let mut text = String::from(
        "This is a development set-up: demo accounts with keys that everybody knows.\n\n",
    );
    text.push_str(&format!("  {:<12}{root}/\n", "home"));
    for entry in entries {
        text.push_str(&format!("  {:<12}{}/\n", entry.name, entry.address));
    }
    text.push_str("\nTaskcluster clients (client id, access token):\n");
    for client in &CLIENTS {
        text.push_str(&format!(
            "  {:<22}{:<28}{}\n",
            client.id, client.token, client.about
        ));
    }
    text.push_str(&format!(
        "tecken sign-in: {TECKEN_ADMIN}, {TECKEN_UPLOADER}\n\nReady. Ctrl-C stops.\n"
    ));
    let mut out = std::io::stdout().lock();
    // A closed terminal does not stop the services.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
