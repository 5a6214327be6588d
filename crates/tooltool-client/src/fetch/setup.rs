// SPDX-License-Identifier: MPL-2.0
//! Running the program that a legacy record names, when the caller allows it.

use std::{
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use crate::unpack::expected_folder;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs `<unpacked folder>/<setup>` in `folder` without a shell and without arguments.
pub(super) fn run(
    folder: &Path,
    archive: &str,
    setup: &str,
    limit: Duration,
) -> Result<(), String> {
    let failed = |reason: String| format!("setup '{setup}' of '{archive}' failed: {reason}");
    let unpacked = expected_folder(archive)
        .ok_or_else(|| failed("the archive's name tells no folder".to_owned()))?;
    let unpacked = folder.join(unpacked).canonicalize();
    let unpacked = unpacked.map_err(|error| failed(error.to_string()))?;
    let program = unpacked.join(setup).canonicalize();
    let program = program.map_err(|error| failed(error.to_string()))?;
    // After resolving links and "..": the archive was checked, this name was not.
    if !program.starts_with(&unpacked) {
        return Err(failed("it is not inside the unpacked folder".to_owned()));
    }
    let child = Command::new(program).current_dir(folder).spawn();
    wait(child.map_err(|error| failed(error.to_string()))?, limit).map_err(failed)
}

fn wait(mut child: Child, limit: Duration) -> Result<(), String> {
    let started = Instant::now();
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(status.to_string()),
            None if started.elapsed() >= limit => {
                child
                    .kill()
                    .and_then(|()| child.wait())
                    .map_err(|error| error.to_string())?;
                return Err(format!(
                    "it took longer than {} seconds",
                    limit.as_secs_f64()
                ));
            }
            None => thread::sleep(LOOK_EVERY),
        }
    }
}
