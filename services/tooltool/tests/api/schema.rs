// SPDX-License-Identifier: MPL-2.0
use releng_testkit::database::backends;

use crate::App;

#[actix_web::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let mut schemas = Vec::new();
    for backend in backends() {
        let app = App::start(backend).await;
        schemas.push(releng_db::schema(app.app.database.url()).unwrap());
    }
    assert_eq!(
        schemas[0].keys().collect::<Vec<_>>(),
        [
            "releng_jobs",
            "releng_tooltool_batch_files",
            "releng_tooltool_batches",
            "releng_tooltool_file_instances",
            "releng_tooltool_files",
            "releng_tooltool_pending_upload",
            "tooltool_leases",
            "tooltool_watches",
        ]
    );
    assert!(
        schemas.windows(2).all(|pair| pair[0] == pair[1]),
        "{schemas:#?}"
    );
}
