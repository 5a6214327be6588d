// SPDX-License-Identifier: MPL-2.0
//! URLs that clients use without credentials.

use std::future::Future;
use std::time::Duration;

use releng_common::Kind;
use reqwest::{Client, Method, RequestBuilder};

use super::{Fixture, key, put, read};
use crate::Attributes;

pub(super) async fn run<F, Made>(make: &F)
where
    F: Fn() -> Made,
    Made: Future<Output = Fixture>,
{
    a_signed_get_serves_the_object(&make().await).await;
    a_signed_get_is_good_for_nothing_else(&make().await).await;
    a_signed_put_takes_the_object(&make().await).await;
    a_signed_put_demands_what_was_signed(&make().await).await;
    lives_have_bounds(&make().await).await;
}

fn request(method: Method, url: &str) -> RequestBuilder {
    Client::builder()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
        .request(method, url)
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

async fn get_url(fixture: &Fixture, name: &str) -> String {
    fixture
        .store
        .sign_get(&key(name), 60)
        .await
        .unwrap()
        .resolve(&fixture.base)
}

fn gzip() -> Attributes {
    Attributes {
        content_encoding: Some("gzip".to_owned()),
        metadata: [("original_size".to_owned(), "9".to_owned())].into(),
        ..Attributes::of_type("text/plain")
    }
}

async fn a_signed_get_serves_the_object(fixture: &Fixture) {
    let name = "v1/lib++ [x]/ü&=%2F";
    fixture
        .store
        .put(&key(name), "not really gzip".into(), &gzip())
        .await
        .unwrap();
    let meta = fixture.store.head(&key(name)).await.unwrap().unwrap();
    let url = get_url(fixture, name).await;
    let response = request(Method::GET, &url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/plain");
    assert_eq!(header("content-encoding"), "gzip");
    assert_eq!(header("content-length"), "15");
    assert_eq!(header("etag"), format!("\"{}\"", meta.etag));
    assert_eq!(header("x-amz-meta-original_size"), "9");
    assert_eq!(response.bytes().await.unwrap(), "not really gzip");

    let part = request(Method::GET, &url)
        .header("range", "bytes=4-9")
        .send()
        .await
        .unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 4-9/15");
    assert_eq!(part.bytes().await.unwrap(), "really");
    assert_eq!(
        status(request(Method::GET, &url).header("range", "bytes=15-")).await,
        416
    );
    let tag = format!("\"{}\"", meta.etag);
    assert_eq!(
        status(request(Method::GET, &url).header("if-none-match", tag)).await,
        304
    );
}

async fn a_signed_get_is_good_for_nothing_else(fixture: &Fixture) {
    put(&fixture.store, "k", "secret").await;
    put(&fixture.store, "other", "secret").await;
    let url = get_url(fixture, "k").await;
    assert_eq!(status(request(Method::GET, &url)).await, 200);
    assert_eq!(status(request(Method::HEAD, &url)).await, 403);
    assert_eq!(status(request(Method::PUT, &url).body("new")).await, 403);
    assert_eq!(
        status(request(Method::GET, &url.replace("/k?", "/other?"))).await,
        403
    );
    assert_eq!(
        status(request(Method::GET, url.split('?').next().unwrap())).await,
        403
    );
    assert_eq!(
        status(request(Method::GET, &get_url(fixture, "missing").await)).await,
        404
    );
    let late = fixture
        .late
        .sign_get(&key("k"), 60)
        .await
        .unwrap()
        .resolve(&fixture.base);
    let expired = request(Method::GET, &late).send().await.unwrap();
    assert_eq!(expired.status(), 403);
    assert!(
        expired
            .text()
            .await
            .unwrap()
            .contains("<Code>AccessDenied</Code>")
    );
    assert_eq!(read(&fixture.store, "k").await.unwrap(), "secret");
}

async fn a_signed_put_takes_the_object(fixture: &Fixture) {
    let store = &fixture.store;
    let plain = Attributes::of_type("application/octet-stream");
    let url = store
        .sign_put(&key("up ü+"), 60, &plain)
        .await
        .unwrap()
        .resolve(&fixture.base);
    let put = request(Method::PUT, &url).header("content-type", "application/octet-stream");
    let response = put.body("uploaded").send().await.unwrap();
    assert_eq!(response.status(), 200, "200 and no other success");
    let meta = store.head(&key("up ü+")).await.unwrap().unwrap();
    assert_eq!(response.headers()["etag"], format!("\"{}\"", meta.etag));
    assert_eq!(response.bytes().await.unwrap(), "");
    assert_eq!(meta.attributes(), plain);
    assert_eq!(read(store, "up ü+").await.unwrap(), "uploaded");

    let url = store
        .sign_put(&key("full"), 60, &gzip())
        .await
        .unwrap()
        .resolve(&fixture.base);
    let mut put = request(Method::PUT, &url).body("zipped");
    for (name, value) in gzip().headers() {
        put = put.header(name, value);
    }
    assert_eq!(status(put).await, 200);
    assert_eq!(
        store
            .head(&key("full"))
            .await
            .unwrap()
            .unwrap()
            .attributes(),
        gzip()
    );
}

async fn a_signed_put_demands_what_was_signed(fixture: &Fixture) {
    let store = &fixture.store;
    let url = store
        .sign_put(&key("k"), 60, &gzip())
        .await
        .unwrap()
        .resolve(&fixture.base);
    let with = |headers: &[(&'static str, &'static str)]| {
        let put = request(Method::PUT, &url).body("forged");
        headers
            .iter()
            .fold(put, |put, (name, value)| put.header(*name, *value))
    };
    let (kind, coding) = (("content-type", "text/plain"), ("content-encoding", "gzip"));
    let size = ("x-amz-meta-original_size", "9");
    for headers in [
        &[][..],
        &[kind, coding],
        &[kind, size],
        &[("content-type", "text/html"), coding, size],
        &[("content-type", "text/plain; charset=utf-8"), coding, size],
        &[kind, coding, ("x-amz-meta-original_size", "10")],
        &[kind, coding, size, ("x-amz-meta-further", "1")],
    ] {
        // MinIO takes a header that is absent for a malformed request, S3 for a wrong signature.
        let status = status(with(headers)).await;
        assert!([400, 403].contains(&status), "{status} {headers:?}");
    }
    let late = fixture
        .late
        .sign_put(&key("k"), 60, &Attributes::default())
        .await
        .unwrap();
    let late = request(Method::PUT, &late.resolve(&fixture.base)).body("late");
    assert_eq!(status(late).await, 403);
    assert_eq!(store.head(&key("k")).await.unwrap(), None);
    assert_eq!(status(with(&[kind, coding, size])).await, 200);
}

async fn lives_have_bounds(fixture: &Fixture) {
    for (expires_secs, message) in [
        (0, "a signed URL must live 1 to 604800 seconds, not 0"),
        (
            604_801,
            "a signed URL must live 1 to 604800 seconds, not 604801",
        ),
    ] {
        let (key, signed) = (key("k"), Attributes::default());
        let get = fixture
            .store
            .sign_get(&key, expires_secs)
            .await
            .unwrap_err();
        let put = fixture
            .store
            .sign_put(&key, expires_secs, &signed)
            .await
            .unwrap_err();
        for error in [get, put] {
            assert_eq!(
                (error.kind(), error.message()),
                (Kind::InvalidInput, message)
            );
        }
    }
    fixture.store.sign_get(&key("k"), 604_800).await.unwrap();
}
