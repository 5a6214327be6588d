// SPDX-License-Identifier: MPL-2.0
//! Two processes with one database and one store, with a cache that they share or without: an upload
//! to one of them ends what the other remembers, for symbolication and for downloads.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use releng_testkit::database::backends;
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::requirement::requires;
use releng_testkit::s3_bucket::S3Bucket;
use releng_testkit::store_proxy::{Fault, StoreProxy};
use releng_testkit::temp;
use serde_json::Value;

use crate::support::{ID, put, request, symbols};
use crate::symbolication_metrics::Metrics;
use crate::{App, form, zip};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");
const PATIENCE: Duration = Duration::from_secs(30);

async fn upload(process: &Process, token: &str, function: &str) {
    let path = format!("demo.pdb/{ID}/demo.sym");
    let archive = zip(&[(&path, &symbols("demo.pdb", function))]);
    let request = reqwest::Client::new()
        .post(format!("{}/upload/", process.address()))
        .header("auth-token", token)
        .multipart(form(archive));
    assert_eq!(request.send().await.unwrap().status().as_u16(), 201);
}

async fn name(process: &Process) -> Option<String> {
    let body = request(&["demo.pdb"], &[0x1004]).to_string();
    let url = format!("{}/symbolicate/v5", process.address());
    let answer = reqwest::Client::new()
        .post(url)
        .body(body)
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let frame = &answer["results"][0]["stacks"][0][0];
    frame["function"].as_str().map(str::to_owned)
}

/// Whether a process tells where the symbol file is, by debug id or by code id.
async fn is_there(process: &Process, path: &str) -> bool {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let url = format!("{}/{path}", process.address());
    let status = client.unwrap().get(url).send().await.unwrap().status();
    assert!([302, 404].contains(&status.as_u16()), "{path}: {status}");
    status == 302
}

/// Makes an uploader and returns a token.
fn uploader(folder: &Path, database: &str) -> String {
    let email = "demo-uploader@example.com";
    command(folder, database, &["user", email, "--group", "Uploaders"]);
    let arguments = ["token", email, "--permission", "upload.upload_symbols"];
    command(folder, database, &arguments).trim_end().to_owned()
}

fn command(folder: &Path, database: &str, arguments: &[&str]) -> String {
    let output = Command::new(BINARY)
        .args(arguments)
        .env_clear()
        .env("DATA_DIR", folder)
        .env("DATABASE_URL", database)
        .env("LOG_LEVEL", "error")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn check(folder: &Path, database: &str, more: &[(&str, &str)]) {
    let token = uploader(folder, database);
    let mut settings = vec![
        ("DATABASE_URL", database),
        ("SYMBOLS_NEGATIVE_TTL_SECONDS", "3600"),
    ];
    settings.extend(more);
    let first = Process::serve(BINARY, folder, &settings);
    let second = Process::serve(BINARY, folder, &settings);
    assert_eq!((name(&first).await, name(&second).await), (None, None));
    for function in ["demo_one", "demo_two", "demo_three"] {
        upload(&first, &token, function).await;
        // The process that took it knows at once, the other one within a second.
        assert_eq!(name(&first).await.as_deref(), Some(function));
        let is_known =
            || async { (name(&second).await.as_deref() == Some(function)).then_some(()) };
        eventually(PATIENCE, is_known).await;
    }
}

/// Uploads to one process what the other one said is not there.
async fn check_downloads(folder: &Path, database: &str, more: &[(&str, &str)]) {
    let token = uploader(folder, database);
    let mut settings = vec![("DATABASE_URL", database)];
    settings.extend(more);
    let first = Process::serve(BINARY, folder, &settings);
    let second = Process::serve(BINARY, folder, &settings);
    let paths = [
        format!("demo.pdb/{ID}/demo.sym"),
        "demo.dll/5CF2591C6859000/demo.sym".to_owned(),
        format!("demo.pdb/{ID}/demo.pd_"),
    ];
    for path in &paths {
        assert!(!is_there(&first, path).await && !is_there(&second, path).await);
    }
    let file =
        format!("MODULE windows x86_64 {ID} demo.pdb\nINFO CODE_ID 5CF2591C6859000 demo.dll\n");
    let archive = zip(&[(&paths[0], file.as_bytes()), (&paths[2], b"no symbols")]);
    let request = reqwest::Client::new()
        .post(format!("{}/upload/", first.address()))
        .header("auth-token", token)
        .multipart(form(archive));
    assert_eq!(request.send().await.unwrap().status().as_u16(), 201);
    for path in &paths {
        assert!(is_there(&first, path).await, "{path}");
        let is_known = || async { is_there(&second, path).await.then_some(()) };
        eventually(PATIENCE, is_known).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_reach_downloads_of_other_processes() {
    for backend in backends() {
        let app = App::start(backend).await;
        let folder = temp::dir();
        check_downloads(folder.path(), app.0.database.url(), &[]).await;
    }
    let Some(redis) = requires("redis") else {
        return;
    };
    let folder = temp::dir();
    let database = format!("sqlite://{}/tecken.db", folder.path().display());
    check_downloads(folder.path(), &database, &[("REDIS_URL", &redis)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_reach_what_other_processes_remember() {
    let Some(redis) = requires("redis") else {
        return;
    };
    let folder = temp::dir();
    let database = format!("sqlite://{}/tecken.db", folder.path().display());
    check(folder.path(), &database, &[("REDIS_URL", &redis)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_reach_other_processes_without_a_shared_cache() {
    for backend in backends() {
        // Its database is there, with its tables.
        let app = App::start(backend).await;
        let folder = temp::dir();
        check(folder.path(), app.0.database.url(), &[]).await;
    }
}

/// Two processes whose only bucket is behind a proxy.
struct Pair {
    _folder: tempfile::TempDir,
    bucket: S3Bucket,
    proxy: StoreProxy,
    token: String,
    first: Process,
    second: Process,
}

impl Pair {
    /// Starts them; nothing without a server for buckets.
    async fn start(more: &[(&str, &str)]) -> Option<Self> {
        let server = requires("s3")?;
        let bucket = S3Bucket::create().await?;
        let proxy = StoreProxy::start(&server);
        let url = bucket.url_behind(&proxy.url());
        let folder = temp::dir();
        let database = format!("sqlite://{}/tecken.db", folder.path().display());
        let token = uploader(folder.path(), &database);
        let mut settings = vec![
            ("DATABASE_URL", database.as_str()),
            ("SYMBOL_URLS", &url),
            ("UPLOAD_DEFAULT_URL", &url),
        ];
        settings.extend(more);
        let first = Process::serve(BINARY, folder.path(), &settings);
        let second = Process::serve(BINARY, folder.path(), &settings);
        Some(Self {
            _folder: folder,
            bucket,
            proxy,
            token,
            first,
            second,
        })
    }

    /// Uploads to the first process and kills it when the store has the file, or has heard of it at
    /// least; `between` happens before that.
    async fn upload_and_kill(
        &mut self,
        function: &str,
        fault: Fault,
        between: impl AsyncFnOnce(&Process),
    ) {
        let is_held = fault == Fault::Hold;
        self.proxy.spoil("PUT", "demo.sym?", fault, None);
        let hits = self.proxy.hits("PUT", "demo.sym?");
        let (address, token) = (self.first.address().to_owned(), self.token.clone());
        let content = symbols("demo.pdb", function);
        let uploading = tokio::spawn(async move {
            let path = format!("demo.pdb/{ID}/demo.sym");
            let request = reqwest::Client::new()
                .post(format!("{address}/upload/"))
                .header("auth-token", &token)
                .multipart(form(zip(&[(&path, &content)])));
            // The server goes away in the middle.
            let _ = request.send().await;
        });
        let is_put = || async {
            let is_put = self.proxy.hits("PUT", "demo.sym?") > hits;
            (is_put && (!is_held || self.proxy.holding() == 1)).then_some(())
        };
        eventually(PATIENCE, is_put).await;
        between(&self.second).await;
        self.first.kill();
        self.proxy.heal();
        uploading.await.unwrap();
    }
}

/// The process that took the upload dies between putting the file and telling that it did.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_killed_half_way_reaches_other_processes() {
    let Some(mut pair) = Pair::start(&[]).await else {
        return;
    };
    upload(&pair.first, &pair.token, "demo_old").await;
    assert_eq!(name(&pair.second).await.as_deref(), Some("demo_old"));
    pair.upload_and_kill("demo_new", Fault::Hold, async |_| {})
        .await;
    let is_known =
        || async { (name(&pair.second).await.as_deref() == Some("demo_new")).then_some(()) };
    eventually(PATIENCE, is_known).await;
}

/// What the cache of all processes says is not there lives for hours.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_killed_half_way_reaches_downloads() {
    let path = format!("demo.pdb/{ID}/demo.sym");
    for redis in [None, Some("redis")] {
        let url = match redis.map(requires) {
            Some(None) => return,
            Some(url) => url,
            None => None,
        };
        let settings: Vec<_> = url
            .as_deref()
            .map(|url| ("REDIS_URL", url))
            .into_iter()
            .collect();
        let Some(mut pair) = Pair::start(&settings).await else {
            return;
        };
        assert!(!is_there(&pair.first, &path).await && !is_there(&pair.second, &path).await);
        pair.upload_and_kill("demo_one", Fault::Hold, async |_| {})
            .await;
        let is_known = || async { is_there(&pair.second, &path).await.then_some(()) };
        eventually(PATIENCE, is_known).await;
    }
}

/// The file arrives in the store after the process that sent it is gone, and after others looked for it
/// again.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_arrives_after_its_process_reaches_downloads() {
    let Some(redis) = requires("redis") else {
        return;
    };
    let Some(mut pair) = Pair::start(&[("REDIS_URL", &redis)]).await else {
        return;
    };
    let path = format!("demo.pdb/{ID}/demo.sym");
    assert!(!is_there(&pair.second, &path).await);
    let misses = async |process: &Process| {
        let metrics = Metrics::of(process).await;
        metrics.value("tecken_symboldownloader_exists_cache_miss")
    };
    // What is remembered is not believed any more, however often it is looked for.
    let look = async |second: &Process| {
        let before = misses(second).await;
        let is_doubted = || async {
            assert!(!is_there(second, &path).await);
            (misses(second).await > before + 4.5).then_some(())
        };
        eventually(PATIENCE, is_doubted).await;
    };
    pair.upload_and_kill("demo_one", Fault::Hang, look).await;
    assert!(!is_there(&pair.second, &path).await);
    put(
        pair.bucket.store(),
        "demo.pdb",
        &symbols("demo.pdb", "demo_one"),
    )
    .await;
    assert!(is_there(&pair.second, &path).await);
}
