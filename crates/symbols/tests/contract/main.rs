// SPDX-License-Identifier: MPL-2.0
//! The contract of symbolication, from the outside: what a file means, which requests are
//! refused and how, and what an answer looks like to the last byte.

#![expect(
    clippy::unwrap_used,
    reason = "test code, which clippy does not see in plain functions"
)]

mod answer_v4;
mod answer_v5;
mod arbitrary_input;
mod damage;
mod debug;
mod edge_cases;
mod index;
mod limits;
mod lookup_model;
mod lookup_rules;
mod real_file;
#[path = "../../examples/measure/reference.rs"]
mod reference;
mod request_limits;
mod source_lines;
mod support;
mod validation_v4;
mod validation_v5;
