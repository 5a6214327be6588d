// SPDX-License-Identifier: MPL-2.0
//! Reading trees and the stack: from memory as long as that is their present state, and while the
//! database is gone.

use std::time::Duration;

use releng_common::Result;
use tokio_util::sync::CancellationToken;

use crate::State;
use crate::board::{Board, Stack};
use crate::memory::Seen;

/// Pause between two looks at the trees: what is shown when the database goes is no older than this.
const LOOK: Duration = Duration::from_secs(1);
/// Looks at the trees for one at the stack, which may be long.
const LOOKS_PER_STACK: u32 = 5;

/// Returns all trees by name.
///
/// # Errors
/// The database does not answer, and did not for too long.
pub async fn tree_list(state: &State) -> Result<Seen<Board>> {
    state.board.get().await
}

/// Returns the remembered changes, newest first.
///
/// # Errors
/// As [`tree_list`].
pub async fn change_list(state: &State) -> Result<Seen<Stack>> {
    state.stack.get().await
}

/// Keeps the memory warm until `cancel`, so that it knows the last state of a database that goes away
/// after an hour without a read.
pub async fn memory_keep(state: &State, cancel: CancellationToken) {
    if state.settings.own.serve_stale_secs == 0 {
        return;
    }
    for look in 0_u32.. {
        // What fails is logged and counted where it fails.
        let _ = state.board.get().await;
        if look % LOOKS_PER_STACK == 0 {
            let _ = state.stack.get().await;
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
