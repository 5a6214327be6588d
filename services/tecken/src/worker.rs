// SPDX-License-Identifier: MPL-2.0
//! Background work: expired sessions go, misses that the database did not take are written, indexes
//! that others removed are let go, what others uploaded is noted.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{State, ops};

/// Time between two attempts to write misses.
const RETRY_EVERY: Duration = Duration::from_secs(5);
/// Rounds after which expired sessions are removed: ten minutes.
const ROUNDS_PER_PURGE: u32 = 120;

/// Works until it is told to stop.
pub(crate) async fn run(state: Arc<State>, stop: CancellationToken) {
    let mut round = 0;
    loop {
        if round % ROUNDS_PER_PURGE == 0 {
            match ops::session_purge(&state).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "expired sessions removed"),
                Err(error) => tracing::warn!(error = error.chain(), "sessions not removed"),
            }
        }
        ops::missing_retry(&state).await;
        ops::changes_follow(&state).await;
        let folder = Arc::clone(&state.index_folder);
        // What other processes removed. Should it not work, the next round tries again.
        let _ = tokio::task::spawn_blocking(move || folder.release_removed()).await;
        round = round.wrapping_add(1);
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(RETRY_EVERY) => {}
        }
    }
    ops::missing_retry(&state).await;
}
