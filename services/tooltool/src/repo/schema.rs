// SPDX-License-Identifier: MPL-2.0
//! The tables, as the Python service named them.

diesel::table! {
    #[sql_name = "releng_tooltool_files"]
    files (id) {
        id -> Integer,
        size -> BigInt,
        sha512 -> Text,
        visibility -> Text,
    }
}

diesel::table! {
    #[sql_name = "releng_tooltool_batches"]
    batches (id) {
        id -> Integer,
        uploaded -> Timestamp,
        author -> Text,
        message -> Text,
    }
}

diesel::table! {
    #[sql_name = "releng_tooltool_batch_files"]
    batch_files (file_id, batch_id, filename) {
        file_id -> Integer,
        batch_id -> Integer,
        filename -> Text,
    }
}

diesel::table! {
    #[sql_name = "releng_tooltool_file_instances"]
    instances (file_id, region) {
        file_id -> Integer,
        region -> Text,
    }
}

diesel::table! {
    #[sql_name = "releng_tooltool_pending_upload"]
    pending (file_id) {
        file_id -> Integer,
        expires -> Timestamp,
        region -> Text,
    }
}

diesel::table! {
    #[sql_name = "tooltool_leases"]
    leases (name) {
        name -> Text,
        holder -> Text,
        ends -> Timestamp,
    }
}

diesel::table! {
    #[sql_name = "tooltool_watches"]
    watches (file_id, region) {
        file_id -> Integer,
        region -> Text,
        etag -> Text,
        since -> Timestamp,
        next_look -> Timestamp,
    }
}

diesel::joinable!(batch_files -> files (file_id));
diesel::joinable!(batch_files -> batches (batch_id));
diesel::joinable!(pending -> files (file_id));
diesel::joinable!(watches -> files (file_id));
diesel::allow_tables_to_appear_in_same_query!(
    files,
    batches,
    batch_files,
    instances,
    pending,
    watches
);
