// SPDX-License-Identifier: MPL-2.0
//! Symbol indexes on the local disk: they outlive the process, and a disk that lies or refuses costs
//! speed alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use releng_testkit::app::{Answer, TestAppBuilder};
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::temp;
use serde_json::Value;

use crate::App;
use crate::support::{downloads, many_symbols, names, put, request, store_at, symbols};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");

/// Settings under which symbols come from a folder that is never written to.
fn foreign(folder: &Path) -> Vec<(&'static str, String)> {
    let theirs = format!("file://{}/theirs?access=public", folder.display());
    let ours = format!("file://{}/ours", folder.display());
    vec![
        ("SYMBOL_URLS", format!("{theirs},{ours}")),
        ("UPLOAD_DEFAULT_URL", ours),
    ]
}

fn serve(folder: &Path) -> Process {
    let settings = foreign(folder);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Process::serve(BINARY, folder, &settings)
}

async fn fill(folder: &Path, modules: &[&str]) {
    let store = store_at(&format!("file://{}/theirs", folder.display())).await;
    for module in modules {
        put(&store, module, &many_symbols(module, "demo", 3000)).await;
    }
}

async fn post(process: &Process, body: &Value) -> Answer {
    let url = format!("{}/symbolicate/v5", process.address());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(url).header("debug", "1").body(body.to_string());
    let answer = request.send().await.unwrap();
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: answer.bytes().await.unwrap().to_vec(),
    }
}

/// Asks for every 50th function of the modules; all names and lines must be right.
async fn check(process: &Process, modules: &[&str]) -> Answer {
    let addresses: Vec<u64> = (1..=3000).step_by(50).map(|n| n * 16 + 1).collect();
    let answer = post(process, &request(modules, &addresses)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stacks = answer.json()["results"][0]["stacks"].clone();
    for stack in stacks.as_array().unwrap() {
        for (frame, address) in stack.as_array().unwrap().iter().zip(&addresses) {
            let function = frame["function"].as_str().unwrap_or_default();
            assert!(
                function.starts_with(&format!("demo_{}_", address / 16)),
                "{frame}"
            );
        }
    }
    answer
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("symbol-index")).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

#[actix_web::test]
async fn indexes_outlive_the_process() {
    let folder = temp::dir();
    fill(folder.path(), &["demo.pdb"]).await;
    let mut process = serve(folder.path());
    assert_eq!(downloads(&check(&process, &["demo.pdb"]).await), 1);
    process.kill();
    let process = serve(folder.path());
    let again = check(&process, &["demo.pdb"]).await;
    assert_eq!(downloads(&again), 0);
    assert_eq!(again.json()["debug"]["cache_lookups"]["count"], 1);
    assert_eq!(kept(folder.path()).len(), 1);
}

/// So much that all cores unpack it; each module keeps its own names.
#[actix_web::test]
async fn a_request_that_reads_much_has_the_names_of_each_module() {
    let folder = temp::dir();
    let modules = ["a.pdb", "b.pdb", "c.pdb", "d.pdb", "e.pdb"];
    let store = store_at(&format!("file://{}/theirs", folder.path().display())).await;
    for module in modules {
        put(&store, module, &many_symbols(module, &module[..1], 20_000)).await;
    }
    let addresses: Vec<u64> = (1..=20_000).step_by(40).map(|n| n * 16 + 1).collect();
    let body = request(&modules, &addresses);
    let mut process = serve(folder.path());
    assert_eq!(post(&process, &body).await.status, 200);
    let are_kept = || async { (kept(folder.path()).len() == modules.len()).then_some(()) };
    eventually(Duration::from_secs(60), are_kept).await;
    process.kill();
    let indexes: u64 = kept(folder.path())
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert!(indexes > 1 << 20, "{indexes}");
    let process = serve(folder.path());
    let answer = post(&process, &body).await;
    assert_eq!(downloads(&answer), 0);
    let stacks = answer.json()["results"][0]["stacks"].clone();
    let stacks = stacks.as_array().unwrap();
    assert_eq!(stacks.len(), modules.len());
    for (stack, module) in stacks.iter().zip(modules) {
        for (frame, address) in stack.as_array().unwrap().iter().zip(&addresses) {
            let function = frame["function"].as_str().unwrap_or_default();
            let expected = format!("{}_{}_", &module[..1], address / 16);
            assert!(function.starts_with(&expected), "{frame}");
        }
    }
}

#[actix_web::test]
async fn two_processes_share_the_folder() {
    let folder = temp::dir();
    fill(folder.path(), &["demo.pdb"]).await;
    let (first, second) = (serve(folder.path()), serve(folder.path()));
    assert_eq!(downloads(&check(&first, &["demo.pdb"]).await), 1);
    assert_eq!(downloads(&check(&second, &["demo.pdb"]).await), 0);
}

#[actix_web::test]
async fn a_damaged_file_is_made_anew_whatever_became_of_it() {
    let folder = temp::dir();
    let modules = ["a.pdb", "b.pdb", "c.pdb", "d.pdb", "e.pdb", "f.pdb"];
    fill(folder.path(), &modules).await;
    let mut process = serve(folder.path());
    check(&process, &modules).await;
    process.kill();
    for (n, path) in kept(folder.path()).iter().enumerate() {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        match n {
            0 => bytes[middle] ^= 1,
            1 => bytes.truncate(middle),
            2 => bytes.clear(),
            3 => *bytes.last_mut().unwrap() ^= 0x80,
            4 => bytes[100..middle].fill(0),
            _ => {
                // What stands at the very end tells what it is.
                let end = bytes.len() - 4;
                bytes.truncate(end);
                bytes.extend(b"zip!");
            }
        }
        fs::write(path, bytes).unwrap();
    }
    let process = serve(folder.path());
    check(&process, &modules).await;
    for path in kept(folder.path()) {
        releng_symbols::index::verify(&fs::read(path).unwrap()).unwrap();
    }
}

#[actix_web::test]
async fn a_file_that_is_damaged_while_it_is_open_is_made_anew() {
    let folder = temp::dir();
    fill(folder.path(), &["demo.pdb"]).await;
    // Nothing stays in memory, so that each request reads the file.
    let mut settings = foreign(folder.path());
    settings.push(("SYMBOL_CACHE_MAX_BYTES", "256KiB".to_owned()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let process = Process::serve(BINARY, folder.path(), &settings);
    check(&process, &["demo.pdb"]).await;
    for path in kept(folder.path()) {
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.len() - 2000;
        bytes[20..end].fill(0xff);
        fs::write(&path, bytes).unwrap();
    }
    check(&process, &["demo.pdb"]).await;
}

fn removed_but_open(process: &Process) -> Vec<PathBuf> {
    let open = fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap();
    let targets = open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let is_removed = |path: &PathBuf| path.to_string_lossy().ends_with(".symx1 (deleted)");
    targets.filter(is_removed).collect()
}

#[actix_web::test]
async fn the_folder_stays_below_its_bound() {
    let folder = temp::dir();
    let modules = ["a.pdb", "b.pdb", "c.pdb", "d.pdb", "e.pdb", "f.pdb"];
    fill(folder.path(), &modules).await;
    let mut settings = foreign(folder.path());
    settings.push(("SYMBOL_INDEX_MAX_BYTES", "150KiB".to_owned()));
    // Nothing stays in memory, so that each request reads the files.
    settings.push(("SYMBOL_CACHE_MAX_BYTES", "256KiB".to_owned()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let process = Process::serve(BINARY, folder.path(), &settings);
    check(&process, &modules).await;
    check(&process, &modules).await;
    let files = kept(folder.path());
    let total: u64 = files
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert!(
        !files.is_empty() && files.len() < modules.len(),
        "{files:?}"
    );
    assert!(total <= 150 << 10, "{total}");
    // A removed file takes up the disk for as long as it is open. One that had to go in the moment in which it
    // was opened is found when the folder is looked over.
    let is_released = async || removed_but_open(&process).is_empty().then_some(());
    eventually(Duration::from_secs(60), is_released).await;
    // What had to go is made anew when it is asked for.
    check(&process, &modules).await;
}

#[actix_web::test]
async fn a_disk_that_takes_nothing_is_worked_around() {
    for max in ["0", "10GiB"] {
        let app = App(TestAppBuilder::new(Backend::Sqlite)
            .set("SYMBOL_INDEX_MAX_BYTES", max)
            .start()
            .await);
        let data = app.0.data.path();
        if max != "0" {
            // As a folder on a disk that is broken or full.
            fs::remove_dir_all(data.join("symbol-index")).unwrap();
            fs::write(data.join("symbol-index"), "").unwrap();
        }
        let store = store_at(&format!("file://{}/symbols", data.display())).await;
        put(&store, "demo.pdb", &symbols("demo.pdb", "demo_one")).await;
        // This one is too large to be made in memory in the first place.
        let large = many_symbols("large.pdb", "large", 120_000);
        put(&store, "large.pdb", &large).await;
        for _ in 0..2 {
            let found = names(&app.anonymous(), &["demo.pdb", "large.pdb"], 0x1004).await;
            assert_eq!(found[0], "demo_one");
            assert!(found[1].starts_with("large_256_"), "{found:?}");
        }
        if max == "0" {
            assert_eq!(kept(data), Vec::<PathBuf>::new());
        }
    }
}

/// The system refuses what is written beyond so many bytes of a file, as on a disk that is full.
#[actix_web::test]
async fn a_disk_that_is_full_in_the_middle_of_a_file_is_worked_around() {
    let folder = temp::dir();
    fill(folder.path(), &["demo.pdb"]).await;
    let store = store_at(&format!("file://{}/theirs", folder.path().display())).await;
    // Packed it has more than a megabyte, so it goes to the disk first; unpacked more than fits.
    let large = many_symbols("large.pdb", "large", 120_000);
    assert!(large.len() > 4 << 20);
    put(&store, "large.pdb", &large).await;
    let limited = folder.path().join("limited");
    let script = format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f 8192\nexec {BINARY} \"$@\"\n");
    fs::write(&limited, script).unwrap();
    fs::set_permissions(&limited, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = foreign(folder.path());
    let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let process = Process::serve(limited.to_str().unwrap(), folder.path(), &settings);
    for _ in 0..2 {
        check(&process, &["demo.pdb"]).await;
        let body = request(&["large.pdb"], &[16, 100_000 * 16 + 3, 120_000 * 16]);
        let answer = post(&process, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let frames = answer.json()["results"][0]["stacks"][0].clone();
        for (frame, number) in frames.as_array().unwrap().iter().zip([1, 100_000, 120_000]) {
            let function = frame["function"].as_str().unwrap_or_default();
            assert!(function.starts_with(&format!("large_{number}_")), "{frame}");
        }
    }
    for path in kept(folder.path()) {
        releng_symbols::index::verify(&fs::read(path).unwrap()).unwrap();
    }
}

#[actix_web::test]
async fn kill_9_while_indexes_are_written_leaves_nothing_that_is_trusted() {
    let folder = temp::dir();
    let modules: Vec<String> = (0..24).map(|n| format!("demo{n}.pdb")).collect();
    let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
    fill(folder.path(), &modules).await;
    for round in 0..6 {
        let mut process = serve(folder.path());
        let body = request(&modules, &[0x1004]).to_string();
        let url = format!("{}/symbolicate/v5", process.address());
        let asking = tokio::spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            // The server goes away in the middle.
            let _ = client.post(url).body(body).send().await;
        });
        // At another moment each time: when so many are there.
        while !asking.is_finished() && kept(folder.path()).len() < round * 4 {
            tokio::task::yield_now().await;
        }
        process.kill();
        asking.await.unwrap();
    }
    let process = serve(folder.path());
    check(&process, &modules).await;
    for path in kept(folder.path()) {
        releng_symbols::index::verify(&fs::read(path).unwrap()).unwrap();
    }
    let incoming = fs::read_dir(folder.path().join("symbol-index/incoming")).unwrap();
    let folders = incoming
        .filter(|e| e.as_ref().unwrap().path().is_dir())
        .count();
    assert_eq!(folders, 1);
}
