// SPDX-License-Identifier: MPL-2.0
//! What remains when a process or a connection ends at the wrong moment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use releng_common::{Clock, Kind};
use releng_store::{Attributes, Body};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::server::Server;
use crate::{key, open_in, put};

fn temporary_files(root: &Path) -> usize {
    fs::read_dir(root.join("tmp")).unwrap().count()
}

/// Waits until the number of temporary files is as expected.
async fn wait_for_temporary_files(root: &Path, expected: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while temporary_files(root) != expected {
        assert!(
            Instant::now() < deadline,
            "{} temporary files",
            temporary_files(root)
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_whose_connection_is_cut_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let opened = open_in(root, "demo", Clock::system()).await;
    let server = Server::start([opened.local.unwrap()]);
    put(&opened.store, "k", "old").await;
    let url = opened
        .store
        .sign_put(&key("k"), 60, &Attributes::default())
        .await
        .unwrap();
    let path = url.resolve("");
    for framing in ["content-length: 9000000", "transfer-encoding: chunked"] {
        let mut socket = TcpStream::connect(server.base.trim_start_matches("http://"))
            .await
            .unwrap();
        let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        if framing.ends_with("chunked") {
            socket.write_all(b"895440\r\n").await.unwrap();
        }
        socket.write_all(&vec![b'x'; 600_000]).await.unwrap();
        wait_for_temporary_files(root, 1).await;
        drop(socket);
        wait_for_temporary_files(root, 0).await;
    }
    let object = opened.store.get(&key("k"), None).await.unwrap().unwrap();
    assert_eq!(object.bytes(10).await.unwrap(), "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_is_dropped_half_way_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_in(folder.path(), "demo", Clock::system()).await.store;
    let start = stream::iter([Ok(Bytes::from(vec![b'x'; 600_000]))]);
    let stream = start.chain(stream::pending()).boxed();
    let put = tokio::spawn(async move {
        let body = Body::Stream {
            stream,
            length: None,
        };
        store.put(&key("k"), body, &Attributes::default()).await
    });
    wait_for_temporary_files(folder.path(), 1).await;
    put.abort();
    wait_for_temporary_files(folder.path(), 0).await;
}

#[tokio::test]
async fn opening_a_store_removes_the_rest_of_crashed_puts_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let first = open_in(root, "demo", Clock::system()).await.store;
    put(&first, "k", "v").await;
    fs::write(root.join("tmp/crashed"), "half an object").unwrap();
    let second = open_in(root, "demo", Clock::system()).await.store;
    assert_eq!(temporary_files(root), 0);
    assert_eq!(second.list("", None, 9).await.unwrap().objects.len(), 1);
}

#[tokio::test]
async fn the_secret_is_made_once_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let stores = [0; 8].map(|_| open_in(root, "demo", Clock::frozen(Default::default())));
    let mut urls = Vec::new();
    for opened in futures_util::future::join_all(stores).await {
        urls.push(opened.store.sign_get(&key("k"), 60).await.unwrap());
    }
    urls.dedup();
    assert_eq!(urls.len(), 1, "all processes sign alike");
    let mode = fs::metadata(root.join("secret.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(temporary_files(root), 0);
}

#[tokio::test]
async fn a_damaged_object_is_a_fault_and_not_an_absence() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_in(folder.path(), "demo", Clock::system()).await.store;
    put(&store, "k", "0123456789").await;
    let path = folder.path().join("objects/k@");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[1..]).unwrap();
    let error = store.head(&key("k")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    assert_eq!(
        error.chain(),
        "an object of the local store cannot be read: \
         object file is damaged: the length does not fit the record"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_fails_its_check() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_in(folder.path(), "demo", Clock::system()).await.store;
    fs::remove_dir(folder.path().join("tmp")).unwrap();
    let error = store.check().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Unavailable, "the object store cannot be used")
    );
    store.ensure().await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn puts_and_deletes_of_neighbours_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    // Two stores stand for two processes: they share nothing but the folder.
    let one = open_in(folder.path(), "demo", Clock::system()).await.store;
    let two = open_in(folder.path(), "demo", Clock::system()).await.store;
    let tasks = [(one, "a/b/one"), (two, "a/b/two")].map(|(store, name)| {
        tokio::spawn(async move {
            for _ in 0..50 {
                put(&store, name, "v").await;
                assert!(store.head(&key(name)).await.unwrap().is_some());
                store.delete(&key(name)).await.unwrap();
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}
