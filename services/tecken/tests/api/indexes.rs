// SPDX-License-Identifier: MPL-2.0
//! Indexes beside symbol files: made by uploads, tied to one version of the file, and never trusted
//! when they are damaged.

use bytes::Bytes;
use releng_store::{Attributes, Store};
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use serde_json::json;

use crate::support::{
    ID, ask, downloads, index_key, many_symbols, names, put, read, request, store_at, sym_key,
    symbols,
};
use crate::{App, apps, zip};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

fn path(module: &str) -> String {
    format!("{module}/{ID}/{}.sym", module.trim_end_matches(".pdb"))
}

/// The default location of an app, as another program sees it.
async fn store_of(app: &App) -> Store {
    store_at(&format!(
        "file://{}",
        app.0.data.path().join("symbols").display()
    ))
    .await
}

async fn upload(app: &App, token: &str, module: &str, content: &[u8]) -> u64 {
    let answer = app.upload(token, zip(&[(&path(module), content)])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["upload"]["id"].as_u64().unwrap()
}

#[actix_web::test]
async fn an_upload_makes_the_index_and_shows_it_nowhere() {
    for app in apps().await {
        let token = app.uploader().await;
        let id = upload(&app, &token, "demo.pdb", &symbols("demo.pdb", "demo_one")).await;
        let store = store_of(&app).await;
        let file = store.head(&sym_key("demo.pdb")).await.unwrap().unwrap();
        let (bytes, index) = read(&store, &index_key("demo.pdb")).await.unwrap();
        assert_eq!(index.metadata["symbol_file_etag"], file.etag);
        releng_symbols::index::verify(&bytes).unwrap();
        let record = app
            .get_as(&token, &format!("/api/uploads/upload/{id}"))
            .await;
        assert!(record.text().contains("demo.sym"), "{}", record.text());
        assert!(!record.text().contains("symx"), "{}", record.text());
        assert_eq!(
            names(&app.anonymous(), &["demo.pdb"], 0x1004).await,
            ["demo_one"]
        );
    }
}

#[actix_web::test]
async fn an_index_can_neither_be_downloaded_nor_uploaded() {
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("DOWNLOAD_FILE_EXTENSIONS_WHITELIST", ".sym,.symx1")
        .start()
        .await);
    let token = app.uploader().await;
    upload(&app, &token, "demo.pdb", &symbols("demo.pdb", "demo_one")).await;
    for path in [
        format!("/demo.pdb/{ID}/demo.symx1"),
        format!("/try/demo.pdb/{ID}/demo.symx1"),
        format!("/firefox/demo.pdb/{ID}/demo.symx1"),
    ] {
        let client = app.anonymous();
        assert_eq!(client.get(&path).await.status, 404, "{path}");
        assert_eq!(client.head(&path).await.status, 404, "{path}");
    }
    let store = store_of(&app).await;
    let before = read(&store, &index_key("demo.pdb")).await.unwrap();
    let name = format!("demo.pdb/{ID}/demo.symx1");
    let answer = app.upload(&token, zip(&[(&name, b"not an index")])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(read(&store, &index_key("demo.pdb")).await.unwrap(), before);
}

#[actix_web::test]
async fn another_upload_brings_another_index() {
    let app = App::start(Backend::Sqlite).await;
    let token = app.uploader().await;
    let client = app.anonymous();
    for round in 0..4 {
        let name = format!("demo_{round}");
        upload(&app, &token, "demo.pdb", &symbols("demo.pdb", &name)).await;
        assert_eq!(names(&client, &["demo.pdb"], 0x1004).await, [name]);
    }
}

#[actix_web::test]
async fn an_index_of_another_version_is_never_used_and_makes_way() {
    let app = App::start(Backend::Sqlite).await;
    let (token, store, client) = (app.uploader().await, store_of(&app).await, app.anonymous());
    // As after an upload that ended before its index was put, whichever of the two is older.
    for (module, has_tie) in [("a.pdb", true), ("b.pdb", false)] {
        upload(&app, &token, module, &symbols(module, "old_name")).await;
        let (index, meta) = read(&store, &index_key(module)).await.unwrap();
        let file = put(&store, module, &symbols(module, "new_name")).await;
        let mut attributes = meta.attributes();
        if !has_tie {
            attributes = Attributes::default();
        }
        store
            .put(&index_key(module), Bytes::from(index).into(), &attributes)
            .await
            .unwrap();
        assert_eq!(names(&client, &[module], 0x1004).await, ["new_name"]);
        let key = index_key(module);
        let is_replaced = || async {
            let meta = store.head(&key).await.unwrap().unwrap();
            (meta.metadata.get("symbol_file_etag") == Some(&file.etag)).then_some(())
        };
        eventually(PATIENCE, is_replaced).await;
    }
}

/// Puts the same symbol file under many names, each with its index as `spoil` leaves it, and asks for
/// all of them.
async fn with_spoiled(app: &App, count: usize, spoil: impl Fn(usize, &mut Vec<u8>)) {
    let store = store_of(app).await;
    let content = many_symbols("demo.pdb", "demo", 4000);
    let mut index = Vec::new();
    let options = releng_symbols::index::BuildOptions::default();
    releng_symbols::index::build(content.as_slice(), &mut index, &options).unwrap();
    let modules: Vec<String> = (0..count).map(|n| format!("demo{n}.pdb")).collect();
    for (n, module) in modules.iter().enumerate() {
        let file = put(&store, module, &content).await;
        let attributes = Attributes {
            metadata: [("symbol_file_etag".to_owned(), file.etag)].into(),
            ..Attributes::default()
        };
        let mut bytes = index.clone();
        spoil(n, &mut bytes);
        let body = Bytes::from(bytes).into();
        store
            .put(&index_key(module), body, &attributes)
            .await
            .unwrap();
    }
    let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
    let addresses: Vec<u64> = (1..=4000).step_by(97).map(|n| n * 16).collect();
    for _ in 0..2 {
        let answer = ask(&app.anonymous(), &request(&modules, &addresses)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        for (n, stack) in answer["results"][0]["stacks"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            for (frame, address) in stack.as_array().unwrap().iter().zip(&addresses) {
                let begin = format!("demo_{}_", address / 16);
                let function = frame["function"].as_str().unwrap_or_default();
                assert!(function.starts_with(&begin), "index {n}: {frame}");
                assert_eq!(frame["line"], json!(address / 16), "index {n}");
            }
        }
    }
}

#[actix_web::test]
async fn a_flipped_bit_anywhere_in_an_index_never_makes_a_wrong_answer() {
    let app = App::start(Backend::Sqlite).await;
    with_spoiled(&app, 40, |n, bytes| {
        let at = match n {
            // The ends have the head, the root and the foot.
            0..10 => n * 2,
            10..20 => bytes.len() - 1 - (n - 10) * 9,
            _ => bytes.len() * (n - 20) / 20,
        };
        bytes[at] ^= 1 << (n % 8);
    })
    .await;
}

#[actix_web::test]
async fn an_index_that_was_cut_or_is_of_another_format_is_made_anew() {
    let app = App::start(Backend::Sqlite).await;
    with_spoiled(&app, 8, |n, bytes| match n {
        0 => bytes.clear(),
        1 => bytes.truncate(1),
        2 => bytes.truncate(bytes.len() / 2),
        3 => bytes.truncate(bytes.len() - 1),
        4 => bytes.push(0),
        5 => *bytes = b"nothing of an index".repeat(10_000),
        // The number of the format stands after the magic, at both ends.
        6 => bytes[8..12].copy_from_slice(&9_u32.to_le_bytes()),
        _ => drop(bytes.drain(..100)),
    })
    .await;
}

#[actix_web::test]
async fn the_first_answer_without_an_index_leaves_one_behind() {
    let app = App::start(Backend::Sqlite).await;
    let store = store_of(&app).await;
    put(&store, "demo.pdb", &symbols("demo.pdb", "demo_one")).await;
    let client = app.anonymous();
    let body = request(&["demo.pdb"], &[0x1004]);
    assert_eq!(downloads(&ask(&client, &body).await), 1);
    assert_eq!(downloads(&ask(&client, &body).await), 0);
    let key = index_key("demo.pdb");
    let there = || async { store.head(&key).await.unwrap().map(drop) };
    eventually(PATIENCE, there).await;
}

#[actix_web::test]
async fn a_location_that_takes_no_uploads_is_never_written_to() {
    let folder = releng_testkit::temp::dir();
    let others = format!("file://{}/others", folder.path().display());
    let own = format!("file://{}/own", folder.path().display());
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("SYMBOL_URLS", format!("{others}?access=public,{own}"))
        .set("UPLOAD_DEFAULT_URL", &own)
        .start()
        .await);
    let (others, own) = (store_at(&others).await, store_at(&own).await);
    put(&others, "theirs.pdb", &symbols("theirs.pdb", "their_name")).await;
    put(&own, "ours.pdb", &symbols("ours.pdb", "our_name")).await;
    let modules = ["theirs.pdb", "ours.pdb"];
    let found = names(&app.anonymous(), &modules, 0x1004).await;
    assert_eq!(found, ["their_name", "our_name"]);
    let key = index_key("ours.pdb");
    eventually(PATIENCE, || async {
        own.head(&key).await.unwrap().map(drop)
    })
    .await;
    let page = others.list("", None, 100).await.unwrap();
    assert_eq!(page.objects.len(), 1, "{page:?}");
}

#[actix_web::test]
async fn locations_are_looked_at_in_their_order_and_bad_files_are_passed_over() {
    let folder = releng_testkit::temp::dir();
    let url = |name: &str| format!("file://{}/{name}", folder.path().display());
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("SYMBOL_URLS", format!("{},{}", url("a"), url("b")))
        .set("UPLOAD_DEFAULT_URL", url("a"))
        .start()
        .await);
    let (a, b) = (store_at(&url("a")).await, store_at(&url("b")).await);
    let try_symbols = store_at(&url("a")).await;
    put(&a, "both.pdb", &symbols("both.pdb", "in_a")).await;
    put(&b, "both.pdb", &symbols("both.pdb", "in_b")).await;
    put(&b, "second.pdb", &symbols("second.pdb", "in_b")).await;
    let body = Bytes::from_static(b"\x1f\x8bnot really gzip").into();
    let packed = Attributes {
        content_encoding: Some("gzip".to_owned()),
        ..Attributes::default()
    };
    a.put(&sym_key("bad.pdb"), body, &packed).await.unwrap();
    put(&b, "bad.pdb", &symbols("bad.pdb", "in_b")).await;
    let key = releng_store::Key::parse(format!("try/{}", sym_key("tried.pdb"))).unwrap();
    let content = Bytes::from(symbols("tried.pdb", "in_try")).into();
    try_symbols
        .put(&key, content, &Attributes::default())
        .await
        .unwrap();
    let modules = ["both.pdb", "second.pdb", "bad.pdb", "tried.pdb", "none.pdb"];
    let found = names(&app.anonymous(), &modules, 0x1004).await;
    assert_eq!(found, ["in_a", "in_b", "in_b", "in_try", "-"]);
}

#[actix_web::test]
async fn a_file_beyond_the_bound_is_told_as_such() {
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("SYMBOL_MAX_BYTES", "1MiB")
        .start()
        .await);
    let store = store_of(&app).await;
    // A few kilobytes that unpack to 64 MiB.
    let mut bomb = symbols("bomb.pdb", "demo_one");
    bomb.resize(64 << 20, b'\n');
    put(&store, "bomb.pdb", &bomb).await;
    put(&store, "demo.pdb", &symbols("demo.pdb", "demo_two")).await;
    let mut job = request(&["bomb.pdb", "demo.pdb"], &[0x1004]);
    let label = format!("bomb.pdb/{ID}");
    let told = json!({&label: [{
        "name": "TooLarge",
        "message": "the symbol file of this module exceeds the limit of 1048576 bytes",
    }]});
    // The second answer is from memory.
    for _ in 0..2 {
        let answer = ask(&app.anonymous(), &job).await.json();
        let result = &answer["results"][0];
        assert_eq!(result["stacks"][1][0]["function"], json!("demo_two"));
        assert_eq!(result["found_modules"][&label], json!(false));
        for place in [result, &result["debug"], &answer["debug"]] {
            assert_eq!(place["module_errors"], told);
        }
    }
    job["version"] = json!(4);
    let client = app.anonymous();
    let older = client.request(reqwest::Method::POST, "/symbolicate/v4");
    let older = older.header("debug", "1").body(job.to_string());
    let answer = client.send(older).await.json();
    assert_eq!(answer["knownModules"], json!([false, true]));
    assert_eq!(answer["debug"]["module_errors"], told);
}

/// Some kilobytes that unpack to a line of 256 MiB: it is skipped, and never in memory as a whole.
#[actix_web::test]
async fn a_line_without_an_end_costs_that_line_alone() {
    let app = App::start(Backend::Sqlite).await;
    let store = store_of(&app).await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut write = |bytes: &[u8]| std::io::Write::write_all(&mut packed, bytes).unwrap();
    write(&symbols("long.pdb", "demo_one"));
    write(b"FUNC 2000 100 0 ");
    let piece = vec![b'x'; 1 << 20];
    (0..256).for_each(|_| write(&piece));
    write(b"\nFUNC 3000 100 0 demo_two\n");
    let attributes = Attributes {
        content_encoding: Some("gzip".to_owned()),
        ..Attributes::default()
    };
    let body = Bytes::from(packed.finish().unwrap()).into();
    store
        .put(&sym_key("long.pdb"), body, &attributes)
        .await
        .unwrap();
    let client = app.anonymous();
    assert_eq!(names(&client, &["long.pdb"], 0x1004).await, ["demo_one"]);
    assert_eq!(names(&client, &["long.pdb"], 0x3004).await, ["demo_two"]);
    assert_eq!(names(&client, &["long.pdb"], 0x2004).await, ["demo_one"]);
}

#[actix_web::test]
async fn a_large_file_is_answered_from_before_its_index_is_there() {
    let app = App::start(Backend::Sqlite).await;
    let store = store_of(&app).await;
    let content = many_symbols("large.pdb", "demo", 150_000);
    put(&store, "large.pdb", &content).await;
    let client = app.anonymous();
    let (key, mut rounds) = (index_key("large.pdb"), 0_u64);
    // Other addresses each time, while the index is being made and afterwards.
    loop {
        let is_there = store.head(&key).await.unwrap().is_some();
        let numbers: Vec<u64> = (1..=40)
            .map(|n| (n * 3_571 + rounds * 101) % 150_000 + 1)
            .collect();
        let addresses: Vec<u64> = numbers.iter().map(|n| n * 16 + 5).collect();
        let answer = ask(&client, &request(&["large.pdb"], &addresses)).await;
        assert_eq!(downloads(&answer), u64::from(rounds == 0));
        let frames = answer.json()["results"][0]["stacks"][0].clone();
        for (frame, number) in frames.as_array().unwrap().iter().zip(&numbers) {
            let function = frame["function"].as_str().unwrap_or_default();
            assert!(function.starts_with(&format!("demo_{number}_")), "{frame}");
            assert_eq!(
                (&frame["line"], &frame["file"]),
                (&json!(number), &json!("demo.c"))
            );
        }
        rounds += 1;
        if is_there {
            break;
        }
    }
    let (bytes, _) = read(&store, &key).await.unwrap();
    releng_symbols::index::verify(&bytes).unwrap();
}
