// SPDX-License-Identifier: MPL-2.0
//! Bringing files into all regions: large objects in parts, regions that are lost or not configured.

use serde_json::json;

use crate::proxied;
use crate::workers::settings_of;
use crate::{App, PATIENCE, digest, entry};
use releng_testkit::poll::eventually;
use releng_testkit::store_proxy::Fault;

const TWO: [&str; 2] = ["us-east-1", "us-west-2"];
const THREE: [&str; 3] = ["eu-central-1", "us-east-1", "us-west-2"];

async fn everywhere(app: &App, digest: &str, regions: &[&str]) {
    eventually(PATIENCE, || async {
        (app.file(digest).await["instances"] == json!(regions)).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn a_large_object_is_copied_in_parts_and_none_of_its_bytes_come_through_here() {
    for proxied in proxied::each(&TWO, |builder| {
        builder
            .set("REPLICATE_INTERVAL_SECONDS", "1")
            .set("S3_COPY_SINGLE_MAX_BYTES", "6000000")
            .set("S3_COPY_PART_BYTES", "5MiB")
    })
    .await
    {
        let app = &proxied.app;
        let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let digest = digest(&large);
        app.upload("large", entry(&large), &large).await;
        everywhere(app, &digest, &TWO).await;
        let key = releng_store::Key::parse(format!("sha512/{digest}")).unwrap();
        let mut tags = Vec::new();
        for bucket in &app.buckets {
            let (meta, found) = releng_store::sha512_of(bucket.store().as_ref(), &key)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(found, digest);
            assert_eq!(
                meta.storage_class.as_deref().unwrap_or("STANDARD"),
                "STANDARD"
            );
            tags.push(meta.etag);
        }
        // Twelve million bytes in parts of five MiB are three ranges.
        assert_eq!(
            tags.iter().filter(|tag| tag.ends_with("-3")).count(),
            1,
            "{tags:?}"
        );
        assert_eq!(proxied.proxy.hits("PUT", "x-id=UploadPartCopy"), 3);
        assert_eq!(
            proxied.proxy.hits("GET", &digest),
            1,
            "read for the verification alone"
        );
    }
}

#[actix_web::test]
async fn a_region_that_is_away_keeps_no_other_from_getting_the_file_and_none_from_giving_it() {
    for proxied in proxied::each(&THREE, |b| b.set("REPLICATE_INTERVAL_SECONDS", "600000")).await {
        let app = &proxied.app;
        app.upload("a", entry(b"x"), b"x").await;
        let digest = digest(b"x");
        let first = app.file(&digest).await["instances"][0].clone();
        let at = |name: &str| THREE.iter().position(|region| *region == name).unwrap();
        let home = at(first.as_str().unwrap());
        let (second, third) = ((home + 1) % 3, (home + 2) % 3);
        // The third region does not answer: only the second gets its copy.
        let lost = app.buckets[third].name().to_owned();
        for method in ["GET", "HEAD", "PUT"] {
            proxied.proxy.spoil(method, &lost, Fault::Status(503), None);
        }
        assert_eq!(replicate(app), Some(1), "one file is not everywhere");
        let mut expected = [THREE[home], THREE[second]];
        expected.sort_unstable();
        assert_eq!(app.file(&digest).await["instances"], json!(expected));
        // It is back, and now the region where the file came in is lost: the other one gives it.
        proxied.proxy.heal();
        let lost = app.buckets[home].name().to_owned();
        for method in ["GET", "HEAD", "PUT"] {
            proxied.proxy.spoil(method, &lost, Fault::Status(503), None);
        }
        // A copy names its source in a header, not in the target: without the object it fails there.
        let key = releng_store::Key::parse(format!("sha512/{digest}")).unwrap();
        app.buckets[home].store().delete(&key).await.unwrap();
        assert_eq!(replicate(app), Some(0));
        everywhere(app, &digest, &THREE).await;
        let object = app.buckets[third].store().get(&key, None).await.unwrap();
        assert_eq!(object.unwrap().bytes(9).await.unwrap(), "x");
    }
}

#[actix_web::test]
async fn a_file_without_a_copy_in_a_configured_region_is_skipped_and_no_failure() {
    for proxied in proxied::each(&TWO, |b| b.set("REPLICATE_INTERVAL_SECONDS", "600000")).await {
        let app = &proxied.app;
        app.upload("a", entry(b"x"), b"x").await;
        app.upload("b", entry(b"y"), b"y").await;
        let mut lists: Vec<(&str, String)> = Vec::new();
        let regions = &app.app.settings().regions;
        for region in regions {
            lists.push((
                region.name.as_str(),
                format!("{}:{}", region.name, region.bucket),
            ));
        }
        let home = app.file(&digest(b"x")).await["instances"][0].clone();
        // Only a region that has no copy of the first file is configured, and a new one.
        let mut list: Vec<String> = lists
            .into_iter()
            .filter(|(name, _)| home != json!(name))
            .map(|(_, pair)| pair)
            .collect();
        let fresh = releng_testkit::s3_bucket::S3Bucket::create().await.unwrap();
        list.push(format!("ap-south-1:{}", fresh.name()));
        let output = command(app, "replicate")
            .env("S3_REGIONS", list.join(";"))
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        let warning = format!("{} has no copy in a configured region", digest(b"x"));
        assert!(log.contains(&warning), "{log}");
        assert_eq!(app.file(&digest(b"x")).await["instances"], json!([home]));
    }
}

/// Runs the command and returns its exit status.
fn replicate(app: &App) -> Option<i32> {
    command(app, "replicate").status().unwrap().code()
}

fn command(app: &App, name: &str) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_releng-tooltool"));
    command
        .arg(name)
        .env_clear()
        .env("DATA_DIR", app.app.data.path())
        .envs(settings_of(app));
    command
}
