// SPDX-License-Identifier: MPL-2.0
//! Finding symbols: which store has a file, and under which address clients get it
//! (tecken.md §2.3, §2.5, §2.6).

use std::time::Duration;

use bytes::Bytes;
use releng_common::Result;
use releng_db::AnyConnection;
use releng_store::SignedUrl;

use super::{changes, is_refusal, store_fault};
use crate::domain::Wanted;
use crate::repo::CodePlace;
use crate::state::Source;
use crate::{State, repo};

/// Seconds that a signed address lives.
const SIGNED_SECS: u32 = 3600;
/// For how long a lookup by code id is remembered.
const CODE_TTL: Duration = Duration::from_secs(600);

/// Returns the first location that has a file, and the key there. `refresh` asks the stores anew.
///
/// # Errors
/// `Internal` when a store does not answer: absence is never concluded from that.
pub async fn symbol_find<'a>(
    state: &'a State,
    wanted: &Wanted,
    refresh: bool,
) -> Result<Option<(&'a Source, String)>> {
    let key = wanted.key(&state.settings.own.symbol_file_prefix);
    changes::follow_if_possible(state).await;
    for source in state.sources.readable(wanted.is_try) {
        // An upload that is not complete puts the file at any moment, or was killed when it had.
        let refresh = refresh || state.modules.news.is_doubtful(&source.full_key(&key));
        if exists(state, source, &key, refresh)
            .await
            .map_err(store_fault)?
        {
            return Ok(Some((source, key)));
        }
    }
    Ok(None)
}

async fn exists(state: &State, source: &Source, key: &str, refresh: bool) -> Result<bool> {
    let Some(object) = source.key(key) else {
        return Ok(false);
    };
    let ttl = Some(Duration::from_secs(state.settings.own.exists_ttl_secs));
    let look = || async {
        metrics::counter!("tecken.symboldownloader_exists_cache_miss").increment(1);
        let found = match source.store.head(&object).await {
            Ok(meta) => meta.is_some(),
            // A public bucket tells strangers nothing else of a missing key.
            Err(error) if source.place.location.is_public() && is_refusal(&error) => false,
            Err(error) => return Err(error),
        };
        Ok(Bytes::from_static(if found { b"1" } else { b"0" }))
    };
    let name = source.cache_key(key);
    let answer = if refresh {
        state.exists.refresh(&name, ttl, look).await?
    } else {
        state.exists.get_or_load(&name, ttl, look).await?
    };
    Ok(answer.as_ref() == b"1")
}

/// Returns where clients get a file.
///
/// # Errors
/// The store cannot sign.
pub async fn symbol_url(source: &Source, key: &str) -> Result<SignedUrl> {
    let key = releng_store::Key::parse(key)?;
    match source.store.public_url(&key) {
        Some(url) => Ok(url),
        None => source
            .store
            .sign_get(&key, SIGNED_SECS)
            .await
            .map_err(store_fault),
    }
}

/// Returns the names under which the shared cache knows a code id: for regular symbols alone, and
/// with try symbols.
pub(super) fn code_keys(code_file: &str, code_id: &str) -> [String; 2] {
    let id = code_id.to_ascii_uppercase();
    [
        format!("code:{id}/{code_file}"),
        format!("code-try:{id}/{code_file}"),
    ]
}

/// Takes a miss for a request by code file and code id, and returns debug file, debug id
/// and file name of the newest symbol file that names them. Only what the request may read counts,
/// and regular symbols come before try symbols.
///
/// # Errors
/// The database does not answer.
pub async fn symbol_by_code(
    state: &State,
    wanted: &Wanted,
    refresh: bool,
) -> Result<Option<[String; 3]>> {
    if !wanted.may_be_code_id() {
        return Ok(None);
    }
    let (file, id) = (wanted.symbol.clone(), wanted.debug_id.to_ascii_uppercase());
    let [regular, with_try] = code_keys(&file, &id);
    let name = if wanted.is_try { with_try } else { regular };
    let prefix = match state.settings.own.symbol_file_prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let place = |source: &Source| CodePlace {
        bucket_name: source.bucket_name(),
        prefix: source.full_key(&prefix),
    };
    let regular: Vec<CodePlace> = state.sources.readable(false).map(place).collect();
    let try_place = wanted.is_try.then(|| place(&state.sources.try_source));
    let look = || async move {
        let find = move |conn: &mut AnyConnection| {
            let mut key = repo::file_find_by_code(conn, (&file, &id), &regular)?;
            if key.is_none() {
                key = repo::file_find_by_code(conn, (&file, &id), try_place.as_slice())?;
            }
            Ok(key.unwrap_or_default())
        };
        Ok(Bytes::from(state.db.read(find).await?))
    };
    let answer = if refresh {
        state.exists.refresh(&name, Some(CODE_TTL), look).await?
    } else {
        state
            .exists
            .get_or_load(&name, Some(CODE_TTL), look)
            .await?
    };
    let key = String::from_utf8_lossy(&answer).into_owned();
    let mut segments = key.rsplit('/').map(str::to_owned);
    Ok(match (segments.next(), segments.next(), segments.next()) {
        (Some(name), Some(id), Some(file)) => Some([file, id, name]),
        _ => None,
    })
}
