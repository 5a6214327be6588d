// SPDX-License-Identifier: MPL-2.0
//! The composition root: settings become the parts that operations work with.

use std::sync::Arc;
use std::time::Duration;

use releng_common::auth::Authenticator;
use releng_common::http::Outside;
use releng_common::notify::Notify;
use releng_common::{Clock, Result};
use releng_db::{Db, Together};
use releng_events::{Publisher, pulse};

use crate::board::{Board, Stack};
use crate::domain::{Asked, Outcome, Permissions};
use crate::feed::Feed;
use crate::memory::Memory;
use crate::statuspage::Statuspage;
use crate::{Settings, repo};

/// Updates that share a transaction at most. Others that want one of their trees wait for all of them.
const UPDATES_TOGETHER: usize = 32;

/// Everything an operation may need.
pub struct State {
    /// The settings in force.
    pub settings: Settings,
    /// Where time comes from.
    pub clock: Clock,
    /// Trees, log and stack.
    pub db: Db,
    /// Updates that wait for their turn, by the trees that they change.
    pub updates: Together<Vec<String>, Asked, Outcome>,
    /// Verifies Hawk credentials.
    pub authenticator: Authenticator,
    /// The address that clients see.
    pub outside: Outside,
    /// Which scopes allow what.
    pub permissions: Permissions,
    /// All trees, with the answers about them.
    pub board: Memory<Board>,
    /// The remembered changes.
    pub stack: Memory<Stack>,
    /// The change feed of this process.
    pub feed: Feed,
    /// Who hears of changed trees while Pulse is off.
    pub publisher: Arc<dyn Publisher>,
    /// The message broker, when it is on.
    pub pulse: Option<Arc<pulse::Publisher>>,
    /// The page for closed trees, when it is on.
    pub statuspage: Option<Statuspage>,
    /// Mails about failures of Statuspage, when that is on and they can be sent.
    pub notify: Option<Notify>,
}

impl State {
    /// Opens everything that the settings name.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let db = Db::open(&settings.common)?
            .expecting(&repo::migrations())
            .settling();
        let limit = Duration::from_secs(settings.own.serve_stale_secs);
        let board = Memory::new("trees", &db, limit, |conn| {
            Ok(Board::new(repo::tree_list(conn)?))
        });
        let length = settings.own.max_list_length;
        let stack = Memory::new("stack", &db, limit, move |conn| {
            Ok(Stack::new(repo::change_list(conn, length)?))
        });
        let authenticator = Authenticator::open(&settings.common, clock.clone())?;
        let outside = Outside::open(&settings.common)?;
        let feed = Feed::new(settings.own.event_streams);
        let publisher = releng_events::open(&settings.own.events_url)?;
        let notices = &settings.notices;
        let broker = notices.broker.clone();
        let pulse = broker.map(|broker| Arc::new(pulse::Publisher::new(broker)));
        let (statuspage, notify) = (notices.statuspage()?, notices.notify()?);
        let permissions = Permissions::new(&settings.own.scope_prefixes);
        Ok(Self {
            settings,
            clock,
            db,
            updates: Together::new(UPDATES_TOGETHER),
            authenticator,
            outside,
            permissions,
            board,
            stack,
            feed,
            publisher,
            pulse,
            statuspage,
            notify,
        })
    }
}
