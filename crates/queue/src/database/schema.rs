// SPDX-License-Identifier: MPL-2.0
//! The table as diesel sees it.

diesel::table! {
    releng_jobs (id) {
        id -> BigInt,
        queue -> Text,
        body -> Text,
        dedup_key -> Nullable<Text>,
        visible_at -> Timestamp,
        attempts -> Integer,
        receipt -> Nullable<Text>,
        created_at -> Timestamp,
        dead_at -> Nullable<Timestamp>,
        last_error -> Nullable<Text>,
    }
}
