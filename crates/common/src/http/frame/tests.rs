// SPDX-License-Identifier: MPL-2.0
use actix_web::body::to_bytes;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use serde_json::{Value, json};

use super::*;
use crate::config::{Common, Source};
use crate::error::Result;
use crate::http::Routes;
use crate::http::routes::Route;

fn frame() -> Frame {
    let settings = Common::load(&Source::from_pairs([("DYNO", "web.1")])).unwrap();
    Frame {
        service: "demo",
        renderer: |request, error| {
            HttpResponse::build(StatusCode::from_u16(error.kind().status()).unwrap())
                .json(json!({"path": request.path(), "status": error.kind().status()}))
        },
        cors: Cors::everywhere("*"),
        security: SecurityHeaders::new(&[]).unwrap(),
        outside: Outside::open(&settings).unwrap().below("/below"),
        sends_response_time: false,
    }
}

fn fail(words: &str) -> HttpResponse {
    panic!("{words}")
}

async fn late() -> Result<HttpResponse> {
    tokio::task::yield_now().await;
    panic!("late")
}

async fn echo(request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().body(request.uri().to_string())
}

/// Sends GET to a service with one route that panics, one that does so after a pause, and one that
/// answers; returns status, headers and body.
async fn get(path: &str, headers: &[(&'static str, &'static str)]) -> (u16, HeaderMap, Vec<u8>) {
    let mut routes = Routes::new();
    routes
        .add(Route::new("/early").get(|| async { fail("early") }))
        .add(Route::new("/late").get(late))
        .add(Route::new("/echo").get(echo));
    let app = App::new()
        .app_data(web::Data::new(frame()))
        .service(routes)
        .route("/outside", web::get().to(|| async { fail("outside") }))
        .wrap(from_fn(middleware));
    let app = init_service(app).await;
    let request = headers
        .iter()
        .fold(TestRequest::with_uri(path), |r, h| r.insert_header(*h))
        .peer_addr("127.0.0.1:5".parse().unwrap());
    let response = call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.unwrap().to_vec();
    (status, headers, body)
}

const SECURE: (&str, &str) = ("x-forwarded-proto", "https");

#[actix_web::test]
async fn a_panic_is_a_500_in_the_form_of_the_service_with_all_headers() {
    for (path, seen) in [
        ("/early", "/early"),
        ("/late", "/late"),
        // Not one of our routes: the request is lost, the form is not.
        ("/outside", "/"),
    ] {
        let (status, headers, body) = get(path, &[SECURE]).await;
        assert_eq!(status, 500, "{path}");
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({"path": seen, "status": 500})
        );
        for name in [
            "x-request-id",
            "x-frame-options",
            "content-security-policy",
            "access-control-allow-origin",
        ] {
            assert!(headers.contains_key(name), "{name} of {path}");
        }
    }
}

#[actix_web::test]
async fn below_the_prefix_a_route_sees_the_path_without_it() {
    for (path, seen) in [
        ("/echo?a=%2F", "/echo?a=%2F"),
        ("/below/echo?a=%2F", "/echo?a=%2F"),
    ] {
        let (status, _, body) = get(path, &[SECURE]).await;
        assert_eq!((status, body.as_slice()), (200, seen.as_bytes()));
    }
    assert_eq!(get("/belowecho", &[SECURE]).await.0, 404);
}

#[actix_web::test]
async fn without_tls_the_platform_sends_clients_to_https() {
    let host = ("host", "demo.example.com");
    let (status, headers, _) = get("/below/echo", &[host]).await;
    assert_eq!(status, 302);
    assert_eq!(
        headers.get("location").unwrap(),
        "https://demo.example.com/below/echo"
    );
}

#[actix_web::test]
async fn a_sane_request_id_is_kept_and_another_replaced() {
    let sent = ("x-request-id", "demo-1234");
    let (_, headers, _) = get("/echo", &[SECURE, sent]).await;
    assert_eq!(headers.get("x-request-id").unwrap(), "demo-1234");
    let sent = ("x-request-id", "with blanks in it");
    let (_, headers, _) = get("/echo", &[SECURE, sent]).await;
    assert_eq!(headers.get("x-request-id").unwrap().len(), 36);
}
