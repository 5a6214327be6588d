// SPDX-License-Identifier: MPL-2.0
//! Where log lines go. Lines of a few milliseconds are written together: one system call for each
//! line would be a tenth of what a hot request costs. Warnings and errors are written at once, with
//! all that came before them, and nothing is kept when the process ends by itself.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line may wait for others.
const WINDOW: Duration = Duration::from_millis(2);

/// Bytes that may wait. Who would add more writes them out himself: a reader of the log that hangs
/// must not fill the memory.
const MAX_WAITING_BYTES: usize = 256 << 10;

/// The lines of one process on their way to stderr.
#[derive(Debug)]
pub(super) struct Sink {
    waiting: Mutex<Vec<u8>>,
    has_lines: Condvar,
    /// Held while bytes are taken and written, so that lines stay in order.
    order: Mutex<()>,
    is_alone: AtomicBool,
}

impl Sink {
    /// Returns the one sink, with its thread.
    pub(super) fn global() -> &'static Self {
        static SINK: Sink = Sink::new();
        static THREAD: OnceLock<()> = OnceLock::new();
        THREAD.get_or_init(|| {
            let thread = std::thread::Builder::new().name("log".to_owned());
            // Without a thread each line is written by whoever has it.
            if thread.spawn(|| SINK.write_for_ever()).is_err() {
                SINK.is_alone.store(true, Ordering::Relaxed);
            }
        });
        &SINK
    }

    const fn new() -> Self {
        Self {
            waiting: Mutex::new(Vec::new()),
            has_lines: Condvar::new(),
            order: Mutex::new(()),
            is_alone: AtomicBool::new(false),
        }
    }

    /// Adds a line.
    pub(super) fn push(&self, line: &[u8], level: Level) {
        let mut waiting = locked(&self.waiting);
        let is_first = waiting.is_empty();
        waiting.extend_from_slice(line);
        let is_full = waiting.len() > MAX_WAITING_BYTES;
        drop(waiting);
        if is_full || self.is_alone.load(Ordering::Relaxed) || level <= Level::WARN {
            self.flush();
        } else if is_first {
            self.has_lines.notify_one();
        }
    }

    /// Writes what is waiting.
    pub(super) fn flush(&self) {
        let _order = locked(&self.order);
        let lines = std::mem::take(&mut *locked(&self.waiting));
        // A log that cannot be written has nowhere to be reported.
        let _ = std::io::stderr().write_all(&lines);
    }

    fn write_for_ever(&self) {
        loop {
            let waiting = locked(&self.waiting);
            let lines = self.has_lines.wait_while(waiting, |lines| lines.is_empty());
            drop(lines);
            std::thread::sleep(WINDOW);
            self.flush();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands the lines of the text format over.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToSink;

/// One event in the text format.
pub(super) struct Line(Level);

impl MakeWriter<'_> for ToSink {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line(Level::ERROR)
    }

    fn make_writer_for(&self, metadata: &Metadata<'_>) -> Line {
        Line(*metadata.level())
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        Sink::global().push(line, self.0);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
