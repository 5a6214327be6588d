-- SPDX-License-Identifier: MPL-2.0
-- Table and column names are those of the Python service (tooltool.md §3), whose database may be
-- there already.
CREATE TABLE IF NOT EXISTS releng_tooltool_files (
    id SERIAL PRIMARY KEY,
    size BIGINT NOT NULL,
    sha512 VARCHAR(128) NOT NULL UNIQUE,
    visibility TEXT NOT NULL
        CONSTRAINT releng_tooltool_files_visibility_is_known CHECK (visibility IN ('public', 'internal'))
);
CREATE TABLE IF NOT EXISTS releng_tooltool_batches (
    id SERIAL PRIMARY KEY,
    uploaded TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_releng_tooltool_batches_uploaded ON releng_tooltool_batches (uploaded);
CREATE TABLE IF NOT EXISTS releng_tooltool_batch_files (
    file_id INTEGER NOT NULL REFERENCES releng_tooltool_files (id),
    batch_id INTEGER NOT NULL REFERENCES releng_tooltool_batches (id),
    filename TEXT NOT NULL
);
-- Serves the files of a batch.
CREATE INDEX IF NOT EXISTS ix_releng_tooltool_batch_files_batch_id
    ON releng_tooltool_batch_files (batch_id);
CREATE TABLE IF NOT EXISTS releng_tooltool_file_instances (
    file_id INTEGER NOT NULL REFERENCES releng_tooltool_files (id),
    region TEXT NOT NULL,
    PRIMARY KEY (file_id, region)
);
CREATE TABLE IF NOT EXISTS releng_tooltool_pending_upload (
    file_id INTEGER NOT NULL PRIMARY KEY REFERENCES releng_tooltool_files (id),
    expires TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    region TEXT NOT NULL
);
-- Serves the search for uploads that can be verified.
CREATE INDEX IF NOT EXISTS ix_releng_tooltool_pending_upload_expires
    ON releng_tooltool_pending_upload (expires);
-- The Python service knew three regions as an enum and, until 2023, sizes of 32 bits; one file could stand in a
-- batch once. Here a region may have any name (D-12). Its other enum, the visibility, stays what it is. On new
-- tables this changes nothing.
ALTER TABLE releng_tooltool_files ALTER COLUMN size TYPE BIGINT;
ALTER TABLE releng_tooltool_file_instances ALTER COLUMN region TYPE TEXT USING region::text;
ALTER TABLE releng_tooltool_pending_upload ALTER COLUMN region TYPE TEXT USING region::text;
ALTER TABLE releng_tooltool_batch_files DROP CONSTRAINT IF EXISTS releng_tooltool_batch_files_pkey;
ALTER TABLE releng_tooltool_batch_files
    ADD CONSTRAINT releng_tooltool_batch_files_pkey PRIMARY KEY (file_id, batch_id, filename);
-- Ours: who works on what. A lease that is not renewed ends, so a killed process blocks nobody for long.
CREATE TABLE IF NOT EXISTS tooltool_leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    ends TIMESTAMP NOT NULL
);
