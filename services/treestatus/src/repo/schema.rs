// SPDX-License-Identifier: MPL-2.0
//! The tables, as the Python service named them.

diesel::table! {
    #[sql_name = "releng_treestatus_trees"]
    trees (tree) {
        tree -> Text,
        status -> Text,
        reason -> Text,
        message_of_the_day -> Text,
        category -> Nullable<Text>,
    }
}

diesel::table! {
    #[sql_name = "releng_treestatus_log"]
    logs (id) {
        id -> Integer,
        tree -> Text,
        #[sql_name = "when"]
        at -> Timestamp,
        who -> Text,
        status -> Text,
        reason -> Text,
        tags -> Text,
    }
}

diesel::table! {
    #[sql_name = "releng_treestatus_changes"]
    changes (id) {
        id -> Integer,
        who -> Text,
        reason -> Text,
        #[sql_name = "when"]
        at -> Timestamp,
        status -> Text,
    }
}

diesel::table! {
    #[sql_name = "releng_treestatus_change_trees"]
    change_trees (id) {
        id -> Integer,
        stack_id -> Nullable<Integer>,
        tree -> Text,
        last_state -> Nullable<Text>,
    }
}

diesel::table! {
    #[sql_name = "releng_treestatus_events"]
    events (id) {
        id -> BigInt,
        tx -> BigInt,
        at -> Timestamp,
        tree -> Text,
        body -> Text,
    }
}

diesel::table! {
    #[sql_name = "releng_treestatus_outbox"]
    outbox (id) {
        id -> BigInt,
        target -> Text,
        tree -> Text,
        message_id -> Text,
        at -> Timestamp,
        body -> Text,
        attempts -> Integer,
        is_reported -> Bool,
        next_at -> Nullable<Timestamp>,
        ended_at -> Nullable<Timestamp>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    #[sql_name = "releng_treestatus_senders"]
    senders (target) {
        target -> Text,
        holder -> Text,
        until_ms -> BigInt,
    }
}

diesel::joinable!(change_trees -> changes (stack_id));
diesel::allow_tables_to_appear_in_same_query!(changes, change_trees);
