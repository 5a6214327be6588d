// SPDX-License-Identifier: MPL-2.0
//! What a client is told about a request that cannot be answered; clients match on the wording.

pub(super) const INVALID_JSON: &str = "Invalid JSON passed in";
pub(super) const NOT_A_DICT: &str = "Not a dict";
pub(super) const JOBS_EMPTY: &str = "Jobs list empty";
pub(super) const NOT_A_LIST: &str = "Must be a list";
pub(super) const STACK_NOT_A_LIST: &str = "Must be a list of lists";
pub(super) const FRAME_NOT_A_LIST: &str = "Must be a list of lists of lists";
pub(super) const FRAME_NOT_A_PAIR: &str = "List of lists of frames must be 2 numbers";
pub(super) const FRAME_NOT_INTEGERS: &str = "Frame must be two integers";
pub(super) const MODULE_NOT_A_PAIR: &str = "Must be a list of lists of size 2";
pub(super) const NAME_TOO_LONG: &str = "module name too long";
pub(super) const DEBUG_ID_EMPTY: &str = "debugID empty or missing";
pub(super) const NAME_WITH_NUL: &str = "module_name contains null-byte";
pub(super) const NAME_NOT_A_STRING: &str = "module name must be a string";
pub(super) const DEBUG_ID_NOT_A_STRING: &str = "debugID must be a string";
pub(super) const WRONG_VERSION: &str = "Expect version==4";

pub(super) fn missing_key_v5(key: &str) -> String {
    format!("Missing key in JSON ('{key}')")
}

pub(super) fn missing_key_v4(key: &str) -> String {
    format!("Missing key JSON \"'{key}'\"")
}

pub(super) fn wrong_type(what: &str) -> String {
    format!("Wrong type of value ({what})")
}

pub(super) fn index_out_of_range(index: u64, modules: usize) -> String {
    format!("module index {index} is out of range: memoryMap has {modules} items")
}

pub(super) fn too_many(what: &str, limit: usize) -> String {
    format!("too many {what}: the limit of one request is {limit}")
}
