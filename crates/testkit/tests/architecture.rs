// SPDX-License-Identifier: MPL-2.0
//! The rules of the architecture, held against this workspace.

use std::path::Path;

#[test]
fn the_workspace_keeps_to_its_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let violations = releng_testkit::architecture::check(&root).unwrap();
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} violations\n{}",
        lines.len(),
        lines.join("\n")
    );
}
