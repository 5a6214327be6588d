// SPDX-License-Identifier: MPL-2.0
//! The whole answer to v4 requests.

use releng_symbols::{Lookups, Outcome, Version};

use super::support::{self, found, outcome};

fn answer(body: &str, lookups: &Lookups) -> String {
    support::answer(Version::V4, body, lookups)
}

#[test]
fn a_frame_is_a_text() {
    let body = r#"{"version": 4, "memoryMap": [["xul.pdb", "AB"], ["wntdll.pdb", "CD"], ["unused", "EF"]],
        "stacks": [[[0, 17], [1, 65802], [-1, 11723767], [0, 1.00000], [0, -1], [0, 0]], []]}"#;
    let lookups = Lookups::from([
        found(
            ("xul.pdb", "AB"),
            "FILE 0 a.c\nFUNC 10 10 0 XRE_main(int, \"x\")\n10 10 7 0\n",
        ),
        outcome(("wntdll.pdb", "CD"), Outcome::NotFound),
    ]);
    let expected = concat!(
        r#"{"symbolicatedStacks":[["XRE_main(int, \"x\") (in xul.pdb)","0x1010a (in wntdll.pdb)","#,
        r#""0xb2e3f7 (in <unknown>)","1.00000","-0x1 (in xul.pdb)","0x0 (in xul.pdb)"],[]],"#,
        r#""knownModules":[true,false,null]}"#,
    );
    assert_eq!(answer(body, &lookups), expected);
}

#[test]
fn known_modules_is_right_for_duplicates() {
    let body = r#"{"version": 4, "memoryMap": [["a", "AB"], ["a", "AB"], ["a", "ab"]], "stacks": [[[1, 1]]]}"#;
    let expected = r#"{"symbolicatedStacks":[["f (in a)"]],"knownModules":[true,true,null]}"#;
    assert_eq!(
        answer(body, &Lookups::from([found(("a", "AB"), "PUBLIC 0 0 f")])),
        expected
    );
}

#[test]
fn nothing_asked_is_nothing_answered() {
    let body = r#"{"version": 4, "memoryMap": [], "stacks": []}"#;
    let expected = r#"{"symbolicatedStacks":[],"knownModules":[]}"#;
    assert_eq!(answer(body, &Lookups::new()), expected);
}
