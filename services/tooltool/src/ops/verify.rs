// SPDX-License-Identifier: MPL-2.0
//! Whether an object is the file that it should be (tooltool.md §5.2).

use releng_common::{Error, Result};
use releng_store::{Meta, sha512_of};

use crate::domain::{File, Sha512, Verdict, judge};
use crate::regions::{self, RegionStore};

/// What an inspection found.
pub(super) enum Found {
    /// There is no object.
    Nothing,
    /// There is one, judged, with the tag of the version that was looked at.
    Object(Verdict, String),
}

/// Looks at the object of a file. The bytes are read only when everything else fits, and `sha512_of`
/// asks the store once more whether they were replaced meanwhile.
///
/// # Errors
/// `Unavailable` when the store does not answer or contradicts itself, `Conflict` when the object
/// changes under the eyes.
pub(super) async fn inspect(region: &RegionStore, file: &File) -> Result<Found> {
    let key = regions::key(&file.digest)?;
    let Some(meta) = region.store.head(&key).await? else {
        return Ok(Found::Nothing);
    };
    if let invalid @ Verdict::Invalid(_) = verdict(file, &meta, None) {
        return Ok(Found::Object(invalid, meta.etag));
    }
    let Some((meta, first)) = digest_of(region, file).await? else {
        return Ok(Found::Nothing);
    };
    let found = verdict(file, &meta, Some(&first));
    if found == Verdict::Valid {
        region.store.make_private(&key).await?;
    } else if digest_of(region, file).await?.map(|(_, second)| second) != Some(first) {
        // Deleting is final: a single reading that the network or the store garbled is not enough.
        let text = "the object store sent different bytes for one object";
        return Err(Error::unavailable(text));
    }
    Ok(Found::Object(found, meta.etag))
}

async fn digest_of(region: &RegionStore, file: &File) -> Result<Option<(Meta, Sha512)>> {
    let key = regions::key(&file.digest)?;
    match sha512_of(region.store.as_ref(), &key).await? {
        Some((meta, digest)) => Ok(Some((meta, Sha512::parse(&digest)?))),
        None => Ok(None),
    }
}

fn verdict(file: &File, meta: &Meta, digest: Option<&Sha512>) -> Verdict {
    let (class, redirect) = (
        meta.storage_class.as_deref(),
        meta.website_redirect.as_deref(),
    );
    judge(file, meta.size, class, redirect, digest)
}
