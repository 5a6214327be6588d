// SPDX-License-Identifier: MPL-2.0
//! Changes of the same things, in one transaction. Each holds the locks of its rows until its commit is on
//! the disk, so one after the other they are as slow as the disk; those that wait for one commit go
//! together into the next.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, Weak};

use releng_common::{Error, Kind, Result};
use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::changes::locked;
use crate::connection::AnyConnection;
use crate::pool::BUSY;
use crate::{Db, TxResult};

/// Work of one kind, `J` a piece of it and `T` what becomes of that. Pieces with the same key share
/// transactions, others have nothing to do with each other.
#[derive(Debug)]
pub struct Together<K, J, T> {
    lines: Mutex<HashMap<K, Arc<Line<J, T>>>>,
    most: usize,
}

#[derive(Debug)]
struct Line<J, T> {
    /// Held by the one transaction under way.
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: Mutex<VecDeque<Weak<Ticket<J, T>>>>,
}

impl<J, T> Default for Line<J, T> {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            waiting: Mutex::default(),
        }
    }
}

/// A piece of work, gone when its sender gave up before its turn came.
type Ticket<J, T> = Mutex<Option<Piece<J, T>>>;

#[derive(Debug)]
struct Piece<J, T> {
    job: J,
    answer: oneshot::Sender<Result<T>>,
}

impl<K, J, T> Together<K, J, T>
where
    K: Hash + Eq + Clone,
    J: Send + 'static,
    T: Send + 'static,
{
    /// Creates an empty store of which at most `most` pieces share a transaction.
    pub fn new(most: usize) -> Self {
        Self {
            lines: Mutex::default(),
            most: most.max(1),
        }
    }

    /// Does a piece of work in one transaction with those that wait as well, in the order in which they came.
    /// `work` returns what becomes of each piece: an error there leaves the others alone, and must come
    /// before the piece has changed anything. When the transaction as a whole fails, each piece gets one of
    /// its own. Otherwise this is [`Db::write`]: the work may run again, and ends when all know of it.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write<F>(&self, db: &Db, key: K, job: J, work: F) -> Result<T>
    where
        F: Fn(&mut AnyConnection, &[J]) -> TxResult<Vec<Result<T>>> + Send + Clone + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let ticket = Arc::new(Mutex::new(Some(Piece { job, answer })));
        let place = self.join(key, &ticket);
        let result = place.wait(db, answered, work).await;
        drop(place);
        db.settle().await;
        result
    }

    fn join(&self, key: K, ticket: &Arc<Ticket<J, T>>) -> Place<'_, K, J, T> {
        let mut lines = locked(&self.lines);
        let line = Arc::clone(lines.entry(key.clone()).or_default());
        locked(&line.waiting).push_back(Arc::downgrade(ticket));
        Place {
            together: self,
            key,
            line,
        }
    }
}

/// A place in a line. The last one who leaves it, in whatever way, removes the line.
struct Place<'a, K: Hash + Eq, J, T> {
    together: &'a Together<K, J, T>,
    key: K,
    line: Arc<Line<J, T>>,
}

impl<K, J, T> Place<'_, K, J, T>
where
    K: Hash + Eq,
    J: Send + 'static,
    T: Send + 'static,
{
    /// Waits until somebody else has done our piece, or for the turn to do all that waits.
    async fn wait<F>(
        &self,
        db: &Db,
        mut answered: oneshot::Receiver<Result<T>>,
        work: F,
    ) -> Result<T>
    where
        F: Fn(&mut AnyConnection, &[J]) -> TxResult<Vec<Result<T>>> + Send + Clone + 'static,
    {
        loop {
            let turn = Arc::clone(&self.line.turn).lock_owned();
            tokio::select! {
                biased;
                answer = &mut answered => {
                    return answer.unwrap_or_else(|_| Err(Error::internal("database work panicked")));
                }
                turn = db.in_time(turn, BUSY) => self.lead(db, turn?, work.clone()).await?,
            }
        }
    }

    /// Does what waits in the line, unless the transaction before did it all.
    async fn lead<F>(&self, db: &Db, turn: OwnedMutexGuard<()>, work: F) -> Result<()>
    where
        F: Fn(&mut AnyConnection, &[J]) -> TxResult<Vec<Result<T>>> + Send + 'static,
    {
        let (line, most) = (Arc::clone(&self.line), self.together.most);
        db.with_writer(move |db| {
            let _turn = turn;
            // On this thread: whoever gives up from here on takes nobody's work along.
            let (jobs, answers) = line.take(most);
            let results = match db.checkout() {
                Ok(mut conn) => done(db, &mut conn, &jobs, &work),
                Err(error) => same_for_all(error, jobs.len()),
            };
            for (answer, result) in answers.into_iter().zip(results) {
                // Whoever gave up waiting does not need it.
                let _ = answer.send(result);
            }
            Ok(())
        })
        .await
    }
}

impl<K: Hash + Eq, J, T> Drop for Place<'_, K, J, T> {
    fn drop(&mut self) {
        let mut lines = locked(&self.together.lines);
        // Ours and that of the map.
        if Arc::strong_count(&self.line) <= 2 {
            lines.remove(&self.key);
        }
    }
}

impl<J, T> Line<J, T> {
    fn take(&self, most: usize) -> (Vec<J>, Vec<oneshot::Sender<Result<T>>>) {
        let mut waiting = locked(&self.waiting);
        let mut pieces = Vec::new();
        while pieces.len() < most
            && let Some(ticket) = waiting.pop_front()
        {
            pieces.extend(ticket.upgrade().and_then(|ticket| locked(&ticket).take()));
        }
        pieces
            .into_iter()
            .map(|piece| (piece.job, piece.answer))
            .unzip()
    }
}

/// Does all pieces in one transaction, or, if that fails because of one of them, each in its own.
fn done<J, T>(
    db: &Db,
    conn: &mut AnyConnection,
    jobs: &[J],
    work: &impl Fn(&mut AnyConnection, &[J]) -> TxResult<Vec<Result<T>>>,
) -> Vec<Result<T>> {
    if jobs.is_empty() {
        return Vec::new();
    }
    let error = match db.commit(conn, |c| work(c, jobs)) {
        Ok(results) => return results,
        Err(failure) => failure.into_error(),
    };
    // An outage is one for all.
    if jobs.len() == 1 || error.kind() == Kind::Unavailable {
        return same_for_all(error, jobs.len());
    }
    jobs.chunks(1)
        .flat_map(|job| done(db, conn, job, work))
        .collect()
}

fn same_for_all<T>(error: Error, count: usize) -> Vec<Result<T>> {
    let (kind, text) = (error.kind(), error.message().to_owned());
    let copies = (1..count).map(|_| Err(Error::new(kind, text.clone())));
    let copies: Vec<_> = copies.collect();
    std::iter::once(Err(error)).chain(copies).collect()
}
