-- SPDX-License-Identifier: MPL-2.0
-- NULL: the category that the name suggests. The Python service goes on without knowing the column.
ALTER TABLE releng_treestatus_trees ADD COLUMN category TEXT;
