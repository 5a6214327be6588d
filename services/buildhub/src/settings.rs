// SPDX-License-Identifier: MPL-2.0
//! Settings of buildhub beyond the shared ones.

use std::path::PathBuf;

use releng_common::config::{ByteSize, Common, Invalid, Source};

releng_common::settings! {
    /// Settings that only buildhub has.
    pub struct Own {
        /// Folder that is watched: a `buildhub.json` dropped anywhere below it becomes a record.
        pub archive_dir: PathBuf = "ARCHIVE_DIR", default "$DATA_DIR/archive";
        /// Seconds between two looks at the whole archive folder, beside the notices of the kernel.
        pub archive_scan_secs: u64 = "ARCHIVE_SCAN_SECONDS", default "600";
        /// Folder of the search index; it can be deleted while the service is down.
        pub index_dir: PathBuf = "INDEX_DIR", default "$DATA_DIR/buildhub-index";
        /// Milliseconds between two looks for rows that other processes added.
        pub index_poll_ms: u64 = "INDEX_POLL_MILLISECONDS", default "500";
        /// YAML file with the rules for records, in place of the built-in `schema.yaml`.
        pub schema_file: Option<PathBuf> = "SCHEMA_FILE";
        /// Largest record file.
        pub max_record_bytes: ByteSize = "MAX_RECORD_BYTES", default "1MiB";
        /// Whether a release of Firefox is also filed under the channel beta.
        pub beta_copy: bool = "BETA_COPY", default "true";
        /// Largest `size` of a search.
        pub max_search_size: u64 = "MAX_SEARCH_SIZE", default "1000";
        /// Largest search body in bytes.
        pub max_body_bytes: usize = "MAX_BODY_BYTES", default "1048576";
        /// Searches that run at once; 0: one per core.
        pub search_workers: usize = "SEARCH_WORKERS", default "0";
        /// Searches that may wait for their turn; further ones are answered with 503.
        pub search_queue: usize = "SEARCH_QUEUE", default "256";
        /// Address that browsers report violations of the content security policy to.
        pub csp_report_uri: Option<String> = "CSP_REPORT_URI";
        /// Seconds for which browsers must come back by https.
        pub secure_hsts_secs: u64 = "SECURE_HSTS_SECONDS", default "31536000";
    }
}

releng_common::settings! {
    /// Settings of parts that this version does not have. A set-up that relies on one of them must
    /// not start as if it worked.
    pub struct Unsupported {
        /// Queue with notices of new files.
        pub sqs_queue_url: Option<String> = "SQS_QUEUE_URL";
        /// Bucket that the notices are about.
        pub sqs_s3_bucket_url: Option<String> = "SQS_S3_BUCKET_URL";
        /// Bucket of the backfill.
        pub s3_bucket_url: Option<String> = "S3_BUCKET_URL";
        /// Addresses of an Elasticsearch or OpenSearch cluster.
        pub es_urls: Option<String> = "ES_URLS";
        /// Index of the cluster.
        pub es_build_index: Option<String> = "ES_BUILD_INDEX";
        /// Database of the predecessor of the predecessor.
        pub kinto_database_url: Option<String> = "KINTO_DATABASE_URL";
        /// Whether records also go to BigQuery.
        pub bq_enabled: bool = "BQ_ENABLED", default "false";
    }
}

impl Unsupported {
    fn check(&self) -> Result<(), Invalid> {
        let texts = [
            ("SQS_QUEUE_URL", &self.sqs_queue_url),
            ("SQS_S3_BUCKET_URL", &self.sqs_s3_bucket_url),
            ("S3_BUCKET_URL", &self.s3_bucket_url),
            ("ES_URLS", &self.es_urls),
            ("ES_BUILD_INDEX", &self.es_build_index),
            ("KINTO_DATABASE_URL", &self.kinto_database_url),
        ];
        let set = texts
            .into_iter()
            .find(|(_, value)| value.is_some())
            .map(|(name, _)| name);
        match set.or(self.bq_enabled.then_some("BQ_ENABLED")) {
            Some(name) => Err(Invalid::new(
                name,
                "is not supported by this version; unset it",
            )),
            None => Ok(()),
        }
    }
}

/// All settings of the service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The shared ones.
    pub common: Common,
    /// Those of buildhub.
    pub own: Own,
}

impl Settings {
    /// Reads everything and checks what single settings cannot.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn load(source: &Source) -> Result<Self, Invalid> {
        let settings = Self {
            common: Common::load(source)?,
            own: Own::load(source)?,
        };
        Unsupported::load(source)?.check()?;
        settings.validate()?;
        Ok(settings)
    }

    fn validate(&self) -> Result<(), Invalid> {
        let own = &self.own;
        let numbers = [
            ("ARCHIVE_SCAN_SECONDS", own.archive_scan_secs),
            ("INDEX_POLL_MILLISECONDS", own.index_poll_ms),
            ("MAX_RECORD_BYTES", own.max_record_bytes.0),
            ("MAX_SEARCH_SIZE", own.max_search_size),
        ];
        let breaks_policy = |c: char| !c.is_ascii_graphic() || matches!(c, ';' | ',');
        if let Some(address) = own
            .csp_report_uri
            .as_deref()
            .filter(|a| a.contains(breaks_policy))
        {
            let problem = format!(
                "must be an address without blanks, line breaks, commas and semicolons, not {address:?}"
            );
            return Err(Invalid::new("CSP_REPORT_URI", problem));
        }
        match numbers.into_iter().find(|(_, number)| *number == 0) {
            Some((name, _)) => Err(Invalid::new(name, "must be at least 1")),
            None => Ok(()),
        }
    }
}
