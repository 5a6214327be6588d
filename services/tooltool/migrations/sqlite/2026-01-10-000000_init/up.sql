-- SPDX-License-Identifier: MPL-2.0
-- Table and column names are those of the Python service (tooltool.md §3).
CREATE TABLE releng_tooltool_files (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    size BIGINT NOT NULL CHECK (size >= 0),
    sha512 TEXT NOT NULL UNIQUE CHECK (length(sha512) <= 128),
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'internal'))
);
CREATE TABLE releng_tooltool_batches (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    uploaded TIMESTAMP NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX ix_releng_tooltool_batches_uploaded ON releng_tooltool_batches (uploaded);
-- A batch may name one file twice, so the filename is part of the key (D-12).
CREATE TABLE releng_tooltool_batch_files (
    file_id INTEGER NOT NULL REFERENCES releng_tooltool_files (id),
    batch_id INTEGER NOT NULL REFERENCES releng_tooltool_batches (id),
    filename TEXT NOT NULL,
    PRIMARY KEY (file_id, batch_id, filename)
);
-- Serves the files of a batch.
CREATE INDEX ix_releng_tooltool_batch_files_batch_id ON releng_tooltool_batch_files (batch_id);
CREATE TABLE releng_tooltool_file_instances (
    file_id INTEGER NOT NULL REFERENCES releng_tooltool_files (id),
    region TEXT NOT NULL,
    PRIMARY KEY (file_id, region)
);
CREATE TABLE releng_tooltool_pending_upload (
    file_id INTEGER NOT NULL PRIMARY KEY REFERENCES releng_tooltool_files (id),
    expires TIMESTAMP NOT NULL,
    region TEXT NOT NULL
);
-- Serves the search for uploads that can be verified.
CREATE INDEX ix_releng_tooltool_pending_upload_expires ON releng_tooltool_pending_upload (expires);
-- Ours: who works on what. A lease that is not renewed ends, so a killed process blocks nobody for long.
CREATE TABLE IF NOT EXISTS tooltool_leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    ends TIMESTAMP NOT NULL
);
