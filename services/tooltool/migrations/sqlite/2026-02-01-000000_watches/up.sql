-- SPDX-License-Identifier: MPL-2.0
-- Verified objects that a PUT which began in time may still replace: buckets cannot hold it back, so they are
-- looked at again for a while.
CREATE TABLE tooltool_watches (
    file_id INTEGER NOT NULL REFERENCES releng_tooltool_files (id),
    region TEXT NOT NULL,
    etag TEXT NOT NULL,
    since TIMESTAMP NOT NULL,
    next_look TIMESTAMP NOT NULL,
    PRIMARY KEY (file_id, region)
);
-- Serves the search for what is to be looked at.
CREATE INDEX ix_tooltool_watches_next_look ON tooltool_watches (next_look);
