// SPDX-License-Identifier: MPL-2.0
//! What the Python service asks its database, in the forms that its drivers have had: values as plain
//! literals (psycopg2), values with the type of their column (psycopg 3, asyncpg).

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use releng_db::{AnyConnection, Db};

const STATEMENTS: [&str; 22] = [
    // POST /upload
    "SELECT f.id, f.size, f.sha512, f.visibility FROM releng_tooltool_files f \
     WHERE f.sha512 = repeat('e', 128) LIMIT 1",
    "INSERT INTO releng_tooltool_files (size, sha512, visibility) \
     VALUES (3000000000, repeat('e', 128), 'public'VISIBILITY) RETURNING releng_tooltool_files.id",
    "INSERT INTO releng_tooltool_batches (uploaded, author, message) \
     VALUES ('2026-01-02T03:04:05.000006'::timestamp, 'demo/old', 'from the predecessor') \
     RETURNING releng_tooltool_batches.id",
    "INSERT INTO releng_tooltool_batch_files (file_id, batch_id, filename) \
     SELECT f.id, b.id, 'e.tar' FROM releng_tooltool_files f, releng_tooltool_batches b \
     WHERE f.sha512 = repeat('e', 128) AND b.author = 'demo/old'",
    "INSERT INTO releng_tooltool_pending_upload (file_id, expires, region) \
     SELECT f.id, '2026-01-02 03:05:05'::timestamp, 'us-west-1'REGION \
     FROM releng_tooltool_files f WHERE f.sha512 = repeat('e', 128)",
    "UPDATE releng_tooltool_pending_upload SET expires = '2026-01-02 03:06:05'::timestamp, \
     region = 'us-east-1'REGION WHERE file_id IN \
     (SELECT id FROM releng_tooltool_files WHERE sha512 = repeat('e', 128))",
    // check-pending-uploads
    "SELECT p.file_id, p.expires, p.region, f.id, f.size, f.sha512, f.visibility \
     FROM releng_tooltool_pending_upload p \
     LEFT OUTER JOIN releng_tooltool_files f ON f.id = p.file_id \
     WHERE p.expires < '2026-01-03'::timestamp",
    "SELECT p.file_id FROM releng_tooltool_pending_upload p WHERE p.region = 'us-east-1'REGION",
    "INSERT INTO releng_tooltool_file_instances (file_id, region) \
     SELECT file_id, 'us-east-1'REGION FROM releng_tooltool_pending_upload p \
     JOIN releng_tooltool_files f ON f.id = p.file_id WHERE f.sha512 = repeat('e', 128)",
    "DELETE FROM releng_tooltool_pending_upload WHERE file_id IN \
     (SELECT id FROM releng_tooltool_files WHERE sha512 = repeat('e', 128))",
    // GET /sha512, /file, /upload
    "SELECT i.file_id, i.region FROM releng_tooltool_file_instances i \
     JOIN releng_tooltool_files f ON f.id = i.file_id WHERE f.sha512 = repeat('e', 128)",
    "SELECT f.id FROM releng_tooltool_files f JOIN releng_tooltool_file_instances i \
     ON f.id = i.file_id WHERE i.region IN ('us-east-1'REGION, 'us-west-2'REGION)",
    "SELECT f.id FROM releng_tooltool_files f JOIN releng_tooltool_file_instances i \
     ON f.id = i.file_id WHERE i.region = ANY (ARRAY['us-east-1'REGION, 'us-west-2'REGION])",
    "SELECT f.id FROM releng_tooltool_files f WHERE f.visibility = 'public'VISIBILITY \
     AND f.visibility <> 'internal'VISIBILITY",
    "SELECT f.id FROM releng_tooltool_files f WHERE f.sha512 LIKE 'eeee' || '%' \
     UNION SELECT bf.file_id FROM releng_tooltool_batch_files bf \
     WHERE bf.filename LIKE '%' || 'e.tar' || '%'",
    "SELECT b.id, b.uploaded, b.author, b.message FROM releng_tooltool_batches b \
     WHERE b.author LIKE '%' || 'old' || '%' OR b.message LIKE '%' || 'old' || '%'",
    "SELECT bf.file_id, bf.batch_id, bf.filename FROM releng_tooltool_batch_files bf \
     JOIN releng_tooltool_batches b ON b.id = bf.batch_id WHERE b.author = 'demo/old'",
    // replicate
    "SELECT f.id, count(i.region) FROM releng_tooltool_files f \
     JOIN releng_tooltool_file_instances i ON f.id = i.file_id \
     GROUP BY f.id HAVING count(i.region) < 3",
    // PATCH /file
    "UPDATE releng_tooltool_files SET visibility = 'internal'VISIBILITY WHERE sha512 = repeat('e', 128)",
    "DELETE FROM releng_tooltool_file_instances i USING releng_tooltool_files f \
     WHERE f.id = i.file_id AND i.region = 'us-east-1'REGION AND f.sha512 = repeat('e', 128)",
    // What migrations of the Python service do.
    "ALTER TABLE releng_tooltool_files ALTER COLUMN size TYPE BIGINT",
    "SELECT version_num FROM \"{app.import_name}_alembic_version\"",
];

/// Runs every statement in every form, and undoes it.
pub(super) async fn all_work(db: &Db) {
    for (region, visibility) in [("", ""), ("::region", "::visibility")] {
        let statements = STATEMENTS.map(|sql| {
            sql.replace("REGION", region)
                .replace("VISIBILITY", visibility)
        });
        let undone = db
            .write(move |conn| -> releng_db::TxResult<()> {
                let before = files_of(conn);
                for sql in &statements {
                    conn.batch_execute(sql)
                        .unwrap_or_else(|e| panic!("{e}: {sql}"));
                }
                assert_eq!(files_of(conn), before + 1);
                Err(releng_common::Error::invalid("undone").into())
            })
            .await;
        assert_eq!(undone.unwrap_err().message(), "undone");
    }
}

fn files_of(conn: &mut AnyConnection) -> usize {
    texts(conn, "SELECT sha512 AS text FROM releng_tooltool_files").len()
}

/// What the migrations may add to, and must not take away.
const KEPT: [&str; 19] = [
    "column relengapi_auth_tokens._permissions text",
    "column relengapi_auth_tokens.disabled boolean",
    "column releng_tooltool_batch_files.filename text",
    "column releng_tooltool_batches.author text",
    "column releng_tooltool_batches.message text",
    "column releng_tooltool_batches.uploaded timestamp without time zone",
    "column releng_tooltool_file_instances.file_id integer",
    "column releng_tooltool_file_instances.region text",
    "column releng_tooltool_files.id integer",
    "column releng_tooltool_files.sha512 character varying(128)",
    "column releng_tooltool_files.size bigint",
    "column releng_tooltool_files.visibility visibility",
    "column releng_tooltool_pending_upload.expires timestamp without time zone",
    "column releng_tooltool_pending_upload.region text",
    "constraint releng_tooltool_batch_files PRIMARY KEY (file_id, batch_id, filename)",
    "constraint releng_tooltool_file_instances PRIMARY KEY (file_id, region)",
    "constraint releng_tooltool_files UNIQUE (sha512)",
    "index ix_releng_tooltool_batches_uploaded",
    "index ix_releng_tooltool_pending_upload_expires",
];

const FOUND: &str = "\
    SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) AS text \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
    WHERE c.relkind = 'r' AND a.attnum > 0 AND c.relname LIKE 'releng%' \
    UNION SELECT 'constraint ' || c.relname || ' ' || pg_get_constraintdef(k.oid) \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
    UNION SELECT 'index ' || relname FROM pg_class WHERE relkind = 'i'";

/// Asserts that columns, types, constraints, enums and rows of others are there.
pub(super) async fn nothing_is_lost(db: &Db) {
    db.read(|conn| {
        let found = texts(conn, FOUND);
        for kept in KEPT {
            assert!(
                found.iter().any(|text| text == kept),
                "{kept} not in {found:#?}"
            );
        }
        let foreign = found
            .iter()
            .filter(|text| text.contains("FOREIGN KEY ("))
            .count();
        assert!(foreign >= 4, "{found:#?}");
        let enums = "SELECT e.enumlabel::text AS text FROM pg_enum e \
            JOIN pg_type t ON t.oid = e.enumtypid ORDER BY t.typname, e.enumsortorder";
        assert_eq!(
            texts(conn, enums),
            ["us-east-1", "us-west-1", "us-west-2", "public", "internal"]
        );
        let tokens = "SELECT _permissions AS text FROM relengapi_auth_tokens";
        assert_eq!(
            texts(conn, tokens),
            ["tooltool.upload.public,tooltool.download.internal"]
        );
        Ok(())
    })
    .await
    .unwrap();
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

fn texts(conn: &mut AnyConnection, sql: &str) -> Vec<String> {
    let AnyConnection::Postgres(conn) = conn else {
        panic!("a PostgreSQL database");
    };
    let rows: Vec<Row> = diesel::sql_query(sql).load(conn).unwrap();
    rows.into_iter().map(|row| row.text).collect()
}
