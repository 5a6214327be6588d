// SPDX-License-Identifier: MPL-2.0
//! The `releng-buildhub` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    releng_common::run::main::<releng_buildhub::Buildhub>()
}
