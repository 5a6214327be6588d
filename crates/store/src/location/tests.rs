// SPDX-License-Identifier: MPL-2.0
//! Every form of address that a setting may hold.

use super::*;

fn s3(text: &str) -> S3Location {
    match Location::parse(text).unwrap() {
        Location::S3(s3) => s3,
        Location::Local(local) => panic!("{local:?}"),
    }
}

fn local(root: &str, is_public: bool) -> Location {
    Location::Local(LocalLocation {
        root: root.into(),
        prefix: String::new(),
        is_public,
    })
}

fn bucket(name: &str) -> S3Location {
    S3Location::new(name, None).unwrap()
}

#[test]
fn folders_are_absolute_or_relative() {
    assert_eq!(
        Location::parse("file:///srv/a%20b").unwrap(),
        local("/srv/a b", false)
    );
    assert_eq!(
        Location::parse("file://data/tooltool").unwrap(),
        local("data/tooltool", false)
    );
    assert_eq!(
        Location::parse("file:///srv/x?access=public").unwrap(),
        local("/srv/x", true)
    );
    assert_eq!(Location::parse("file:///srv/x").unwrap().name(), "x");
}

#[test]
fn s3_urls_carry_prefix_region_endpoint_and_access() {
    assert_eq!(s3("s3://demo-bucket"), bucket("demo-bucket"));
    let full = "s3://demo-bucket/a/b/?region=eu-west-1&endpoint=http%3A%2F%2F127.0.0.1%3A9000%2F&access=public";
    assert_eq!(
        s3(full),
        S3Location {
            prefix: "a/b/".to_owned(),
            region: Some("eu-west-1".to_owned()),
            endpoint: Some("http://127.0.0.1:9000".to_owned()),
            is_public: true,
            ..bucket("demo-bucket")
        }
    );
}

#[test]
fn bucket_urls_of_amazon_name_the_region() {
    for (host, region) in [
        ("s3-us-west-2.amazonaws.com", "us-west-2"),
        ("s3.us-west-2.amazonaws.com", "us-west-2"),
        ("s3.amazonaws.com", "us-east-1"),
        ("s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ] {
        assert_eq!(
            s3(&format!("https://{host}/demo-symbols/v0?access=public")),
            S3Location {
                prefix: "v0/".to_owned(),
                region: Some(region.to_owned()),
                is_public: true,
                bucket_url: Some(format!("https://{host}/demo-symbols")),
                ..bucket("demo-symbols")
            }
        );
    }
}

#[test]
fn any_other_host_is_the_endpoint() {
    assert_eq!(
        s3("http://demo:secret%2F1@localhost:9000/symbols"),
        S3Location {
            endpoint: Some("http://localhost:9000".to_owned()),
            keys: Some(("demo".to_owned(), "secret/1".to_owned())),
            bucket_url: Some("http://localhost:9000/symbols".to_owned()),
            ..bucket("symbols")
        }
    );
}

#[test]
fn the_try_location_is_right_behind_the_bucket() {
    let location = Location::parse("http://localhost:9000/bucket/version0").unwrap();
    assert_eq!(
        location.with_first_segment("try").to_string(),
        "http://localhost:9000/bucket/try/version0/"
    );
    let location = Location::parse("file:///srv/symbols").unwrap();
    assert_eq!(
        location.with_first_segment("try").to_string(),
        "file:///srv/symbols/try/"
    );
}

#[test]
fn secrets_are_never_shown() {
    let location = Location::parse("https://demo:hidden@localhost/symbols").unwrap();
    assert!(!format!("{location:?} {location}").contains("hidden"));
}

#[test]
fn malformed_addresses_name_the_rule() {
    let schemes =
        "the store URL must begin with one of file://, s3://, https:// and http:// (bucket URLs)";
    for (text, message) in [
        ("gs://bucket", schemes),
        ("bucket", schemes),
        ("file://", "the store URL file:// names no folder"),
        ("https://host/", "the store URL names no bucket"),
        ("https://host/a%20b", "\"a b\" is not the name of a bucket"),
        (
            "s3://bucket?acces=public",
            "the store URL has the parameter \"acces\", known here: access, region, endpoint",
        ),
        (
            "s3://bucket?access=all",
            "the store URL: access must be public or private",
        ),
        (
            "s3://bucket?endpoint=ftp://x",
            "the store URL: endpoint must be an http:// or https:// URL",
        ),
        (
            "s3://bucket:9000",
            "the store URL s3://bucket takes no port: name the server with ?endpoint=",
        ),
        (
            "https://demo@host/bucket",
            "the store URL has an access key or a secret, but not both",
        ),
        (
            "https://host:99999/bucket",
            "the store URL is malformed: invalid port number",
        ),
    ] {
        assert_eq!(
            Location::parse(text).unwrap_err().message(),
            message,
            "{text}"
        );
    }
}
