// SPDX-License-Identifier: MPL-2.0
//! The `tooltool-sync` command.

use std::process::ExitCode;

use releng_tooltool_sync::cli;

fn main() -> ExitCode {
    ExitCode::from(cli::run(std::env::args_os()))
}
