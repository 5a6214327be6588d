// SPDX-License-Identifier: MPL-2.0
//! What becomes of one file: skipped because it is there already, or made ready to be put
//! (tecken.md §5.6).

use std::io::Write;
use std::time::Duration;

use flate2::{Compression, GzBuilder};
use releng_common::{Error, Result};
use releng_store::{Attributes, Key, Meta};

use super::archive::{Archive, Member};
use super::member::{Checked, Job};
use crate::State;
use crate::domain::{NewFile, SymbolPath, last_extension};
use crate::ops::store_fault;
use crate::state::{Source, SpoolFile};

const ORIGINAL_SIZE: &str = "original_size";
const ORIGINAL_MD5: &str = "original_md5_hash";

/// The decision about a file.
pub(super) enum Prepared {
    /// It is there already, under this full key.
    Skip(String),
    /// It is to be put.
    Put(Box<ToPut>),
}

/// A file that is ready to be put.
pub(super) struct ToPut {
    pub path: SymbolPath,
    /// Key below the prefix of the location.
    pub key: String,
    pub object: Key,
    pub content: SpoolFile,
    pub attributes: Attributes,
    pub row: NewFile,
}

/// Decides. The store is asked, not a cache (D-36).
pub(super) async fn prepare(
    state: &State,
    source: &Source,
    archive: &Archive,
    member: &Member,
    checked: &Checked,
) -> Result<Prepared> {
    let own = &state.settings.own;
    let key = member.path.key(&own.symbol_file_prefix);
    let full_key = source.full_key(&key);
    let object = Key::parse(key.as_str())?;
    let extension = last_extension(&member.path.file)
        .trim_start_matches('.')
        .to_lowercase();
    let is_compressed = own.compress_extensions.contains(&extension);
    let existing = existing(state, source, &object).await?;
    if existing
        .as_ref()
        .is_some_and(|meta| is_same(meta, member, checked, is_compressed))
    {
        metrics::counter!("tecken.upload_file_upload_skip").increment(1);
        return Ok(Prepared::Skip(full_key));
    }
    let (content, size) = unpack(state, Job::of(archive, &member.packed), is_compressed).await?;
    let is_legacy = is_compressed
        && existing
            .as_ref()
            .is_some_and(|m| !m.metadata.contains_key(ORIGINAL_MD5) && m.size == size);
    if is_legacy {
        metrics::counter!("tecken.upload_skip_early_compressed_legacy").increment(1);
        return Ok(Prepared::Skip(full_key));
    }
    let mut attributes = Attributes {
        content_type: state.settings.media_types.get(&extension).cloned(),
        ..Attributes::default()
    };
    if is_compressed {
        attributes.content_encoding = Some("gzip".to_owned());
        attributes
            .metadata
            .insert(ORIGINAL_SIZE.to_owned(), member.packed.size.to_string());
        attributes
            .metadata
            .insert(ORIGINAL_MD5.to_owned(), checked.md5.clone());
    }
    let row = NewFile {
        bucket_name: source.bucket_name(),
        key: full_key,
        is_update: existing.is_some(),
        is_compressed,
        size: i64::try_from(size).unwrap_or(i64::MAX),
        code: checked.code.clone(),
    };
    let path = member.path.clone();
    Ok(Prepared::Put(Box::new(ToPut {
        path,
        key,
        object,
        content,
        attributes,
        row,
    })))
}

/// Looks whether there is an object. No answer in time counts as absence: at worst a file is stored
/// again.
async fn existing(state: &State, source: &Source, object: &Key) -> Result<Option<Meta>> {
    let own = &state.settings.own;
    let patience = own
        .s3_lookup_connect_secs
        .saturating_add(own.s3_lookup_read_secs);
    let looked = tokio::time::timeout(
        Duration::from_secs(patience.max(1)),
        source.store.head(object),
    )
    .await;
    match looked {
        Ok(found) => found.map_err(store_fault),
        Err(_) => Ok(None),
    }
}

fn is_same(meta: &Meta, member: &Member, checked: &Checked, is_compressed: bool) -> bool {
    if !is_compressed {
        return meta.size == member.packed.size;
    }
    let of = |name: &str| meta.metadata.get(name).map(String::as_str);
    of(ORIGINAL_SIZE) == Some(member.packed.size.to_string().as_str())
        && of(ORIGINAL_MD5) == Some(checked.md5.as_str())
}

/// Unpacks a file into the spool, compressed when it is stored so, and returns its size there.
async fn unpack(state: &State, job: Job, is_compressed: bool) -> Result<(SpoolFile, u64)> {
    let (file, content) = state.spool.file()?;
    let write = move || {
        let spool = |e: std::io::Error| Error::internal("the spool cannot be used").with_source(e);
        if is_compressed {
            // Neither time nor name: equal content gives equal bytes.
            let mut gzip = GzBuilder::new()
                .mtime(0)
                .write(&file, Compression::default());
            job.write_to(&mut gzip)?;
            gzip.finish().map_err(spool)?;
        } else {
            job.write_to(&mut (&file))?;
        }
        (&file).flush().map_err(spool)?;
        file.metadata().map(|meta| meta.len()).map_err(spool)
    };
    let size = state.upload_pool.run(write).await?;
    Ok((content, size))
}
