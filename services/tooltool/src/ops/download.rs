// SPDX-License-Identifier: MPL-2.0
//! Downloads: from a digest to a URL.

use std::sync::Arc;

use releng_common::{Error, Result};
use releng_store::SignedUrl;

use super::{NO_REGION, no_such_thing};
use crate::domain::{File, Sha512};
use crate::redirects::Redirects;
use crate::regions::{RegionStore, SignedUrls};
use crate::state::Downloadable;
use crate::{State, repo};

/// Where the URLs of the CDN are kept; regions have names.
const CDN: &str = "";

/// A file that can be downloaded, shared between requests.
type Found = Arc<Option<Downloadable>>;

/// Returns a file that has an instance, never stale (D-54).
///
/// # Errors
/// `NotFound` when there is none.
pub async fn download_find(state: &State, digest: &Sha512) -> Result<Found> {
    let load = || async {
        let digest = digest.clone();
        let file = state
            .db
            .read(move |conn| Ok(repo::file_fetch(conn, &digest)?))
            .await?;
        Ok(file.filter(File::has_instances).map(|file| Downloadable {
            visibility: file.visibility,
            regions: file.instances,
            urls: SignedUrls::default(),
            redirects: Redirects::default(),
        }))
    };
    let found = state.downloads.get(digest.clone(), load).await?;
    if found.is_none() {
        Err(no_such_thing())
    } else {
        Ok(found)
    }
}

/// Returns a URL for the file: at the CDN if there is one, else in the preferred region if that has
/// the file.
///
/// # Errors
/// `Internal` with the contract's text when no region of the file is configured.
pub async fn download_sign(
    state: &State,
    digest: &Sha512,
    file: &Downloadable,
    preferred: Option<&str>,
) -> Result<Arc<SignedUrl>> {
    let second = state.clock.now().timestamp();
    let secs = state.settings.own.download_expires_secs;
    let (place, region) = match &state.cdn {
        Some(_) => (CDN, None),
        None => {
            let (name, region) = region_of(state, file, preferred)?;
            (name, Some(region))
        }
    };
    if let Some(url) = file.urls.get(place, second) {
        return Ok(url);
    }
    let url = match (&state.cdn, region) {
        (Some(cdn), _) => {
            cdn.sign_get(digest, second.saturating_add(secs.into()))
                .await?
        }
        (None, Some(region)) => region.sign_get(digest, secs).await?,
        (None, None) => return Err(Error::internal(NO_REGION)),
    };
    let url = Arc::new(url);
    file.urls.put(place, second, Arc::clone(&url));
    Ok(url)
}

fn region_of<'a>(
    state: &'a State,
    file: &'a Downloadable,
    preferred: Option<&str>,
) -> Result<(&'a str, &'a RegionStore)> {
    let available = file.regions.iter().map(String::as_str);
    let chosen = state.regions.choose(preferred, available);
    chosen
        .and_then(|name| Some((name, state.regions.get(name)?)))
        .ok_or_else(|| Error::internal(NO_REGION))
}
