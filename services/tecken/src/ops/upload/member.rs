// SPDX-License-Identifier: MPL-2.0
//! Reading every file of an archive once before anything is stored: is it whole, what is its hash,
//! which code file does it belong to.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use md5::{Digest as _, Md5};
use releng_common::{Error, Result};
use releng_symbols::header::HEADER_BYTES;
use zip::ZipReadOptions;
use zip::read::OwnedZipFileEntry;

use super::archive::{Archive, Packed};
use crate::State;
use crate::domain::{Code, MAX_FIELD_CHARS};

/// How much is unpacked at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// What reading a file once told.
pub(super) struct Checked {
    /// MD5 in lower-case hex.
    pub md5: String,
    /// Code file and id of the header, when there is one.
    pub code: Option<Code>,
}

/// Reads all files and returns what those that are going to be stored told. A damaged one that is
/// left out speaks against the archive as well.
pub(super) async fn verify(state: &State, archive: &Archive) -> Result<Vec<Checked>> {
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let checks = archive.members.iter().map(|member| {
        let job = Job::of(archive, &member.packed);
        let module = member.path.module.clone();
        let is_symbol_file = member.path.file.ends_with(".sym");
        state
            .upload_pool
            .run(move || job.check(&module, is_symbol_file))
    });
    // As many as there are cores: more would only wait in the queue of the pool.
    let checked = stream::iter(checks).buffered(workers).try_collect().await?;
    let rest = archive.ignored.iter().chain(&archive.replaced);
    let reads = rest.map(|packed| {
        let job = Job::of(archive, packed);
        state.upload_pool.run(move || job.copy(|_| Ok(())))
    });
    stream::iter(reads)
        .buffered(workers)
        .try_collect::<()>()
        .await?;
    Ok(checked)
}

/// The reading of one file, on a thread of the pool.
pub(super) struct Job {
    path: PathBuf,
    name: String,
    size: u64,
    entry: OwnedZipFileEntry,
}

impl Job {
    pub(super) fn of(archive: &Archive, packed: &Packed) -> Self {
        Self {
            path: archive.path.clone(),
            name: packed.name.clone(),
            size: packed.size,
            entry: packed.entry.as_ref().into(),
        }
    }

    fn check(self, module: &str, is_symbol_file: bool) -> Result<Checked> {
        let mut hash = Md5::new();
        let mut head = Vec::new();
        self.copy(|chunk| {
            hash.update(chunk);
            let missing = HEADER_BYTES.saturating_sub(head.len());
            head.extend(chunk.iter().take(missing));
            Ok(())
        })?;
        let code = if is_symbol_file {
            code_of(&head, module)
        } else {
            None
        };
        Ok(Checked {
            md5: hex::encode(hash.finalize()),
            code,
        })
    }

    /// Unpacks the file into a writer.
    pub(super) fn write_to(self, out: &mut impl Write) -> Result<()> {
        self.copy(|chunk| out.write_all(chunk))
    }

    fn copy(self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<()> {
        let spool = |e: io::Error| Error::internal("the spool cannot be used").with_source(e);
        let mut archive = BufReader::new(File::open(&self.path).map_err(spool)?);
        let damaged =
            |name: &str| Error::invalid(format!("The file '{name}' in the archive is damaged"));
        let mut reader = self
            .entry
            .as_ref()
            .with_reader(&mut archive, ZipReadOptions::new())
            .map_err(|e| damaged(&self.name).with_source(e))?;
        let (mut chunk, mut total) = (vec![0; CHUNK_BYTES], 0_u64);
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.to_string().contains("checksum") => {
                    return Err(Error::invalid(format!(
                        "Bad CRC-32 for file '{}'",
                        self.name
                    )));
                }
                Err(error) => return Err(damaged(&self.name).with_source(error)),
            };
            total = total.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            // The limits were checked on the announced size.
            if total > self.size {
                return Err(damaged(&self.name).with_source("it is larger than announced"));
            }
            take(chunk.get(..read).unwrap_or_default()).map_err(spool)?;
        }
        if total == self.size {
            Ok(())
        } else {
            Err(damaged(&self.name))
        }
    }
}

/// Returns code file and id for lookups (D-31). Outside of Windows the module is the code file.
fn code_of(head: &[u8], module: &str) -> Option<Code> {
    let code = releng_symbols::header(head).code?;
    let file = code.code_file.unwrap_or_else(|| module.to_owned());
    let is_short = |text: &str| text.chars().count() <= MAX_FIELD_CHARS && !text.contains('\0');
    let id = code.code_id.to_ascii_uppercase();
    (is_short(&file) && is_short(&id)).then_some((Some(file), id))
}
