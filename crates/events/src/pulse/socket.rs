// SPDX-License-Identifier: MPL-2.0
//! The socket below a connection, held to end it. The client library gives each connection a thread
//! that waits for the broker; dropping the connection does not end the thread while the broker says
//! nothing, so a broker that hangs would cost a thread and its buffers with every attempt.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::Socket;

/// Where the connection leaves its socket. When the last but that of the connection is dropped by
/// [`Held`], the connection is at its end, whatever it waited for.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    socket: Option<Socket>,
    is_over: bool,
}

impl Place {
    /// Holds a socket as well as the connection does.
    ///
    /// # Errors
    /// The connection is not wanted any more, or no more files can be open.
    pub(super) fn hold(&self, socket: impl AsFd) -> io::Result<()> {
        let mut state = self.state();
        if state.is_over {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        state.socket = Some(socket.as_fd().try_clone_to_owned()?.into());
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the connection when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Held(pub(super) Place);

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_over = true;
        if let Some(socket) = state.socket.take() {
            // It may have ended by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
