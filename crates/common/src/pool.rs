// SPDX-License-Identifier: MPL-2.0
//! A bounded pool for work that would block an async worker: hashing, zip files, symbolication.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// Runs blocking jobs, at most `workers` at once with at most `queue` waiting; beyond that callers
/// get [`Kind::Unavailable`](crate::Kind) at once, so that a burst cannot pile up memory.
#[derive(Clone, Debug)]
pub struct Pool {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Pool {
    /// Creates a pool. `workers` of 0 counts as 1.
    pub fn new(workers: usize, queue: usize) -> Self {
        let workers = workers.max(1);
        Self {
            running: Arc::new(Semaphore::new(workers)),
            admitted: Arc::new(Semaphore::new(workers.saturating_add(queue))),
        }
    }

    /// Runs `job` on a blocking thread and returns its result.
    ///
    /// # Errors
    /// `Unavailable` when the queue is full, `Internal` when the job panicked, else the job's own.
    pub async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| Error::unavailable("too much work is waiting, try again"))?;
        let running = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|e| Error::internal("worker pool is closed").with_source(e))?;
        tokio::task::spawn_blocking(move || {
            // Both permits live as long as the job, also when the caller has gone away.
            let _permits = (admitted, running);
            job()
        })
        .await
        .map_err(|e| Error::internal("a blocking job failed").with_source(e))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[tokio::test]
    async fn a_full_pool_refuses_at_once() {
        let pool = Pool::new(1, 0);
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, is_started) = tokio::sync::oneshot::channel::<()>();
        let busy = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    started.send(()).unwrap();
                    wait.recv().unwrap();
                    Ok(())
                })
                .await
            }
        });
        is_started.await.unwrap();
        let refused = pool.run(|| Ok(())).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Unavailable);
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        pool.run(|| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_panicking_job_is_an_error_and_frees_its_place() {
        let pool = Pool::new(1, 0);
        let error = pool.run::<(), _>(|| panic!("boom")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        pool.run(|| Ok(())).await.unwrap();
    }
}
