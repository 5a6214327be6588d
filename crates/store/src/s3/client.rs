// SPDX-License-Identifier: MPL-2.0
//! From options to a client of the SDK.

use std::fmt;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    self, BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use releng_common::{Error, Result};

use crate::location::S3Location;

const MIB: u64 = 1024 * 1024;

/// Smallest part that S3 takes, the last one aside.
const PART_MIN_BYTES: u64 = 5 * MIB;

/// With whose rights a bucket is used.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// What the SDK finds: environment, profile, instance or task role.
    #[default]
    Chain,
    /// These.
    Keys {
        /// The access key.
        access_key_id: String,
        /// Its secret.
        secret_access_key: String,
        /// Token of a session, when the two are of one.
        session_token: Option<String>,
    },
    /// None: requests go out unsigned, and nothing can be written or signed.
    Anonymous,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => f.write_str("Chain"),
            Self::Keys { access_key_id, .. } => write!(f, "Keys({access_key_id})"),
            Self::Anonymous => f.write_str("Anonymous"),
        }
    }
}

/// How buckets are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// With whose rights; keys in the address of the bucket come first. Default: the SDK's chain.
    pub credentials: Credentials,
    /// Region where the address names none. Default `us-east-1`.
    pub default_region: String,
    /// Server where the address names none (`AWS_ENDPOINT_URL_S3`). Default: Amazon.
    pub endpoint: Option<String>,
    /// Seconds to connect. Default 10.
    pub connect_timeout_secs: u32,
    /// Seconds from a request, its body included, to the first byte of the answer, and seconds that a
    /// body may stand still. Default 30.
    pub read_timeout_secs: u32,
    /// The same for copies, which the server answers when it has done them. Default 900.
    pub copy_timeout_secs: u32,
    /// How often a request is tried in all. Default 3.
    pub attempts: u32,
    /// Objects above this size go in parts of it; parts grow when ten thousand would not do.
    /// Default 8 MiB, at least 5 MiB.
    pub part_bytes: u64,
    /// Parts of one object that are under way at the same time; each is held in memory. Default 4.
    pub part_workers: usize,
    /// Objects above this size are copied in parts. Default 5 GiB, the bound of S3.
    pub copy_single_max_bytes: u64,
    /// Size of the parts of a copy. Default 512 MiB, at least 5 MiB.
    pub copy_part_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            credentials: Credentials::Chain,
            default_region: "us-east-1".to_owned(),
            endpoint: None,
            connect_timeout_secs: 10,
            read_timeout_secs: 30,
            copy_timeout_secs: 900,
            attempts: 3,
            part_bytes: 8 * MIB,
            part_workers: 4,
            copy_single_max_bytes: 5 * 1024 * MIB,
            copy_part_bytes: 512 * MIB,
        }
    }
}

impl Options {
    /// Checks what S3 demands.
    pub(crate) fn check(&self) -> Result<()> {
        for (field, value) in [
            ("part_bytes", self.part_bytes),
            ("copy_part_bytes", self.copy_part_bytes),
        ] {
            if value < PART_MIN_BYTES {
                return Err(Error::invalid(format!(
                    "{field} must be at least {PART_MIN_BYTES}"
                )));
            }
        }
        for (field, value) in [
            ("connect_timeout_secs", self.connect_timeout_secs),
            ("read_timeout_secs", self.read_timeout_secs),
            ("copy_timeout_secs", self.copy_timeout_secs),
            ("attempts", self.attempts),
        ] {
            if value == 0 {
                return Err(Error::invalid(format!("{field} must be at least 1")));
            }
        }
        Ok(())
    }

    /// Returns the rights for a bucket.
    pub(crate) fn credentials_for(&self, location: &S3Location) -> Credentials {
        match &location.keys {
            Some((key, secret)) => Credentials::Keys {
                access_key_id: key.clone(),
                secret_access_key: secret.clone(),
                session_token: None,
            },
            None => self.credentials.clone(),
        }
    }

    /// Returns the time-outs of ordinary requests.
    pub(crate) fn timeouts(&self) -> TimeoutConfig {
        self.timeouts_with(self.read_timeout_secs)
    }

    /// Returns when a body that stands still is given up.
    fn stall_limit(&self) -> StalledStreamProtectionConfig {
        StalledStreamProtectionConfig::enabled()
            .grace_period(Duration::from_secs(u64::from(self.read_timeout_secs)))
            .build()
    }

    /// Returns the time-outs of copies.
    pub(crate) fn copy_timeouts(&self) -> TimeoutConfig {
        self.timeouts_with(self.copy_timeout_secs)
    }

    fn timeouts_with(&self, read_secs: u32) -> TimeoutConfig {
        let seconds = |secs| Duration::from_secs(u64::from(secs));
        TimeoutConfig::builder()
            .connect_timeout(seconds(self.connect_timeout_secs))
            .read_timeout(seconds(read_secs))
            .build()
    }
}

/// Creates a client.
pub(crate) async fn connect(
    options: &Options,
    credentials: &Credentials,
    region: &str,
    endpoint: Option<&str>,
) -> Client {
    let region = Region::new(region.to_owned());
    let mut builder = config::Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region.clone())
        .timeout_config(options.timeouts())
        .stalled_stream_protection(options.stall_limit())
        .retry_config(RetryConfig::standard().with_max_attempts(options.attempts))
        // Other servers do not know the newer checksums that the SDK would add by itself.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint_url(endpoint).force_path_style(true);
    }
    builder = match credentials {
        Credentials::Anonymous => builder.allow_no_auth(),
        Credentials::Chain => {
            let chain = DefaultCredentialsChain::builder()
                .region(region)
                .build()
                .await;
            builder.credentials_provider(SharedCredentialsProvider::new(chain))
        }
        Credentials::Keys {
            access_key_id,
            secret_access_key,
            session_token,
        } => builder.credentials_provider(config::Credentials::new(
            access_key_id,
            secret_access_key,
            session_token.clone(),
            None,
            "settings",
        )),
    };
    Client::from_conf(builder.build())
}
