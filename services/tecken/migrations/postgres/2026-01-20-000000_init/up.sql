-- SPDX-License-Identifier: MPL-2.0
-- Tables and columns as the Django service named them (tecken.md §14), so that its database can be
-- opened in place. Lists of keys are JSON texts here.
CREATE TABLE IF NOT EXISTS auth_user (
    id SERIAL PRIMARY KEY,
    password VARCHAR(128) NOT NULL,
    last_login TIMESTAMP WITH TIME ZONE,
    is_superuser BOOLEAN NOT NULL,
    username VARCHAR(150) NOT NULL UNIQUE,
    first_name VARCHAR(30) NOT NULL,
    last_name VARCHAR(150) NOT NULL,
    email VARCHAR(254) NOT NULL,
    is_staff BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    date_joined TIMESTAMP WITH TIME ZONE NOT NULL
);
-- Why a user is inactive: `blocked` may be lifted by signing in, anything else not (D-33).
ALTER TABLE auth_user ADD COLUMN IF NOT EXISTS inactive_reason VARCHAR(20);
-- Serves sign-in and the commands, which look users up by address in any letter case.
CREATE INDEX IF NOT EXISTS ix_auth_user_email_lower ON auth_user (lower(email));
CREATE TABLE IF NOT EXISTS auth_group (
    id SERIAL PRIMARY KEY,
    name VARCHAR(150) NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS auth_permission (
    id SERIAL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    content_type_id INTEGER NOT NULL,
    codename VARCHAR(100) NOT NULL
);
CREATE TABLE IF NOT EXISTS auth_user_groups (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES auth_user (id),
    group_id INTEGER NOT NULL REFERENCES auth_group (id),
    UNIQUE (user_id, group_id)
);
CREATE TABLE IF NOT EXISTS auth_group_permissions (
    id SERIAL PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES auth_group (id),
    permission_id INTEGER NOT NULL REFERENCES auth_permission (id),
    UNIQUE (group_id, permission_id)
);
CREATE TABLE IF NOT EXISTS django_session (
    session_key VARCHAR(40) PRIMARY KEY,
    session_data TEXT NOT NULL,
    expire_date TIMESTAMP WITH TIME ZONE NOT NULL
);
-- Serves the removal of expired sessions.
CREATE INDEX IF NOT EXISTS ix_django_session_expire_date ON django_session (expire_date);
CREATE TABLE IF NOT EXISTS tokens_token (
    id SERIAL PRIMARY KEY,
    key VARCHAR(32) NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    notes TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    user_id INTEGER NOT NULL REFERENCES auth_user (id)
);
CREATE UNIQUE INDEX IF NOT EXISTS ix_tokens_token_key ON tokens_token (key);
CREATE TABLE IF NOT EXISTS tokens_token_permissions (
    id SERIAL PRIMARY KEY,
    token_id INTEGER NOT NULL REFERENCES tokens_token (id),
    permission_id INTEGER NOT NULL REFERENCES auth_permission (id),
    UNIQUE (token_id, permission_id)
);
CREATE TABLE IF NOT EXISTS upload_upload (
    id SERIAL PRIMARY KEY,
    filename VARCHAR(100) NOT NULL,
    bucket_name VARCHAR(100) NOT NULL,
    bucket_region VARCHAR(100),
    bucket_endpoint_url VARCHAR(100),
    skipped_keys TEXT,
    ignored_keys TEXT,
    completed_at TIMESTAMP WITH TIME ZONE,
    size BIGINT NOT NULL,
    content_hash VARCHAR(32),
    download_url VARCHAR(500),
    redirect_urls TEXT,
    try_symbols BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    user_id INTEGER NOT NULL REFERENCES auth_user (id)
);
-- Serves a user's uploads, newest first.
CREATE INDEX IF NOT EXISTS ix_upload_upload_user_id_id ON upload_upload (user_id, id DESC);
CREATE INDEX IF NOT EXISTS ix_upload_upload_created_at ON upload_upload (created_at);
CREATE TABLE IF NOT EXISTS upload_fileupload (
    id SERIAL PRIMARY KEY,
    bucket_name VARCHAR(100) NOT NULL,
    key VARCHAR(300) NOT NULL,
    "update" BOOLEAN NOT NULL,
    compressed BOOLEAN NOT NULL,
    size BIGINT NOT NULL,
    microsoft_download BOOLEAN NOT NULL,
    completed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    upload_id INTEGER REFERENCES upload_upload (id) ON DELETE SET NULL
);
-- What the symbol file says of itself, for lookups by code id (D-31).
ALTER TABLE upload_fileupload ADD COLUMN IF NOT EXISTS code_file VARCHAR(150);
ALTER TABLE upload_fileupload ADD COLUMN IF NOT EXISTS code_id VARCHAR(150);
CREATE INDEX IF NOT EXISTS ix_upload_fileupload_upload_id ON upload_fileupload (upload_id, id);
CREATE INDEX IF NOT EXISTS ix_upload_fileupload_created_at ON upload_fileupload (created_at);
CREATE INDEX IF NOT EXISTS ix_upload_fileupload_code ON upload_fileupload (code_id, code_file, id DESC);
CREATE TABLE IF NOT EXISTS upload_uploadscreated (
    id SERIAL PRIMARY KEY,
    date DATE NOT NULL UNIQUE,
    count BIGINT NOT NULL,
    files BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    ignored BIGINT NOT NULL,
    size BIGINT NOT NULL,
    size_avg BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE TABLE IF NOT EXISTS download_missingsymbol (
    id SERIAL PRIMARY KEY,
    hash VARCHAR(32) NOT NULL UNIQUE,
    symbol VARCHAR(150) NOT NULL,
    debugid VARCHAR(150) NOT NULL,
    filename VARCHAR(150) NOT NULL,
    code_file VARCHAR(150),
    code_id VARCHAR(150),
    count INTEGER NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL
);
-- Serves the CSV and the page of missing symbols.
CREATE INDEX IF NOT EXISTS ix_download_missingsymbol_modified_at
    ON download_missingsymbol (modified_at, id);
CREATE TABLE IF NOT EXISTS download_microsoftdownload (
    id SERIAL PRIMARY KEY,
    url VARCHAR(500) NOT NULL,
    error TEXT,
    skipped BOOLEAN,
    completed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    file_upload_id INTEGER REFERENCES upload_fileupload (id) ON DELETE SET NULL,
    missing_symbol_id INTEGER NOT NULL REFERENCES download_missingsymbol (id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS ix_download_microsoftdownload_created_at
    ON download_microsoftdownload (created_at);
INSERT INTO auth_permission (id, name, content_type_id, codename)
SELECT wanted.* FROM (VALUES
    (41, 'Upload Symbols Files', 0, 'upload_symbols'),
    (42, 'View All Symbols Uploads', 0, 'view_all_uploads'),
    (43, 'Upload Try Symbols Files', 0, 'upload_try_symbols'),
    (52, 'Manage Your API Tokens', 0, 'manage_tokens')
) AS wanted (id, name, content_type_id, codename)
WHERE NOT EXISTS (SELECT 1 FROM auth_permission p WHERE p.codename = wanted.codename);
INSERT INTO auth_group (name)
SELECT wanted.name FROM (VALUES ('Uploaders'), ('Upload Auditors')) AS wanted (name)
WHERE NOT EXISTS (SELECT 1 FROM auth_group g WHERE g.name = wanted.name);
INSERT INTO auth_group_permissions (group_id, permission_id)
SELECT g.id, p.id FROM auth_group g JOIN auth_permission p ON
    (g.name = 'Uploaders' AND p.codename IN ('upload_symbols', 'upload_try_symbols', 'manage_tokens'))
    OR (g.name = 'Upload Auditors' AND p.codename IN ('view_all_uploads', 'manage_tokens'))
WHERE NOT EXISTS (
    SELECT 1 FROM auth_group_permissions have
    WHERE have.group_id = g.id AND have.permission_id = p.id
);
