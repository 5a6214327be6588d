-- SPDX-License-Identifier: MPL-2.0
-- What happened to trees, written with the change itself: the change feed reads from here.
CREATE TABLE releng_treestatus_events (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- For PostgreSQL; here there is one writer, and ids appear in their order.
    tx INTEGER NOT NULL DEFAULT 0,
    at TIMESTAMP NOT NULL,
    tree TEXT NOT NULL,
    body TEXT NOT NULL
);
-- Serves the feed.
CREATE INDEX ix_releng_treestatus_events_tx ON releng_treestatus_events (tx, id);
-- Serves the removal of old rows.
CREATE INDEX ix_releng_treestatus_events_at ON releng_treestatus_events (at);
