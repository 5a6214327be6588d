// SPDX-License-Identifier: MPL-2.0
//! The composition root: settings become the parts that operations work with.

use std::sync::Arc;

use bytes::Bytes;
use releng_common::auth::Authenticator;
use releng_common::http::Outside;
use releng_common::notify::Notify;
use releng_common::{Clock, Result};
use releng_db::{Db, Fresh};
use releng_events::{Publisher, pulse};

use crate::Settings;
use crate::domain::Permissions;
use crate::feed::Feed;
use crate::statuspage::Statuspage;

/// Rendered answers kept at once: lists, and one per tree and generation.
const KEPT_ANSWERS: usize = 10_000;

/// Everything an operation may need.
pub struct State {
    /// The settings in force.
    pub settings: Settings,
    /// Where time comes from.
    pub clock: Clock,
    /// Trees, log and stack.
    pub db: Db,
    /// Verifies Hawk credentials.
    pub authenticator: Authenticator,
    /// The address that clients see.
    pub outside: Outside,
    /// Which scopes allow what.
    pub permissions: Permissions,
    /// Answers of public reads, as bytes, dropped with every commit (D-54).
    pub answers: Fresh<String, Bytes>,
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
            .expecting(&crate::repo::migrations())
            .settling();
        let answers = Fresh::new(db.changes().clone(), KEPT_ANSWERS);
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
            authenticator,
            outside,
            permissions,
            answers,
            feed,
            publisher,
            pulse,
            statuspage,
            notify,
        })
    }
}
