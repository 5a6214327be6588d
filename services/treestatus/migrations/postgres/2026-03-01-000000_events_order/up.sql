-- SPDX-License-Identifier: MPL-2.0
-- Serves the question whether a later change of the same tree is told earlier. SQLite has one writer, there it never is.
CREATE INDEX IF NOT EXISTS ix_releng_treestatus_events_tree ON releng_treestatus_events (tree, id);
