// SPDX-License-Identifier: MPL-2.0
//! Symbolication from a bucket: what is read of it, and what becomes of answers when it is slow, down,
//! refuses or breaks off.

use std::time::Duration;

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use releng_testkit::requirement::requires;
use releng_testkit::s3_bucket::S3Bucket;
use releng_testkit::store_proxy::{Fault, StoreProxy};
use serde_json::json;

use crate::App;
use crate::support::{ID, ask, downloads, index_key, many_symbols, names, put, request, symbols};

const PATIENCE: Duration = Duration::from_secs(60);

/// An app whose only bucket is behind a proxy.
struct Behind {
    app: App,
    proxy: StoreProxy,
    bucket: S3Bucket,
}

impl Behind {
    /// Starts it; nothing without a server for buckets.
    async fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let server = requires("s3")?;
        let bucket = S3Bucket::create().await?;
        let proxy = StoreProxy::start(&server);
        let url = bucket.url_behind(&proxy.url());
        let mut builder = TestAppBuilder::new(Backend::Sqlite)
            .set("SYMBOL_URLS", &url)
            .set("UPLOAD_DEFAULT_URL", &url)
            .set("SYMBOLS_GET_TIMEOUT", "1")
            .set("S3_PUT_READ_TIMEOUT", "2");
        for (name, value) in settings {
            builder = builder.set(name, *value);
        }
        let app = App(builder.start().await);
        Some(Self { app, proxy, bucket })
    }

    /// Puts a symbol file with its index, as an upload does.
    async fn put_both(&self, module: &str, content: &[u8]) {
        let file = put(self.bucket.store(), module, content).await;
        let mut index = Vec::new();
        let options = releng_symbols::index::BuildOptions::default();
        releng_symbols::index::build(content, &mut index, &options).unwrap();
        let attributes = releng_store::Attributes {
            metadata: [("symbol_file_etag".to_owned(), file.etag)].into(),
            ..releng_store::Attributes::default()
        };
        let body = index.into();
        self.bucket
            .store()
            .put(&index_key(module), body, &attributes)
            .await
            .unwrap();
    }

    async fn names(&self, modules: &[&str], address: u64) -> Vec<String> {
        names(&self.app.anonymous(), modules, address).await
    }
}

#[actix_web::test]
async fn a_cold_stack_reads_ends_and_pages_of_indexes_and_no_symbol_file() {
    let Some(behind) = Behind::start(&[]).await else {
        return;
    };
    let modules = ["a.pdb", "b.pdb", "c.pdb"];
    for module in modules {
        behind
            .put_both(module, &many_symbols(module, "demo", 60_000))
            .await;
    }
    let found = behind.names(&modules, 30_000 * 16).await;
    assert!(
        found.iter().all(|name| name.starts_with("demo_30000_")),
        "{found:?}"
    );
    let hits = |method: &str, part: &str| behind.proxy.hits(method, part);
    // The file's tag and the end of the index at once, then a page.
    assert_eq!((hits("HEAD", ".sym"), hits("GET", ".sym?")), (3, 0));
    assert_eq!(hits("GET", ".symx1"), 6);
    let again = behind.names(&modules, 30_000 * 16).await;
    assert_eq!(again, found);
    assert_eq!(hits("GET", ".symx1"), 6);
    // One that is asked for all over comes as a whole, and stays.
    let addresses: Vec<u64> = (1..=60_000).step_by(100).map(|n| n * 16).collect();
    let body = request(&["a.pdb"], &addresses);
    let first = ask(&behind.app.anonymous(), &body).await.json();
    let gets = hits("GET", "a.symx1");
    let other: Vec<u64> = (50..=60_000).step_by(100).map(|n| n * 16).collect();
    ask(&behind.app.anonymous(), &request(&["a.pdb"], &other)).await;
    assert_eq!(hits("GET", "a.symx1"), gets);
    let frames = first["results"][0]["stacks"][0].as_array().unwrap();
    for (frame, address) in frames.iter().zip(&addresses) {
        let function = frame["function"].as_str().unwrap_or_default();
        assert!(
            function.starts_with(&format!("demo_{}_", address / 16)),
            "{frame}"
        );
    }
}

/// A request over many modules wants some part of each: only what is wanted is read, and an index comes
/// as a whole when all requests together read as much as it has.
#[actix_web::test]
async fn an_index_comes_as_a_whole_when_as_much_of_it_was_read() {
    let Some(behind) = Behind::start(&[]).await else {
        return;
    };
    let content = many_symbols("demo.pdb", "demo", 60_000);
    behind.put_both("demo.pdb", &content).await;
    let kept = || {
        let entries = std::fs::read_dir(behind.app.0.data.path().join("symbol-index")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_file()).count()
    };
    for (numbers, expected) in [(1..20_000, 0), (20_000..50_000, 0), (50_000..60_000, 1)] {
        let addresses: Vec<u64> = numbers.step_by(50).map(|n| n * 16).collect();
        let answer = ask(&behind.app.anonymous(), &request(&["demo.pdb"], &addresses)).await;
        let frames = answer.json()["results"][0]["stacks"][0].clone();
        for (frame, address) in frames.as_array().unwrap().iter().zip(&addresses) {
            let function = frame["function"].as_str().unwrap_or_default();
            assert!(
                function.starts_with(&format!("demo_{}_", address / 16)),
                "{frame}"
            );
        }
        assert_eq!(kept(), expected, "{:x?}", addresses.first());
    }
}

#[actix_web::test]
async fn of_many_first_requests_one_reads_the_file() {
    let Some(behind) = Behind::start(&[]).await else {
        return;
    };
    put(
        behind.bucket.store(),
        "demo.pdb",
        &many_symbols("demo.pdb", "demo", 3000),
    )
    .await;
    behind.proxy.spoil("GET", "demo.sym?", Fault::Hold, None);
    let (client, body) = (behind.app.anonymous(), request(&["demo.pdb"], &[0x1004]));
    let asking: Vec<_> = (0..16)
        .map(|_| {
            let (client, body) = (client.clone(), body.clone());
            tokio::spawn(async move { ask(&client, &body).await })
        })
        .collect();
    let is_held = || async { (behind.proxy.holding() == 1).then_some(()) };
    eventually(PATIENCE, is_held).await;
    behind.proxy.heal();
    let mut loads = 0;
    for one in asking {
        let answer = one.await.unwrap();
        assert_eq!(answer.status, 200);
        loads += downloads(&answer);
    }
    assert_eq!((loads, behind.proxy.hits("GET", "demo.sym?")), (1, 1));
}

#[actix_web::test]
async fn a_store_that_is_down_is_a_503_that_nobody_remembers() {
    let Some(behind) = Behind::start(&[]).await else {
        return;
    };
    put(
        behind.bucket.store(),
        "demo.pdb",
        &symbols("demo.pdb", "demo_one"),
    )
    .await;
    let body = request(&["demo.pdb"], &[0x1004]);
    for (method, fault) in [
        ("HEAD", Fault::Status(500)),
        ("HEAD", Fault::Status(503)),
        ("GET", Fault::Status(500)),
        ("HEAD", Fault::Hang),
        ("GET", Fault::CutAfter(20)),
    ] {
        behind.proxy.spoil(method, "demo.sym", fault.clone(), None);
        for path in ["/symbolicate/v5", "/symbolicate/v4", "/"] {
            let mut body = body.clone();
            body["version"] = json!(4);
            let answer = behind.app.anonymous().json("POST", path, &body).await;
            assert_eq!(
                answer.status,
                503,
                "{fault:?} {method} {path}: {}",
                answer.text()
            );
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("retry-after"), "5");
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert_eq!(error, "a store of symbols does not answer");
        }
        behind.proxy.heal();
    }
    assert_eq!(behind.names(&["demo.pdb"], 0x1004).await, ["demo_one"]);
}

/// Each of these files would take hours, and a thread waits for each.
#[actix_web::test]
async fn files_that_dribble_do_not_hold_the_threads_of_others() {
    let Some(behind) = Behind::start(&[("BLOCKING_WORKERS", "1")]).await else {
        return;
    };
    let slow: Vec<String> = (0..8).map(|n| format!("slow{n}.pdb")).collect();
    for module in &slow {
        let content = many_symbols(module, "demo", 3000);
        put(behind.bucket.store(), module, &content).await;
    }
    let demo = symbols("demo.pdb", "demo_one");
    put(behind.bucket.store(), "demo.pdb", &demo).await;
    let dribble = Fault::Dribble(Duration::from_millis(100));
    behind.proxy.spoil("GET", "/slow", dribble, None);
    let client = behind.app.anonymous();
    let asking: Vec<_> = slow
        .iter()
        .map(|module| {
            let (client, body) = (client.clone(), request(&[module], &[0x1004]));
            tokio::spawn(async move { ask(&client, &body).await })
        })
        .collect();
    let are_read = || async { (behind.proxy.hits("GET", ".sym?") >= 4).then_some(()) };
    eventually(PATIENCE, are_read).await;
    assert_eq!(behind.names(&["demo.pdb"], 0x1004).await, ["demo_one"]);
    for one in asking {
        let answer = one.await.unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    }
}

/// What a request waits for goes on without it.
#[actix_web::test]
async fn a_request_waits_for_a_store_only_so_long() {
    let settings = [
        ("SYMBOLICATE_TIMEOUT", "1"),
        ("SYMBOLS_GET_TIMEOUT", "60"),
        ("S3_PUT_READ_TIMEOUT", "60"),
    ];
    let Some(behind) = Behind::start(&settings).await else {
        return;
    };
    let demo = symbols("demo.pdb", "demo_one");
    put(behind.bucket.store(), "demo.pdb", &demo).await;
    behind.proxy.spoil("GET", "demo.sym?", Fault::Hold, None);
    let body = request(&["demo.pdb"], &[0x1004]);
    let answer = ask(&behind.app.anonymous(), &body).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    let text = json!({"error": "a store of symbols does not answer"});
    assert_eq!(answer.json(), text);
    behind.proxy.heal();
    let is_there = || async {
        let answer = ask(&behind.app.anonymous(), &body).await;
        (answer.status == 200).then_some(())
    };
    eventually(PATIENCE, is_there).await;
    assert_eq!(behind.proxy.hits("GET", "demo.sym?"), 1);
}

#[actix_web::test]
async fn a_store_that_fails_now_and_then_is_asked_again() {
    for (method, fault) in [
        ("HEAD", Fault::Status(500)),
        ("GET", Fault::Status(503)),
        ("GET", Fault::CutAfter(20)),
    ] {
        let Some(behind) = Behind::start(&[]).await else {
            return;
        };
        put(
            behind.bucket.store(),
            "demo.pdb",
            &symbols("demo.pdb", "demo_one"),
        )
        .await;
        behind
            .proxy
            .spoil(method, "demo.sym", fault.clone(), Some(2));
        let found = behind.names(&["demo.pdb"], 0x1004).await;
        assert_eq!(found, ["demo_one"], "{fault:?}");
    }
}

#[actix_web::test]
async fn a_store_that_refuses_has_nothing() {
    let Some(behind) = Behind::start(&[]).await else {
        return;
    };
    put(
        behind.bucket.store(),
        "demo.pdb",
        &symbols("demo.pdb", "demo_one"),
    )
    .await;
    for status in [403, 401, 400, 410] {
        let module = format!("refused{status}.pdb");
        put(behind.bucket.store(), &module, &symbols(&module, "hidden")).await;
        behind.proxy.spoil(
            "HEAD",
            &format!("refused{status}.sym"),
            Fault::Status(status),
            None,
        );
        let found = behind.names(&[&module, "demo.pdb"], 0x1004).await;
        assert_eq!(found, ["-", "demo_one"], "{status}");
        let body = request(&[&module], &[0x1004]);
        let answer = ask(&behind.app.anonymous(), &body).await.json();
        let label = format!("{module}/{ID}");
        assert_eq!(answer["results"][0]["found_modules"][&label], json!(false));
    }
}

#[actix_web::test]
async fn an_index_that_cannot_be_read_is_worked_around() {
    for fault in [
        Fault::Status(500),
        Fault::Status(403),
        Fault::Hang,
        Fault::CutAfter(100),
    ] {
        let Some(behind) = Behind::start(&[]).await else {
            return;
        };
        behind
            .put_both("demo.pdb", &many_symbols("demo.pdb", "demo", 3000))
            .await;
        behind.proxy.spoil("GET", ".symx1", fault.clone(), None);
        let found = behind.names(&["demo.pdb"], 0x1004).await;
        assert!(found[0].starts_with("demo_256_"), "{fault:?}: {found:?}");
    }
}

#[actix_web::test]
async fn an_index_that_is_replaced_or_goes_while_it_is_read_is_opened_anew() {
    let Some(behind) = Behind::start(&[]).await else {
        return;
    };
    let modules = ["a.pdb", "b.pdb"];
    for module in modules {
        behind
            .put_both(module, &many_symbols(module, "old", 60_000))
            .await;
    }
    behind.names(&modules, 16).await;
    // Behind the back of the service, which holds the ends of the old ones.
    let store = behind.bucket.store();
    store.delete(&index_key("a.pdb")).await.unwrap();
    behind
        .put_both("b.pdb", &many_symbols("b.pdb", "new", 70_000))
        .await;
    let found = behind.names(&modules, 50_000 * 16).await;
    assert!(found[0].starts_with("old_50000_"), "{found:?}");
    assert!(found[1].starts_with("new_50000_"), "{found:?}");
}

#[actix_web::test]
async fn an_upload_succeeds_although_its_index_cannot_be_stored() {
    let Some(behind) = Behind::start(&[]).await else {
        return;
    };
    behind
        .proxy
        .spoil("PUT", ".symx1", Fault::Status(403), None);
    let token = behind.app.uploader().await;
    let path = format!("demo.pdb/{ID}/demo.sym");
    let archive = crate::zip(&[(&path, &symbols("demo.pdb", "demo_one"))]);
    let answer = behind.app.upload(&token, archive).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(
        behind
            .bucket
            .store()
            .head(&index_key("demo.pdb"))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(behind.names(&["demo.pdb"], 0x1004).await, ["demo_one"]);
}

#[actix_web::test]
async fn more_requests_than_allowed_are_told_to_come_again() {
    let Some(behind) = Behind::start(&[("SYMBOLICATE_MAX_RUNNING", "1")]).await else {
        return;
    };
    put(
        behind.bucket.store(),
        "demo.pdb",
        &symbols("demo.pdb", "demo_one"),
    )
    .await;
    behind.proxy.spoil(
        "HEAD",
        "demo.sym",
        Fault::Slow(Duration::from_millis(500)),
        None,
    );
    behind.proxy.spoil("GET", "demo.sym", Fault::Hold, None);
    let (client, body) = (behind.app.anonymous(), request(&["demo.pdb"], &[0x1004]));
    let first = tokio::spawn({
        let (client, body) = (client.clone(), body.clone());
        async move { ask(&client, &body).await }
    });
    let is_held = || async { (behind.proxy.holding() > 0).then_some(()) };
    eventually(PATIENCE, is_held).await;
    let refused = ask(&client, &body).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    let text = json!({"error": "too many symbolication requests are waiting, try again"});
    assert_eq!(refused.json(), text);
    behind.proxy.heal();
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(ask(&client, &body).await.status, 200);
}
