// SPDX-License-Identifier: MPL-2.0
//! The loop that keeps the index even with the table.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{State, ops};

/// Pause after the first failure, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Time for further rows to come in after some were indexed: a commit costs the same for one
/// document as for a thousand.
const GATHERING: Duration = Duration::from_millis(100);
/// Longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Works until the token is cancelled.
pub(crate) async fn run(state: Arc<State>, token: CancellationToken) {
    token.run_until_cancelled(follow(&state)).await;
}

async fn follow(state: &State) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = ops::index_prepare(&state.intake, &*state.index).await {
        tracing::warn!(error = error.chain(), "the index cannot be prepared");
        rest(&mut pause).await;
    }
    loop {
        match ops::index_step(&state.intake, &*state.index).await {
            Ok(0) => {
                pause = FIRST_PAUSE;
                wait(state).await;
            }
            Ok(_) => {
                pause = FIRST_PAUSE;
                tokio::time::sleep(GATHERING).await;
            }
            Err(error) => {
                tracing::warn!(error = error.chain(), "rows wait for the index");
                rest(&mut pause).await;
            }
        }
    }
}

/// Waits for rows of this process, and looks for those of others now and then.
async fn wait(state: &State) {
    let poll = Duration::from_millis(state.intake.settings.own.index_poll_ms);
    // Either way the next step looks at the table.
    let _ = tokio::time::timeout(poll, state.intake.has_new_rows.notified()).await;
}

async fn rest(pause: &mut Duration) {
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(LONGEST_PAUSE);
}
