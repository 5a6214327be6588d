// SPDX-License-Identifier: MPL-2.0
//! Queries on trees.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Timestamp};
use releng_db::AnyConnection;
use serde_json::{Value, json};

use super::rows::{NewTreeRow, TreeRow};
use super::schema::trees;
use crate::domain::{Category, NewTree, Tree, Update};

/// A tree with the newest entry of its log: one index look-up per tree, however long the log is.
macro_rules! with_newest_entry {
    ($rest:literal) => {
        concat!(
            "SELECT t.tree, t.status, t.reason, t.message_of_the_day, t.category, l.id AS log_id, l.tags, \
             l.\"when\" AS newest_at \
             FROM releng_treestatus_trees t LEFT JOIN releng_treestatus_log l ON l.id = \
             (SELECT n.id FROM releng_treestatus_log n WHERE n.tree = t.tree \
             ORDER BY n.\"when\" DESC, n.id DESC LIMIT 1) ",
            $rest
        )
    };
}

/// Returns all trees by name. There are tens of them, never thousands: no limit.
pub(crate) fn tree_list(conn: &mut AnyConnection) -> QueryResult<Vec<Tree>> {
    let rows: Vec<TreeRow> = diesel::sql_query(with_newest_entry!("ORDER BY t.tree")).load(conn)?;
    Ok(rows.into_iter().map(Tree::from).collect())
}

/// Returns one tree.
pub(crate) fn tree_fetch(conn: &mut AnyConnection, name: &str) -> QueryResult<Option<Tree>> {
    // The two databases write placeholders differently.
    let sql = match conn {
        AnyConnection::Postgres(_) => with_newest_entry!("WHERE t.tree = $1"),
        AnyConnection::Sqlite(_) => with_newest_entry!("WHERE t.tree = ?"),
    };
    let query = diesel::sql_query(sql).bind::<Text, _>(name.to_owned());
    let row: Option<TreeRow> = query.get_result(conn).optional()?;
    Ok(row.map(Tree::from))
}

#[derive(QueryableByName)]
struct LockedRow {
    #[diesel(embed)]
    tree: TreeRow,
    #[diesel(sql_type = Nullable<Timestamp>)]
    newest_at: Option<NaiveDateTime>,
}

/// Returns trees by name, each with the time of its newest log entry: one query for all.
pub(crate) fn tree_fetch_all(
    conn: &mut AnyConnection,
    names: &[String],
) -> QueryResult<Vec<(Tree, Option<NaiveDateTime>)>> {
    let rows: Vec<LockedRow> = match conn {
        AnyConnection::Postgres(c) => {
            diesel::sql_query(with_newest_entry!("WHERE t.tree = ANY($1) ORDER BY t.tree"))
                .bind::<Array<Text>, _>(names)
                .load(c)?
        }
        AnyConnection::Sqlite(c) => {
            let list = Value::from(names).to_string();
            diesel::sql_query(with_newest_entry!(
                "WHERE t.tree IN (SELECT value FROM json_each(?)) ORDER BY t.tree"
            ))
            .bind::<Text, _>(list)
            .load(c)?
        }
    };
    let rows = rows.into_iter();
    Ok(rows.map(|row| (row.tree.into(), row.newest_at)).collect())
}

/// Returns whether a tree exists.
pub(crate) fn tree_exists(conn: &mut AnyConnection, name: &str) -> QueryResult<bool> {
    trees::table
        .find(name)
        .select(trees::tree)
        .first::<String>(conn)
        .optional()
        .map(|found| found.is_some())
}

/// Locks the named trees against other changes and returns the names that exist, sorted. Always
/// locking in the order of names lets two changes wait for each other and never for ever.
pub(crate) fn tree_lock_in_txn(
    conn: &mut AnyConnection,
    names: &[String],
) -> QueryResult<Vec<String>> {
    let query = trees::table
        .filter(trees::tree.eq_any(names))
        .order(trees::tree)
        .select(trees::tree);
    let mut found: Vec<String> = match conn {
        AnyConnection::Postgres(c) => query.for_update().load(c)?,
        // The transaction holds SQLite's only write lock already.
        AnyConnection::Sqlite(c) => query.load(c)?,
    };
    // The database sorts by its own collation, callers compare with names sorted by bytes.
    found.sort_unstable();
    Ok(found)
}

/// Makes a tree.
pub(crate) fn tree_insert_in_txn(conn: &mut AnyConnection, tree: &NewTree) -> QueryResult<()> {
    let row = NewTreeRow {
        tree: tree.name.as_str(),
        status: tree.status.as_str(),
        reason: &tree.reason,
        message_of_the_day: &tree.message_of_the_day,
        category: tree.category.map(Category::as_str),
    };
    diesel::insert_into(trees::table)
        .values(row)
        .execute(conn)
        .map(|_| ())
}

/// Stores the given fields of an update in its trees.
pub(crate) fn tree_update_in_txn(conn: &mut AnyConnection, update: &Update) -> QueryResult<()> {
    let given = (
        update
            .status
            .map(|status| trees::status.eq(status.as_str())),
        update
            .reason
            .as_ref()
            .map(|reason| trees::reason.eq(reason)),
        update
            .message_of_the_day
            .as_ref()
            .map(|text| trees::message_of_the_day.eq(text)),
        update
            .category
            .map(|category| trees::category.eq(category.as_str())),
    );
    if matches!(given, (None, None, None, None)) {
        return Ok(());
    }
    diesel::update(trees::table.filter(trees::tree.eq_any(&update.trees)))
        .set(given)
        .execute(conn)
        .map(|_| ())
}

/// Stores another reason in a tree.
pub(crate) fn tree_set_reason_in_txn(
    conn: &mut AnyConnection,
    name: &str,
    reason: &str,
) -> QueryResult<()> {
    diesel::update(trees::table.find(name))
        .set(trees::reason.eq(reason))
        .execute(conn)
        .map(|_| ())
}

macro_rules! set_all {
    ($rows:literal) => {
        concat!(
            "UPDATE releng_treestatus_trees AS t SET status = v.status, reason = v.reason FROM ",
            $rows,
            " AS v WHERE t.tree = v.tree"
        )
    };
}

/// Stores status and reason of trees, each its own: one statement for all.
pub(crate) fn tree_set_all_in_txn<'a>(
    conn: &mut AnyConnection,
    trees: impl Iterator<Item = &'a Tree>,
) -> QueryResult<()> {
    let row =
        |tree: &Tree| json!({"tree": tree.tree, "status": tree.status, "reason": tree.reason});
    let rows: Vec<Value> = trees.map(row).collect();
    // The two databases take a list of objects apart differently.
    let sql = match conn {
        AnyConnection::Postgres(_) => {
            set_all!(
                "(SELECT * FROM json_to_recordset($1::json) AS r(tree text, status text, reason text))"
            )
        }
        AnyConnection::Sqlite(_) => {
            set_all!(
                "(SELECT value->>'tree' AS tree, value->>'status' AS status, value->>'reason' AS reason FROM json_each($1))"
            )
        }
    };
    diesel::sql_query(sql)
        .bind::<Text, _>(Value::Array(rows).to_string())
        .execute(conn)
        .map(|_| ())
}

/// Deletes trees; their logs and their parts of the stack have functions of their own.
pub(crate) fn tree_delete_all_in_txn(
    conn: &mut AnyConnection,
    names: &[String],
) -> QueryResult<()> {
    diesel::delete(trees::table.filter(trees::tree.eq_any(names)))
        .execute(conn)
        .map(|_| ())
}
