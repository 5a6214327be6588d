// SPDX-License-Identifier: MPL-2.0
//! How long a signed URL may live, in every store.

use releng_common::{Error, Result};

use crate::EXPIRES_MAX_SECS;

/// Checks the life of a signed URL.
pub(crate) fn check_expiry(expires_secs: u32) -> Result<()> {
    if (1..=EXPIRES_MAX_SECS).contains(&expires_secs) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "a signed URL must live 1 to {EXPIRES_MAX_SECS} seconds, not {expires_secs}"
    )))
}
