// SPDX-License-Identifier: MPL-2.0
//! The yardstick of the load script: an actix server whose handlers do nothing but answer. Takes
//! the port and, optionally, the number of threads and of bytes in the body.

use actix_web::{App, HttpResponse, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let threads = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2);
    let bytes = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1024);
    let body = "x".repeat(bytes);
    HttpServer::new(move || {
        let body = body.clone();
        App::new()
            .route(
                "/redirect",
                web::get().to(|| async {
                    HttpResponse::Found()
                        .insert_header(("location", "/elsewhere"))
                        .finish()
                }),
            )
            .route(
                "/body",
                web::get().to(move || {
                    let body = body.clone();
                    async move {
                        HttpResponse::Ok()
                            .content_type("application/json")
                            .body(body)
                    }
                }),
            )
    })
    .workers(threads)
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
