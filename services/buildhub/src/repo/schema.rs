// SPDX-License-Identifier: MPL-2.0
//! The table that is queried without SQL text. `main_build` is not here: its columns have types of
//! their own on PostgreSQL.

diesel::table! {
    archive_file (path) {
        path -> Text,
        size_bytes -> BigInt,
        modified_ns -> BigInt,
        inode -> BigInt,
        problem -> Nullable<Text>,
    }
}
