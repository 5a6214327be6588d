// SPDX-License-Identifier: MPL-2.0
//! What one deployment knows and remembers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use releng_common::Clock;
use serde_json::Value;

use super::login::Grant;
use super::notify::Mail;
use super::{Account, Application, Client, Config, Role};
use crate::misbehaviour::{Behaviour, Conduct};
use crate::tickets::Tickets;

/// Questions and mails that are kept; the oldest give way.
const MAX_REMEMBERED: usize = 1000;
/// Life of a code and of a token of the sign-in, as in the real service.
const SIGN_IN_LIFETIME: Duration = Duration::from_secs(600);

/// Everything that the routes share.
pub struct State {
    pub(super) roles: Vec<Role>,
    pub(super) accounts: Vec<Account>,
    pub(super) applications: Vec<Application>,
    pub(super) codes: Tickets<Grant>,
    pub(super) tokens: Tickets<Grant>,
    pub(super) conduct: Conduct,
    clock: Clock,
    clients: Mutex<HashMap<String, Client>>,
    questions: Mutex<VecDeque<Value>>,
    mails: Mutex<VecDeque<Mail>>,
}

impl State {
    /// Takes the configuration over.
    pub fn new(config: Config) -> Arc<Self> {
        let clients = config
            .clients
            .into_iter()
            .map(|c| (c.client_id.clone(), c))
            .collect();
        Arc::new(Self {
            roles: config.roles,
            accounts: config.accounts,
            applications: config.applications,
            codes: Tickets::new(SIGN_IN_LIFETIME),
            tokens: Tickets::new(SIGN_IN_LIFETIME),
            conduct: Conduct::default(),
            clock: config.clock,
            clients: Mutex::new(clients),
            questions: Mutex::default(),
            mails: Mutex::default(),
        })
    }

    /// Adds a client or replaces the one of the same name.
    pub fn add_client(&self, client: Client) {
        locked(&self.clients).insert(client.client_id.clone(), client);
    }

    /// Removes a client.
    pub fn remove_client(&self, client_id: &str) {
        locked(&self.clients).remove(client_id);
    }

    /// Returns a client.
    pub fn client(&self, client_id: &str) -> Option<Client> {
        locked(&self.clients).get(client_id).cloned()
    }

    /// Behaves so from now on, on all paths below `/api`.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.conduct.set(behaviour, None);
    }

    /// Behaves so for the next `requests` requests below `/api`, and normally afterwards.
    pub fn set_behaviour_for(&self, requests: usize, behaviour: Behaviour) {
        self.conduct.set(behaviour, Some(requests));
    }

    /// Returns the number of requests below `/api` so far, failed ones included.
    pub fn hits(&self) -> usize {
        self.conduct.hits()
    }

    /// Returns the number of requests so far whose path ends with `path`.
    pub fn hits_of(&self, path: &str) -> usize {
        self.conduct.hits_of(path)
    }

    /// Returns the latest questions to `authenticate-hawk`, word for word.
    pub fn questions(&self) -> Vec<Value> {
        locked(&self.questions).iter().cloned().collect()
    }

    /// Returns the mails that were ordered.
    pub fn mails(&self) -> Vec<Mail> {
        locked(&self.mails).iter().cloned().collect()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(super) fn remember_question(&self, question: Value) {
        remember(&self.questions, question);
    }

    pub(super) fn remember_mail(&self, mail: Mail) {
        remember(&self.mails, mail);
    }
}

fn remember<T>(list: &Mutex<VecDeque<T>>, item: T) {
    let mut list = locked(list);
    if list.len() >= MAX_REMEMBERED {
        list.pop_front();
    }
    list.push_back(item);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
