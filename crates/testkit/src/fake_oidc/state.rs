// SPDX-License-Identifier: MPL-2.0
//! What one provider knows and remembers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::authorize::Code;
use super::id_token::Signer;
use super::{Account, Algorithm, Config, Fault};
use crate::misbehaviour::{Behaviour, Conduct};
use crate::tickets::Tickets;

const CODE_LIFETIME: Duration = Duration::from_secs(600);
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Whose access token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A person, by e-mail address.
    Person(String),
    /// The service itself, for the list of users.
    Service,
}

/// Everything that the routes share.
pub struct State {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) redirect_uris: Vec<String>,
    pub(super) codes: Tickets<Code>,
    pub(super) tokens: Tickets<Holder>,
    pub(super) signer: Signer,
    pub(super) conduct: Conduct,
    issuer: String,
    algorithm: Algorithm,
    accounts: Mutex<Vec<Account>>,
    fault: Mutex<Option<Fault>>,
}

impl State {
    /// Takes the configuration over. `issuer` is the outside address of the place where the provider
    /// is mounted.
    ///
    /// # Errors
    /// No key can be made.
    pub fn new(config: Config, issuer: &str) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            signer: Signer::new(config.algorithm, &config.client_secret)?,
            client_id: config.client_id,
            client_secret: config.client_secret,
            redirect_uris: config.redirect_uris,
            codes: Tickets::new(CODE_LIFETIME),
            tokens: Tickets::new(TOKEN_LIFETIME),
            conduct: Conduct::default(),
            issuer: issuer.trim_end_matches('/').to_owned(),
            algorithm: config.algorithm,
            accounts: Mutex::new(config.accounts),
            fault: Mutex::new(None),
        }))
    }

    /// Adds an account or replaces the one with the same address.
    pub fn add_account(&self, account: Account) {
        let mut accounts = locked(&self.accounts);
        accounts.retain(|known| !known.email.eq_ignore_ascii_case(&account.email));
        accounts.push(account);
    }

    /// Removes an account.
    pub fn remove_account(&self, email: &str) {
        locked(&self.accounts).retain(|known| !known.email.eq_ignore_ascii_case(email));
    }

    /// Behaves so from now on, on all paths that services call.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.conduct.set(behaviour, None);
    }

    /// Behaves so for the next `requests` requests of services, and normally afterwards.
    pub fn set_behaviour_for(&self, requests: usize, behaviour: Behaviour) {
        self.conduct.set(behaviour, Some(requests));
    }

    /// Departs so from the truth from now on; `None` ends it.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *locked(&self.fault) = fault;
    }

    /// Returns the number of requests of services so far, failed ones included.
    pub fn hits(&self) -> usize {
        self.conduct.hits()
    }

    /// Returns the number of requests so far whose path ends with `path`.
    pub fn hits_of(&self, path: &str) -> usize {
        self.conduct.hits_of(path)
    }

    /// Returns the issuer, without a slash at the end.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn accounts(&self) -> Vec<Account> {
        locked(&self.accounts).clone()
    }

    pub(super) fn account(&self, email: &str) -> Option<Account> {
        self.accounts()
            .into_iter()
            .find(|known| known.email.eq_ignore_ascii_case(email))
    }

    pub(super) fn has_fault(&self, fault: Fault) -> bool {
        *locked(&self.fault) == Some(fault)
    }

    pub(super) fn algorithm_name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Hs256 => "HS256",
            Algorithm::Rs256 => "RS256",
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
