// SPDX-License-Identifier: MPL-2.0
//! The server that the tests use, and whether there is one.

use std::io::Write;
use std::path::Path;
use std::sync::Once;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
use releng_common::Clock;
use releng_store::s3::Credentials as StoreCredentials;
use releng_store::{Location, Options, Store, open};

pub(crate) struct S3 {
    pub(crate) endpoint: String,
}

impl S3 {
    /// Returns the server. `None`: there is none, and nobody demanded one.
    pub(crate) fn from_environment() -> Option<Self> {
        if let Ok(endpoint) = std::env::var("TEST_S3_URL") {
            return Some(Self {
                endpoint: endpoint.trim_end_matches('/').to_owned(),
            });
        }
        let required = std::env::var("RELENG_TEST_REQUIRE").unwrap_or_default();
        let is_required = required.split([',', ' ']).any(|name| name == "s3");
        assert!(
            !is_required,
            "RELENG_TEST_REQUIRE names s3, but TEST_S3_URL is unset"
        );
        static TELL: Once = Once::new();
        // Past the capture of test output: it is there to be seen.
        TELL.call_once(|| {
            let line = "s3: not exercised (TEST_S3_URL is unset)\n";
            std::io::stdout().write_all(line.as_bytes()).unwrap();
        });
        None
    }

    /// A client of its own, for what stores do not do.
    pub(crate) fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.endpoint)
            .force_path_style(true)
            .credentials_provider(Credentials::new(
                "testkey",
                "testsecret123",
                None,
                None,
                "test",
            ))
            .build();
        Client::from_conf(config)
    }

    /// Creates a bucket that no other test has.
    pub(crate) async fn new_bucket(&self) -> String {
        let name = format!("store-{}", uuid::Uuid::new_v4());
        self.open(&name, Clock::system())
            .await
            .ensure()
            .await
            .unwrap();
        name
    }

    pub(crate) async fn open(&self, bucket: &str, clock: Clock) -> Store {
        self.open_with(bucket, clock, |_| {}).await
    }

    pub(crate) async fn open_with(
        &self,
        bucket: &str,
        clock: Clock,
        change: impl FnOnce(&mut Options),
    ) -> Store {
        let address = format!("s3://{bucket}?endpoint={}", self.endpoint);
        let mut options = Options::new("demo", clock);
        options.s3.credentials = StoreCredentials::Keys {
            access_key_id: "testkey".to_owned(),
            secret_access_key: "testsecret123".to_owned(),
            session_token: None,
        };
        change(&mut options);
        open(&Location::parse(&address).unwrap(), &options)
            .await
            .unwrap()
            .store
    }
}

/// Opens a store in a folder.
pub(crate) async fn local(folder: &Path) -> Store {
    let location = Location::parse(&format!("file://{}", folder.display())).unwrap();
    open(&location, &Options::new("local", Clock::system()))
        .await
        .unwrap()
        .store
}
