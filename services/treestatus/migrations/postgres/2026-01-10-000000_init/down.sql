-- SPDX-License-Identifier: MPL-2.0
DROP TABLE releng_treestatus_change_trees;
DROP TABLE releng_treestatus_changes;
DROP TABLE releng_treestatus_log;
DROP TABLE releng_treestatus_trees;
