// SPDX-License-Identifier: MPL-2.0
//! Progress bars for people at a terminal: one for each file on its way and one for the total.
//! Without a terminal there are none, and every call here does nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

const SIZED: &str = "{prefix:<22!} [{wide_bar}] {binary_bytes:>11}/{binary_total_bytes:<11} {binary_bytes_per_sec:>13} {eta:>4}";
const ENDLESS: &str = "{prefix:<22!} {spinner} {binary_bytes} {binary_bytes_per_sec}";
const BUSY: &str = "{prefix:<22!} {spinner} {wide_msg}";
/// Bars are drawn again that often by themselves, so that a download that stands still shows what it
/// has, and one that is quick costs no more drawing than that.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The bars of a run. Cheap to clone; clones show the same bars.
#[derive(Debug, Clone, Default)]
pub struct Progress(Option<Arc<Bars>>);

#[derive(Debug)]
struct Bars {
    together: MultiProgress,
    total: ProgressBar,
    files: AtomicU64,
    done: AtomicU64,
    /// Without, each change is drawn at once.
    draw_every: Option<Duration>,
}

/// The bar of one file; it vanishes when dropped.
#[derive(Debug, Default)]
pub struct FileBar(Option<Shown>);

#[derive(Debug)]
struct Shown {
    bars: Arc<Bars>,
    bar: ProgressBar,
    size: Option<u64>,
    /// What of this file is part of the total.
    counted: AtomicU64,
}

impl Progress {
    /// Returns bars on standard error.
    pub fn stderr() -> Self {
        Self::on(ProgressDrawTarget::stderr(), Some(DRAW_EVERY))
    }

    fn on(target: ProgressDrawTarget, draw_every: Option<Duration>) -> Self {
        let total = ProgressBar::hidden()
            .with_style(style(SIZED))
            .with_finish(ProgressFinish::AndClear);
        let together = MultiProgress::with_draw_target(target);
        let total = together.add(total);
        Self(Some(Arc::new(Bars {
            together,
            total,
            files: AtomicU64::new(0),
            done: AtomicU64::new(0),
            draw_every,
        })))
    }

    /// Shows the total of so many files and bytes.
    pub fn begin(&self, files: u64, size_bytes: u64) {
        if let Some(bars) = &self.0 {
            bars.files.store(files, Ordering::Relaxed);
            bars.total.set_length(size_bytes);
            bars.animate(&bars.total);
            bars.say_count();
        }
    }

    /// Counts a file of which nothing has to be moved.
    pub fn skip(&self, size_bytes: u64) {
        if let Some(bars) = &self.0 {
            bars.total.inc(size_bytes);
            bars.count();
        }
    }

    /// Shows a file on its way. Without a size its bar has no end, and its bytes add to the total
    /// as they come.
    pub fn file(&self, name: &str, size: Option<u64>) -> FileBar {
        self.show(name, |bar| match size {
            Some(size) => {
                bar.set_length(size);
                bar.set_style(style(SIZED));
            }
            None => bar.set_style(style(ENDLESS)),
        })
        .map_or_else(FileBar::default, |(bars, bar)| {
            FileBar(Some(Shown {
                bars,
                bar,
                size,
                counted: AtomicU64::new(0),
            }))
        })
    }

    /// Shows that a file is being worked on until the result is dropped.
    pub fn busy(&self, name: &str, message: &'static str) -> Busy {
        let shown = self.show(name, |bar| bar.set_style(style(BUSY)));
        Busy(shown.map(|(bars, bar)| {
            bar.set_message(message);
            (bars, bar)
        }))
    }

    fn show(
        &self,
        name: &str,
        dress: impl FnOnce(&ProgressBar),
    ) -> Option<(Arc<Bars>, ProgressBar)> {
        let bars = Arc::clone(self.0.as_ref()?);
        let bar = ProgressBar::hidden();
        dress(&bar);
        bar.set_prefix(name.to_owned());
        // The total stays the last line.
        bars.together.insert_before(&bars.total, bar.clone());
        bars.animate(&bar);
        Some((bars, bar))
    }

    /// Runs something that writes to the terminal while the bars are out of the way.
    pub fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bars) => bars.together.suspend(write),
            None => write(),
        }
    }

    /// Removes all bars from the terminal.
    pub fn clear(&self) {
        if let Some(bars) = &self.0 {
            bars.total.finish_and_clear();
            bars.together.clear().ok();
        }
    }
}

impl Bars {
    fn animate(&self, bar: &ProgressBar) {
        if let Some(every) = self.draw_every {
            bar.enable_steady_tick(every);
        }
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.say_count();
    }

    fn say_count(&self) {
        let (done, files) = (&self.done, &self.files);
        let (done, files) = (done.load(Ordering::Relaxed), files.load(Ordering::Relaxed));
        self.total.set_prefix(format!("{done} of {files} files"));
    }
}

impl FileBar {
    /// Tells how many bytes are there; fewer than before when it begins again.
    pub fn set(&self, bytes: u64) {
        let Some(Shown {
            bars,
            bar,
            size,
            counted,
        }) = &self.0
        else {
            return;
        };
        bar.set_position(bytes);
        let before = counted.swap(bytes, Ordering::Relaxed);
        let (more, less) = (bytes.saturating_sub(before), before.saturating_sub(bytes));
        if size.is_none() {
            bars.total.inc_length(more);
            bars.total.dec_length(less);
        }
        bars.total.inc(more);
        bars.total.dec(less);
    }

    /// Tells that so many more bytes are there.
    pub fn add(&self, bytes: u64) {
        if let Some(shown) = &self.0 {
            let before = shown.counted.load(Ordering::Relaxed);
            self.set(before.saturating_add(bytes));
        }
    }

    /// Counts the file as done.
    pub fn done(&self) {
        if let Some(shown) = &self.0 {
            if let Some(size) = shown.size {
                self.set(size);
            }
            shown.bars.count();
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.bars.together.remove(&self.bar);
    }
}

/// See [`Progress::busy`].
#[derive(Debug)]
pub struct Busy(Option<(Arc<Bars>, ProgressBar)>);

#[cfg(test)]
impl Busy {
    fn tick(&self) {
        if let Some((_, bar)) = &self.0 {
            bar.tick();
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some((bars, bar)) = &self.0 {
            bar.finish_and_clear();
            bars.together.remove(bar);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates above are right, as the tests show; without one there is still a bar.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .tick_chars("|/-\\ ")
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, TermLike as _};

    use super::*;

    fn shown() -> (InMemoryTerm, Progress) {
        let terminal = InMemoryTerm::new(10, 100);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        (terminal, Progress::on(target, None))
    }

    #[test]
    fn templates_are_understood() {
        for template in [SIZED, ENDLESS, BUSY] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn each_active_file_has_a_bar_above_the_total() {
        let (terminal, progress) = shown();
        progress.begin(3, 4096);
        progress.skip(1024);
        let file = progress.file("clang.tar.zst", Some(2048));
        let other = progress.file("a-name-that-is-too-long-for-its-column.tar.xz", None);
        file.set(1024);
        other.add(512);
        other.add(512);
        let text = terminal.contents();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(
            lines[0].starts_with("clang.tar.zst          [====="),
            "{text}"
        );
        assert!(lines[0].contains(" 1.00 KiB/2.00 KiB "), "{text}");
        assert!(lines[1].starts_with("a-name-that-is-too-lon"), "{text}");
        assert!(lines[1].contains(" 1.00 KiB "), "{text}");
        assert!(lines[2].starts_with("1 of 3 files"), "{text}");
        // The file without a size has made the total longer.
        assert!(lines[2].contains(" 3.00 KiB/5.00 KiB "), "{text}");
    }

    #[test]
    fn a_file_that_begins_again_counts_once() {
        let (terminal, progress) = shown();
        progress.begin(1, 2048);
        let file = progress.file("a", Some(2048));
        file.set(2048);
        file.set(0);
        assert!(
            terminal.contents().contains(" 0 B/2.00 KiB "),
            "{}",
            terminal.contents()
        );
        file.done();
        drop(file);
        let text = terminal.contents();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("1 of 1 files"), "{text}");
        assert!(text.contains(" 2.00 KiB/2.00 KiB "), "{text}");
        progress.clear();
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn lines_are_written_above_the_bars() {
        let (terminal, progress) = shown();
        progress.begin(1, 1);
        let busy = progress.busy("gcc.tar.xz", "is unpacked");
        progress.beside(|| terminal.write_line("INFO - a line").unwrap());
        let text = terminal.contents();
        assert!(text.starts_with("INFO - a line\n"), "{text}");
        assert!(text.contains("gcc.tar.xz"), "{text}");
        assert!(text.contains("is unpacked"), "{text}");
        drop(busy);
        progress.clear();
        assert_eq!(terminal.contents(), "INFO - a line");
    }

    #[test]
    fn something_may_be_shown_before_there_is_a_total() {
        let (terminal, progress) = shown();
        let busy = progress.busy("manifest.tt", "is checked");
        busy.tick();
        let text = terminal.contents();
        assert!(text.starts_with("manifest.tt "), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        drop(busy);
        progress.clear();
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn without_a_terminal_nothing_happens() {
        let progress = Progress::default();
        progress.begin(1, 1);
        progress.file("a", Some(1)).done();
        assert_eq!(progress.beside(|| 5), 5);
        progress.clear();
    }
}
