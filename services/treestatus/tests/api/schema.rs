// SPDX-License-Identifier: MPL-2.0
use releng_testkit::database::backends;

use crate::App;

#[actix_web::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let mut schemas = Vec::new();
    for backend in backends() {
        let app = App::start(backend).await;
        schemas.push(releng_db::schema(app.0.database.url()).unwrap());
    }
    assert_eq!(
        schemas[0].keys().collect::<Vec<_>>(),
        [
            "releng_treestatus_change_trees",
            "releng_treestatus_changes",
            "releng_treestatus_events",
            "releng_treestatus_log",
            "releng_treestatus_outbox",
            "releng_treestatus_senders",
            "releng_treestatus_trees",
        ]
    );
    assert!(
        schemas.windows(2).all(|pair| pair[0] == pair[1]),
        "{schemas:#?}"
    );
}
