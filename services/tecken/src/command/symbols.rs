// SPDX-License-Identifier: MPL-2.0
//! `symbols`: what is in a symbol file or its index, and at an address, without a server.

mod file;
mod show;

use std::fs::File;
use std::io::{BufRead as _, BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Subcommand;
use releng_common::{Error, Result};
use releng_symbols::index::{BuildOptions, Detail, Index, IndexError, PageCache, build, verify};
use releng_symbols::parse::Limits;
use releng_symbols::scan::Scan;
use releng_symbols::{SymbolTable, Symbols as _};

use file::{Input, disk};

/// What to do with a symbol file (`.sym`, also packed with gzip) or an index (`.symx1`).
#[derive(Debug, Subcommand)]
pub enum Symbols {
    /// Print the module, and how much is in the file
    Info {
        /// Symbol file or index
        file: PathBuf,
    },
    /// Print function, file, line and inlined calls at addresses
    Lookup {
        /// Symbol file or index
        file: PathBuf,
        /// Offsets in the module in hexadecimal; without any they are read from stdin, one a line
        #[arg(value_parser = hex)]
        addresses: Vec<u64>,
    },
    /// Make the index of a symbol file
    Index {
        /// Symbol file
        file: PathBuf,
        /// Where the index goes; else beside the file, as the server does
        #[arg(long, short)]
        output: Option<PathBuf>,
        /// Threads to use; all cores without it
        #[arg(long, value_name = "N")]
        threads: Option<NonZeroUsize>,
    },
    /// Check every byte of an index, and its answers against those of the symbol file
    Verify {
        /// Index; or a symbol file, of which an index is made for the purpose
        file: PathBuf,
        /// Symbol file that the index was made from
        #[arg(long, value_name = "FILE")]
        with: Option<PathBuf>,
    },
}

/// Pages that are kept while addresses are looked up.
const CACHE_BYTES: usize = 256 << 20;
/// Addresses that are looked up together.
const BATCH: usize = 10_000;

/// Runs the command on symbol files up to a size, unpacked.
pub(super) async fn run(what: Symbols, max_bytes: u64) -> Result<()> {
    let limits = Limits {
        file_bytes: max_bytes,
        ..Limits::default()
    };
    let work = move || match what {
        Symbols::Info { file } => info(&file, &limits),
        Symbols::Lookup { file, addresses } => lookup(&file, addresses, &limits),
        Symbols::Index {
            file,
            output,
            threads,
        } => index(&file, output, threads, limits),
        Symbols::Verify { file, with } => check(&file, with.as_deref(), &limits),
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("the command failed").with_source(e))?
}

fn hex(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    u64::from_str_radix(digits.unwrap_or(text), 16)
        .map_err(|_| "an address is a hexadecimal number of 64 bits, such as 0x1028".to_owned())
}

fn all_cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn options(limits: &Limits, threads: Option<NonZeroUsize>) -> BuildOptions {
    BuildOptions {
        limits: limits.clone(),
        threads: threads.unwrap_or_else(all_cores),
        ..BuildOptions::default()
    }
}

fn info(path: &Path, limits: &Limits) -> Result<()> {
    let index = match Input::open(path, limits)? {
        Input::Index(file) => Index::open(&file).map_err(|e| bad_index(path, &e))?,
        Input::Text(text) => {
            // Whoever asks what is in a text wants all of it counted, which is what an index does.
            let mut bytes = Vec::new();
            build(text, &mut bytes, &options(limits, None)).map_err(|e| bad_file(path, &e))?;
            let index = Index::open(&bytes).map_err(|e| bad_index(path, &e))?;
            return show::module(&index, false);
        }
    };
    show::module(&index, true)
}

fn lookup(path: &Path, addresses: Vec<u64>, limits: &Limits) -> Result<()> {
    let mut file = Looking::open(path, limits)?;
    if !addresses.is_empty() {
        return file.print(&addresses);
    }
    let mut batch = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Error::invalid("stdin cannot be read").with_source(e))?;
        if line.trim().is_empty() {
            continue;
        }
        batch.push(hex(line.trim()).map_err(|e| Error::invalid(format!("'{line}': {e}")))?);
        if batch.len() >= BATCH {
            file.print(&std::mem::take(&mut batch))?;
        }
    }
    file.print(&batch)
}

/// A file in which addresses are looked up, as the server does with and without an index.
enum Looking {
    Index(PathBuf, Arc<Index>, File, PageCache),
    Text(PathBuf, Box<releng_symbols::scan::Scanned>, File),
}

impl Looking {
    fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let name = path.to_owned();
        match Input::open(path, limits)? {
            Input::Index(file) => {
                let index = Index::open(&file).map_err(|e| bad_index(path, &e))?;
                let cache = PageCache::new(CACHE_BYTES);
                Ok(Self::Index(name, Arc::new(index), file, cache))
            }
            Input::Text(text) => {
                let mut scan = Scan::new(limits);
                let mut reader = std::io::BufReader::with_capacity(1 << 20, &text);
                loop {
                    let piece = reader.fill_buf().map_err(|e| disk(path, e))?;
                    let length = piece.len();
                    if length == 0 {
                        break;
                    }
                    scan.feed(piece).map_err(|e| bad_file(path, &e))?;
                    reader.consume(length);
                }
                let scanned = scan.finish().map_err(|e| bad_file(path, &e))?;
                Ok(Self::Text(name, Box::new(scanned), text))
            }
        }
    }

    fn print(&mut self, addresses: &[u64]) -> Result<()> {
        match self {
            Self::Index(path, index, file, cache) => {
                let found = index.resolve(file, cache, addresses, Detail::Full);
                show::symbols(&found.map_err(|e| bad_index(path, &e))?, addresses)
            }
            Self::Text(path, scanned, file) => {
                let table = scanned.excerpt(file, addresses);
                show::symbols(&table.map_err(|e| bad_file(path, &e))?, addresses)
            }
        }
    }
}

fn index(
    path: &Path,
    output: Option<PathBuf>,
    threads: Option<NonZeroUsize>,
    limits: Limits,
) -> Result<()> {
    let Input::Text(text) = Input::open(path, &limits)? else {
        return Err(Error::invalid(format!("{} is an index", path.display())));
    };
    let output = output.unwrap_or_else(|| file::index_path(path));
    let folder = output.parent().filter(|folder| *folder != Path::new(""));
    let draft = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
        .map_err(|e| disk(&output, e))?;
    let started = Instant::now();
    let built = build(
        text,
        BufWriter::with_capacity(1 << 20, draft.as_file()),
        &options(&limits, threads),
    )
    .map_err(|e| bad_file(path, &e))?;
    let secs = started.elapsed().as_secs_f64();
    // Nobody finds an index under its name before all of it is there.
    draft.as_file().sync_all().map_err(|e| disk(&output, e))?;
    draft.persist(&output).map_err(|e| disk(&output, e.error))?;
    show::built(&output, &built, secs)
}

fn check(path: &Path, with: Option<&Path>, limits: &Limits) -> Result<()> {
    let (file, text) = match (Input::open(path, limits)?, with) {
        (Input::Index(file), None) => {
            let index = verify(&file).map_err(|e| bad_index(path, &e))?;
            return show::sound(path, &index, None);
        }
        (Input::Index(file), Some(with)) => match Input::open(with, limits)? {
            Input::Text(text) => (file, text),
            Input::Index(_) => {
                return Err(Error::invalid(format!("{} is an index", with.display())));
            }
        },
        (Input::Text(text), None) => {
            let file = tempfile::tempfile().map_err(|e| disk(path, e))?;
            build(file::whole(&text), &file, &options(limits, None))
                .map_err(|e| bad_file(path, &e))?;
            (file, text)
        }
        (Input::Text(_), Some(_)) => {
            let message = "--with is for an index; a symbol file is checked against itself";
            return Err(Error::invalid(message));
        }
    };
    let index = verify(&file).map_err(|e| bad_index(path, &e))?;
    let hash = file::hash(&text).map_err(|e| disk(path, e))?;
    if hash != (index.file_bytes(), index.file_hash()) {
        let what = "was made from another symbol file";
        return Err(Error::internal(format!("{} {what}", path.display())));
    }
    let compared = compare(path, Arc::new(index), &file, &text, limits)?;
    let index = Index::open(&file).map_err(|e| bad_index(path, &e))?;
    show::sound(path, &index, Some(compared))
}

/// Compares the answers of an index with those of the parsed text: for each symbol at its start,
/// at its last address and somewhere between.
fn compare(
    path: &Path,
    index: Arc<Index>,
    file: &File,
    text: &File,
    limits: &Limits,
) -> Result<usize> {
    let table = SymbolTable::read(file::whole(text), limits).map_err(|e| bad_file(path, &e))?;
    let starts = table.addresses();
    let ends = starts.iter().skip(1).copied().chain([u64::MAX]);
    let addresses: Vec<u64> = starts
        .iter()
        .zip(ends)
        .flat_map(|(start, end)| {
            let last = end
                .saturating_sub(1)
                .max(*start)
                .min(start.saturating_add(1 << 20));
            [*start, start + (last - start) * 2 / 3, last]
        })
        .collect();
    let cache = PageCache::new(CACHE_BYTES);
    for batch in addresses.chunks(BATCH) {
        let found = index
            .resolve(file, &cache, batch, Detail::Full)
            .map_err(|e| bad_index(path, &e))?;
        if let Some(address) = batch
            .iter()
            .find(|address| found.lookup(**address) != table.lookup(**address))
        {
            return Err(Error::internal(format!(
                "{} has another symbol at 0x{address:x} than the symbol file",
                path.display()
            )));
        }
    }
    Ok(addresses.len())
}

fn bad_index(path: &Path, error: &IndexError) -> Error {
    Error::internal(format!("{}: {}", path.display(), chain(error)))
}

fn bad_file(path: &Path, error: &(impl std::error::Error + 'static)) -> Error {
    Error::internal(format!("{}: {}", path.display(), chain(error)))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn print(out: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(out).and_then(|()| stdout.flush()) {
        // A reader that has gone away has seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::internal("stdout cannot be written").with_source(error))
        }
        _ => Ok(()),
    }
}
