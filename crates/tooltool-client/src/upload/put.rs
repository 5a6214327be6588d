// SPDX-License-Identifier: MPL-2.0
//! Sending the bytes of one file to the object store.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt as _;
use reqwest::{
    Body, Method, Request, Response, StatusCode, Url,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use super::Item;
use crate::{
    api::Api,
    progress::FileBar,
    transport::{Broken, Transport},
};

const CHUNK_BYTES: usize = 128 * 1024;

/// The file is not in the store; why has been logged.
#[derive(Debug)]
pub(super) struct Unsent;

/// Sends one file; the URL itself is the authorisation.
pub(super) async fn put(api: &Api, folder: &Path, item: &Item, url: Url) -> Result<(), Unsent> {
    let name = &item.record.filename;
    api.log().info(format_args!("{name}: starting upload"));
    let bar = Arc::new(api.log().progress().file(name, Some(item.size_bytes)));
    let path = folder.join(name);
    let outcome = exchange(api.transport(), &path, item.size_bytes, url, &bar).await;
    let reason = match outcome {
        // Stores answer 200 to a signed PUT; anything else is not the store.
        Ok(answer) if answer.status() == StatusCode::OK => {
            bar.done();
            api.log().info(format_args!("{name}: uploaded"));
            return Ok(());
        }
        Ok(answer) => format!("the store answers {}", answer.status()),
        Err(broken) => broken.to_string(),
    };
    bar.set(0);
    api.log().error(format_args!("{name}: failed: {reason}"));
    Err(Unsent)
}

async fn exchange(
    transport: &Transport,
    path: &Path,
    size_bytes: u64,
    url: Url,
    bar: &Arc<FileBar>,
) -> Result<Response, Broken> {
    let unreadable = |error: std::io::Error| Broken(format!("cannot read the file: {error}"));
    let progress = Arc::new(AtomicU64::new(0));
    let mut request = Request::new(Method::PUT, url);
    let headers = request.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size_bytes));
    if size_bytes > 0 {
        let file = File::open(path).await.map_err(unreadable)?;
        let (counted, bar) = (Arc::clone(&progress), Arc::clone(bar));
        let stream = ReaderStream::with_capacity(file, CHUNK_BYTES).inspect(move |chunk| {
            let bytes = chunk.as_ref().map_or(0, |chunk| chunk.len());
            bar.add(u64::try_from(bytes).unwrap_or(0));
            counted.fetch_add(1, Ordering::Relaxed);
        });
        *request.body_mut() = Some(Body::wrap_stream(stream));
    }
    tokio::select! {
        answer = transport.client.execute(request) => Ok(answer?),
        () = stalled(transport.idle, &progress) => Err(transport.timed_out()),
    }
}

/// Returns when nothing more of the body was taken for the idle time. A time-out on the whole
/// request would cut off every file that is large enough.
async fn stalled(idle: Duration, progress: &AtomicU64) {
    let mut seen = progress.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(idle).await;
        let now = progress.load(Ordering::Relaxed);
        if now == seen {
            return;
        }
        seen = now;
    }
}
