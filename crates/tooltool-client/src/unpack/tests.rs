// SPDX-License-Identifier: MPL-2.0
//! The rules of unpacking, on archives built here.

use std::{fs, io::Write as _, sync::atomic::Ordering};

use ::tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use self::zips::zip_of;
use super::*;
use crate::log::Level;

mod kept;
mod zips;

/// One member: type, name, mode, and contents or link target.
type Spec<'a> = (EntryType, &'a str, u32, &'a str);

const FILE: EntryType = EntryType::Regular;
const FOLDER: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;
const HARD: EntryType = EntryType::Link;

/// Names are written raw: the builder's own functions would refuse the bad ones.
fn tar_of(members: &[Spec<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, mode, text) in members {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_mtime(1_000_000_000);
        let mut contents = text.as_bytes();
        if matches!(*kind, EntryType::Symlink | EntryType::Link) {
            header.as_old_mut().linkname[..text.len()].copy_from_slice(text.as_bytes());
            contents = b"";
        }
        header.set_size(u64::try_from(contents.len()).unwrap());
        header.set_cksum();
        builder.append(&header, contents).unwrap();
    }
    builder.into_inner().unwrap()
}

struct Place {
    folder: TempDir,
    log: Log,
    options: Options,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            log: Log::memory(Level::Debug),
            options: Options::default(),
        }
    }

    fn unpack(&self, name: &str, archive: &[u8]) -> Result<(), String> {
        fs::write(self.folder.path().join(name), archive).unwrap();
        unpack(self.folder.path(), name, &self.options, &self.log).map_err(|e| e.to_string())
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    /// Everything in the folder, deepest included, sorted.
    fn names(&self) -> Vec<String> {
        fn walk(root: &Path, folder: &Path, names: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                names.push(
                    path.strip_prefix(root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
                if path.is_dir() && !path.is_symlink() {
                    walk(root, &path, names);
                }
            }
        }
        let mut names = Vec::new();
        walk(self.folder.path(), self.folder.path(), &mut names);
        names.sort();
        names
    }
}

#[test]
fn every_compression_is_recognised_by_its_contents_and_zstandard_by_its_name() {
    let tar = tar_of(&[
        (FOLDER, "pkg/", 0o755, ""),
        (FILE, "pkg/a", 0o640, "contents"),
    ]);
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    let bzip2 = {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    let xz = {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    let zstandard = zstd::encode_all(tar.as_slice(), 1).unwrap();
    // As parallel compressors write it: a frame to be skipped, of four bytes, comes first.
    let skipped = [
        &[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4],
        zstandard.as_slice(),
    ]
    .concat();
    // Several streams one after the other, as parallel compressors write them too.
    let two_gzips = {
        let half = |part: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap()
        };
        let (first, second) = tar.split_at(700);
        [half(first), half(second)].concat()
    };
    for (name, archive) in [
        ("pkg.tar", &tar),
        ("misleading.tar.xz", &gzip),
        ("pkg.tar.bz2", &bzip2),
        ("pkg.txz", &xz),
        ("pkg.tar.zst", &zstandard),
        ("skipped-frame.tar.zst", &skipped),
        ("two-streams.tar.gz", &two_gzips),
        ("gzip-by-content.tar.zst", &gzip),
    ] {
        let place = Place::new();
        assert_eq!(place.unpack(name, archive), Ok(()), "{name}");
        assert_eq!(place.names(), sorted(&[name, "pkg", "pkg/a"]));
        assert_eq!(place.text("pkg/a"), "contents");
    }
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_no_archive_is_named_and_leaves_nothing() {
    let gzipped_text = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&[b'x'; 2000]).unwrap();
        encoder.finish().unwrap()
    };
    for (name, contents) in [
        ("a.txt", b"text".as_slice()),
        ("empty.tar", b""),
        ("b.tar.gz", &gzipped_text),
        (
            "by-content-only.tar",
            &zstd::encode_all(b"x".as_slice(), 1).unwrap(),
        ),
    ] {
        let place = Place::new();
        let message = format!("Unknown archive extension for filename '{name}'");
        assert_eq!(place.unpack(name, contents), Err(message));
        assert_eq!(place.names(), [name]);
    }
}

#[test]
fn the_expected_folder_comes_from_the_name() {
    for (archive, folder) in [
        ("gcc.tar.xz", Some("gcc")),
        ("foo.tgz", Some("foo")),
        ("rust-1.2.tar.zst", Some("rust-1.2")),
        ("sdk.zip", Some("sdk")),
        ("...tar.gz", None),
        ("..zip", None),
        (".zip", None),
    ] {
        assert_eq!(expected_folder(archive), folder, "{archive}");
    }
}

#[test]
fn the_expected_folder_is_replaced_and_other_folders_are_merged() {
    let place = Place::new();
    let at = |path: &str| place.folder.path().join(path);
    for folder in ["gcc", "share"] {
        fs::create_dir(at(folder)).unwrap();
        fs::write(at(folder).join("old"), "old").unwrap();
    }
    let tar = tar_of(&[
        (FILE, "./gcc/new", 0o644, "new"),
        (FILE, "share/new", 0o644, "new"),
    ]);
    assert_eq!(place.unpack("gcc.tar.xz", &tar), Ok(()));
    assert_eq!(
        place.names(),
        [
            "gcc",
            "gcc.tar.xz",
            "gcc/new",
            "share",
            "share/new",
            "share/old"
        ]
    );
}

#[test]
fn a_folder_in_the_way_of_a_file_is_noticed_before_anything_is_changed() {
    let place = Place::new();
    let at = |path: &str| place.folder.path().join(path);
    for folder in ["gcc", "share", "share/taken"] {
        fs::create_dir(at(folder)).unwrap();
        fs::write(at(folder).join("old"), "old").unwrap();
    }
    let tar = tar_of(&[
        FINE,
        (FILE, "share/new", 0o644, ""),
        (FILE, "share/taken", 0o644, ""),
    ]);
    let message = place.unpack("gcc.tar.xz", &tar).unwrap_err();
    let in_the_way = format!("the folder {} is in the way", at("share/taken").display());
    assert_eq!(message, format!("cannot unpack 'gcc.tar.xz': {in_the_way}"));
    let left = [
        "gcc",
        "gcc.tar.xz",
        "gcc/old",
        "share",
        "share/old",
        "share/taken",
        "share/taken/old",
    ];
    assert_eq!(place.names(), left);
}

/// Unpacks beside the folder of an earlier version and expects a refusal and no trace.
fn refused(members: &[Spec<'_>], message: &str) {
    let place = Place::new();
    fs::create_dir(place.folder.path().join("gcc")).unwrap();
    let outcome = place.unpack("gcc.tar.xz", &tar_of(members));
    assert_eq!(outcome, Err(message.to_owned()));
    assert_eq!(place.names(), ["gcc", "gcc.tar.xz"], "{message}");
}

const FINE: Spec<'_> = (FILE, "gcc/fine", 0o644, "fine");

#[test]
fn members_that_leave_the_folder_are_refused() {
    for name in ["../evil", "/tmp/evil", "a/../../b", "."] {
        let message = format!("Attempted path traversal in tar file: {name}");
        refused(&[FINE, (FILE, name, 0o644, "")], &message);
    }
}

#[test]
fn links_that_leave_the_folder_are_refused() {
    for (kind, name, target) in [
        (LINK, "l", "/etc"),
        (LINK, "l", "gcc/../.."),
        (LINK, "gcc/l", "../../x"),
        (LINK, "l", "l"),
        (HARD, "h", "../x"),
        (HARD, "h", "/etc/passwd"),
    ] {
        let message = format!("Attempted link path traversal in tar file: {name}");
        refused(&[FINE, (kind, name, 0o777, target)], &message);
    }
}

#[test]
fn links_that_leave_the_folder_by_way_of_others_are_refused() {
    // A second name for a link in another folder would point elsewhere.
    let second_name = [
        (LINK, "d/e/l", 0o777, "../../x"),
        (HARD, "m", 0o644, "d/e/l"),
    ];
    refused(&second_name, "Attempted link path traversal in tar file: m");
    // Harmless as text, but "d/e/l" leads to the top, so ".." from there leaves.
    let detour = [
        (LINK, "d/e/l", 0o777, "../.."),
        (LINK, "out", 0o777, "d/e/l/../x"),
    ];
    refused(&detour, "Attempted link path traversal in tar file: out");
    for through in ["l/x", "l/a/b"] {
        let message = format!("Attempted write through a symbolic link in tar file: {through}");
        refused(
            &[(LINK, "l", 0o777, "gcc"), FINE, (FILE, through, 0o644, "")],
            &message,
        );
        refused(
            &[(LINK, "l", 0o777, "nothing"), (FOLDER, through, 0o755, "")],
            &message,
        );
    }
}

#[test]
fn set_id_bits_and_special_files_are_refused() {
    for (kind, mode) in [(FILE, 0o4755), (FILE, 0o2755), (FOLDER, 0o2755)] {
        let message = "Attempted setuid or setgid in tar file: s";
        refused(&[FINE, (kind, "s", mode, "")], message);
    }
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let message = "Attempted special file in tar file: s";
        refused(&[FINE, (kind, "s", 0o644, "")], message);
    }
}

#[cfg(unix)]
#[test]
fn links_and_permission_bits_and_times_are_restored() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let place = Place::new();
    let at = |path: &str| place.folder.path().join(path);
    let tar = tar_of(&[
        (FOLDER, "p/ro/", 0o555, ""),
        (FILE, "p/ro/tool", 0o755, "tool"),
        (LINK, "p/tool", 0o777, "ro/tool"),
        (LINK, "p/dangling", 0o777, "ro/../absent"),
        (HARD, "p/hard", 0o644, "p/ro/tool"),
    ]);
    // Twice: the second time the read-only folder of the first is in the way.
    for _ in 0..2 {
        assert_eq!(place.unpack("p.tar.gz", &tar), Ok(()));
    }
    let mode = |path: &str| at(path).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("p/ro"), mode("p/ro/tool")), (0o555, 0o755));
    assert_eq!(at("p/ro/tool").metadata().unwrap().mtime(), 1_000_000_000);
    assert_eq!(at("p/ro").metadata().unwrap().mtime(), 1_000_000_000);
    assert_eq!(fs::read_link(at("p/tool")).unwrap(), Path::new("ro/tool"));
    assert_eq!(
        fs::read_link(at("p/dangling")).unwrap(),
        Path::new("ro/../absent")
    );
    assert_eq!(
        at("p/hard").metadata().unwrap().ino(),
        at("p/ro/tool").metadata().unwrap().ino()
    );
    // So that the test's folder can be removed by anybody.
    crate::temporary::remove_folder(&at("p")).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_at_the_place_of_a_member_is_replaced_and_its_target_untouched() {
    let place = Place::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("f"), "outside").unwrap();
    for (link, target) in [
        ("folder", outside.path().to_owned()),
        ("f", outside.path().join("f")),
    ] {
        std::os::unix::fs::symlink(target, place.folder.path().join(link)).unwrap();
    }
    let tar = tar_of(&[
        (FILE, "folder/f", 0o644, "inside"),
        (FILE, "f", 0o644, "inside"),
        (LINK, "twice", 0o777, "f"),
        (FILE, "twice", 0o644, "file"),
    ]);
    assert_eq!(place.unpack("x.tar", &tar), Ok(()));
    assert_eq!(
        fs::read_to_string(outside.path().join("f")).unwrap(),
        "outside"
    );
    assert_eq!(
        (place.text("folder/f"), place.text("f")),
        ("inside".into(), "inside".into())
    );
    assert_eq!(
        (place.text("twice"), place.text("f")),
        ("file".into(), "inside".into())
    );
}

#[test]
fn where_links_cannot_be_made_their_targets_are_copied_even_if_they_come_later() {
    let mut place = Place::new();
    place.options.can_link = false;
    let tar = tar_of(&[
        (LINK, "p/second", 0o777, "first"),
        (LINK, "p/first", 0o777, "d"),
        (LINK, "p/nothing", 0o777, "absent"),
        (LINK, "p/d/self", 0o777, "."),
        (FILE, "p/d/f", 0o644, "contents"),
    ]);
    assert_eq!(place.unpack("p.tar.gz", &tar), Ok(()));
    assert_eq!(place.text("p/first/f"), "contents");
    assert_eq!(place.text("p/second/f"), "contents");
    let through = tar_of(&[(LINK, "l", 0o777, "d"), (FILE, "l/f", 0o644, "")]);
    assert_eq!(
        place.unpack("q.tar.gz", &through),
        Err("Attempted write through a symbolic link in tar file: l/f".to_owned())
    );
    assert_eq!(
        place.log.lines(),
        [
            "WARNING - link p/d/self contains itself, left out",
            "WARNING - link p/nothing points to nothing: absent",
        ]
    );
}

#[test]
fn limits_and_interruption_stop_unpacking() {
    let tar = tar_of(&[(FILE, "a", 0o644, "12345"), (FILE, "b", 0o644, "12345")]);
    let mut place = Place::new();
    place.options.size_limit_bytes = 9;
    let message = "cannot unpack 'x.tar': it unpacks to more than 9 bytes";
    assert_eq!(place.unpack("x.tar", &tar), Err(message.to_owned()));
    place.options.size_limit_bytes = 10;
    place.options.member_limit = 1;
    let message = "cannot unpack 'x.tar': more than 1 members";
    assert_eq!(place.unpack("x.tar", &tar), Err(message.to_owned()));
    place.options.member_limit = 2;
    place.options.cancelled.store(true, Ordering::Relaxed);
    let message = "cannot unpack 'x.tar': interrupted";
    assert_eq!(place.unpack("x.tar", &tar), Err(message.to_owned()));
    assert_eq!(place.names(), ["x.tar"]);
    place.options.cancelled.store(false, Ordering::Relaxed);
    assert_eq!(place.unpack("x.tar", &tar), Ok(()));
}

#[test]
fn a_truncated_archive_leaves_nothing() {
    let tar = tar_of(&[
        (FILE, "p/a", 0o644, "1"),
        (FILE, "p/b", 0o644, &"2".repeat(2000)),
    ]);
    let place = Place::new();
    let error = place.unpack("p.tar.gz", &tar[..2500]).unwrap_err();
    assert!(error.starts_with("cannot unpack 'p.tar.gz': "), "{error}");
    assert_eq!(place.names(), ["p.tar.gz"]);
}

proptest::proptest! {
    #[test]
    fn damaged_archives_never_panic_and_never_escape(at: usize, byte: u8, length: usize) {
        let tar = tar_of(&[(LINK, "l", 0o777, "a"), (FILE, "a/b", 0o644, "x"), (FILE, "c", 0o644, "")]);
        let zip = zip_of(&[("l", 0o120_777, "a"), ("a/b", 0o644, "x")]);
        for (name, mut archive) in [("t.tar", tar), ("t.zip", zip)] {
            let at = at % archive.len();
            archive[at] = byte;
            archive.truncate(length % archive.len() + 1);
            let outer = tempfile::tempdir().unwrap();
            let folder = outer.path().join("inner");
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(name), &archive).unwrap();
            let log = Log::memory(Level::Error);
            let _ = unpack(&folder, name, &Options::default(), &log);
            proptest::prop_assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
        }
    }
}
