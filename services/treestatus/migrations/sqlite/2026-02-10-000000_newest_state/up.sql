-- SPDX-License-Identifier: MPL-2.0
-- As on PostgreSQL, for rows that were copied from there: the row of a tree takes over the newest real values.
UPDATE releng_treestatus_trees SET status = coalesce((
    SELECT l.status FROM releng_treestatus_log l
    WHERE l.tree = releng_treestatus_trees.tree AND l.status IN ('open', 'closed', 'approval required')
    ORDER BY l."when" DESC, l.id DESC LIMIT 1), status);
UPDATE releng_treestatus_trees SET reason = coalesce((
    SELECT l.reason FROM releng_treestatus_log l
    WHERE l.tree = releng_treestatus_trees.tree AND l.reason <> 'no change'
    ORDER BY l."when" DESC, l.id DESC LIMIT 1), reason)
WHERE reason <> '';
