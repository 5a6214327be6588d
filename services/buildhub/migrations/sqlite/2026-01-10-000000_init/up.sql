-- SPDX-License-Identifier: MPL-2.0
-- Table and column names are those of buildhub2 (buildhub.md §4); indexed_at and archive_file are ours.
CREATE TABLE main_build (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    build_hash TEXT NOT NULL UNIQUE,
    build TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    s3_object_key TEXT,
    s3_object_etag TEXT,
    indexed_at TIMESTAMP
);
-- Serves the indexer, which works off the rows without a document.
CREATE INDEX ix_main_build_unindexed ON main_build (id) WHERE indexed_at IS NULL;
-- Files of the watched folder that were dealt with, so that a start reads only new ones.
CREATE TABLE archive_file (
    path TEXT NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    problem TEXT
);
