// SPDX-License-Identifier: MPL-2.0
//! TLS: the certificate must come from an authority that is trusted, and be for the host.

use releng_events::Publisher as _;
use releng_events::pulse::Publisher;
use releng_testkit::requirement::{amqps, requires};

use crate::broker::{event, place, settings, unique};

#[tokio::test]
async fn certificate_and_host_name_are_checked() {
    if requires("rabbitmq").is_none() {
        return;
    }
    let (url, authority) = amqps();
    let (host, port) = place(&url);
    assert_eq!(host, "localhost");
    let publisher = |host: &str, authority: Option<&str>| {
        let mut more = vec![
            ("PULSE_USE_SSL", "true"),
            ("PULSE_HOST", host),
            ("PULSE_PORT", port.as_str()),
        ];
        more.extend(authority.map(|path| ("PULSE_CA_FILE", path)));
        Publisher::new(settings(&url, &more))
    };
    let exchange = unique("exchange");
    publisher("localhost", Some(&authority))
        .publish(&event(&exchange, 1))
        .await
        .unwrap();
    let unknown = publisher("localhost", None)
        .publish(&event(&exchange, 1))
        .await;
    let text = unknown.unwrap_err().chain();
    assert!(text.contains("UnknownIssuer"), "{text}");
    let other = publisher("127.0.0.1", Some(&authority))
        .publish(&event(&exchange, 1))
        .await;
    let text = other.unwrap_err().chain();
    assert!(text.contains("not valid for"), "{text}");
}
