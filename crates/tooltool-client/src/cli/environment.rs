// SPDX-License-Identifier: MPL-2.0
//! The environment variables that the client reads, all in one place.

use std::path::{Path, PathBuf};

/// What the environment says.
#[derive(Clone, Default)]
pub(super) struct Environment {
    /// `TOOLTOOL_HOST`: the server, when no `--url` is given.
    pub host: Option<String>,
    /// `TASKCLUSTER_PROXY_URL`: where tasks reach servers with the task's own rights.
    pub proxy: Option<String>,
    /// `TASKCLUSTER_CLIENT_ID` and `TASKCLUSTER_ACCESS_TOKEN`, if both are set.
    pub client: Option<(String, String)>,
    /// `TASKCLUSTER_CERTIFICATE`: comes with temporary credentials.
    pub certificate: Option<String>,
    /// `TOOLTOOL_CACHE`: the default of `--cache-folder`.
    pub cache: Option<PathBuf>,
    /// `TERM=dumb`: the terminal cannot move its cursor.
    pub is_dumb: bool,
    /// `TOOLTOOL_RETRY_SCALE`: a factor on every wait, for tests.
    pub retry_scale: f64,
}

impl Environment {
    /// Reads the variables; an empty one counts as not set.
    ///
    /// # Errors
    /// `TOOLTOOL_RETRY_SCALE` is no number.
    pub fn read() -> Result<Self, String> {
        let client = variable("TASKCLUSTER_CLIENT_ID").zip(variable("TASKCLUSTER_ACCESS_TOKEN"));
        Ok(Self {
            host: variable("TOOLTOOL_HOST"),
            proxy: variable("TASKCLUSTER_PROXY_URL"),
            client,
            certificate: variable("TASKCLUSTER_CERTIFICATE"),
            cache: variable("TOOLTOOL_CACHE").map(PathBuf::from),
            is_dumb: variable("TERM").is_some_and(|term| term == "dumb"),
            retry_scale: scale(variable("TOOLTOOL_RETRY_SCALE"))?,
        })
    }
}

/// Replaces a leading `~` by the home folder.
pub(super) fn expand_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the client does not link releng-common"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn scale(text: Option<String>) -> Result<f64, String> {
    let Some(text) = text else { return Ok(1.0) };
    match text.parse::<f64>() {
        Ok(scale) if scale.is_finite() && scale >= 0.0 => Ok(scale),
        _ => Err(format!(
            "TOOLTOOL_RETRY_SCALE must be a number from 0, not '{text}'"
        )),
    }
}
