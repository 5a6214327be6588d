-- SPDX-License-Identifier: MPL-2.0
-- Verified objects that a PUT which began in time may still replace: buckets cannot hold it back, so they are
-- looked at again for a while.
CREATE TABLE tooltool_watches (
    file_id INTEGER NOT NULL REFERENCES releng_tooltool_files (id),
    region TEXT NOT NULL,
    etag TEXT NOT NULL,
    since TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    next_look TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    PRIMARY KEY (file_id, region)
);
-- Serves the search for what is to be looked at.
CREATE INDEX ix_tooltool_watches_next_look ON tooltool_watches (next_look);
-- Where the Python service made the tables its two enums are there. `visibility` is still the type of a column, which
-- we fill with text. A region is text now, and the queries of the Python service may name the enum when they compare
-- (`region = 'us-east-1'::region`). One cast each lets both sides go on working. No more than these: with casts in both
-- directions PostgreSQL could not tell which comparison is meant.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_type WHERE oid = to_regtype('visibility') AND typtype = 'e') AND NOT EXISTS (
        SELECT FROM pg_cast WHERE castsource = 'text'::regtype AND casttarget = to_regtype('visibility')
    ) THEN
        CREATE CAST (text AS visibility) WITH INOUT AS ASSIGNMENT;
    END IF;
    IF EXISTS (SELECT FROM pg_type WHERE oid = to_regtype('region') AND typtype = 'e') AND NOT EXISTS (
        SELECT FROM pg_cast WHERE castsource = to_regtype('region') AND casttarget = 'text'::regtype
    ) THEN
        CREATE CAST (region AS text) WITH INOUT AS IMPLICIT;
    END IF;
END $$;
