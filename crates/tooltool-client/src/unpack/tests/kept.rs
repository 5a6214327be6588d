// SPDX-License-Identifier: MPL-2.0
//! What an archive must not put others in the place of.

use super::{zips::zip_of, *};

/// A folder with a manifest and a file of another record.
fn place() -> Place {
    let mut place = Place::new();
    let root = place.folder.path().to_owned();
    for name in ["manifest.tt", "other"] {
        fs::write(root.join(name), name).unwrap();
        place.options.kept.push(root.join(name));
    }
    place.options.kept.push(root.join("absent"));
    place
}

#[test]
fn an_archive_with_such_a_file_is_refused_and_leaves_nothing() {
    for members in [
        &[(FILE, "pkg/a", 0o644, "a"), (FILE, "other", 0o644, "evil!")][..],
        &[(FILE, "other", 0o644, "longer than it was")],
        &[(LINK, "other", 0o777, "manifest.tt")],
        &[(FOLDER, "other", 0o755, ""), (FILE, "other/x", 0o644, "x")],
        &[(FILE, "pkg/a", 0o644, "a"), (HARD, "other", 0o644, "pkg/a")],
    ] {
        let place = place();
        assert_eq!(
            place.unpack("pkg.tar.gz", &tar_of(members)),
            Err("Attempted overwrite of a file that the manifest needs in tar file: other".into())
        );
        assert_eq!(place.names(), ["manifest.tt", "other", "pkg.tar.gz"]);
        assert_eq!(place.text("other"), "other");
    }
    let place = place();
    let refused = place.unpack("pkg.zip", &zip_of(&[("manifest.tt", 0o644, "[]")]));
    assert_eq!(
        refused,
        Err(
            "Attempted overwrite of a file that the manifest needs in zip file: manifest.tt".into()
        )
    );
    assert_eq!(place.text("manifest.tt"), "manifest.tt");
}

#[test]
fn files_in_deeper_folders_are_kept_too() {
    let mut place = Place::new();
    let manifest = place.folder.path().join("sub/deep/manifest.tt");
    fs::create_dir_all(manifest.parent().unwrap()).unwrap();
    fs::write(&manifest, "[ ]").unwrap();
    place.options.kept.push(manifest);
    let evil = tar_of(&[(FILE, "sub/deep/manifest.tt", 0o644, "[]")]);
    assert_eq!(
        place.unpack("pkg.tar.gz", &evil),
        Err(
            "Attempted overwrite of a file that the manifest needs in tar file: \
             sub/deep/manifest.tt"
                .into()
        )
    );
    // The folder that the name of an archive stands for is removed with all that is in it.
    let harmless = tar_of(&[(FILE, "sub/x", 0o644, "x")]);
    assert_eq!(
        place.unpack("sub.tar.gz", &harmless),
        Err("Attempted overwrite of a file that the manifest needs in tar file: sub".into())
    );
    assert_eq!(place.text("sub/deep/manifest.tt"), "[ ]");
    assert_eq!(place.unpack("pkg.tar.gz", &harmless), Ok(()));
    assert_eq!(place.text("sub/x"), "x");
}

#[cfg(unix)]
#[test]
fn a_manifest_behind_a_link_is_kept() {
    let mut place = Place::new();
    let root = place.folder.path().to_owned();
    fs::write(root.join("real.tt"), "[]").unwrap();
    std::os::unix::fs::symlink("real.tt", root.join("manifest.tt")).unwrap();
    place.options.kept.push(root.join("manifest.tt"));
    for name in ["real.tt", "manifest.tt"] {
        let refused = place.unpack("pkg.tar.gz", &tar_of(&[(FILE, name, 0o644, "evil")]));
        assert!(refused.is_err_and(|text| text.ends_with(&format!(": {name}"))));
    }
    assert_eq!(place.text("manifest.tt"), "[]");
}

#[test]
fn the_same_bytes_and_files_that_are_not_there_are_no_threat() {
    let place = place();
    let archive = tar_of(&[
        (FILE, "other", 0o644, "other"),
        (FILE, "absent", 0o644, "x"),
    ]);
    assert_eq!(place.unpack("pkg.tar.gz", &archive), Ok(()));
    assert_eq!(
        (place.text("other"), place.text("absent")),
        ("other".into(), "x".into())
    );
}
