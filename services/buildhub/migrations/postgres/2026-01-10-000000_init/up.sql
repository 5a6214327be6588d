-- SPDX-License-Identifier: MPL-2.0
-- Table and column names are those of buildhub2 (buildhub.md §4), whose table may be there already;
-- indexed_at and archive_file are ours.
CREATE TABLE IF NOT EXISTS main_build (
    id BIGSERIAL PRIMARY KEY,
    build_hash VARCHAR(45) NOT NULL UNIQUE,
    build JSONB NOT NULL,
    metadata JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    s3_object_key TEXT,
    s3_object_etag TEXT
);
-- The predecessor allowed 400 characters. Widening to text rewrites nothing.
ALTER TABLE main_build ALTER COLUMN s3_object_key TYPE TEXT;
ALTER TABLE main_build ALTER COLUMN s3_object_etag TYPE TEXT;
ALTER TABLE main_build ADD COLUMN IF NOT EXISTS indexed_at TIMESTAMPTZ;
-- Serves the indexer, which works off the rows without a document.
CREATE INDEX IF NOT EXISTS ix_main_build_unindexed ON main_build (id) WHERE indexed_at IS NULL;
-- Files of the watched folder that were dealt with, so that a start reads only new ones.
CREATE TABLE IF NOT EXISTS archive_file (
    path TEXT NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    problem TEXT
);
