// SPDX-License-Identifier: MPL-2.0
//! The main job: a file in the archive folder becomes a build that searches find.
use std::io::Write as _;

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::backends;
use releng_testkit::poll::eventually;
use serde_json::json;

use crate::sample::{record, records, write};
use crate::{App, PATIENCE, apps, term};

#[actix_web::test]
async fn a_dropped_file_is_found_with_all_its_fields() {
    for app in apps().await {
        let mut record = record(0);
        record["build"]["number"] = json!(3);
        app.with_records(std::slice::from_ref(&record)).await;
        let found = app.hits(&term("build.id", "20180510000017")).await;
        let hit = &found["hits"]["hits"][0];
        let id = hit["_id"].as_str().unwrap();
        let mut source = record.clone();
        source["id"] = json!(id.parse::<i64>().unwrap());
        assert_eq!(hit["_source"], source);
        let stored = app.anonymous().get(&format!("/api/records/{id}")).await;
        assert_eq!((stored.status, stored.json()), (200, record));
        assert_eq!(stored.header("content-type"), "application/json");
    }
}

#[actix_web::test]
async fn a_release_of_firefox_is_also_filed_under_beta_unless_switched_off() {
    for backend in backends() {
        let app = App::start(backend).await;
        app.with_records(&[record(1)]).await;
        let found = app.hits(&json!({"sort": ["target.channel"]})).await;
        let channels = ["/hits/hits/0", "/hits/hits/1"]
            .map(|hit| found.pointer(hit).unwrap()["_source"]["target"]["channel"].clone());
        assert_eq!(channels, [json!("beta"), json!("release")]);

        let app = App(TestAppBuilder::new(backend)
            .set("BETA_COPY", "off")
            .start()
            .await);
        app.drop_file("buildhub.json", record(1).to_string().as_bytes());
        app.drop_file("buildhub.json.x", b"not looked at");
        app.found(1).await;
        assert_eq!(app.rows().await, 1);
    }
}

#[actix_web::test]
async fn the_same_content_is_one_row_wherever_and_however_it_is_written() {
    for app in apps().await {
        app.drop_file("a/buildhub.json", record(0).to_string().as_bytes());
        app.found(1).await;
        app.drop_file(
            "b/buildhub.json",
            &serde_json::to_vec_pretty(&record(0)).unwrap(),
        );
        app.drop_file(
            "a/buildhub.json",
            &serde_json::to_vec_pretty(&record(0)).unwrap(),
        );
        app.drop_file(
            "c/firefox-60.0.win64.buildhub.json",
            record(2).to_string().as_bytes(),
        );
        app.found(2).await;
        assert_eq!(app.rows().await, 2);
    }
}

#[actix_web::test]
async fn another_content_at_the_same_place_is_another_build() {
    for app in apps().await {
        app.drop_file("a/buildhub.json", record(0).to_string().as_bytes());
        app.found(1).await;
        app.drop_file("a/buildhub.json", record(2).to_string().as_bytes());
        app.found(2).await;
    }
}

#[actix_web::test]
async fn a_broken_file_stops_nothing_and_is_tried_again_when_it_changes() {
    for app in apps().await {
        app.drop_file("a/buildhub.json", b"{\"build\": ");
        app.drop_file("b/buildhub.json", b"{\"build\": {}}");
        app.drop_file("c/buildhub.json", &[0xff; 100]);
        app.drop_file("d/buildhub.json", &vec![b' '; 2 << 20]);
        app.drop_file("e/buildhub.json", record(0).to_string().as_bytes());
        app.found(1).await;
        app.drop_file("a/buildhub.json", record(2).to_string().as_bytes());
        app.found(2).await;
        assert_eq!(app.rows().await, 2);
    }
}

#[actix_web::test]
async fn files_arrive_by_rename_by_link_in_pieces_and_with_whole_folders() {
    for app in apps().await {
        app.drop_file("first/buildhub.json", record(0).to_string().as_bytes());
        app.found(1).await;
        let archive = app.archive();

        app.drop_file("first/part.tmp", record(2).to_string().as_bytes());
        std::fs::rename(
            archive.join("first/part.tmp"),
            archive.join("first/x.buildhub.json"),
        )
        .unwrap();
        app.found(2).await;

        let outside = app.0.data.path().join("outside");
        write(
            &outside,
            "deep/er/buildhub.json",
            record(3).to_string().as_bytes(),
        );
        std::fs::rename(&outside, archive.join("moved")).unwrap();
        app.found(3).await;
        // The folders that came along are watched too, under their new name.
        app.drop_file(
            "moved/deep/er/y.buildhub.json",
            record(4).to_string().as_bytes(),
        );
        app.found(4).await;

        write(
            app.0.data.path(),
            "linked",
            record(6).to_string().as_bytes(),
        );
        std::fs::hard_link(
            app.0.data.path().join("linked"),
            archive.join("buildhub.json"),
        )
        .unwrap();
        app.found(5).await;

        let text = record(7).to_string();
        let (head, tail) = text.split_at(text.len() / 2);
        app.drop_file("pieces/buildhub.json", head.as_bytes());
        let path = archive.join("pieces/buildhub.json");
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(tail.as_bytes()).unwrap();
        drop(file);
        app.found(6).await;
    }
}

#[actix_web::test]
async fn thousands_of_files_at_once_are_all_found() {
    for app in apps().await {
        let records: Vec<_> = (0..3_000)
            .map(|n| {
                let mut record = record(0);
                record["build"]["id"] = json!(n.to_string());
                record
            })
            .collect();
        app.with_records(&records).await;
        assert_eq!(app.rows().await, 3_000);
    }
}

#[actix_web::test]
async fn files_that_were_dropped_while_the_service_was_down_are_taken_in_at_the_start() {
    for backend in backends() {
        let folder = releng_testkit::temp::dir();
        for (n, record) in records(4).iter().enumerate() {
            write(
                folder.path(),
                &format!("{n}/buildhub.json"),
                record.to_string().as_bytes(),
            );
        }
        let path = folder.path().display().to_string();
        let app = App(TestAppBuilder::new(backend)
            .set("ARCHIVE_DIR", path)
            .start()
            .await);
        app.found(5).await;
    }
}

#[actix_web::test]
async fn another_folder_in_the_place_of_the_archive_is_watched_at_once() {
    for backend in backends() {
        // The look at the whole folder, ten minutes later, is not what finds these.
        let app = App::start(backend).await;
        app.drop_file("a/buildhub.json", record(0).to_string().as_bytes());
        app.found(1).await;
        let (archive, old) = (app.archive(), app.0.data.path().join("old"));
        std::fs::rename(&archive, &old).unwrap();
        app.drop_file("n/buildhub.json", record(2).to_string().as_bytes());
        app.found(2).await;
        app.drop_file("n/x.buildhub.json", record(3).to_string().as_bytes());
        app.found(3).await;

        std::fs::remove_dir_all(&archive).unwrap();
        app.drop_file("m/buildhub.json", record(4).to_string().as_bytes());
        app.found(4).await;

        std::fs::remove_dir_all(&archive).unwrap();
        write(&old, "late/buildhub.json", record(6).to_string().as_bytes());
        std::fs::rename(&old, &archive).unwrap();
        app.found(5).await;
        app.drop_file("last/buildhub.json", record(7).to_string().as_bytes());
        app.found(6).await;
    }
}

/// As root every file is readable, so the content arrives here by a way of which the kernel tells
/// nothing: under a name outside of the archive. Only the change of the rights is noticed then.
#[actix_web::test]
async fn a_file_that_gets_other_rights_is_looked_at() {
    use std::os::unix::fs::PermissionsExt as _;
    for app in apps().await {
        let outside = app.0.data.path().join("outside");
        std::fs::write(&outside, record(0).to_string()).unwrap();
        let inside = app.archive().join("buildhub.json");
        std::fs::hard_link(&outside, &inside).unwrap();
        app.found(1).await;
        std::fs::write(&outside, record(2).to_string()).unwrap();
        std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o644)).unwrap();
        app.found(2).await;
    }
}

#[actix_web::test]
async fn a_file_that_could_not_be_read_is_tried_again() {
    for app in apps().await {
        let target = app.0.data.path().join("target");
        // It opens, and reading it fails.
        std::os::unix::fs::symlink("/proc/self/mem", &target).unwrap();
        std::os::unix::fs::symlink(&target, app.archive().join("buildhub.json")).unwrap();
        app.drop_file("other/buildhub.json", record(0).to_string().as_bytes());
        app.found(1).await;
        let new = app.0.data.path().join("new");
        std::fs::write(&new, record(2).to_string()).unwrap();
        std::fs::rename(&new, &target).unwrap();
        app.found(2).await;
    }
}

#[actix_web::test]
async fn an_archive_folder_that_comes_back_after_removal_is_looked_at() {
    for backend in backends() {
        let app = App(TestAppBuilder::new(backend)
            .set("ARCHIVE_SCAN_SECONDS", "1")
            .start()
            .await);
        app.drop_file("a/buildhub.json", record(0).to_string().as_bytes());
        app.found(1).await;
        std::fs::remove_dir_all(app.archive()).unwrap();
        eventually(PATIENCE, || async {
            app.drop_file("b/buildhub.json", record(2).to_string().as_bytes());
            let total = app.anonymous().get("/api/search").await.json()["hits"]["total"].clone();
            (total == 2).then_some(())
        })
        .await;
    }
}
