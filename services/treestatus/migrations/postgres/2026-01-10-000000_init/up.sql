-- SPDX-License-Identifier: MPL-2.0
-- Table and column names are those of the Python service (treestatus.md §3).
CREATE TABLE IF NOT EXISTS releng_treestatus_trees (
    tree VARCHAR(32) NOT NULL PRIMARY KEY,
    status VARCHAR(64) NOT NULL DEFAULT 'open',
    reason TEXT NOT NULL DEFAULT '',
    message_of_the_day TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS releng_treestatus_log (
    id SERIAL PRIMARY KEY,
    tree VARCHAR(32) NOT NULL,
    "when" TIMESTAMP NOT NULL,
    who TEXT NOT NULL,
    status VARCHAR(64) NOT NULL,
    reason TEXT NOT NULL,
    tags TEXT NOT NULL
);
-- Serves the log of a tree and the newest entry per tree.
CREATE INDEX IF NOT EXISTS ix_releng_treestatus_log_tree_when
    ON releng_treestatus_log (tree, "when" DESC, id DESC);
CREATE TABLE IF NOT EXISTS releng_treestatus_changes (
    id SERIAL PRIMARY KEY,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    "when" TIMESTAMP NOT NULL,
    status VARCHAR(64) NOT NULL
);
-- Serves the stack of recent changes.
CREATE INDEX IF NOT EXISTS ix_releng_treestatus_changes_when
    ON releng_treestatus_changes ("when" DESC, id DESC);
CREATE TABLE IF NOT EXISTS releng_treestatus_change_trees (
    id SERIAL PRIMARY KEY,
    stack_id INTEGER NOT NULL REFERENCES releng_treestatus_changes (id),
    tree VARCHAR(32) NOT NULL,
    last_state TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_releng_treestatus_change_trees_stack_id
    ON releng_treestatus_change_trees (stack_id);
CREATE INDEX IF NOT EXISTS ix_releng_treestatus_change_trees_tree
    ON releng_treestatus_change_trees (tree);
