// SPDX-License-Identifier: MPL-2.0
//! b
fn main() {}
