// SPDX-License-Identifier: MPL-2.0
//! The `releng-tooltool` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    releng_common::run::main::<releng_tooltool::Tooltool>()
}
