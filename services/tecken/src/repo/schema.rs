// SPDX-License-Identifier: MPL-2.0
//! The tables, as the Django service named them.

diesel::table! {
    auth_user (id) {
        id -> Integer,
        password -> Text,
        last_login -> Nullable<Timestamp>,
        is_superuser -> Bool,
        username -> Text,
        first_name -> Text,
        last_name -> Text,
        email -> Text,
        is_staff -> Bool,
        is_active -> Bool,
        date_joined -> Timestamp,
        inactive_reason -> Nullable<Text>,
    }
}

diesel::table! {
    auth_group (id) {
        id -> Integer,
        name -> Text,
    }
}

diesel::table! {
    auth_permission (id) {
        id -> Integer,
        name -> Text,
        codename -> Text,
    }
}

diesel::table! {
    auth_user_groups (id) {
        id -> Integer,
        user_id -> Integer,
        group_id -> Integer,
    }
}

diesel::table! {
    auth_group_permissions (id) {
        id -> Integer,
        group_id -> Integer,
        permission_id -> Integer,
    }
}

diesel::table! {
    django_session (session_key) {
        session_key -> Text,
        session_data -> Text,
        expire_date -> Timestamp,
    }
}

diesel::table! {
    tokens_token (id) {
        id -> Integer,
        key -> Text,
        expires_at -> Timestamp,
        notes -> Text,
        created_at -> Timestamp,
        user_id -> Integer,
    }
}

diesel::table! {
    tokens_token_permissions (id) {
        id -> Integer,
        token_id -> Integer,
        permission_id -> Integer,
    }
}

diesel::table! {
    upload_upload (id) {
        id -> Integer,
        filename -> Text,
        bucket_name -> Text,
        bucket_region -> Nullable<Text>,
        bucket_endpoint_url -> Nullable<Text>,
        skipped_keys -> Nullable<Text>,
        ignored_keys -> Nullable<Text>,
        completed_at -> Nullable<Timestamp>,
        size -> BigInt,
        content_hash -> Nullable<Text>,
        download_url -> Nullable<Text>,
        redirect_urls -> Nullable<Text>,
        try_symbols -> Bool,
        created_at -> Timestamp,
        user_id -> Integer,
    }
}

diesel::table! {
    upload_fileupload (id) {
        id -> Integer,
        bucket_name -> Text,
        key -> Text,
        update -> Bool,
        compressed -> Bool,
        size -> BigInt,
        microsoft_download -> Bool,
        completed_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        upload_id -> Nullable<Integer>,
        code_file -> Nullable<Text>,
        code_id -> Nullable<Text>,
    }
}

diesel::table! {
    upload_uploadscreated (id) {
        id -> Integer,
        date -> Date,
        count -> BigInt,
        files -> BigInt,
        skipped -> BigInt,
        ignored -> BigInt,
        size -> BigInt,
        size_avg -> BigInt,
        created_at -> Timestamp,
        modified_at -> Timestamp,
    }
}

diesel::table! {
    download_missingsymbol (id) {
        id -> Integer,
        hash -> Text,
        symbol -> Text,
        debugid -> Text,
        filename -> Text,
        code_file -> Nullable<Text>,
        code_id -> Nullable<Text>,
        count -> Integer,
        modified_at -> Timestamp,
        created_at -> Timestamp,
    }
}

diesel::joinable!(auth_user_groups -> auth_user (user_id));
diesel::joinable!(auth_user_groups -> auth_group (group_id));
diesel::joinable!(auth_group_permissions -> auth_group (group_id));
diesel::joinable!(auth_group_permissions -> auth_permission (permission_id));
diesel::joinable!(tokens_token -> auth_user (user_id));
diesel::joinable!(tokens_token_permissions -> auth_permission (permission_id));
diesel::joinable!(upload_upload -> auth_user (user_id));
diesel::allow_tables_to_appear_in_same_query!(
    auth_user,
    auth_group,
    auth_permission,
    auth_user_groups,
    auth_group_permissions,
    tokens_token,
    tokens_token_permissions,
    upload_upload,
);
