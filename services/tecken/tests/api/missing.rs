// SPDX-License-Identifier: MPL-2.0
//! Misses are recorded once a day and listed.

use chrono::{Duration, TimeZone as _, Utc};
use releng_common::Clock;
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::backends;

use crate::App;

#[actix_web::test]
async fn misses_of_windows_modules_are_in_the_csv() {
    for backend in backends() {
        let clock = Clock::frozen(Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap());
        let app = App(TestAppBuilder::new(backend)
            .with_clock(clock.clone())
            .start()
            .await);
        let client = app.anonymous();
        client.get("/old.pdb/AB/old.sym").await;
        clock.advance(Duration::hours(13));
        for path in [
            "/a.pdb/ab/a.sym?code_file=%20a,b.dll%20&code_id=5C",
            "/A.PDB/AB/a.sym",
            "/lib.so/AB/lib.so.sym",
            "/a.pdb/AB/a.pd_",
            "/ignored.pdb/AB/file.ptr",
        ] {
            assert_eq!(client.get(path).await.status, 404);
        }
        client.head("/headed.pdb/AB/headed.sym").await;
        client
            .get(&format!("/{}.pdb/AB/long.sym", "x".repeat(150)))
            .await;
        let csv = client.get("/missingsymbols.csv").await;
        assert_eq!(csv.header("content-type"), "text/csv");
        assert_eq!(
            csv.header("content-disposition"),
            "attachment; filename=\"missing-symbols-2026-03-02.csv\""
        );
        assert_eq!(
            csv.text(),
            "debug_file,debug_id,code_file,code_id\r\nold.pdb,AB,,\r\n\
             a.pdb,ab,\"a,b.dll\",5C\r\nA.PDB,AB,,\r\n"
        );
        let today = client.get("/missingsymbols.csv?today=1").await;
        assert!(today.header("content-disposition").contains("2026-03-03"));
        assert!(!today.text().contains("old.pdb") && today.text().contains("A.PDB,AB"));
        let head = client.head("/missingsymbols.csv").await;
        assert_eq!(
            (head.status, head.header("content-type")),
            (200, "text/csv")
        );
    }
}

#[actix_web::test]
async fn a_miss_counts_once_however_often_it_is_asked_for() {
    for backend in backends() {
        let app = App(TestAppBuilder::new(backend).start().await);
        for _ in 0..3 {
            app.anonymous().get("/demo.pdb/AB/demo.sym").await;
        }
        let page = app.anonymous().get("/downloads/missing").await.text();
        assert!(page.contains("1 symbols were asked for"), "{page}");
        assert!(
            page.contains(
                "<td>demo.pdb</td><td>AB</td><td>demo.sym</td><td></td><td></td><td>1</td>"
            )
        );
    }
}
