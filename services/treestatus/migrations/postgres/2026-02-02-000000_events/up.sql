-- SPDX-License-Identifier: MPL-2.0
-- What happened to trees, written with the change itself: the change feed reads from here.
CREATE TABLE IF NOT EXISTS releng_treestatus_events (
    id BIGSERIAL PRIMARY KEY,
    -- The transaction that wrote the row. Ids are given before the commit, so a smaller one may appear later; readers
    -- go by transaction and leave those alone that a running one might still precede.
    tx BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    at TIMESTAMP NOT NULL,
    tree TEXT NOT NULL,
    body TEXT NOT NULL
);
-- Serves the feed.
CREATE INDEX IF NOT EXISTS ix_releng_treestatus_events_tx ON releng_treestatus_events (tx, id);
-- Serves the removal of old rows.
CREATE INDEX IF NOT EXISTS ix_releng_treestatus_events_at ON releng_treestatus_events (at);
