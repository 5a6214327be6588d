// SPDX-License-Identifier: MPL-2.0
//! The commands of tecken beyond the shared ones. They run beside a running server (D-53).

mod indexes;
mod symbols;

use std::io::Write as _;
use std::sync::Arc;

use clap::Subcommand;
use releng_common::{Clock, Error, Result};
use releng_db::Db;
use tokio_util::sync::CancellationToken;

use crate::domain::User;
use crate::ops::{self, IndexJob, UserChange};
use crate::{Settings, State, worker};

/// What an operator may ask for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the background work
    Worker,
    /// Make the missing indexes of stored symbol files; may be stopped and started again
    BuildIndexes {
        /// Only files whose key begins so, below `SYMBOL_FILE_PREFIX`: `xul.pdb/`
        #[arg(long, default_value = "")]
        prefix: String,
        /// Files at the same time
        #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
        workers: u16,
    },
    /// Look into a symbol file or an index of one; needs no server
    Symbols {
        /// What to do
        #[command(subcommand)]
        what: symbols::Symbols,
    },
    /// Make somebody a superuser, or no longer one
    Superuser {
        /// E-mail address; asked for when absent
        email: Option<String>,
    },
    /// Create or change a user; active unless --inactive
    User {
        /// E-mail address
        email: String,
        /// Group to add, may be repeated
        #[arg(long = "group", value_name = "NAME")]
        groups: Vec<String>,
        /// Make a superuser
        #[arg(long)]
        superuser: bool,
        /// Make inactive
        #[arg(long)]
        inactive: bool,
    },
    /// Make a token and print it
    Token {
        /// E-mail address of its owner
        email: String,
        /// Permissions that it holds, such as `upload.upload_symbols`; may be repeated
        #[arg(long = "permission", value_name = "CODENAME", num_args = 1..)]
        permissions: Vec<String>,
        /// Days that it lives; negative makes an expired one
        #[arg(long, allow_negative_numbers = true)]
        days: Option<i64>,
        /// Note for its owner
        #[arg(long, default_value = "")]
        notes: String,
    },
}

/// Runs a command.
pub(crate) async fn run(settings: Settings, command: Command) -> Result<()> {
    if let Command::Symbols { what } = command {
        return symbols::run(what, settings.own.symbol_max.0).await;
    }
    let clock = Clock::system();
    // A new installation has no tables yet; with PostgreSQL `migrate` makes them.
    if settings.common.is_embedded() {
        ops::migrate(&settings.common.database_url).await?;
    }
    match command {
        Command::Worker => work(settings, clock).await,
        Command::BuildIndexes { prefix, workers } => {
            let workers = usize::from(workers);
            indexes::build(settings, clock, IndexJob { prefix, workers }).await
        }
        Command::Symbols { what } => symbols::run(what, settings.own.symbol_max.0).await,
        Command::Superuser { email } => {
            let email = match email {
                Some(email) => email,
                None => ask("Email: ")?,
            };
            let lines = ops::superuser_toggle(&Db::open(&settings.common)?, &clock, &email).await?;
            lines.iter().try_for_each(|line| print(line))
        }
        Command::User {
            email,
            groups,
            superuser,
            inactive,
        } => {
            let change = UserChange {
                groups,
                is_superuser: superuser,
                is_inactive: inactive,
            };
            let user = user(&settings, &email, change).await?;
            print(&format!("{} has the id {}", user.email, user.id))
        }
        Command::Token {
            email,
            permissions,
            days,
            notes,
        } => {
            let life = (days.unwrap_or(settings.own.token_days), notes);
            print(&token(&settings, &email, &permissions, life).await?)
        }
    }
}

/// Creates or changes a user, as the command does.
///
/// # Errors
/// `InvalidInput` for a bad address or an unknown group.
pub async fn user(settings: &Settings, email: &str, change: UserChange) -> Result<User> {
    ops::user_change(
        &Db::open(&settings.common)?,
        &Clock::system(),
        email,
        change,
    )
    .await
}

/// Makes a token that lives for some days and carries a note, as the command does.
///
/// # Errors
/// `InvalidInput` for an unknown user or permission.
pub async fn token(
    settings: &Settings,
    email: &str,
    permissions: &[String],
    life: (i64, String),
) -> Result<String> {
    let db = Db::open(&settings.common)?;
    ops::token_create(&db, &Clock::system(), email, permissions, life).await
}

async fn work(settings: Settings, clock: Clock) -> Result<()> {
    let state = Arc::new(Box::pin(State::open(settings, clock)).await?);
    let stop = CancellationToken::new();
    let working = tokio::spawn(worker::run(state, stop.child_token()));
    releng_common::run::wait_for_stop().await?;
    stop.cancel();
    working
        .await
        .map_err(|e| Error::internal("the worker failed").with_source(e))
}

fn ask(question: &str) -> Result<String> {
    let silent = |e: std::io::Error| Error::invalid("no email was given").with_source(e);
    let mut stderr = std::io::stderr();
    stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush())
        .map_err(silent)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(silent)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn print(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}")
        .map_err(|e| Error::internal("stdout cannot be written").with_source(e))
}
