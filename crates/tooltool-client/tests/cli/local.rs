// SPDX-License-Identifier: MPL-2.0
//! list, validate, add, purge.

use std::{fs::File, time::SystemTime};

use serde_json::json;

use crate::home::{Home, digest, record, with};

#[test]
fn list_shows_presence_and_validity_and_succeeds_with_bad_files() {
    let home = Home::new();
    home.manifest(&[
        record("good", "good"),
        record("absent", "x"),
        record("changed", "before"),
        record("resized", "x"),
        with(record("unchecked size", "abc"), json!({"size": null})),
        with(
            record("upper", "u"),
            json!({"digest": digest("u").to_uppercase()}),
        ),
        with(record("md5", "m"), json!({"algorithm": "md5"})),
        record("folder", "f"),
    ]);
    for (name, contents) in [
        ("good", "good"),
        ("changed", "after!"),
        ("resized", "xx"),
        ("unchecked size", "abc"),
        ("upper", "u"),
        ("md5", "m"),
    ] {
        home.write(name, contents);
    }
    std::fs::create_dir(home.at("folder")).unwrap();
    let run = home.run(&["list"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert_eq!(
        run.stdout,
        "P\tV\tgood\n-\t-\tabsent\nP\t-\tchanged\nP\t-\tresized\nP\tV\tunchecked size\n\
         P\t-\tupper\nP\t-\tmd5\nP\t-\tfolder\n"
    );
}

#[test]
fn list_keeps_the_order_of_a_long_manifest() {
    let home = Home::new();
    let names: Vec<_> = (0..200).map(|number| format!("file-{number}")).collect();
    for name in &names {
        home.write(name, name);
    }
    home.manifest(
        &names
            .iter()
            .map(|name| record(name, name))
            .collect::<Vec<_>>(),
    );
    let expected: String = names.iter().map(|name| format!("P\tV\t{name}\n")).collect();
    assert_eq!(home.run(&["list"]).stdout, expected);
}

#[test]
fn validate_says_nothing_and_its_status_tells() {
    let home = Home::new();
    home.manifest(&[record("a", "1"), record("b", "2")]);
    home.write("a", "1");
    let run = home.run(&["validate"]);
    assert_eq!(
        (run.status, run.stdout.as_str(), run.stderr.as_str()),
        (1, "", "")
    );
    assert_eq!(
        home.run(&["validate", "-v"]).stderr,
        "DEBUG - 'b': absent\n"
    );
    home.write("b", "2");
    let run = home.run(&["validate"]);
    assert_eq!(
        (run.status, run.stdout.as_str(), run.stderr.as_str()),
        (0, "", "")
    );
}

#[test]
fn add_creates_the_manifest_with_the_options_of_the_records() {
    let home = Home::new();
    std::fs::create_dir(home.at("dir")).unwrap();
    home.write("dir/a.tar.xz", "abc");
    let run = home.run(&[
        "add",
        "dir/a.tar.xz",
        "--visibility",
        "public",
        "--unpack",
        "--version",
        "gcc 4.8",
    ]);
    assert_eq!(
        (run.status, run.stdout.as_str(), run.stderr.as_str()),
        (0, "", "")
    );
    assert_eq!(
        home.text("manifest.tt"),
        "[\n  {\n    \"filename\": \"a.tar.xz\",\n    \"size\": 3,\n    \
         \"algorithm\": \"sha512\",\n    \"digest\": \"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2\
         0a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f\",\n    \
         \"unpack\": true,\n    \"version\": \"gcc 4.8\",\n    \"visibility\": \"public\"\n  }\n]"
    );
}

#[test]
fn added_records_come_first_and_the_old_ones_stay() {
    let home = Home::new();
    home.write(
        "manifest.tt",
        r#"[{"filename": "half"}, {"filename": "old", "size": 1,
        "algorithm": "sha512", "digest": "00", "setup": "run.sh"}]"#,
    );
    home.write("new1", "");
    home.write("new2", "");
    assert_eq!(home.run(&["add", "new1", "new2"]).status, 0);
    let written: Vec<serde_json::Value> = serde_json::from_str(&home.text("manifest.tt")).unwrap();
    let old = json!({"filename": "old", "size": 1, "algorithm": "sha512", "digest": "00",
        "setup": "run.sh"});
    assert_eq!(
        written,
        [
            record("new1", ""),
            record("new2", ""),
            json!({"filename": "half"}),
            old
        ]
    );
}

#[test]
fn what_the_manifest_already_has_is_reported_and_kept() {
    let home = Home::new();
    std::fs::create_dir(home.at("dir")).unwrap();
    for (name, contents) in [("same", "same"), ("dir/other", "new"), ("fresh", "fresh")] {
        home.write(name, contents);
    }
    home.manifest(&[record("same", "same"), record("other", "old")]);
    let run = home.run(&["add", "same", "dir/other", "missing", "fresh"]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        "INFO - file already in old_manifest\n\
         ERROR - manifest already contains a different file named other\n\
         ERROR - cannot add 'missing': No such file or directory (os error 2)\n"
    );
    let written: Vec<serde_json::Value> = serde_json::from_str(&home.text("manifest.tt")).unwrap();
    assert_eq!(
        written,
        [
            record("fresh", "fresh"),
            record("same", "same"),
            record("other", "old")
        ]
    );
}

#[test]
fn adding_only_a_missing_file_makes_no_manifest() {
    let home = Home::new();
    assert_eq!(home.run(&["add", "missing"]).status, 1);
    assert!(home.names(".").is_empty());
    let run = home.run(&["add"]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        "ERROR - add command requires at least one file\n"
    );
}

#[test]
fn purge_deletes_plain_files_oldest_first_and_succeeds() {
    let home = Home::new();
    std::fs::create_dir_all(home.at("cache/sub")).unwrap();
    for (name, age) in [("b", 1), ("a", 2)] {
        let file = File::create(home.at("cache").join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age))
            .unwrap();
    }
    let run = home.run(&["purge", "-c", "cache"]);
    assert_eq!(
        (run.status, run.stderr.as_str()),
        (0, "INFO - purged cache/b\nINFO - purged cache/a\n")
    );
    assert_eq!(home.names("cache"), ["sub"]);
}

#[test]
fn purge_leaves_files_alone_while_enough_space_is_free() {
    let home = Home::new();
    std::fs::create_dir(home.at("cache")).unwrap();
    home.write("cache/a", "a");
    assert_eq!(
        home.run(&["purge", "--cache=cache", "--size", "0.000001"])
            .status,
        0
    );
    assert_eq!(home.names("cache"), ["a"]);
    assert_eq!(
        home.run(&["purge", "--cache=cache", "--size", "1e9"])
            .status,
        0
    );
    assert!(home.names("cache").is_empty());
}

#[test]
fn purge_takes_its_folder_from_the_environment_and_needs_one() {
    let home = Home::new().with_env("TOOLTOOL_CACHE", "~/nowhere");
    let run = home.run(&["purge"]);
    let nowhere = home.at("nowhere");
    let message = format!(
        "INFO - nothing to purge: {} does not exist\n",
        nowhere.display()
    );
    assert_eq!((run.status, run.stderr), (0, message));
    let run = Home::new().run(&["purge"]);
    let message = "ERROR - please specify the cache folder to be purged\n";
    assert_eq!((run.status, run.stderr.as_str()), (1, message));
}
