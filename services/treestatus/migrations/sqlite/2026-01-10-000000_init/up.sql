-- SPDX-License-Identifier: MPL-2.0
-- Table and column names are those of the Python service (treestatus.md §3).
CREATE TABLE releng_treestatus_trees (
    tree TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL DEFAULT 'open' CHECK (length(status) <= 64),
    reason TEXT NOT NULL DEFAULT '',
    message_of_the_day TEXT NOT NULL DEFAULT ''
);
CREATE TABLE releng_treestatus_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tree TEXT NOT NULL,
    "when" TIMESTAMP NOT NULL,
    who TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    tags TEXT NOT NULL
);
-- Serves the log of a tree and the newest entry per tree.
CREATE INDEX ix_releng_treestatus_log_tree_when ON releng_treestatus_log (tree, "when" DESC, id DESC);
CREATE TABLE releng_treestatus_changes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    "when" TIMESTAMP NOT NULL,
    status TEXT NOT NULL
);
-- Serves the stack of recent changes.
CREATE INDEX ix_releng_treestatus_changes_when ON releng_treestatus_changes ("when" DESC, id DESC);
CREATE TABLE releng_treestatus_change_trees (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    stack_id INTEGER NOT NULL REFERENCES releng_treestatus_changes (id) ON DELETE CASCADE,
    tree TEXT NOT NULL,
    last_state TEXT NOT NULL
);
CREATE INDEX ix_releng_treestatus_change_trees_stack_id ON releng_treestatus_change_trees (stack_id);
CREATE INDEX ix_releng_treestatus_change_trees_tree ON releng_treestatus_change_trees (tree);
