-- SPDX-License-Identifier: MPL-2.0
ALTER TABLE releng_treestatus_trees DROP COLUMN category;
