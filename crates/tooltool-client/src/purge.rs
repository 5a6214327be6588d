// SPDX-License-Identifier: MPL-2.0
//! Emptying a cache folder, oldest files first.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::log::Log;

/// Deletes the plain files directly in `folder`, oldest first, until `wanted_bytes` are free as
/// told by `free`; zero means all files. Returns whether every deletion worked.
///
/// # Errors
/// The folder cannot be listed, or the free space cannot be found out.
pub fn purge(
    folder: &Path,
    wanted_bytes: u64,
    free: impl Fn(&Path) -> io::Result<u64>,
    log: &Log,
) -> io::Result<bool> {
    let mut files = match plain_files(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            log.info(format_args!(
                "nothing to purge: {} does not exist",
                folder.display()
            ));
            return Ok(true);
        }
        files => files?,
    };
    files.sort();
    let mut all_worked = true;
    for (_, path) in files {
        if wanted_bytes > 0 && free(folder)? >= wanted_bytes {
            log.info("enough space is free");
            return Ok(all_worked);
        }
        match fs::remove_file(&path) {
            Ok(()) => log.info(format_args!("purged {}", path.display())),
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                log.error(format_args!("cannot purge {}: {error}", path.display()));
                all_worked = false;
            }
        }
    }
    if wanted_bytes > 0 && free(folder)? < wanted_bytes {
        log.warning("the folder is empty, but less space is free than asked for");
    }
    Ok(all_worked)
}

fn plain_files(folder: &Path) -> io::Result<Vec<(SystemTime, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Not following links: only what lies here is ours to delete.
        if let Ok(metadata) = entry.path().symlink_metadata()
            && metadata.is_file()
        {
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            files.push((modified, entry.path()));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, time::Duration};

    use super::*;
    use crate::log::Level;

    fn folder_with(names: &[(&str, u64)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, modified) in names {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(*modified))
                .unwrap();
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_go_first_until_enough_is_free() {
        let folder = folder_with(&[("new", 30), ("oldest", 10), ("old", 20)]);
        let free = |folder: &Path| Ok(10 - u64::try_from(names(folder).len()).unwrap());
        let log = Log::memory(Level::Info);
        assert!(purge(folder.path(), 9, free, &log).unwrap());
        assert_eq!(names(folder.path()), ["new"]);
        assert_eq!(log.lines().last().unwrap(), "INFO - enough space is free");
    }

    #[test]
    fn without_a_size_every_plain_file_goes_and_folders_stay() {
        let folder = folder_with(&[("a", 1), ("b", 2)]);
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/kept"), "").unwrap();
        let log = Log::memory(Level::Error);
        assert!(
            purge(
                folder.path(),
                0,
                |_| Err(io::Error::other("not asked")),
                &log
            )
            .unwrap()
        );
        assert_eq!(names(folder.path()), ["sub"]);
        assert_eq!(names(&folder.path().join("sub")), ["kept"]);
    }

    #[test]
    fn a_disk_that_stays_full_is_a_warning() {
        let folder = folder_with(&[("a", 1)]);
        let log = Log::memory(Level::Warning);
        assert!(purge(folder.path(), 9, |_| Ok(0), &log).unwrap());
        assert_eq!(
            log.lines(),
            ["WARNING - the folder is empty, but less space is free than asked for"]
        );
    }
}
