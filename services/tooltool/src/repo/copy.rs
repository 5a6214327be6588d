// SPDX-License-Identifier: MPL-2.0
//! Queries that carry the rows of one database over into another, page by page in the order of the
//! keys. Ids stay what they are. Leases and jobs are not carried over: they are found anew.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use releng_db::{AnyConnection, on_backend};

use super::schema::{batch_files, batches, files, instances, pending, watches};

/// Rows that are read and written in one go; SQLite takes 32,766 values in a statement.
const PAGE: i64 = 1000;

#[derive(Queryable, Insertable)]
#[diesel(table_name = files)]
struct File {
    id: i32,
    size: i64,
    sha512: String,
    visibility: String,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = batches)]
struct Batch {
    id: i32,
    uploaded: NaiveDateTime,
    author: String,
    message: String,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = batch_files)]
struct BatchFile {
    file_id: i32,
    batch_id: i32,
    filename: String,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = instances)]
struct Instance {
    file_id: i32,
    region: String,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = pending)]
struct Pending {
    file_id: i32,
    expires: NaiveDateTime,
    region: String,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = watches)]
struct Watch {
    file_id: i32,
    region: String,
    etag: String,
    since: NaiveDateTime,
    next_look: NaiveDateTime,
}

/// Two databases, and what is done with the names of regions on the way.
pub(crate) struct Copy<'a> {
    /// Where the rows come from.
    pub from: &'a mut AnyConnection,
    /// Where they go to.
    pub to: &'a mut AnyConnection,
    /// Returns the new name of a region.
    pub rename: &'a dyn Fn(&str) -> Option<String>,
    /// Is told of every page: what was copied, and how many of it.
    pub progress: &'a mut dyn FnMut(&'static str, usize),
}

/// Returns whether there is anything in the tables.
pub(crate) fn copy_is_empty(conn: &mut AnyConnection) -> QueryResult<bool> {
    let files: i64 = files::table.count().get_result(conn)?;
    let batches: i64 = batches::table.count().get_result(conn)?;
    Ok(files == 0 && batches == 0)
}

/// Copies everything, in the order in which tables refer to each other.
pub(crate) fn copy_all_in_txn(copy: &mut Copy<'_>) -> QueryResult<()> {
    copy.files()?;
    copy.batches()?;
    copy.batch_files()?;
    copy.instances()?;
    copy.pending()?;
    copy.watches()?;
    sequences(copy.to)
}

/// Writes a page into a table.
macro_rules! put {
    ($to:expr, $table:ident, $rows:expr) => {
        on_backend!($to, c => diesel::insert_into($table::table).values($rows).execute(c))
    };
}

impl Copy<'_> {
    fn files(&mut self) -> QueryResult<()> {
        let mut last = i32::MIN;
        loop {
            let rest = files::table.filter(files::id.gt(last)).order(files::id);
            let rows: Vec<File> = rest.limit(PAGE).load(self.from)?;
            let Some(row) = rows.last() else {
                return Ok(());
            };
            last = row.id;
            put!(self.to, files, &rows)?;
            (self.progress)("files", rows.len());
        }
    }

    fn batches(&mut self) -> QueryResult<()> {
        let mut last = i32::MIN;
        loop {
            let rest = batches::table.filter(batches::id.gt(last));
            let rest = rest.order(batches::id);
            let rows: Vec<Batch> = rest.limit(PAGE).load(self.from)?;
            let Some(row) = rows.last() else {
                return Ok(());
            };
            last = row.id;
            put!(self.to, batches, &rows)?;
            (self.progress)("batches", rows.len());
        }
    }

    fn batch_files(&mut self) -> QueryResult<()> {
        use batch_files::{batch_id, file_id, filename};
        let (mut file, mut batch, mut name) = (i32::MIN, i32::MIN, String::new());
        loop {
            let is_later = file_id
                .gt(file)
                .or(file_id.eq(file).and(batch_id.gt(batch)).or(file_id
                    .eq(file)
                    .and(batch_id.eq(batch))
                    .and(filename.gt(&name))));
            // Said twice: databases find the place in the index by this alone.
            let rest = batch_files::table.filter(file_id.ge(file)).filter(is_later);
            let rest = rest.order((file_id, batch_id, filename));
            let rows: Vec<BatchFile> = rest.limit(PAGE).load(self.from)?;
            let Some(row) = rows.last() else {
                return Ok(());
            };
            (file, batch, name) = (row.file_id, row.batch_id, row.filename.clone());
            put!(self.to, batch_files, &rows)?;
            (self.progress)("filenames", rows.len());
        }
    }

    fn rename_in(&self, region: &mut String) {
        if let Some(renamed) = (self.rename)(region) {
            *region = renamed;
        }
    }

    fn instances(&mut self) -> QueryResult<()> {
        use instances::{file_id, region};
        let (mut file, mut name) = (i32::MIN, String::new());
        loop {
            let is_later = file_id.gt(file).or(file_id.eq(file).and(region.gt(&name)));
            let rest = instances::table.filter(file_id.ge(file)).filter(is_later);
            let rest = rest.order((file_id, region));
            let mut rows: Vec<Instance> = rest.limit(PAGE).load(self.from)?;
            let Some(row) = rows.last() else {
                return Ok(());
            };
            (file, name) = (row.file_id, row.region.clone());
            for row in &mut rows {
                self.rename_in(&mut row.region);
            }
            put_instances(self.to, &rows)?;
            (self.progress)("instances", rows.len());
        }
    }

    fn pending(&mut self) -> QueryResult<()> {
        let mut last = i32::MIN;
        loop {
            let rest = pending::table.filter(pending::file_id.gt(last));
            let rest = rest.order(pending::file_id);
            let mut rows: Vec<Pending> = rest.limit(PAGE).load(self.from)?;
            let Some(row) = rows.last() else {
                return Ok(());
            };
            last = row.file_id;
            for row in &mut rows {
                self.rename_in(&mut row.region);
            }
            put!(self.to, pending, &rows)?;
            (self.progress)("pending uploads", rows.len());
        }
    }

    /// A region that gets another name has another store, whose objects have other tags and which no
    /// PUT URL leads to.
    fn watches(&mut self) -> QueryResult<()> {
        use watches::{file_id, region};
        let (mut file, mut name) = (i32::MIN, String::new());
        loop {
            let is_later = file_id.gt(file).or(file_id.eq(file).and(region.gt(&name)));
            let rest = watches::table.filter(file_id.ge(file)).filter(is_later);
            let rest = rest.order((file_id, region));
            let mut rows: Vec<Watch> = rest.limit(PAGE).load(self.from)?;
            let Some(row) = rows.last() else {
                return Ok(());
            };
            (file, name) = (row.file_id, row.region.clone());
            rows.retain(|row| (self.rename)(&row.region).is_none());
            if !rows.is_empty() {
                put!(self.to, watches, &rows)?;
            }
            (self.progress)("watches", rows.len());
        }
    }
}

/// Two regions may become one.
fn put_instances(to: &mut AnyConnection, rows: &[Instance]) -> QueryResult<()> {
    match to {
        AnyConnection::Postgres(conn) => {
            diesel::insert_into(instances::table)
                .values(rows)
                .on_conflict_do_nothing()
                .execute(conn)?;
        }
        AnyConnection::Sqlite(conn) => {
            for row in rows {
                diesel::insert_into(instances::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(conn)?;
            }
        }
    }
    Ok(())
}

/// The next ids come after those that were copied. SQLite counts by itself.
fn sequences(conn: &mut AnyConnection) -> QueryResult<()> {
    if let AnyConnection::Postgres(conn) = conn {
        for table in ["releng_tooltool_files", "releng_tooltool_batches"] {
            diesel::sql_query(format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), COALESCE(MAX(id), 0) + 1, false) \
                 FROM {table}"
            ))
            .execute(conn)?;
        }
    }
    Ok(())
}
