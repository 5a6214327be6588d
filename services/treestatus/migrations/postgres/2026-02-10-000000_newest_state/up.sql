-- SPDX-License-Identifier: MPL-2.0
-- Later releases of the Python service showed status and reason of the newest log entry and let the row of the tree
-- fall behind: a corrected reason stands in the log alone, and two changes at once left the older one in the row. Here
-- the row is what is shown, so it takes over the newest real values once. A reason that was cleared has no entry.
UPDATE releng_treestatus_trees t SET status = l.status
FROM (
    SELECT DISTINCT ON (tree) tree, status FROM releng_treestatus_log
    WHERE status IN ('open', 'closed', 'approval required') ORDER BY tree, "when" DESC, id DESC
) l
WHERE l.tree = t.tree AND l.status <> t.status;
UPDATE releng_treestatus_trees t SET reason = l.reason
FROM (
    SELECT DISTINCT ON (tree) tree, reason FROM releng_treestatus_log
    WHERE reason <> 'no change' ORDER BY tree, "when" DESC, id DESC
) l
WHERE l.tree = t.tree AND l.reason <> t.reason AND t.reason <> '';
