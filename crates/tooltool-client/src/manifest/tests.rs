// SPDX-License-Identifier: MPL-2.0
use proptest::prelude::*;

use super::*;

const DIGEST: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                      47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

fn refusal(text: &str) -> String {
    Manifest::parse(text.as_bytes()).unwrap_err().to_string()
}

fn with(members: &str) -> String {
    format!(
        r#"[{{"filename": "a", "size": 0, "algorithm": "sha512", "digest": "{DIGEST}", {members}}}]"#
    )
}

#[test]
fn members_are_written_in_their_order_with_two_spaces_and_nothing_at_the_end() {
    let text = r#"[{"setup": "run.sh", "visibility": "public", "version": "gcc 4", "other": 1,
        "unpack": true, "digest": "00", "algorithm": "sha512", "size": 3, "filename": "é.tar"},
        {"unpack": false, "digest": "11", "algorithm": "sha512", "size": null, "filename": "b",
        "version": null}]"#;
    let written = Manifest::parse(text.as_bytes()).unwrap().to_json().unwrap();
    assert_eq!(
        written,
        "[\n  {\n    \"filename\": \"é.tar\",\n    \"size\": 3,\n    \"algorithm\": \"sha512\",\n    \
         \"digest\": \"00\",\n    \"unpack\": true,\n    \"version\": \"gcc 4\",\n    \
         \"visibility\": \"public\",\n    \"setup\": \"run.sh\"\n  },\n  {\n    \
         \"filename\": \"b\",\n    \"size\": null,\n    \"algorithm\": \"sha512\",\n    \
         \"digest\": \"11\"\n  }\n]"
    );
}

#[test]
fn an_empty_manifest_is_an_empty_array() {
    assert_eq!(Manifest::default().to_json().unwrap(), "[]");
}

#[test]
fn records_without_a_required_member_are_skipped_with_a_warning_and_survive_rewriting() {
    let text = r#"[{"filename": "a", "size": 1}, {"algorithm": "sha512"}]"#;
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    assert_eq!(manifest.records().count(), 0);
    assert_eq!(
        manifest.warnings().collect::<Vec<_>>(),
        [
            "record 1 is skipped, it has no algorithm, no digest",
            "record 2 is skipped, it has no filename, no size, no digest",
        ]
    );
    assert_eq!(
        manifest.to_json().unwrap(),
        "[\n  {\n    \"filename\": \"a\",\n    \"size\": 1\n  },\n  {\n    \
         \"algorithm\": \"sha512\"\n  }\n]"
    );
}

#[test]
fn a_rule_that_is_broken_is_named_with_record_and_member() {
    for (text, message) in [
        ("{}", "a manifest must be an array of records"),
        ("[5]", "record 1 must be an object"),
        (
            &with(r#""filename": "a/b""#),
            "record 1: filename 'a/b' must not contain / or \\",
        ),
        (
            &with(r#""filename": "a\\b""#),
            "record 1: filename 'a\\b' must not contain / or \\",
        ),
        (
            &with(r#""filename": """#),
            "record 1: filename '' must name a file",
        ),
        (
            &with(r#""filename": "..""#),
            "record 1: filename '..' must name a file",
        ),
        (
            &with(r#""filename": "a\u0000""#),
            "record 1: filename 'a\0' must not contain control characters",
        ),
        (
            &with(r#""filename": 5"#),
            "record 1: filename must be a string",
        ),
        (
            &with(r#""size": -1"#),
            "record 1: size must be a whole number of bytes or null, not -1",
        ),
        (
            &with(r#""size": 1.5"#),
            "record 1: size must be a whole number of bytes or null, not 1.5",
        ),
        (
            &with(r#""size": "5""#),
            "record 1: size must be a whole number of bytes or null, not \"5\"",
        ),
        (
            &with(r#""digest": null"#),
            "record 1: digest must be a string",
        ),
        (
            &with(r#""unpack": "yes""#),
            "record 1: unpack must be true or false",
        ),
        (
            &with(r#""version": 4"#),
            "record 1: version must be a string",
        ),
    ] {
        assert_eq!(refusal(text), message, "{text}");
    }
}

#[test]
fn text_that_is_not_json_is_refused_with_the_place() {
    assert!(
        refusal("[").starts_with("not valid JSON: EOF"),
        "{}",
        refusal("[")
    );
    assert!(
        refusal("").starts_with("not valid JSON: "),
        "{}",
        refusal("")
    );
    assert!(refusal(&"[".repeat(100_000)).starts_with("not valid JSON: EOF"));
    let record = with(r#""filename": "a", "other": 1 2"#);
    assert!(refusal(&record).starts_with("not valid JSON: expected"));
    assert!(
        Manifest::parse(b"[{\"filename\": \"\xff\"}]")
            .unwrap_err()
            .to_string()
            .starts_with("not valid JSON: ")
    );
}

#[test]
fn depth_length_and_number_have_bounds() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [format!("[{deep}]"), with(&format!(r#""other": {deep}"#))] {
        let message = refusal(&text);
        assert!(
            message.starts_with("record 1 is not valid JSON: recursion limit exceeded"),
            "{message}"
        );
    }
    let long = with(&format!(
        r#""version": "{}""#,
        "x".repeat(RECORD_LIMIT_BYTES)
    ));
    assert_eq!(refusal(&long), "record 1 is longer than 1048576 bytes");
    let many = format!("[{}{{}}]", "{},".repeat(RECORD_LIMIT));
    assert_eq!(
        refusal(&many),
        "a manifest must not have more than 100000 records"
    );
    let as_many = format!("[{}{{}}]", "{},".repeat(RECORD_LIMIT - 1));
    assert_eq!(
        Manifest::parse(as_many.as_bytes())
            .unwrap()
            .warnings()
            .count(),
        RECORD_LIMIT
    );
}

#[test]
fn saving_replaces_the_target_of_a_link_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("real.tt");
    fs::write(&target, "[]").unwrap();
    #[cfg(unix)]
    {
        let link = folder.path().join("manifest.tt");
        std::os::unix::fs::symlink("real.tt", &link).unwrap();
        Manifest::parse(with(r#""unpack": false"#).as_bytes())
            .unwrap()
            .save(&link)
            .unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
    }
    assert_eq!(Manifest::load(&target).unwrap().records().count(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = Manifest::parse(&bytes);
    }

    #[test]
    fn what_is_written_reads_back_the_same(
        filename in "[a-z.é ]{1,20}x",
        size in proptest::option::of(0u64..u64::MAX),
        digest in ".*",
        unpack: bool,
        version in proptest::option::of(".*"),
    ) {
        let record = Record {
            filename, size, algorithm: "sha512".to_owned(), digest, unpack, version,
            visibility: None, setup: None,
        };
        let manifest = Manifest::default().with_first(vec![record]);
        let text = manifest.to_json().unwrap();
        prop_assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest);
    }
}
