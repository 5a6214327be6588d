// SPDX-License-Identifier: MPL-2.0
//! Fixed points of the signatures: the examples of the Hawk documentation, and certificates computed
//! with another HMAC implementation.

use super::*;

const EXAMPLE_KEY: &str = "werxhqb98rpaxn39848xrunpaw3489ruxnpa98w4rxn";
const EXAMPLE_URL: &str = "http://example.com:8000/resource/1?b=1&a=2";

fn example() -> (Credentials, Url, SystemTime) {
    let time = UNIX_EPOCH + Duration::from_secs(1_353_832_234);
    (
        Credentials::new("dh37fgj492je", EXAMPLE_KEY),
        Url::parse(EXAMPLE_URL).unwrap(),
        time,
    )
}

#[test]
fn a_header_is_that_of_the_hawk_documentation() {
    let (credentials, url, time) = example();
    let header = credentials
        .sign("get", &url)
        .at(time)
        .nonce("j4h3g2")
        .ext("some-app-ext-data")
        .header()
        .unwrap();
    assert_eq!(
        header,
        "Hawk id=\"dh37fgj492je\", ts=\"1353832234\", nonce=\"j4h3g2\", \
         mac=\"6R4rV5iE+NPoym+WwjeHzjAGXUtLNIxmo1vpMofpLAE=\", ext=\"some-app-ext-data\""
    );
}

#[test]
fn a_signed_body_leaves_its_hash_in_the_header() {
    let (credentials, url, time) = example();
    let header = credentials
        .sign("POST", &url)
        .at(time)
        .nonce("j4h3g2")
        .payload("Text/Plain; charset=utf-8", b"Thank you for flying Hawk")
        .unwrap()
        .header()
        .unwrap();
    assert_eq!(
        header,
        "Hawk id=\"dh37fgj492je\", ts=\"1353832234\", nonce=\"j4h3g2\", \
         mac=\"xMQacUaeJiezHpLu67V4Zc90BK53KGSS4VNYp2M3E3o=\", \
         hash=\"Yi9LfIIFRtBEPt74PVmbTF/xVAwPn7ub15ePICfgnuY=\""
    );
}

#[test]
fn two_signatures_never_share_a_nonce() {
    let (credentials, url, time) = example();
    let sign = || credentials.sign("GET", &url).at(time).header().unwrap();
    assert_ne!(sign(), sign());
}

#[test]
fn the_text_of_a_certificate_is_that_of_the_protocol() {
    let seed = "A".repeat(44);
    let (start, expiry) = (1_700_000_000_000, 1_700_003_600_000);
    let sign = |text: &str| STANDARD.encode(hmac("demo-issuer-token", text).unwrap());
    let scopes = ["x:one".to_owned(), "y:*".to_owned()];
    let named = certificate_text(
        Some(("demo/temp", "demo/issuer")),
        &seed,
        start,
        expiry,
        &scopes,
    );
    assert_eq!(sign(&named), "uy5CT9rS3hOkuw8ZitizMqkDaZRkhXhZvp7/fhy+Iuo=");
    let unnamed = certificate_text(None, &seed, start, expiry, &[]);
    assert_eq!(unnamed.lines().last(), Some("scopes:"));
    assert_eq!(
        URL_SAFE_NO_PAD.encode(hmac("demo-issuer-token", &seed).unwrap()),
        "sHFgkFwVDrD5zqheMz_CjkzyW9fpKMVmUtqVWK15Y34"
    );
}

#[test]
fn temporary_credentials_carry_their_certificate_in_ext() {
    let issuer = Credentials::new("demo/issuer", "demo-issuer-token");
    let start = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let hour = Duration::from_secs(3600);
    let temporary = issuer
        .temporary(Some("demo/temp"), &["x:one", "y:*"], start, hour)
        .unwrap();
    assert_eq!(temporary.client_id(), "demo/temp");
    let certificate = temporary.certificate().unwrap();
    let seed = certificate["seed"].as_str().unwrap();
    assert_eq!(seed.len(), 44);
    assert_eq!(
        *certificate,
        json!({
            "version": 1,
            "scopes": ["x:one", "y:*"],
            "start": 1_700_000_000_000_i64,
            "expiry": 1_700_003_600_000_i64,
            "seed": seed,
            "signature": certificate["signature"],
            "issuer": "demo/issuer",
        })
    );
    let ext = temporary.with_authorized_scopes(&["x:one"]).ext().unwrap();
    let ext: Value = serde_json::from_slice(&STANDARD.decode(ext).unwrap()).unwrap();
    assert_eq!(ext["certificate"]["issuer"], "demo/issuer");
    assert_eq!(ext["authorizedScopes"], json!(["x:one"]));
}

#[test]
fn temporary_credentials_issue_no_others() {
    let issuer = Credentials::new("demo/issuer", "demo-issuer-token");
    let hour = Duration::from_secs(3600);
    let temporary = issuer
        .temporary(None, &[], SystemTime::now(), hour)
        .unwrap();
    assert_eq!(temporary.client_id(), "demo/issuer");
    assert!(
        temporary
            .temporary(None, &[], SystemTime::now(), hour)
            .is_err()
    );
}

#[test]
fn a_bewit_joins_the_query() {
    let (credentials, url, _) = example();
    let signed = credentials.bewit(&url, Duration::from_secs(60)).unwrap();
    assert!(
        signed
            .as_str()
            .starts_with(&format!("{EXAMPLE_URL}&bewit=")),
        "{signed}"
    );
    let bare = Url::parse("http://example.com/x").unwrap();
    let signed = credentials.bewit(&bare, Duration::from_secs(60)).unwrap();
    assert!(
        signed.as_str().starts_with("http://example.com/x?bewit="),
        "{signed}"
    );
}

#[test]
fn the_host_of_an_ipv6_address_is_signed_without_brackets() {
    let url = Url::parse("http://[::1]:8000/a%20b?c=%C3%BC#part").unwrap();
    let target = Target::of(&url).unwrap();
    assert_eq!(
        (target.host, target.port, target.resource),
        ("::1", 8000, "/a%20b?c=%C3%BC")
    );
}

#[tokio::test]
async fn a_request_is_signed_with_its_body() {
    let credentials = Credentials::new("demo/client", "demo-token");
    let request = reqwest::Client::new()
        .post("http://127.0.0.1:1/x?y=1")
        .json(&json!({"a": 1}))
        .hawk_with_payload(&credentials)
        .unwrap()
        .build()
        .unwrap();
    let header = request.headers()["authorization"].to_str().unwrap();
    let hash = PayloadHasher::hash("application/json", SHA256, "{\"a\":1}").unwrap();
    assert!(
        header.contains(&format!("hash=\"{}\"", STANDARD.encode(hash))),
        "{header}"
    );
    let plain = reqwest::Client::new()
        .get("http://127.0.0.1:1/")
        .hawk(&credentials)
        .unwrap();
    let header = plain.build().unwrap().headers()["authorization"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(!header.contains("hash="), "{header}");
}
