// SPDX-License-Identifier: MPL-2.0
//! Settings of tooltool beyond the shared ones.

use std::path::PathBuf;

use releng_common::config::{ByteSize, Common, Doc, Invalid, Source};
use releng_events::pulse::{self, Broker};

releng_common::settings! {
    /// Settings that only tooltool has.
    pub struct Own {
        /// Name of the environment: `localdev`, `dev`, `staging`, `production`, `test`.
        pub env: String = "ENV" ["APP_CHANNEL"], default "localdev";
        /// Path such as `/tooltool` below which everything is served as well as at the root.
        pub url_prefix: String = "URL_PREFIX", default "";
        /// Regions with their buckets: `region:bucket;region:bucket`. Unset: one region `local` in the folder of `STORE_URL`.
        pub s3_regions: Option<String> = "S3_REGIONS";
        /// Access key for all regions.
        pub s3_access_key_id: Option<String> = "S3_REGIONS_ACCESS_KEY_ID";
        /// Secret of the access key.
        pub s3_secret_access_key: Option<String> = "S3_REGIONS_SECRET_ACCESS_KEY", secret true;
        /// Address of an S3 service other than Amazon's.
        pub s3_endpoint: Option<String> = "AWS_ENDPOINT_URL_S3";
        /// The same for all services of AWS; `AWS_ENDPOINT_URL_S3` comes first.
        pub aws_endpoint: Option<String> = "AWS_ENDPOINT_URL";
        /// Folder of the only region when `S3_REGIONS` is unset.
        pub store_url: String = "STORE_URL", default "file://$DATA_DIR/tooltool";
        /// Largest object that the folder takes; buckets have limits of their own.
        pub store_max_object: ByteSize = "STORE_MAX_OBJECT_BYTES", default "5GiB";
        /// Seconds in which a bucket must begin to answer, and in which a body must go on.
        pub s3_timeout_secs: u32 = "S3_TIMEOUT_SECONDS", default "30";
        /// Objects above this size are copied between buckets in parts; S3 demands that above 5 GiB.
        pub s3_copy_single_max: ByteSize = "S3_COPY_SINGLE_MAX_BYTES", default "5GiB";
        /// Size of those parts, at least 5 MiB.
        pub s3_copy_part: ByteSize = "S3_COPY_PART_BYTES", default "512MiB";
        /// Seconds that a PUT URL lives. Nothing is verified before it has ended.
        pub upload_expires_secs: u32 = "UPLOAD_EXPIRES_IN", default "60";
        /// Seconds that a GET URL lives. The first name is spelt as existing deployments spell it.
        pub download_expires_secs: u32 = "DOWLOAD_EXPIRES_IN" ["DOWNLOAD_EXPIRES_IN"], default "60";
        /// Host name of a CloudFront distribution in front of the buckets: downloads are then redirected there.
        pub cloudfront_url: Option<String> = "CLOUDFRONT_URL";
        /// Id of the key pair whose public half CloudFront knows.
        pub cloudfront_key_id: Option<String> = "CLOUDFRONT_KEY_ID";
        /// PEM file with the private half, an RSA key.
        pub cloudfront_private_key: Option<PathBuf> = "CLOUDFRONT_PRIVATE_KEY";
        /// Whether public files are for everybody, without a scope.
        pub allow_anonymous_public_download: bool = "ALLOW_ANONYMOUS_PUBLIC_DOWNLOAD", default "true";
        /// Whether Taskcluster is asked about credentials.
        pub taskcluster_auth: bool = "TASKCLUSTER_AUTH", default "true";
        /// Name under which Taskcluster knows the page for its sign-in; unset: `releng-tooltool-` and `ENV`.
        pub login_client_id: Option<String> = "LOGIN_CLIENT_ID";
        /// Whether the bearer tokens of RelengAPI still count. They need `SECRET_KEY`.
        pub relengapi_tokens: bool = "RELENGAPI_TOKENS", default "false";
        /// Key of the RelengAPI tokens, in base64.
        pub secret_key: Option<String> = "SECRET_KEY" ["SECRET_KEY_BASE64"], secret true;
        /// Address to which browsers report what the Content-Security-Policy forbade; environment and version are appended.
        pub csp_report_uri: Option<String> = "SECURITY_CSP_REPORT_URI";
        /// Where `/tooltool.py` leads.
        pub tooltool_py_url: String = "TOOLTOOL_PY_URL", default "https://raw.githubusercontent.com/mozilla-releng/tooltool/master/client/tooltool.py";
        /// Largest request body in bytes.
        pub max_body_bytes: usize = "MAX_BODY_BYTES", default "1048576";
        /// Most files of one batch.
        pub max_batch_files: usize = "MAX_BATCH_FILES", default "1000";
        /// Most entries of one search; more need `offset`.
        pub max_list_length: i64 = "MAX_LIST_LENGTH", default "10000";
        /// Seconds between two searches for uploads that can be verified.
        pub check_interval_secs: u64 = "CHECK_PENDING_INTERVAL_SECONDS", default "60";
        /// Seconds from the verification of an object in a bucket to the first look whether a late PUT has replaced it; later looks come at twice the age each, for a day.
        pub recheck_after_secs: u32 = "RECHECK_AFTER_SECONDS", default "60";
        /// Seconds between two searches for files that lack copies.
        pub replicate_interval_secs: u64 = "REPLICATE_INTERVAL_SECONDS", default "3600";
        /// Objects that one process verifies or copies at the same time.
        pub worker_jobs: usize = "WORKER_JOBS", default "2";
        /// Longest time in seconds that one object may take to be verified or copied.
        pub worker_time_limit_secs: u64 = "WORKER_TIME_LIMIT_SECONDS", default "7200";
        /// Switches the message broker off, also when `PULSE_USER` is set.
        pub disable_pulse: bool = "DISABLE_PULSE", default "false";
    }
}

/// Returns the descriptions of all settings that are not those of every service.
pub fn docs() -> Vec<Doc> {
    [Own::docs(), pulse::Settings::docs()].concat()
}

/// A region and its bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Name of the region.
    pub name: String,
    /// Name of the bucket.
    pub bucket: String,
}

/// All settings of the service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The shared ones.
    pub common: Common,
    /// Those of tooltool.
    pub own: Own,
    /// `S3_REGIONS`, read; empty when it is unset.
    pub regions: Vec<Region>,
    /// The message broker, unless there is none or it is switched off.
    pub broker: Option<Broker>,
}

impl Settings {
    /// Reads everything and checks what single settings cannot.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn load(source: &Source) -> Result<Self, Invalid> {
        let (mut common, own) = (Common::load(source)?, Own::load(source)?);
        if !own.taskcluster_auth {
            common.taskcluster_root_url = None;
        }
        let regions = regions(own.s3_regions.as_deref().unwrap_or_default())?;
        let pulse = pulse::Settings::load(source)?;
        let broker = if own.disable_pulse {
            None
        } else {
            pulse.broker()?
        };
        let settings = Self {
            common,
            own,
            regions,
            broker,
        };
        settings.validate()?;
        Ok(settings)
    }

    /// Returns the address of the S3 service, when it is not Amazon's.
    pub fn s3_endpoint(&self) -> Option<&str> {
        self.own
            .s3_endpoint
            .as_deref()
            .or(self.own.aws_endpoint.as_deref())
    }

    fn validate_addresses(&self) -> Result<(), Invalid> {
        let own = &self.own;
        for (name, value) in [
            ("AWS_ENDPOINT_URL_S3", &own.s3_endpoint),
            ("AWS_ENDPOINT_URL", &own.aws_endpoint),
            ("TOOLTOOL_PY_URL", &Some(own.tooltool_py_url.clone())),
            ("SECURITY_CSP_REPORT_URI", &own.csp_report_uri),
        ] {
            let is_http = |v: &String| v.starts_with("http://") || v.starts_with("https://");
            if value
                .as_ref()
                .is_some_and(|v| !is_http(v) || v.contains(char::is_whitespace))
            {
                return Err(Invalid::new(name, "must be an http or https address"));
            }
        }
        Ok(())
    }

    fn validate(&self) -> Result<(), Invalid> {
        let own = &self.own;
        let required = [
            ("S3_REGIONS_ACCESS_KEY_ID", &own.s3_access_key_id),
            ("S3_REGIONS_SECRET_ACCESS_KEY", &own.s3_secret_access_key),
        ];
        for (name, value) in required {
            if !self.regions.is_empty() && value.is_none() {
                return Err(Invalid::missing(name, "with S3_REGIONS"));
            }
        }
        self.validate_addresses()?;
        self.validate_cloudfront()?;
        self.validate_names()?;
        if !(5 << 20..=5 << 30).contains(&own.s3_copy_part.0) {
            let problem = "must be between 5 MiB and 5 GiB";
            return Err(Invalid::new("S3_COPY_PART_BYTES", problem));
        }
        if self.regions.is_empty() && !own.store_url.starts_with("file://") {
            return Err(Invalid::new("STORE_URL", "must begin with file://"));
        }
        let week = releng_store::EXPIRES_MAX_SECS - 1;
        let bounded: [(&str, u64, u64); 11] = [
            ("S3_TIMEOUT_SECONDS", own.s3_timeout_secs.into(), 3600),
            (
                "S3_COPY_SINGLE_MAX_BYTES",
                own.s3_copy_single_max.0,
                5 << 30,
            ),
            ("RECHECK_AFTER_SECONDS", own.recheck_after_secs.into(), 3600),
            (
                "UPLOAD_EXPIRES_IN",
                own.upload_expires_secs.into(),
                week.into(),
            ),
            (
                "DOWLOAD_EXPIRES_IN",
                own.download_expires_secs.into(),
                week.into(),
            ),
            ("MAX_BATCH_FILES", count(own.max_batch_files), 100_000),
            (
                "MAX_LIST_LENGTH",
                u64::try_from(own.max_list_length).unwrap_or(0),
                1_000_000,
            ),
            (
                "CHECK_PENDING_INTERVAL_SECONDS",
                own.check_interval_secs,
                600,
            ),
            (
                "REPLICATE_INTERVAL_SECONDS",
                own.replicate_interval_secs,
                604_800,
            ),
            ("WORKER_JOBS", count(own.worker_jobs), 1000),
            (
                "WORKER_TIME_LIMIT_SECONDS",
                own.worker_time_limit_secs,
                604_800,
            ),
        ];
        for (name, value, max) in bounded {
            if !(1..=max).contains(&value) {
                return Err(Invalid::new(name, format!("must be between 1 and {max}")));
            }
        }
        Ok(())
    }
}

impl Settings {
    /// Returns the name under which Taskcluster knows the page.
    pub fn login_client_id(&self) -> String {
        let own = &self.own;
        own.login_client_id
            .clone()
            .unwrap_or_else(|| format!("releng-tooltool-{}", own.env))
    }

    fn validate_cloudfront(&self) -> Result<(), Invalid> {
        let own = &self.own;
        let Some(host) = &own.cloudfront_url else {
            return Ok(());
        };
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
        if host.is_empty() || !host.chars().all(is_fine) {
            let problem = format!("must be a host name such as cdn.example.com, not {host:?}");
            return Err(Invalid::new("CLOUDFRONT_URL", problem));
        }
        let required = [
            ("CLOUDFRONT_KEY_ID", own.cloudfront_key_id.is_some()),
            (
                "CLOUDFRONT_PRIVATE_KEY",
                own.cloudfront_private_key.is_some(),
            ),
        ];
        match required.iter().find(|(_, is_there)| !is_there) {
            Some((name, _)) => Err(Invalid::missing(*name, "with CLOUDFRONT_URL")),
            None => Ok(()),
        }
    }

    fn validate_names(&self) -> Result<(), Invalid> {
        let own = &self.own;
        let is_segment = |s: &str| {
            let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
            !matches!(s, "" | "." | "..") && s.chars().all(is_fine)
        };
        let segments = own.url_prefix.strip_prefix('/');
        let is_path = segments.is_some_and(|s| s.split('/').all(is_segment));
        if !own.url_prefix.is_empty() && !is_path {
            let problem = format!("must be a path such as /tooltool, not {:?}", own.url_prefix);
            return Err(Invalid::new("URL_PREFIX", problem));
        }
        if own.relengapi_tokens && own.secret_key.is_none() {
            return Err(Invalid::missing("SECRET_KEY", "with RELENGAPI_TOKENS"));
        }
        Ok(())
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Reads `region:bucket;region:bucket`, blanks around allowed.
fn regions(text: &str) -> Result<Vec<Region>, Invalid> {
    let invalid = |problem: String| Invalid::new("S3_REGIONS", problem);
    let mut regions: Vec<Region> = Vec::new();
    for pair in text
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (name, bucket) = pair
            .split_once(':')
            .map(|(name, bucket)| (name.trim(), bucket.trim()))
            .filter(|(name, bucket)| is_name(name) && is_name(bucket))
            .ok_or_else(|| invalid(format!("{pair:?} must be region:bucket")))?;
        if regions.iter().any(|region| region.name == name) {
            return Err(invalid(format!("the region {name} is named twice")));
        }
        regions.push(Region {
            name: name.to_owned(),
            bucket: bucket.to_owned(),
        });
    }
    Ok(regions)
}

fn is_name(text: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=63).contains(&text.len()) && text.chars().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_pairs_with_blanks_around() {
        let region = |name: &str, bucket: &str| Region {
            name: name.to_owned(),
            bucket: bucket.to_owned(),
        };
        assert_eq!(
            regions(" us-east-1 : b1 ; us-west-2:b2;").unwrap(),
            [region("us-east-1", "b1"), region("us-west-2", "b2")]
        );
        assert_eq!(regions("").unwrap(), []);
        for (text, problem) in [
            (
                "us-east-1",
                r#"S3_REGIONS: "us-east-1" must be region:bucket"#,
            ),
            ("a:b/c", r#"S3_REGIONS: "a:b/c" must be region:bucket"#),
            ("a:b;a:c", "S3_REGIONS: the region a is named twice"),
        ] {
            assert_eq!(regions(text).unwrap_err().to_string(), problem);
        }
    }

    #[test]
    fn the_broker_can_be_switched_off() {
        let login = [("PULSE_USER", "demo"), ("PULSE_PASSWORD", "demo")];
        let load = |switch| {
            let pairs = [login.as_slice(), &[("DISABLE_PULSE", switch)]].concat();
            Settings::load(&Source::from_pairs(pairs)).unwrap()
        };
        assert!(load("0").broker.is_some());
        assert!(load("1").broker.is_none());
    }

    #[test]
    fn what_cannot_work_is_one_line_that_names_the_setting() {
        for (name, value, line) in [
            (
                "S3_REGIONS",
                "a:b",
                "S3_REGIONS_ACCESS_KEY_ID environment variable is required with S3_REGIONS",
            ),
            ("STORE_URL", "s3://x", "STORE_URL: must begin with file://"),
            (
                "UPLOAD_EXPIRES_IN",
                "0",
                "UPLOAD_EXPIRES_IN: must be between 1 and 604799",
            ),
            (
                "MAX_LIST_LENGTH",
                "-1",
                "MAX_LIST_LENGTH: must be between 1 and 1000000",
            ),
            (
                "PULSE_USER",
                "demo",
                "PULSE_PASSWORD environment variable is required with PULSE_USER",
            ),
            (
                "S3_COPY_PART_BYTES",
                "1MiB",
                "S3_COPY_PART_BYTES: must be between 5 MiB and 5 GiB",
            ),
            (
                "AWS_ENDPOINT_URL",
                "minio",
                "AWS_ENDPOINT_URL: must be an http or https address",
            ),
            (
                "SECURITY_CSP_REPORT_URI",
                "sentry",
                "SECURITY_CSP_REPORT_URI: must be an http or https address",
            ),
            (
                "CLOUDFRONT_URL",
                "https://cdn.example.com/",
                "CLOUDFRONT_URL: must be a host name such as cdn.example.com, not \"https://cdn.example.com/\"",
            ),
            (
                "CLOUDFRONT_URL",
                "cdn.example.com",
                "CLOUDFRONT_KEY_ID environment variable is required with CLOUDFRONT_URL",
            ),
            (
                "URL_PREFIX",
                "tooltool/",
                "URL_PREFIX: must be a path such as /tooltool, not \"tooltool/\"",
            ),
            (
                "RELENGAPI_TOKENS",
                "true",
                "SECRET_KEY environment variable is required with RELENGAPI_TOKENS",
            ),
        ] {
            let error = Settings::load(&Source::from_pairs([(name, value)])).unwrap_err();
            assert_eq!(error.to_string(), line);
        }
    }
}
