// SPDX-License-Identifier: MPL-2.0
//! Folders that live as long as their test.

pub use tempfile::TempDir;

/// Creates an empty folder that vanishes on drop.
///
/// # Panics
/// When the machine's temporary folder cannot be written.
pub fn dir() -> TempDir {
    match tempfile::Builder::new().prefix("releng-test-").tempdir() {
        Ok(dir) => dir,
        Err(error) => panic!("no temporary folder for a test: {error}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_folder_is_empty_its_own_and_gone_afterwards() {
        let (first, second) = (super::dir(), super::dir());
        assert_ne!(first.path(), second.path());
        assert_eq!(std::fs::read_dir(first.path()).unwrap().count(), 0);
        let path = first.path().to_owned();
        std::fs::write(path.join("file"), "x").unwrap();
        drop(first);
        assert!(!path.exists());
    }
}
