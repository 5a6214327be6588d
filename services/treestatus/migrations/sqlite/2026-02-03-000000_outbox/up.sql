-- SPDX-License-Identifier: MPL-2.0
-- Messages to others about changes, written with the change itself. There is one writer: the order of ids is that of
-- the changes.
CREATE TABLE releng_treestatus_outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- pulse, statuspage or mail
    target TEXT NOT NULL,
    tree TEXT NOT NULL,
    message_id TEXT NOT NULL,
    at TIMESTAMP NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Whether somebody was told by mail that it does not get through.
    is_reported BOOLEAN NOT NULL DEFAULT FALSE,
    -- Not before then.
    next_at TIMESTAMP,
    -- NULL: it waits.
    ended_at TIMESTAMP,
    -- sent, superseded or given up
    outcome TEXT
);
-- Serves the senders.
CREATE INDEX ix_releng_treestatus_outbox_waiting ON releng_treestatus_outbox (target, id) WHERE ended_at IS NULL;
-- Serves the removal of old rows.
CREATE INDEX ix_releng_treestatus_outbox_ended_at ON releng_treestatus_outbox (ended_at);
-- Which process sends, so that one of several does.
CREATE TABLE releng_treestatus_senders (
    target TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    -- Milliseconds since 1970 by the clock of the database.
    until_ms BIGINT NOT NULL
);
