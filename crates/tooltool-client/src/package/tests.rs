// SPDX-License-Identifier: MPL-2.0
use tempfile::TempDir;

use super::*;
use crate::{digest::Sha512, log::Level, record::FileState};

struct Place {
    outer: TempDir,
    log: Log,
}

impl Place {
    fn with(files: &[(&str, &str)]) -> Self {
        let outer = tempfile::tempdir().unwrap();
        fs::create_dir_all(outer.path().join("linker/folder")).unwrap();
        fs::write(outer.path().join("linker/folder/deeper"), "x").unwrap();
        for (name, contents) in files {
            fs::write(outer.path().join("linker").join(name), contents).unwrap();
        }
        Self {
            outer,
            log: Log::memory(Level::Info),
        }
    }

    fn make(&self) -> Result<Package, Error> {
        let notes = Notes {
            visibility: Some("public".to_owned()),
            ..Notes::default()
        };
        Package::make(
            &self.outer.path().join("linker"),
            "a note\n",
            &notes,
            &self.log,
        )
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn digest(text: &str) -> String {
    Sha512::of_reader(&mut text.as_bytes())
        .unwrap()
        .0
        .to_string()
}

#[test]
fn a_package_holds_each_plain_file_under_its_digest_with_manifest_and_note() {
    let place = Place::with(&[("b.tar", "same"), ("a.tar", "same"), ("c", "other")]);
    let package = place.make().unwrap();
    let mut expected = vec![
        digest("same"),
        digest("other"),
        "linker.tt".to_owned(),
        "linker.txt".to_owned(),
    ];
    expected.sort();
    assert_eq!(place.names(package.folder()), expected);
    assert_eq!(fs::read_to_string(package.note()).unwrap(), "a note\n");
    let manifest = Manifest::load(&package.manifest()).unwrap();
    let records: Vec<_> = manifest.records().collect();
    let names: Vec<_> = records
        .iter()
        .map(|record| record.filename.as_str())
        .collect();
    assert_eq!(names, ["a.tar", "b.tar", "c"]);
    for record in records {
        assert_eq!(record.visibility.as_deref(), Some("public"));
        let source = place.outer.path().join("linker");
        assert_eq!(record.state_in(&source), FileState::Valid);
    }
    assert_eq!(Package::open(package.folder()).unwrap(), package);
}

#[test]
fn a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten() {
    let place = Place::with(&[("a", "a")]);
    for (package, base) in [
        ("linker.TOOLTOOL-PACKAGE", "linker"),
        ("linker1.TOOLTOOL-PACKAGE", "linker1"),
        ("linker2.TOOLTOOL-PACKAGE", "linker2"),
    ] {
        let made = place.make().unwrap();
        assert_eq!(made.folder().file_name().unwrap(), package);
        // The processor looks for the package by the name of the manifest.
        assert_eq!(made.manifest(), made.folder().join(format!("{base}.tt")));
        assert!(made.manifest().is_file() && made.note().is_file());
    }
    assert_eq!(place.names(place.outer.path()).len(), 4);
}

#[test]
fn what_cannot_be_packaged_leaves_nothing() {
    let place = Place::with(&[]);
    let message = place.make().unwrap_err().to_string();
    assert!(
        message.ends_with("linker: there is no file to package"),
        "{message}"
    );
    let place = Place::with(&[("a", "a"), ("b\\c", "b")]);
    let message = place.make().unwrap_err().to_string();
    assert!(
        message.ends_with("filename 'b\\c' must not contain / or \\"),
        "{message}"
    );
    assert_eq!(place.names(place.outer.path()), ["linker"]);
    let message = Package::make(
        &place.outer.path().join("absent"),
        "m",
        &Notes::default(),
        &place.log,
    )
    .unwrap_err()
    .to_string();
    assert!(message.contains("No such file"), "{message}");
}

#[test]
fn an_incomplete_package_is_not_opened() {
    let place = Place::with(&[("a", "a")]);
    let package = place.make().unwrap();
    let refused = || Package::open(package.folder()).unwrap_err().to_string();
    fs::write(package.folder().join(digest("a")), "b").unwrap();
    assert!(refused().contains("'a': digest is "), "{}", refused());
    fs::remove_file(package.folder().join(digest("a"))).unwrap();
    assert!(
        refused().contains("'a': cannot read the file: "),
        "{}",
        refused()
    );
    fs::remove_file(package.manifest()).unwrap();
    assert!(
        refused().starts_with("failed to load manifest file at "),
        "{}",
        refused()
    );
    let message = Package::open(&place.outer.path().join("linker"))
        .unwrap_err()
        .to_string();
    assert!(
        message.ends_with("the name of a package must end in .TOOLTOOL-PACKAGE"),
        "{message}"
    );
}
