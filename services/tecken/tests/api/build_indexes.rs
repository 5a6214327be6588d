// SPDX-License-Identifier: MPL-2.0
//! `build-indexes`, as an operator runs it beside a server.

use bytes::Bytes;
use releng_store::{Attributes, Key, Store};
use releng_testkit::process::Process;
use releng_testkit::temp;

use crate::commands::{command, output, run};
use crate::support::{ID, index_key, many_symbols, put, store_at, sym_key, symbols};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");

#[actix_web::test]
async fn what_has_no_index_gets_one_and_the_rest_is_passed_over() {
    let folder = temp::dir();
    let process = Process::serve(BINARY, folder.path(), &[]);
    let store = store_at(&format!("file://{}/symbols", folder.path().display())).await;
    let modules: Vec<String> = (0..30).map(|n| format!("demo{n}.pdb")).collect();
    for module in &modules {
        put(&store, module, &symbols(module, "demo_one")).await;
    }
    put(&store, "bad.pdb", b"nothing of a symbol file").await;
    for key in [
        "v1/demo0.pdb/AB/demo0.pdb",
        "v1/other.txt",
        "v1/x.pdb/AB/y.sym",
    ] {
        let key = Key::parse(key).unwrap();
        let body = Bytes::from_static(b"MODULE a b c d\n").into();
        store.put(&key, body, &Attributes::default()).await.unwrap();
    }
    let first = output(
        folder.path(),
        &["build-indexes", "--prefix", "demo1", "--workers", "3"],
    );
    assert!(first.starts_with("11 indexes made ("), "{first}");
    assert!(
        first.contains("0 were there, 0 files are no symbol files"),
        "{first}"
    );
    let second = output(folder.path(), &["build-indexes"]);
    assert!(second.starts_with("19 indexes made ("), "{second}");
    assert!(
        second.contains("11 were there, 1 files are no symbol files"),
        "{second}"
    );
    for module in &modules {
        let file = store.head(&sym_key(module)).await.unwrap().unwrap();
        let index = store.head(&index_key(module)).await.unwrap().unwrap();
        assert_eq!(index.metadata["symbol_file_etag"], file.etag);
    }
    let third = output(folder.path(), &["build-indexes"]);
    assert!(
        third.starts_with("0 indexes made (0 B), 30 were there"),
        "{third}"
    );
    drop(process);
}

#[actix_web::test]
async fn a_file_that_changed_gets_another_index_and_bad_ones_are_named() {
    let folder = temp::dir();
    let store = store_at(&format!("file://{}/symbols", folder.path().display())).await;
    put(&store, "demo.pdb", &symbols("demo.pdb", "old_name")).await;
    output(folder.path(), &["build-indexes"]);
    put(&store, "demo.pdb", &symbols("demo.pdb", "new_name")).await;
    put(&store, "bad.pdb", b"").await;
    let again = run(folder.path(), &["build-indexes"]);
    let (out, lines) = (
        String::from_utf8_lossy(&again.stdout),
        String::from_utf8_lossy(&again.stderr),
    );
    assert!(out.starts_with("1 indexes made ("), "{out}{lines}");
    let name = format!("v1/bad.pdb/{ID}/bad.sym: not a symbol file");
    assert!(lines.contains(&name), "{lines}");
    assert!(again.status.success());
}

#[actix_web::test]
async fn an_index_of_an_older_format_is_made_anew() {
    let folder = temp::dir();
    let store = store_at(&format!("file://{}/symbols", folder.path().display())).await;
    put(&store, "demo.pdb", &symbols("demo.pdb", "name")).await;
    let file = store.head(&sym_key("demo.pdb")).await.unwrap().unwrap();
    let tag = ("symbol_file_etag".to_owned(), file.etag);
    let format = |format: &str| ("symbol_index_format".to_owned(), format.to_owned());
    let index = index_key("demo.pdb");
    // The first format did not say which one it is.
    for metadata in [vec![tag.clone()], vec![tag.clone(), format("1")]] {
        let older = Attributes {
            metadata: metadata.into_iter().collect(),
            ..Attributes::default()
        };
        let body = Bytes::from_static(b"an index of another time").into();
        store.put(&index, body, &older).await.unwrap();
        let made = output(folder.path(), &["build-indexes"]);
        assert!(made.starts_with("1 indexes made ("), "{made}");
        assert_eq!(whole_indexes(&store, &["demo.pdb".to_owned()]).await, 1);
        let made = output(folder.path(), &["build-indexes"]);
        assert!(made.starts_with("0 indexes made ("), "{made}");
    }
}

/// Indexes that are there, each whole and of its file.
async fn whole_indexes(store: &Store, modules: &[String]) -> usize {
    let mut found = 0;
    for module in modules {
        let key = index_key(module);
        let Some(object) = store.get(&key, None).await.unwrap() else {
            continue;
        };
        let file = store.head(&sym_key(module)).await.unwrap().unwrap();
        assert_eq!(object.meta.metadata["symbol_file_etag"], file.etag);
        let size = object.meta.size;
        let bytes = object.bytes(size).await.unwrap();
        releng_symbols::index::verify(&bytes[..]).unwrap();
        found += 1;
    }
    found
}

#[actix_web::test]
async fn kill_9_loses_no_more_than_what_is_being_made() {
    let folder = temp::dir();
    let store = store_at(&format!("file://{}/symbols", folder.path().display())).await;
    let modules: Vec<String> = (0..40).map(|n| format!("demo{n}.pdb")).collect();
    for module in &modules {
        put(&store, module, &many_symbols(module, "demo", 2000)).await;
    }
    let mut there = 0;
    for _ in 0..4 {
        let mut job = command(folder.path(), &["build-indexes", "--workers", "2"])
            .spawn()
            .unwrap();
        // In the middle of its work: when some more are there.
        let wanted = there + 5;
        while there < wanted && job.try_wait().unwrap().is_none() {
            there = whole_indexes(&store, &modules).await;
        }
        job.kill().unwrap();
        job.wait().unwrap();
        there = whole_indexes(&store, &modules).await;
    }
    let last = output(folder.path(), &["build-indexes"]);
    let made = modules.len() - there;
    assert!(
        last.starts_with(&format!("{made} indexes made (")),
        "{last}"
    );
    assert!(last.contains(&format!("{there} were there")), "{last}");
    assert_eq!(whole_indexes(&store, &modules).await, modules.len());
    // Nothing of the killed ones is left.
    let incoming = std::fs::read_dir(folder.path().join("symbol-index/incoming")).unwrap();
    assert_eq!(incoming.count(), 0);
}

#[test]
fn no_workers_are_refused() {
    let folder = temp::dir();
    let refused = run(folder.path(), &["build-indexes", "--workers", "0"]);
    assert_eq!(refused.status.code(), Some(2));
}
