-- SPDX-License-Identifier: MPL-2.0
-- Tables and columns as the Django service named them (tecken.md §14). Lists of keys are JSON texts.
CREATE TABLE auth_user (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    password TEXT NOT NULL,
    last_login TIMESTAMP,
    is_superuser BOOLEAN NOT NULL,
    username TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    is_staff BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    date_joined TIMESTAMP NOT NULL
);
-- Why a user is inactive: `blocked` may be lifted by signing in, anything else not (D-33).
ALTER TABLE auth_user ADD COLUMN inactive_reason TEXT;
-- Serves sign-in and the commands, which look users up by address in any letter case.
CREATE INDEX ix_auth_user_email_lower ON auth_user (lower(email));
CREATE TABLE auth_group (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE auth_permission (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    content_type_id INTEGER NOT NULL,
    codename TEXT NOT NULL
);
CREATE TABLE auth_user_groups (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES auth_user (id),
    group_id INTEGER NOT NULL REFERENCES auth_group (id),
    UNIQUE (user_id, group_id)
);
CREATE TABLE auth_group_permissions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL REFERENCES auth_group (id),
    permission_id INTEGER NOT NULL REFERENCES auth_permission (id),
    UNIQUE (group_id, permission_id)
);
CREATE TABLE django_session (
    session_key TEXT PRIMARY KEY,
    session_data TEXT NOT NULL,
    expire_date TIMESTAMP NOT NULL
);
-- Serves the removal of expired sessions.
CREATE INDEX ix_django_session_expire_date ON django_session (expire_date);
CREATE TABLE tokens_token (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    notes TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    user_id INTEGER NOT NULL REFERENCES auth_user (id)
);
CREATE UNIQUE INDEX ix_tokens_token_key ON tokens_token (key);
CREATE TABLE tokens_token_permissions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    token_id INTEGER NOT NULL REFERENCES tokens_token (id),
    permission_id INTEGER NOT NULL REFERENCES auth_permission (id),
    UNIQUE (token_id, permission_id)
);
CREATE TABLE upload_upload (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    filename TEXT NOT NULL,
    bucket_name TEXT NOT NULL,
    bucket_region TEXT,
    bucket_endpoint_url TEXT,
    skipped_keys TEXT,
    ignored_keys TEXT,
    completed_at TIMESTAMP,
    size BIGINT NOT NULL,
    content_hash TEXT,
    download_url TEXT,
    redirect_urls TEXT,
    try_symbols BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    user_id INTEGER NOT NULL REFERENCES auth_user (id)
);
-- Serves a user's uploads, newest first.
CREATE INDEX ix_upload_upload_user_id_id ON upload_upload (user_id, id DESC);
CREATE INDEX ix_upload_upload_created_at ON upload_upload (created_at);
CREATE TABLE upload_fileupload (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    bucket_name TEXT NOT NULL,
    key TEXT NOT NULL,
    "update" BOOLEAN NOT NULL,
    compressed BOOLEAN NOT NULL,
    size BIGINT NOT NULL,
    microsoft_download BOOLEAN NOT NULL,
    completed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    upload_id INTEGER REFERENCES upload_upload (id) ON DELETE SET NULL
);
-- What the symbol file says of itself, for lookups by code id (D-31).
ALTER TABLE upload_fileupload ADD COLUMN code_file TEXT;
ALTER TABLE upload_fileupload ADD COLUMN code_id TEXT;
CREATE INDEX ix_upload_fileupload_upload_id ON upload_fileupload (upload_id, id);
CREATE INDEX ix_upload_fileupload_created_at ON upload_fileupload (created_at);
CREATE INDEX ix_upload_fileupload_code ON upload_fileupload (code_id, code_file, id DESC);
CREATE TABLE upload_uploadscreated (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    date DATE NOT NULL UNIQUE,
    count BIGINT NOT NULL,
    files BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    ignored BIGINT NOT NULL,
    size BIGINT NOT NULL,
    size_avg BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    modified_at TIMESTAMP NOT NULL
);
CREATE TABLE download_missingsymbol (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,
    symbol TEXT NOT NULL,
    debugid TEXT NOT NULL,
    filename TEXT NOT NULL,
    code_file TEXT,
    code_id TEXT,
    count INTEGER NOT NULL,
    modified_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL
);
-- Serves the CSV and the page of missing symbols.
CREATE INDEX ix_download_missingsymbol_modified_at
    ON download_missingsymbol (modified_at, id);
CREATE TABLE download_microsoftdownload (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    error TEXT,
    skipped BOOLEAN,
    completed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    file_upload_id INTEGER REFERENCES upload_fileupload (id) ON DELETE SET NULL,
    missing_symbol_id INTEGER NOT NULL REFERENCES download_missingsymbol (id) ON DELETE CASCADE
);
CREATE INDEX ix_download_microsoftdownload_created_at
    ON download_microsoftdownload (created_at);
INSERT INTO auth_permission (id, name, content_type_id, codename) VALUES
    (41, 'Upload Symbols Files', 0, 'upload_symbols'),
    (42, 'View All Symbols Uploads', 0, 'view_all_uploads'),
    (43, 'Upload Try Symbols Files', 0, 'upload_try_symbols'),
    (52, 'Manage Your API Tokens', 0, 'manage_tokens');
INSERT INTO auth_group (name) VALUES ('Uploaders'), ('Upload Auditors');
INSERT INTO auth_group_permissions (group_id, permission_id)
SELECT g.id, p.id FROM auth_group g JOIN auth_permission p ON
    (g.name = 'Uploaders' AND p.codename IN ('upload_symbols', 'upload_try_symbols', 'manage_tokens'))
    OR (g.name = 'Upload Auditors' AND p.codename IN ('view_all_uploads', 'manage_tokens'));
