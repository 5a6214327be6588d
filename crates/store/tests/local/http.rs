// SPDX-License-Identifier: MPL-2.0
//! What clients of the signed URLs of a folder see, beyond the contract of all stores.

use releng_common::Clock;
use releng_store::{Attributes, Location, Opened, Options, SignedUrl, open};
use reqwest::{Client, Method, Response};
use tempfile::TempDir;

use crate::server::Server;
use crate::{key, open_in, put};

pub(crate) struct Setup {
    pub(crate) opened: Opened,
    pub(crate) server: Server,
    clock: Clock,
    _folder: TempDir,
}

pub(crate) async fn setup() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let clock =
        Clock::frozen(chrono::DateTime::from_timestamp(1_700_000_000, 900_000_000).unwrap());
    let opened = open_in(folder.path(), "demo", clock.clone()).await;
    let server = Server::start([opened.local.clone().unwrap()]);
    Setup {
        opened,
        server,
        clock,
        _folder: folder,
    }
}

impl Setup {
    async fn get_url(&self, name: &str) -> String {
        self.opened
            .store
            .sign_get(&key(name), 60)
            .await
            .unwrap()
            .resolve(&self.server.base)
    }

    pub(crate) async fn put_url(&self, name: &str) -> String {
        let nothing = Attributes::default();
        let url = self
            .opened
            .store
            .sign_put(&key(name), 60, &nothing)
            .await
            .unwrap();
        url.resolve(&self.server.base)
    }
}

pub(crate) async fn send(method: Method, url: &str, headers: &[(&str, &str)]) -> Response {
    let request = Client::new().request(method, url);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request.send().await.unwrap()
}

/// Returns status and body of a refusal, after checking what all of them have.
pub(crate) async fn refusal(response: Response) -> (u16, String) {
    assert_eq!(response.headers()["content-type"], "application/xml");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    (response.status().as_u16(), response.text().await.unwrap())
}

pub(crate) fn xml(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
}

#[tokio::test]
async fn an_object_is_served_with_everything_that_is_known_of_it() {
    let setup = setup().await;
    let attributes = Attributes {
        cache_control: Some("public, max-age=60".to_owned()),
        ..Attributes::of_type("text/html")
    };
    setup
        .opened
        .store
        .put(&key("page"), "<b>".into(), &attributes)
        .await
        .unwrap();
    let response = send(Method::GET, &setup.get_url("page").await, &[]).await;
    assert_eq!(response.status(), 200);
    let mut headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    let expected = [
        ("accept-ranges", "bytes"),
        ("access-control-allow-origin", "*"),
        ("cache-control", "public, max-age=60"),
        ("content-length", "3"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("content-type", "text/html"),
        (
            "etag",
            "\"af3fb662445f7dd272cf96f70dad52dd31a0b8c4a5cb5ca907e77102c5b88342\"",
        ),
        ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("x-content-type-options", "nosniff"),
    ];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(response.text().await.unwrap(), "<b>");
}

#[tokio::test]
async fn signed_urls_have_a_fixed_form() {
    let setup = setup().await;
    let nothing = "signature=".len();
    let cut = |url: SignedUrl| {
        let text = url.resolve("");
        let at = text.find("signature=").unwrap() + nothing;
        assert_eq!(text.len() - at, 64, "{text}");
        text[..at].to_owned()
    };
    let store = &setup.opened.store;
    assert_eq!(
        cut(store.sign_get(&key("a b/c+d"), 60).await.unwrap()),
        "/__store__/demo/a%20b/c%2Bd?expires=1700000060&signature="
    );
    let mut signed = Attributes::of_type("text/plain");
    signed.metadata.insert("n".to_owned(), "v".to_owned());
    assert_eq!(
        cut(store.sign_put(&key("k"), 9, &signed).await.unwrap()),
        "/__store__/demo/k?expires=1700000009&headers=content-type%2Cx-amz-meta-n&signature="
    );
    assert_eq!(
        cut(store.sign_get(&key("a/../b&"), 60).await.unwrap()),
        "/__store__/demo?key=a%2F..%2Fb%26&expires=1700000060&signature="
    );
}

#[tokio::test]
async fn requests_that_were_not_signed_are_refused_in_the_words_of_s3() {
    let setup = setup().await;
    put(&setup.opened.store, "k", "0123456789").await;
    let url = setup.get_url("k").await;
    let bare = url.split('?').next().unwrap().to_owned();
    let denied = xml("AccessDenied", "Access Denied");
    let mismatch = "The signature is not of this method, key, expiry and headers";
    let mismatch = xml("SignatureDoesNotMatch", mismatch);
    let later = url.replace("=17", "=18");
    let longer = url.replace("signature=", "signature=0");
    for (method, url, body) in [
        (Method::GET, &bare, &denied),
        (Method::HEAD, &url, &String::new()),
        (Method::PUT, &url, &mismatch),
        (Method::GET, &later, &mismatch),
        (Method::GET, &longer, &mismatch),
    ] {
        let refused = refusal(send(method, url, &[]).await).await;
        assert_eq!(refused, (403, body.clone()), "{url}");
    }
}

#[tokio::test]
async fn requests_for_nothing_are_refused_in_the_words_of_s3() {
    let setup = setup().await;
    put(&setup.opened.store, "k", "0123456789").await;
    let url = setup.get_url("k").await;
    let bucket = format!("{}/__store__/demo", setup.server.base);
    let invalid = |message: &str| (400, xml("InvalidRequest", message));
    let no_bucket = (404, xml("NoSuchBucket", "The bucket does not exist"));
    let not_text = "the URL is not UTF-8 when percent-decoded";
    let no_nul = "object key must not contain a NUL character";
    for (url, refused) in [
        (url.replace("/demo/", "/omed/"), no_bucket),
        (
            setup.get_url("x").await,
            (404, xml("NoSuchKey", "The key does not exist")),
        ),
        (bucket.clone(), invalid("the URL names no key")),
        (format!("{bucket}/%ff"), invalid(not_text)),
        (format!("{bucket}/a%00"), invalid(no_nul)),
    ] {
        let response = send(Method::GET, &url, &[]).await;
        assert_eq!(refusal(response).await, refused, "{url}");
    }
    let deleted = send(Method::DELETE, &url, &[]).await;
    assert_eq!(deleted.headers()["allow"], "GET, HEAD, PUT");
    let body = xml(
        "MethodNotAllowed",
        "The methods of objects are GET, HEAD and PUT",
    );
    assert_eq!(refusal(deleted).await, (405, body));
    let outside = send(Method::GET, &url, &[("range", "bytes=10-")]).await;
    assert_eq!(outside.headers()["content-range"], "bytes */10");
    let body = xml("InvalidRange", "The range lies outside the object");
    assert_eq!(refusal(outside).await, (416, body));
}

#[tokio::test]
async fn a_url_is_good_until_its_last_second_and_no_longer() {
    let setup = setup().await;
    put(&setup.opened.store, "k", "v").await;
    let url = setup.get_url("k").await;
    // Signed at 1700000000.9 for 60 s: it ends at 1700000060.0, before the 60 s are over.
    setup.clock.advance(chrono::Duration::milliseconds(59_100));
    assert_eq!(send(Method::GET, &url, &[]).await.status(), 200);
    setup.clock.advance(chrono::Duration::milliseconds(1));
    let body = xml("AccessDenied", "Request has expired");
    assert_eq!(
        refusal(send(Method::GET, &url, &[]).await).await,
        (403, body)
    );
}

#[tokio::test]
async fn conditions_and_ranges_shorten_the_answer() {
    let setup = setup().await;
    put(&setup.opened.store, "k", "0123456789").await;
    let url = setup.get_url("k").await;
    let tag = "\"53b63a6fc8605d0c0ce559317a00177d72adb24d669235e4c914f443a8831ca1\"";
    let same = "Tue, 14 Nov 2023 22:13:20 GMT";
    let older = "Tue, 14 Nov 2023 22:13:19 GMT";
    for (headers, status, body) in [
        (&[("if-none-match", tag)][..], 304, ""),
        (
            &[(
                "if-none-match",
                "\"x\", W/\"53b63a6fc8605d0c0ce559317a00177d72adb24d669235e4c914f443a8831ca1\"",
            )],
            304,
            "",
        ),
        (&[("if-none-match", "*")], 304, ""),
        (
            &[("if-none-match", "\"x\""), ("if-modified-since", same)],
            200,
            "0123456789",
        ),
        (&[("if-modified-since", same)], 304, ""),
        (&[("if-modified-since", older)], 200, "0123456789"),
        (&[("if-modified-since", "yesterday")], 200, "0123456789"),
        (&[("range", "bytes=-3")], 206, "789"),
        (&[("range", "bytes=0-1,3-4")], 200, "0123456789"),
        (&[("range", "bytes=2-3"), ("if-range", tag)], 206, "23"),
        (
            &[("range", "bytes=2-3"), ("if-range", "\"x\"")],
            200,
            "0123456789",
        ),
    ] {
        let response = send(Method::GET, &url, headers).await;
        assert_eq!(response.status(), status, "{headers:?}");
        assert_eq!(response.headers()["etag"], tag);
        assert_eq!(response.text().await.unwrap(), body, "{headers:?}");
    }
}

#[tokio::test]
async fn a_public_folder_is_read_without_a_signature() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::parse(&format!("file://{}?access=public", folder.path().display()));
    let location = location.unwrap().with_first_segment("pub");
    let opened = open(&location, &Options::new("demo", Clock::system()))
        .await
        .unwrap();
    let server = Server::start([opened.local.unwrap()]);
    put(&opened.store, "lib++", "0123").await;
    put(
        &open_in(folder.path(), "all", Clock::system()).await.store,
        "hidden",
        "x",
    )
    .await;

    let url = opened.store.public_url(&key("lib++")).unwrap();
    assert_eq!(
        url,
        SignedUrl::Path("/__store__/demo/pub/lib%2B%2B".to_owned())
    );
    let url = url.resolve(&server.base);
    assert_eq!(
        send(Method::GET, &url, &[]).await.text().await.unwrap(),
        "0123"
    );
    let head = send(Method::HEAD, &url, &[]).await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], "4");
    assert_eq!(head.text().await.unwrap(), "");
    assert_eq!(send(Method::PUT, &url, &[]).await.status(), 403);
    let missing = send(Method::HEAD, &url.replace("lib", "bil"), &[]).await;
    assert_eq!(missing.status(), 404);
    let hidden = format!("{}/__store__/demo/hidden", server.base);
    assert_eq!(send(Method::GET, &hidden, &[]).await.status(), 403);
}
