// SPDX-License-Identifier: MPL-2.0
//! The `releng` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    releng_all_in_one::main()
}
