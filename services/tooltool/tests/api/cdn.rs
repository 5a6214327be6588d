// SPDX-License-Identifier: MPL-2.0
//! Downloads through CloudFront.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use releng_common::run::{Server, Service as _};
use releng_testkit::database::{Backend, backends};
use releng_testkit::temp;
use releng_tooltool::Tooltool;
use reqwest::Url;

use crate::{App, digest, entry};

/// Makes a key, writes its private half to a file as openssl does, and returns the public one.
fn make_key(path: &Path) -> Vec<u8> {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der = pair.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    );
    std::fs::write(path, pem).unwrap();
    let public: PublicKeyX509Der = pair.public_key().as_der().unwrap();
    public.as_ref().to_vec()
}

#[actix_web::test]
async fn a_download_leads_to_the_distribution_with_a_canned_policy() {
    for backend in backends() {
        let folder = temp::dir();
        let path = folder.path().join("key.pem");
        let public = make_key(&path);
        let builder = App::builder(backend)
            .set("CLOUDFRONT_URL", "cdn.example.com")
            .set("CLOUDFRONT_KEY_ID", "KDEMO")
            .set("CLOUDFRONT_PRIVATE_KEY", path.display().to_string())
            .set("DOWLOAD_EXPIRES_IN", "90");
        let app = App::started(builder).await;
        app.upload("a", entry(b"x"), b"x").await;
        // Only the start needs the file.
        std::fs::remove_file(&path).unwrap();
        let before = releng_common::Clock::system().now().timestamp();
        let answer = app
            .anonymous()
            .get(&format!("/sha512/{}?region=nowhere", digest(b"x")))
            .await;
        let after = releng_common::Clock::system().now().timestamp();
        assert_eq!(answer.status, 302, "{}", answer.text());
        let url = Url::parse(answer.header("location")).unwrap();
        let resource = format!("https://cdn.example.com/sha512/{}", digest(b"x"));
        assert_eq!(url.as_str().split('?').next(), Some(resource.as_str()));
        let members: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Expires", "Signature", "Key-Pair-Id"]);
        assert_eq!(members[2].1, "KDEMO");
        let expires: i64 = members[0].1.parse().unwrap();
        assert!((before + 90..=after + 90).contains(&expires), "{expires}");
        let policy = format!(
            r#"{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}"#
        );
        let signature = members[1]
            .1
            .replace('-', "+")
            .replace('_', "=")
            .replace('~', "/");
        let signature = STANDARD.decode(signature).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &public)
            .verify(policy.as_bytes(), &signature)
            .expect("a signature of the key over the policy");
        // Uploads go to the bucket itself.
        let put_url = app.announce_one("b", entry(b"b")).await.unwrap();
        assert!(!put_url.contains("cdn.example.com"), "{put_url}");
    }
}

#[actix_web::test]
async fn regions_that_are_not_configured_do_not_matter_behind_a_distribution() {
    let folder = temp::dir();
    let path = folder.path().join("key.pem");
    make_key(&path);
    let app = App::started(App::builder(Backend::Sqlite)).await;
    app.upload("a", entry(b"x"), b"x").await;
    // The same database, and no region that holds the file.
    let mut settings = app.app.settings().clone();
    settings.regions = vec![releng_tooltool::settings::Region {
        name: "elsewhere".to_owned(),
        bucket: "demo".to_owned(),
    }];
    settings.own.s3_access_key_id = Some("demo".to_owned());
    settings.own.s3_secret_access_key = Some("demo".to_owned());
    settings.own.cloudfront_url = Some("cdn.example.com".to_owned());
    settings.own.cloudfront_key_id = Some("KDEMO".to_owned());
    settings.own.cloudfront_private_key = Some(path);
    let clock = releng_common::Clock::system();
    let server = Server::start::<Tooltool>(settings, clock, false)
        .await
        .unwrap();
    let url = format!("http://{}/sha512/{}", server.address(), digest(b"x"));
    let answer = app.anonymous().get(&url).await;
    assert_eq!(answer.status, 302, "{}", answer.text());
    assert!(
        answer
            .header("location")
            .starts_with("https://cdn.example.com/")
    );
    server.stop().await;
}

#[actix_web::test]
async fn a_key_file_that_cannot_be_used_stops_the_start() {
    let folder = temp::dir();
    for (content, problem) in [
        (None, "cannot be read"),
        (Some("hello"), "holds no RSA private key in PEM form"),
    ] {
        let path = folder.path().join("key.pem");
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let source = Tooltool::INFO.source(releng_common::config::Source::from_pairs([
            ("DATA_DIR", folder.path().display().to_string()),
            ("CLOUDFRONT_URL", "cdn.example.com".to_owned()),
            ("CLOUDFRONT_KEY_ID", "KDEMO".to_owned()),
            ("CLOUDFRONT_PRIVATE_KEY", path.display().to_string()),
        ]));
        let settings = releng_tooltool::Settings::load(&source).unwrap();
        let opened = Tooltool::open(settings, releng_common::Clock::system()).await;
        let text = opened.err().expect("a refusal").message().to_owned();
        assert!(text.starts_with("CLOUDFRONT_PRIVATE_KEY: "), "{text}");
        assert!(text.contains(problem), "{text}");
    }
}
