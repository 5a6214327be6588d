-- SPDX-License-Identifier: MPL-2.0
DROP INDEX IF EXISTS ix_releng_treestatus_events_tree;
