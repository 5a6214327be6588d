// SPDX-License-Identifier: MPL-2.0
//! Work that shares transactions.

use std::future::{Future as _, poll_fn};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use diesel::connection::SimpleConnection as _;
use releng_common::{Error, Kind, Result};
use releng_db::{AnyConnection, Backend, Together, TxResult};
use tokio::task::JoinHandle;

use super::{TestDb, databases};

/// Numbers that are written into the table; each transaction waits until it is let go.
struct Numbers {
    t: TestDb,
    together: Arc<Together<&'static str, i64, i64>>,
    /// Which pieces each transaction was given, in the order in which they ran.
    shared: Arc<Mutex<Vec<Vec<i64>>>>,
    begun: Receiver<()>,
    has_begun: Sender<()>,
    go: Sender<()>,
    may_go: Arc<Mutex<Receiver<()>>>,
}

impl Numbers {
    fn new(t: TestDb, most: usize) -> Self {
        let (has_begun, begun) = channel();
        let (go, may_go) = channel();
        Self {
            t,
            together: Arc::new(Together::new(most)),
            shared: Arc::default(),
            begun,
            has_begun,
            go,
            may_go: Arc::new(Mutex::new(may_go)),
        }
    }

    /// Takes a place in the line for a number: 404 is one that is not found, 500 panics.
    async fn write(&self, key: &'static str, n: i64) -> JoinHandle<Result<i64>> {
        let t = self.t.clone();
        let together = Arc::clone(&self.together);
        let shared = Arc::clone(&self.shared);
        let (has_begun, may_go) = (self.has_begun.clone(), Arc::clone(&self.may_go));
        let mut writing = Box::pin(async move {
            let db = t.db.clone();
            let work = move |c: &mut AnyConnection, numbers: &[i64]| {
                shared.lock().unwrap().push(numbers.to_vec());
                has_begun.send(()).unwrap();
                may_go.lock().unwrap().recv().unwrap();
                numbers.iter().map(|n| written(&t, c, *n)).collect()
            };
            together.write(&db, key, n, work).await
        });
        // It waits from its first poll on.
        let first = poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await;
        assert!(first.is_pending());
        tokio::spawn(writing)
    }

    /// Begins to write a number, and puts others behind it.
    async fn queue(&self, first: i64, others: &[i64]) -> Vec<JoinHandle<Result<i64>>> {
        let mut waiting = vec![self.write("a", first).await];
        self.begun.recv().unwrap();
        for n in others {
            waiting.push(self.write("a", *n).await);
        }
        waiting
    }

    fn let_go(&self, transactions: usize) {
        (0..transactions).for_each(|_| self.go.send(()).unwrap());
    }

    fn shared(&self) -> Vec<Vec<i64>> {
        self.shared.lock().unwrap().clone()
    }
}

fn written(t: &TestDb, c: &mut AnyConnection, n: i64) -> TxResult<Result<i64>> {
    match n {
        404 => return Ok(Err(Error::not_found("No such number"))),
        500 => panic!("asked for"),
        n => c.batch_execute(&t.insert(n))?,
    }
    Ok(Ok(n * 10))
}

async fn ended(waiting: Vec<JoinHandle<Result<i64>>>) -> Vec<Result<i64, (Kind, String)>> {
    let mut results = Vec::new();
    for task in waiting {
        let result = task.await.unwrap();
        results.push(result.map_err(|e| (e.kind(), e.message().to_owned())));
    }
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_transaction_shares_the_next_in_its_order() {
    for t in databases().await {
        let numbers = Numbers::new(t, 3);
        let waiting = numbers.queue(1, &[2, 3, 4, 5]).await;
        numbers.let_go(3);
        let expected: Vec<_> = [10, 20, 30, 40, 50].map(Ok).into();
        assert_eq!(ended(waiting).await, expected);
        assert_eq!(numbers.shared(), [vec![1], vec![2, 3, 4], vec![5]]);
        assert_eq!(numbers.t.count().await, 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_is_refused_leaves_the_others_alone() {
    for t in databases().await {
        let numbers = Numbers::new(t, 9);
        let waiting = numbers.queue(1, &[2, 404, 3]).await;
        numbers.let_go(2);
        let refused = Err((Kind::NotFound, "No such number".to_owned()));
        assert_eq!(ended(waiting).await, [Ok(10), Ok(20), refused, Ok(30)]);
        assert_eq!(numbers.t.count().await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_breaks_the_transaction_breaks_it_for_itself_alone() {
    for t in databases().await {
        let numbers = Numbers::new(t, 9);
        let waiting = numbers.queue(1, &[2, 1, 3]).await;
        numbers.let_go(5);
        let broken = Err((Kind::Internal, "a database query failed".to_owned()));
        assert_eq!(ended(waiting).await, [Ok(10), Ok(20), broken, Ok(30)]);
        let shared = [vec![1], vec![2, 1, 3], vec![2], vec![1], vec![3]];
        assert_eq!(numbers.shared(), shared);
        assert_eq!(numbers.t.count().await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_before_its_turn_is_not_done_and_who_gives_up_later_is() {
    for t in databases().await {
        let numbers = Numbers::new(t, 9);
        let waiting = numbers.queue(1, &[2, 3]).await;
        let mut waiting = waiting.into_iter();
        let (first, second) = (waiting.next().unwrap(), waiting.next().unwrap());
        first.abort();
        second.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert!(second.await.unwrap_err().is_cancelled());
        numbers.let_go(2);
        assert_eq!(ended(waiting.collect()).await, [Ok(30)]);
        assert_eq!(numbers.shared(), [[1], [3]]);
        assert_eq!(numbers.t.count().await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_panics_fails_and_the_next_is_done() {
    for t in databases().await {
        let numbers = Numbers::new(t, 9);
        let panicked = Err((Kind::Internal, "database work panicked".to_owned()));
        for (number, expected) in [(500, panicked), (1, Ok(10))] {
            let writing = numbers.write("a", number).await;
            numbers.let_go(1);
            assert_eq!(ended(vec![writing]).await, [expected]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_keys_have_nothing_to_do_with_it() {
    for t in databases().await {
        // SQLite has one writer, whatever it writes.
        if t.db.backend() == Backend::Sqlite {
            continue;
        }
        let numbers = Numbers::new(t, 9);
        let (a, b) = (numbers.write("a", 1).await, numbers.write("b", 2).await);
        numbers.begun.recv().unwrap();
        numbers.begun.recv().unwrap();
        numbers.let_go(2);
        assert_eq!(ended(vec![a, b]).await, [Ok(10), Ok(20)]);
    }
}
