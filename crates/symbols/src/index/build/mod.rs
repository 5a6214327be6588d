// SPDX-License-Identifier: MPL-2.0
//! Makes the index of a symbol file in one pass, on as many threads as wanted.
//!
//! Each thread takes the next block of the file, parses it, merges what it found when its turn
//! comes, packs the pages, and writes them when its turn comes. The index is the same whatever the
//! number of threads. Memory: a block and its pages for each thread, and the names of `FILE` and
//! `INLINE_ORIGIN` records.

mod block;
mod blocks;
mod merge;
mod pack;
mod page;
mod turns;

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard};

use super::error::BuildError;
use super::root::Counts;
use crate::number::wide;
use crate::parse::Limits;
use block::BlockParser;
use blocks::{Blocks, bounded};
use merge::{FullPage, Merge};
use pack::{IndexWriter, PackedPage};
use turns::Turns;

/// How to make an index.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// What the symbol file may cost; `table_bytes` bounds the names in memory.
    pub limits: Limits,
    /// Threads to use. Default 1.
    pub threads: NonZeroUsize,
    /// Size of a page before it is packed, about; half of it for shared names. Default 20 KiB.
    pub page_bytes: usize,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            threads: NonZeroUsize::MIN,
            page_bytes: 20 << 10,
        }
    }
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// Bytes of the symbol file.
    pub file_bytes: u64,
    /// XXH3 (128 bits) of the symbol file.
    pub file_hash: u128,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// Pages of the index.
    pub pages: u64,
    /// What is in it.
    pub counts: Counts,
}

/// Reads a symbol file to its end and writes its index.
///
/// The sink is written front to back, in pieces of some kilobytes.
///
/// # Errors
/// The file is no symbol file, exceeds a limit or cannot be read, or the index cannot be written.
/// What has been written then is of no use.
pub fn build<R, W>(source: R, sink: W, options: &BuildOptions) -> Result<Built, BuildError>
where
    R: Read + Send,
    W: Write + Send,
{
    let limits = bounded(&options.limits);
    let work = Work {
        blocks: Mutex::new((Blocks::new(source, limits.clone()), 0)),
        merge: Mutex::new(Merge::new(limits.clone(), options.page_bytes)),
        writer: Mutex::new(IndexWriter::new(sink)?),
        merging: Turns::default(),
        writing: Turns::default(),
        line_bytes: limits.line_bytes,
        options,
    };
    let others = options.threads.get() - 1;
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..others).map(|_| scope.spawn(|| work.run())).collect();
        let mut results = vec![work.run()];
        results.extend(
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_panic| Err(stopped()))),
        );
        results
    });
    results.into_iter().collect::<Result<(), _>>()?;
    work.finish()
}

/// What the threads share.
struct Work<'a, R, W> {
    /// And the number of the next block.
    blocks: Mutex<(Blocks<R>, u64)>,
    merge: Mutex<Merge>,
    writer: Mutex<IndexWriter<W>>,
    merging: Turns,
    writing: Turns,
    line_bytes: usize,
    options: &'a BuildOptions,
}

impl<R: Read, W: Write> Work<'_, R, W> {
    /// Takes blocks until there are none. When one thread fails the others stop.
    fn run(&self) -> Result<(), BuildError> {
        let stop = self.merging.stop_others(&self.writing);
        let mut parser = BlockParser::new(self.options.page_bytes, self.line_bytes);
        let mut block = Vec::new();
        while let Some((number, file_bytes)) = self.next_block(&mut block)? {
            let parsed = parser.parse(&block);
            let Some(turn) = self.merging.wait(number) else {
                return Ok(());
            };
            let pages = lock(&self.merge).block(&block, parsed, file_bytes)?;
            turn.pass();
            let packed: Vec<_> = pages.iter().map(PackedPage::new).collect();
            let Some(turn) = self.writing.wait(number) else {
                return Ok(());
            };
            self.write(&packed)?;
            turn.pass();
        }
        stop.not();
        Ok(())
    }

    fn next_block(&self, block: &mut Vec<u8>) -> Result<Option<(u64, u64)>, BuildError> {
        let (blocks, next) = &mut *lock(&self.blocks);
        if !blocks.next(block)? {
            return Ok(None);
        }
        let number = *next;
        *next += 1;
        Ok(Some((number, blocks.file_bytes())))
    }

    fn write(&self, pages: &[PackedPage]) -> Result<(), BuildError> {
        let mut writer = lock(&self.writer);
        pages.iter().try_for_each(|page| writer.page(page))
    }

    fn finish(self) -> Result<Built, BuildError> {
        let mut merge = self.merge.into_inner().unwrap_or_else(|e| e.into_inner());
        let mut writer = self.writer.into_inner().unwrap_or_else(|e| e.into_inner());
        let (blocks, _) = self.blocks.into_inner().unwrap_or_else(|e| e.into_inner());
        let (mut pages, mut bytes) = (Vec::new(), 0);
        let threads = self.options.threads.get();
        let mut write_all = |pages: &mut Vec<FullPage>| {
            let packed = pack_all(pages, threads)?;
            pages.clear();
            packed.iter().try_for_each(|page| writer.page(page))
        };
        merge.finish(|page| {
            bytes += page.parts.text.len();
            pages.push(page);
            if bytes < LAST_BYTES {
                return Ok(());
            }
            bytes = 0;
            write_all(&mut pages)
        })?;
        write_all(&mut pages)?;
        let counts = merge.counts;
        writer.root.counts = counts;
        writer.root.header = merge.header;
        let pages = wide(writer.root.pages.len());
        let (file_bytes, file_hash) = blocks.digest();
        let index_bytes = writer.finish((file_bytes, file_hash))?;
        Ok(Built {
            file_bytes,
            file_hash,
            index_bytes,
            pages,
            counts,
        })
    }
}

/// Text of pages at the end of an index that are packed together: enough to be worth threads.
const LAST_BYTES: usize = 1 << 20;

/// Packs pages on so many threads, in their order.
fn pack_all(pages: &[FullPage], threads: usize) -> Result<Vec<PackedPage>, BuildError> {
    let pack = |pages: &[FullPage]| pages.iter().map(PackedPage::new).collect::<Vec<_>>();
    let mut shares = pages.chunks(pages.len().div_ceil(threads).max(1));
    let own = shares.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let others: Vec<_> = shares.map(|pages| scope.spawn(|| pack(pages))).collect();
        let mut packed = pack(own);
        for other in others {
            packed.extend(other.join().map_err(|_panic| stopped())?);
        }
        Ok(packed)
    })
}

fn stopped() -> BuildError {
    BuildError::Write(std::io::Error::other("a thread of the build stopped"))
}

/// A thread that fails while it holds a lock makes the whole build fail; the lock itself is fine.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
