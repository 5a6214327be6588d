// SPDX-License-Identifier: MPL-2.0
//! Both stand-ins inside a bigger app, as the development binary has them.

use actix_web::{App, test, web};
use releng_testkit::fake_oidc;
use releng_testkit::fake_taskcluster::{self, Client, Config};
use serde_json::{Value, json};
use std::sync::Arc;

#[actix_web::test]
async fn both_live_under_prefixes_of_one_app() {
    let client = Client::new("demo/client", "demo-token", &["tree:close"]);
    let taskcluster = fake_taskcluster::State::new(Config {
        clients: vec![client.clone()],
        ..Config::default()
    });
    let issuer = "http://127.0.0.1:8000/oidc/";
    let oidc = fake_oidc::State::new(fake_oidc::Config::default(), issuer).unwrap();
    let (mounted_taskcluster, mounted_oidc) = (Arc::clone(&taskcluster), Arc::clone(&oidc));
    let app = App::new()
        .service(
            web::scope("/taskcluster")
                .configure(|cfg| fake_taskcluster::configure(cfg, mounted_taskcluster)),
        )
        .service(web::scope("/oidc").configure(|cfg| fake_oidc::configure(cfg, mounted_oidc)));
    let app = test::init_service(app).await;

    let path = "/taskcluster/api/auth/v1/scopes/current";
    let url = url::Url::parse(&format!("http://127.0.0.1:8000{path}")).unwrap();
    let request = test::TestRequest::get()
        .uri(path)
        .insert_header(("host", "127.0.0.1:8000"))
        .insert_header((
            "authorization",
            client.credentials().sign("GET", &url).header().unwrap(),
        ));
    let scopes: Value = test::call_and_read_body_json(&app, request.to_request()).await;
    assert_eq!(
        scopes,
        json!({"scopes": ["assume:anonymous", "assume:client-id:demo/client", "tree:close"]})
    );

    let request = test::TestRequest::get().uri("/oidc/.well-known/openid-configuration");
    let discovery: Value = test::call_and_read_body_json(&app, request.to_request()).await;
    assert_eq!(discovery["issuer"], "http://127.0.0.1:8000/oidc");
    assert_eq!(
        discovery["token_endpoint"],
        "http://127.0.0.1:8000/oidc/oauth/token"
    );
    let request = test::TestRequest::get().uri("/oidc/jwks");
    let keys: Value = test::call_and_read_body_json(&app, request.to_request()).await;
    assert_eq!(keys, json!({"keys": []}));
    assert_eq!((taskcluster.hits(), oidc.hits()), (1, 1));
}
