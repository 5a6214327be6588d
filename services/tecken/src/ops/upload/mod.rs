// SPDX-License-Identifier: MPL-2.0
//! Taking an archive of symbols in (tecken.md §5): everything is checked before anything is stored;
//! files go to the store from temporary files, so memory stays bounded.

mod archive;
mod destination;
mod directory;
mod end_record;
mod index;
mod member;
mod prepare;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use releng_common::{Error, Result};
use releng_store::Body;
use releng_symbols::ModuleKey;

use super::download::code_keys;
use super::store_fault;
use crate::domain::{Caller, Code, NewUpload, Upload, Wish, content_hash};
use crate::repo::DayTotals;
use crate::state::{Source, SpoolFile};
use crate::{State, repo};
use archive::{Archive, Member};
use destination::Destination;
use prepare::{Prepared, ToPut};

/// Longest name of an archive, the bound of the column.
const MAX_FILENAME_CHARS: usize = 100;

/// An archive that arrived.
#[derive(Debug)]
pub struct Posted {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub file: SpoolFile,
    /// Its size in bytes.
    pub size: u64,
    /// Where it should go.
    pub wish: Wish,
}

/// Stores the files of an archive and returns the record of the upload.
///
/// # Errors
/// `InvalidInput` with the sentence for the client, `Forbidden` for a destination that the caller
/// may not use, `Internal` when a store does not answer.
pub async fn upload_create(state: &State, caller: &Caller, posted: Posted) -> Result<Upload> {
    if posted.name.chars().count() > MAX_FILENAME_CHARS || posted.name.contains('\0') {
        let text =
            format!("The name of the archive is longer than {MAX_FILENAME_CHARS} characters");
        return Err(Error::invalid(text));
    }
    let archive = archive::open(state, &posted).await?;
    let destination = destination::choose(state, caller, &posted.wish)?;
    archive.check_keys(&destination.source, &state.settings.own.symbol_file_prefix)?;
    let members = member::verify(state, &archive).await?;
    let upload_id = begin(state, caller, &posted, &archive, &destination).await?;
    let (skipped, stored) = store(state, &destination, upload_id, &archive, members).await?;
    finish(state, upload_id, skipped, stored, &archive, posted.size).await
}

async fn begin(
    state: &State,
    caller: &Caller,
    posted: &Posted,
    archive: &Archive,
    destination: &Destination,
) -> Result<i32> {
    let (bucket_region, bucket_endpoint_url) = destination.source.region_and_endpoint();
    let upload = NewUpload {
        user_id: caller.user.id,
        filename: posted.name.clone(),
        size: i64::try_from(posted.size).unwrap_or(i64::MAX),
        bucket_name: destination.source.bucket_name(),
        bucket_region,
        bucket_endpoint_url,
        try_symbols: destination.is_try,
        content_hash: content_hash(archive.listing()),
        ignored_keys: archive
            .ignored
            .iter()
            .map(|packed| packed.name.clone())
            .collect(),
    };
    let now = state.clock.now().naive_utc();
    state
        .db
        .write(move |conn| Ok(repo::upload_insert_in_txn(conn, &upload, now)?))
        .await
}

/// Stores the files, a group at a time: within one, files are compressed and put in parallel, and
/// their rows take two transactions. Returns the skipped keys and the number of stored files.
async fn store(
    state: &State,
    destination: &Destination,
    upload_id: i32,
    archive: &Archive,
    members: Vec<member::Checked>,
) -> Result<(Vec<String>, usize)> {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let group = state
        .settings
        .own
        .upload_file_workers
        .unwrap_or(cores * 5)
        .max(1);
    let (mut skipped, mut stored) = (Vec::new(), 0);
    let pairs: Vec<(&Member, member::Checked)> = archive.members.iter().zip(members).collect();
    for group_of in pairs.chunks(group) {
        let prepared: Vec<Prepared> = stream::iter(group_of)
            .map(|(member, checked)| {
                prepare::prepare(state, &destination.source, archive, member, checked)
            })
            .buffered(group)
            .try_collect()
            .await?;
        let (mut to_put, mut there) = (Vec::new(), Vec::new());
        for (one, (_, checked)) in prepared.into_iter().zip(group_of) {
            match one {
                Prepared::Skip(key) => {
                    there.extend(checked.code.clone().map(|code| (key.clone(), code)));
                    skipped.push(key);
                }
                Prepared::Put(file) => to_put.push(*file),
            }
        }
        stored += to_put.len();
        catch_up(state, &destination.source, there).await?;
        put(state, &destination.source, upload_id, to_put, group).await?;
    }
    Ok((skipped, stored))
}

async fn put(
    state: &State,
    source: &Source,
    upload_id: i32,
    files: Vec<ToPut>,
    at_once: usize,
) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = files.iter().map(|file| file.row.clone()).collect();
    let now = state.clock.now().naive_utc();
    let insert = move |conn: &mut releng_db::AnyConnection| {
        let mut ids = Vec::new();
        for row in &rows {
            ids.push(repo::file_insert_in_txn(conn, upload_id, row, now)?);
        }
        Ok(ids)
    };
    let ids = state.db.write(insert).await?;
    let put: Vec<Result<i32>> = stream::iter(files.iter().zip(ids))
        .map(|(file, id)| async move {
            let body = Body::File(file.content.path().to_owned());
            let put = source.store.put(&file.object, body, &file.attributes);
            // The index is made while the file is on its way.
            let (put, index) = futures_util::join!(put, index::make(state, source, file));
            let meta = put.map_err(store_fault)?;
            metrics::counter!("tecken.upload_file_upload_upload").increment(1);
            if let Some(index) = index {
                index.put(source, &meta.etag).await;
            }
            Ok(id)
        })
        .buffer_unordered(at_once)
        .collect()
        .await;
    // What was put is there and seen at once, also when another file of the group failed.
    let ids = put.iter().filter_map(|one| one.as_ref().ok().copied());
    let completed = complete(state, ids.collect()).await;
    forget(state, &files).await?;
    completed?;
    put.into_iter().find_map(Result::err).map_or(Ok(()), Err)
}

async fn complete(state: &State, ids: Vec<i32>) -> Result<()> {
    let now = state.clock.now().naive_utc();
    state
        .db
        .write(move |conn| Ok(repo::file_complete_in_txn(conn, &ids, now)?))
        .await
}

/// Completes the records of files that are in the store already, given by key and code: a process may
/// have ended between storing and noting it, and a lookup by code believes in complete records alone.
async fn catch_up(state: &State, source: &Source, there: Vec<(String, Code)>) -> Result<()> {
    if there.is_empty() {
        return Ok(());
    }
    let bucket = source.bucket_name();
    let wanted = there.clone();
    let ids = state
        .db
        .read(move |conn| Ok(repo::file_list_incomplete(conn, &bucket, &wanted)?))
        .await?;
    if ids.is_empty() {
        return Ok(());
    }
    complete(state, ids).await?;
    let names = there
        .iter()
        .flat_map(|(_, (file, id))| code_keys(file.as_deref().unwrap_or_default(), id));
    let names: Vec<String> = names.collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    state.exists.cache().delete(&names).await
}

/// Makes every cache ask again for these files, in all processes.
async fn forget(state: &State, files: &[ToPut]) -> Result<()> {
    let sources = state.sources.all();
    let mut names = Vec::new();
    for file in files {
        names.extend(sources.iter().map(|source| source.cache_key(&file.key)));
        if let Some((Some(code_file), code_id)) = &file.row.code {
            names.extend(code_keys(code_file, code_id));
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    state.exists.cache().delete(&names).await?;
    let modules: Vec<ModuleKey> = files
        .iter()
        .filter_map(|file| ModuleKey::parse(&file.path.module, &file.path.debug_id))
        .collect();
    state.modules.forget(&modules).await
}

async fn finish(
    state: &State,
    upload_id: i32,
    skipped: Vec<String>,
    stored: usize,
    archive: &Archive,
    size: u64,
) -> Result<Upload> {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let totals = DayTotals {
        files: count(stored),
        skipped: count(skipped.len()),
        ignored: count(archive.ignored.len()),
        size: i64::try_from(size).unwrap_or(i64::MAX),
    };
    let now = state.clock.now().naive_utc();
    let upload = state
        .db
        .write(move |conn| {
            repo::upload_complete_in_txn(conn, upload_id, &skipped, now)?;
            repo::uploads_created_add_in_txn(conn, totals, now)?;
            Ok(repo::upload_find(conn, upload_id)?)
        })
        .await?
        .ok_or_else(|| Error::internal("an upload that was just made is not there"))?;
    let is_try = if upload.try_symbols { "true" } else { "false" };
    let bucket = upload.bucket_name.clone();
    metrics::counter!("tecken.upload_uploads", "try" => is_try, "bucket" => bucket).increment(1);
    Ok(upload)
}
