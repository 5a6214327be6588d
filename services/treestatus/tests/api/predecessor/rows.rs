// SPDX-License-Identifier: MPL-2.0
//! Databases of the Python service, written down as both of its generations left them.

/// What it makes on start. Defaults are its own, the database knows none.
pub const TABLES: &str = r#"
CREATE TABLE releng_treestatus_trees (
    tree VARCHAR(32) NOT NULL, status VARCHAR(64) NOT NULL, reason TEXT NOT NULL,
    message_of_the_day TEXT NOT NULL, PRIMARY KEY (tree));
CREATE TABLE releng_treestatus_log (
    id SERIAL NOT NULL, tree VARCHAR(32) NOT NULL, "when" TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    who TEXT NOT NULL, status VARCHAR(64) NOT NULL, reason TEXT NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (id));
CREATE INDEX ix_releng_treestatus_log_tree ON releng_treestatus_log (tree);
CREATE INDEX ix_releng_treestatus_log_when ON releng_treestatus_log ("when");
CREATE TABLE releng_treestatus_changes (
    id SERIAL NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL,
    "when" TIMESTAMP WITHOUT TIME ZONE NOT NULL, status VARCHAR(64) NOT NULL, PRIMARY KEY (id));
CREATE INDEX ix_releng_treestatus_changes_when ON releng_treestatus_changes ("when");
CREATE TABLE releng_treestatus_change_trees (
    id SERIAL NOT NULL, stack_id INTEGER, tree VARCHAR(32) NOT NULL, last_state TEXT,
    PRIMARY KEY (id), FOREIGN KEY(stack_id) REFERENCES releng_treestatus_changes (id));
CREATE INDEX ix_releng_treestatus_change_trees_stack_id
    ON releng_treestatus_change_trees (stack_id);
CREATE INDEX ix_releng_treestatus_change_trees_tree ON releng_treestatus_change_trees (tree);
"#;

/// Of before 2019-09-30: rows imported from older systems, states without tags and without what the
/// change made of them, words that are no status.
pub const GENERATION_1: &str = r#"
INSERT INTO releng_treestatus_trees VALUES
    ('autoland', 'closed', 'bug 2 is bad', 'be kind'),
    ('mozilla-central', 'open', '', ''),
    ('cleared', 'open', '', ''),
    ('odd', 'approval-required', 'imported', ''),
    ('with blank', 'approval required', 'bug 3', 'bug 4');
INSERT INTO releng_treestatus_log (tree, "when", who, status, reason, tags) VALUES
    ('autoland', '2012-03-04 05:06:07', 'human:someone@example.com', 'added', 'no change', '[]'),
    ('autoland', '2017-01-02 03:04:05.5', 'human:someone@example.com', 'motd', 'be kind', '[]'),
    ('autoland', '2018-01-02 03:04:05', 'mozilla-ldap/someone@example.com', 'closed', 'bug 1',
     '["checkin_test", "infra"]'),
    ('autoland', '2018-01-02 03:04:06', 'mozilla-ldap/someone@example.com', 'no change',
     'bug 2 is bad', '[""]'),
    ('with blank', '2018-01-02 03:04:06', 'mozilla-ldap/someone@example.com', 'approval required',
     'bug 3', '[]'),
    ('cleared', '2018-01-02 03:04:06', 'mozilla-ldap/someone@example.com', 'open', 'bug 5', '[]'),
    ('gone', '2018-01-02 03:04:06', 'mozilla-ldap/someone@example.com', 'open', 'r', '[]');
INSERT INTO releng_treestatus_changes (who, reason, "when", status) VALUES
    ('human:someone@example.com', 'bug 1', '2018-01-02 03:04:05', 'closed'),
    ('human:someone@example.com', 'no trees', '2018-01-02 03:04:05', 'closed'),
    ('human:someone@example.com', 'a tree that is gone', '2018-01-02 03:04:07', 'open'),
    ('human:someone@example.com', 'odd', '2018-01-02 03:04:08', 'open');
INSERT INTO releng_treestatus_change_trees (stack_id, tree, last_state) VALUES
    (1, 'autoland', '{"status": "open", "reason": ""}'),
    (1, 'mozilla-central', '{"status": "approval required", "reason": "bug 9"}'),
    (3, 'gone', '{"status": "closed", "reason": "r"}'),
    (3, 'with blank', NULL),
    (4, 'odd', '{"status": "unknown", "reason": "r"}'),
    (NULL, 'autoland', NULL);
"#;

/// Of 2019 to 2024: states with eight members, corrected reasons that stand in the log alone, rows that
/// two changes at once have left behind, lists of tags that hold nothing.
pub const GENERATION_2: &str = r#"
INSERT INTO releng_treestatus_trees VALUES
    ('autoland', 'closed', 'bug 1', ''),
    ('mozilla-central', 'open', 'before the correction', ''),
    ('raced', 'open', 'lost', 'm'),
    ('placeholder', 'no change', 'bug 8', ''),
    ('try', 'open', '', '');
INSERT INTO releng_treestatus_log (tree, "when", who, status, reason, tags) VALUES
    ('autoland', '2024-01-01 00:00:00.000001', 'mozilla-auth0/ad|Mozilla-LDAP|someone/treestatus',
     'open', 'fixed', '[]'),
    ('autoland', '2024-01-02 00:00:00', 'mozilla-auth0/ad|Mozilla-LDAP|someone/treestatus',
     'closed', 'bug 1', '["infra"]'),
    ('mozilla-central', '2024-01-02 00:00:00', 'demo/one', 'open', 'after the correction', '[""]'),
    ('raced', '2024-01-03 00:00:00', 'demo/one', 'closed', 'won', '["other"]'),
    ('raced', '2024-01-02 23:59:59', 'demo/two', 'open', 'lost', '[]'),
    ('placeholder', '2024-01-02 00:00:00', 'demo/one', 'closed', 'bug 7', '["infra"]'),
    ('placeholder', '2024-01-03 00:00:00', 'demo/one', 'no change', 'bug 8', '[]');
INSERT INTO releng_treestatus_changes (who, reason, "when", status) VALUES
    ('mozilla-auth0/ad|Mozilla-LDAP|someone/treestatus', 'bug 1', '2024-01-02 00:00:00', 'closed');
INSERT INTO releng_treestatus_change_trees (stack_id, tree, last_state) VALUES
    (1, 'autoland', '{"status": "open", "reason": "fixed", "tags": [], "log_id": 1,
      "current_status": "closed", "current_reason": "bug 1", "current_tags": ["infra"],
      "current_log_id": 2}');
"#;

/// What the Python service sends, one statement each, in this order.
pub const STATEMENTS: [&str; 18] = [
    "SELECT tree, status, reason, message_of_the_day FROM releng_treestatus_trees ORDER BY tree DESC",
    "SELECT tree, status, reason, message_of_the_day FROM releng_treestatus_trees WHERE tree = 'try' LIMIT 1",
    "SELECT id, tree, \"when\", who, status, reason, tags FROM releng_treestatus_log WHERE tree = 'autoland' ORDER BY \"when\" DESC LIMIT 5",
    "SELECT id, who, reason, \"when\", status FROM releng_treestatus_changes ORDER BY \"when\" DESC",
    "SELECT id, stack_id, tree, last_state FROM releng_treestatus_change_trees WHERE stack_id = 1",
    "INSERT INTO releng_treestatus_trees (tree, status, reason, message_of_the_day) VALUES ('late', 'open', '', '')",
    "UPDATE releng_treestatus_trees SET status = 'closed', reason = 'bug 11' WHERE tree = 'late'",
    "INSERT INTO releng_treestatus_log (tree, \"when\", who, status, reason, tags) VALUES ('late', now() AT TIME ZONE 'utc', 'demo/old', 'closed', 'bug 11', '[\"infra\"]') RETURNING id",
    "INSERT INTO releng_treestatus_changes (who, reason, \"when\", status) VALUES ('demo/old', 'bug 11', now() AT TIME ZONE 'utc', 'closed') RETURNING id",
    "INSERT INTO releng_treestatus_change_trees (stack_id, tree, last_state) SELECT max(id), 'late', '{\"status\": \"open\", \"reason\": \"\"}' FROM releng_treestatus_changes",
    "UPDATE releng_treestatus_log SET reason = 'bug 12', tags = '[\"other\"]' WHERE tree = 'late'",
    "UPDATE releng_treestatus_changes SET reason = 'bug 12' WHERE who = 'demo/old'",
    "INSERT INTO releng_treestatus_trees (tree, status, reason, message_of_the_day) VALUES ('brief', 'open', '', '')",
    "INSERT INTO releng_treestatus_log (tree, \"when\", who, status, reason, tags) VALUES ('brief', now() AT TIME ZONE 'utc', 'demo/old', 'open', 'r', '[]')",
    "DELETE FROM releng_treestatus_change_trees WHERE tree = 'brief'",
    "DELETE FROM releng_treestatus_log WHERE tree = 'brief'",
    "DELETE FROM releng_treestatus_trees WHERE tree = 'brief'",
    "DELETE FROM releng_treestatus_changes WHERE id NOT IN (SELECT stack_id FROM releng_treestatus_change_trees WHERE stack_id IS NOT NULL)",
];
