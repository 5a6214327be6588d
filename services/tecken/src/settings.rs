// SPDX-License-Identifier: MPL-2.0
//! Settings of tecken beyond the shared ones (tecken.md §12). Each is also read as `DJANGO_…`.

mod literal;

use std::collections::BTreeMap;

use releng_common::config::{ByteSize, Common, Invalid, Source};
use releng_store::Location;

releng_common::settings! {
    /// Settings that only tecken has.
    pub struct Own {
        /// Where symbols are read from, in this order, comma separated: `https://host/bucket/prefix`, `s3://bucket/prefix` or `file://folder`, each with `?access=public` for readers without a signature.
        pub symbol_urls: Vec<String> = "SYMBOL_URLS", default "file://$DATA_DIR/symbols";
        /// Where uploads go; must be one of `SYMBOL_URLS`.
        pub upload_default_url: String = "UPLOAD_DEFAULT_URL", default "file://$DATA_DIR/symbols";
        /// Where try uploads go; unset: the default location with `try` right after the bucket.
        pub upload_try_symbols_url: Option<String> = "UPLOAD_TRY_SYMBOLS_URL";
        /// Locations for the uploads of some people: a Python or JSON dict from e-mail address or glob to URL.
        pub upload_url_exceptions: String = "UPLOAD_URL_EXCEPTIONS" ["UPLOAD_BUCKET_EXCEPTIONS"], default "{}";
        /// First part of every key, below the prefix of the location.
        pub symbol_file_prefix: String = "SYMBOL_FILE_PREFIX", default "v1";
        /// Extensions of files that are stored compressed.
        pub compress_extensions: Vec<String> = "COMPRESS_EXTENSIONS", default "sym";
        /// Media types by extension: a Python or JSON dict.
        pub mime_overrides: String = "MIME_OVERRIDES", default "{'sym': 'text/plain'}";
        /// Texts that no name in an archive may contain.
        pub disallowed_symbols_snippets: Vec<String> = "DISALLOWED_SYMBOLS_SNIPPETS", default "qcom/proprietary";
        /// Endings of files that can be downloaded.
        pub download_extensions: Vec<String> = "DOWNLOAD_FILE_EXTENSIONS_WHITELIST", default ".sym,.dl_,.ex_,.pd_,.dbg.gz,.tar.bz2";
        /// Files of one upload that are worked on at the same time; unset: five per core.
        pub upload_file_workers: Option<usize> = "UPLOAD_FILE_UPLOAD_MAX_WORKERS";
        /// Name of the folder below `DATA_DIR` for archives on their way; no path.
        pub upload_tempdir_prefix: String = "UPLOAD_TEMPDIR_PREFIX", default "raw-uploads";
        /// Largest body of an upload.
        pub upload_max_body: ByteSize = "UPLOAD_MAX_BODY_SIZE", default "2GiB";
        /// Largest total size of the files of one archive.
        pub upload_max_unpacked: ByteSize = "UPLOAD_MAX_UNPACKED_SIZE", default "32GiB";
        /// Most entries of one archive.
        pub upload_max_entries: usize = "UPLOAD_MAX_ENTRIES", default "50000";
        /// How many times larger than its archive the content may be, beyond 32 MiB of content.
        pub upload_max_ratio: u64 = "UPLOAD_MAX_RATIO", default "200";
        /// Uploads that run at the same time; further ones get 503.
        pub upload_max_running: usize = "UPLOAD_MAX_RUNNING", default "16";
        /// Seconds that a client may pause while it sends an archive.
        pub upload_idle_secs: u64 = "UPLOAD_IDLE_SECONDS", default "60";
        /// Threads for archives, compression and symbol files; 0: one per core.
        pub pool_workers: usize = "BLOCKING_WORKERS", default "0";
        /// Shared cache; unset: in process.
        pub redis_url: Option<String> = "REDIS_URL";
        /// Shared cache of symbolication; unset: `REDIS_URL`.
        pub redis_store_url: Option<String> = "REDIS_STORE_URL";
        /// Seconds to connect to `REDIS_URL`.
        pub redis_connect_secs: u64 = "REDIS_SOCKET_CONNECT_TIMEOUT", default "1";
        /// Seconds to wait for an answer of `REDIS_URL`.
        pub redis_answer_secs: u64 = "REDIS_SOCKET_TIMEOUT", default "2";
        /// Whether a broken cache is worked around instead of failing requests.
        pub redis_ignore_exceptions: bool = "REDIS_IGNORE_EXCEPTIONS", default "true";
        /// Most bytes of the cache in process.
        pub cache_max: ByteSize = "CACHE_MAX_SIZE", default "64MiB";
        /// Seconds for which the existence or absence of an object is remembered.
        pub exists_ttl_secs: u64 = "SYMBOLDOWNLOAD_EXISTS_TTL_SECONDS", default "21600";
        /// Seconds for which an equal miss is not recorded again.
        pub memoize_missing_secs: u64 = "MEMOIZE_LOG_MISSING_SYMBOLS_SECONDS", default "86400";
        /// Whether missing symbols are recorded.
        pub store_missing_symbols: bool = "ENABLE_STORE_MISSING_SYMBOLS", default "true";
        /// Most missing symbols that the CSV lists.
        pub missing_csv_max: i64 = "MISSING_SYMBOLS_CSV_MAX_ROWS", default "1000000";
        /// Seconds to the first byte of a symbol file; and over so many a store must not be slower than `SYMBOLS_MIN_RATE`.
        pub symbols_get_secs: u64 = "SYMBOLS_GET_TIMEOUT", default "5";
        /// Bytes that come of a symbol file in a second; from a slower store it does not come at all.
        pub symbols_min_rate: ByteSize = "SYMBOLS_MIN_RATE", default "64KiB";
        /// Seconds for which the reading of one symbol file may wait for a store, all in all.
        pub symbols_read_secs: u64 = "SYMBOLS_READ_TIMEOUT", default "300";
        /// Seconds for which symbolication remembers that a module has no symbols.
        pub symbols_negative_ttl_secs: i64 = "SYMBOLS_NEGATIVE_TTL_SECONDS", default "60";
        /// Most memory for parts of symbol indexes.
        pub symbol_cache_max: ByteSize = "SYMBOL_CACHE_MAX_BYTES" ["SYMBOLS_CACHE_MAX_SIZE"], default "128MiB";
        /// Most disk for symbol indexes, in the folder `symbol-index` below `DATA_DIR`; 0 keeps none there.
        pub symbol_index_max: ByteSize = "SYMBOL_INDEX_MAX_BYTES", default "10GiB";
        /// Largest symbol file, unpacked.
        pub symbol_max: ByteSize = "SYMBOL_MAX_BYTES" ["SYMBOLS_MAX_FILE_SIZE"], default "4GiB";
        /// Largest body of a symbolication request.
        pub symbolicate_max_body: ByteSize = "SYMBOLICATE_MAX_BODY_SIZE", default "32MiB";
        /// Most jobs of a symbolication request.
        pub symbolicate_max_jobs: usize = "SYMBOLICATE_MAX_JOBS", default "1000";
        /// Most frames of a symbolication request.
        pub symbolicate_max_frames: usize = "SYMBOLICATE_MAX_FRAMES", default "1000000";
        /// Symbolication requests that are taken in at the same time; further ones get 503.
        pub symbolicate_max_running: usize = "SYMBOLICATE_MAX_RUNNING", default "256";
        /// Most memory for bodies, symbols and answers of all symbolication requests together; one alone may take three quarters of it, and beyond it requests get 503.
        pub symbolicate_max_memory: ByteSize = "SYMBOLICATE_MAX_MEMORY", default "512MiB";
        /// Seconds that a client may pause while it sends a symbolication request.
        pub symbolicate_idle_secs: u64 = "SYMBOLICATE_IDLE_SECONDS", default "10";
        /// Seconds that a symbolication request waits for stores before it gets 503; what it waits for goes on.
        pub symbolicate_secs: u64 = "SYMBOLICATE_TIMEOUT", default "60";
        /// Whether the `Auth-Token` header counts.
        pub tokens_enabled: bool = "ENABLE_TOKENS_AUTHENTICATION", default "true";
        /// Days that a new token lives.
        pub token_days: i64 = "TOKENS_DEFAULT_EXPIRATION_DAYS", default "365";
        /// Client id at the OpenID provider; unset: nobody can sign in.
        pub oidc_client_id: Option<String> = "OIDC_RP_CLIENT_ID";
        /// Secret at the OpenID provider.
        pub oidc_client_secret: Option<String> = "OIDC_RP_CLIENT_SECRET", secret true;
        /// Where people sign in.
        pub oidc_authorization_endpoint: String = "OIDC_OP_AUTHORIZATION_ENDPOINT", default "https://auth.mozilla.auth0.com/authorize";
        /// Where codes become tokens.
        pub oidc_token_endpoint: String = "OIDC_OP_TOKEN_ENDPOINT", default "https://auth.mozilla.auth0.com/oauth/token";
        /// Where the provider tells who it is.
        pub oidc_user_endpoint: String = "OIDC_OP_USER_ENDPOINT", default "https://auth.mozilla.auth0.com/userinfo";
        /// Keys of the provider, for RS256.
        pub oidc_jwks_endpoint: Option<String> = "OIDC_OP_JWKS_ENDPOINT";
        /// How the provider signs: `HS256` or `RS256`.
        pub oidc_sign_algo: String = "OIDC_RP_SIGN_ALGO", default "HS256";
        /// Name of the provider in its tokens; unset: the user endpoint without `/userinfo`.
        pub oidc_issuer: Option<String> = "OIDC_OP_ISSUER";
        /// Seconds that one question to the provider may take.
        pub oidc_timeout_secs: u64 = "OIDC_TIMEOUT_SECONDS", default "10";
        /// Seconds that a session lives.
        pub session_age_secs: i64 = "SESSION_COOKIE_AGE", default "31536000";
        /// S3 server where an `s3://` address names none.
        pub aws_endpoint_url_s3: Option<String> = "AWS_ENDPOINT_URL_S3";
        /// The same, for all services of AWS.
        pub aws_endpoint_url: Option<String> = "AWS_ENDPOINT_URL";
        /// Region where an address names none.
        pub aws_region: String = "AWS_DEFAULT_REGION", default "us-east-1";
        /// Seconds to connect when an upload looks whether a file is there already.
        pub s3_lookup_connect_secs: u64 = "S3_LOOKUP_CONNECT_TIMEOUT", default "2";
        /// Seconds to wait for the answer then; later counts as absence.
        pub s3_lookup_read_secs: u64 = "S3_LOOKUP_READ_TIMEOUT", default "4";
        /// Seconds to connect to a store.
        pub s3_connect_secs: u32 = "S3_PUT_CONNECT_TIMEOUT", default "10";
        /// Seconds to wait for an answer of a store.
        pub s3_read_secs: u32 = "S3_PUT_READ_TIMEOUT", default "30";
    }
}

/// Memory without which no request can be answered.
const MIN_MEMORY: u64 = 1 << 20;

/// All settings of the service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The shared ones.
    pub common: Common,
    /// Those of tecken.
    pub own: Own,
    /// Where symbols are, read from the addresses above.
    pub places: Places,
    /// Media types by extension.
    pub media_types: BTreeMap<String, String>,
}

/// The locations of symbols, as addresses and parsed.
#[derive(Clone, Debug)]
pub struct Places {
    /// Read from, in this order.
    pub regular: Vec<Place>,
    /// Try symbols, read last.
    pub try_place: Place,
    /// Uploads go here.
    pub default: Place,
    /// Uploads of some people: lower-case e-mail address or glob, and where.
    pub exceptions: Vec<(String, Place)>,
}

/// One location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address as it was written.
    pub url: String,
    /// What it means.
    pub location: Location,
}

impl Place {
    fn parse(name: &str, url: &str) -> Result<Self, Invalid> {
        if url.trim().is_empty() {
            return Err(Invalid::new(name, "must not be empty"));
        }
        let location =
            Location::parse(url).map_err(|e| Invalid::new(name, e.message().to_owned()))?;
        Ok(Self {
            url: url.to_owned(),
            location,
        })
    }
}

impl Settings {
    /// Reads everything and checks what single settings cannot.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn load(source: &Source) -> Result<Self, Invalid> {
        let (common, own) = (Common::load(source)?, Own::load(source)?);
        let places = places(&own)?;
        let media_types = literal::dict("MIME_OVERRIDES", &own.mime_overrides)?
            .into_iter()
            .collect();
        let settings = Self {
            common,
            own,
            places,
            media_types,
        };
        settings.validate()?;
        Ok(settings)
    }

    fn validate(&self) -> Result<(), Invalid> {
        let own = &self.own;
        check_folder_name("UPLOAD_TEMPDIR_PREFIX", &own.upload_tempdir_prefix)?;
        if own.upload_max_running == 0 {
            return Err(Invalid::new("UPLOAD_MAX_RUNNING", "must be at least 1"));
        }
        if own.symbolicate_max_running == 0 {
            return Err(Invalid::new(
                "SYMBOLICATE_MAX_RUNNING",
                "must be at least 1",
            ));
        }
        if own.symbolicate_max_memory.0 < MIN_MEMORY {
            return Err(Invalid::new(
                "SYMBOLICATE_MAX_MEMORY",
                "must be at least 1MiB",
            ));
        }
        if own.upload_file_workers == Some(0) {
            return Err(Invalid::new(
                "UPLOAD_FILE_UPLOAD_MAX_WORKERS",
                "must be at least 1",
            ));
        }
        if !matches!(own.oidc_sign_algo.as_str(), "HS256" | "RS256") {
            return Err(Invalid::new("OIDC_RP_SIGN_ALGO", "must be HS256 or RS256"));
        }
        if own.oidc_sign_algo == "RS256" && own.oidc_jwks_endpoint.is_none() {
            return Err(Invalid::missing("OIDC_OP_JWKS_ENDPOINT", "with RS256"));
        }
        if own.oidc_client_id.is_some() != own.oidc_client_secret.is_some() {
            let problem = "must be set together with OIDC_RP_CLIENT_ID";
            return Err(Invalid::new("OIDC_RP_CLIENT_SECRET", problem));
        }
        Ok(())
    }
}

/// Refuses what would lead out of the folder that the name is for, or be that folder itself.
fn check_folder_name(name: &str, value: &str) -> Result<(), Invalid> {
    if matches!(value, "" | "." | "..") || value.contains(['/', '\0']) {
        let problem = format!("must be the name of a folder below DATA_DIR, not {value:?}");
        return Err(Invalid::new(name, problem));
    }
    Ok(())
}

fn places(own: &Own) -> Result<Places, Invalid> {
    if own.symbol_urls.is_empty() {
        return Err(Invalid::new(
            "SYMBOL_URLS",
            "must name at least one location",
        ));
    }
    let regular: Vec<Place> = own
        .symbol_urls
        .iter()
        .map(|url| Place::parse("SYMBOL_URLS", url))
        .collect::<Result<_, _>>()?;
    let default = Place::parse("UPLOAD_DEFAULT_URL", &own.upload_default_url)?;
    if !own.symbol_urls.contains(&default.url) {
        return Err(Invalid::new(
            "UPLOAD_DEFAULT_URL",
            "must be one of SYMBOL_URLS",
        ));
    }
    let try_place = match &own.upload_try_symbols_url {
        Some(url) => Place::parse("UPLOAD_TRY_SYMBOLS_URL", url)?,
        None => try_of(&default),
    };
    let exceptions = literal::dict("UPLOAD_URL_EXCEPTIONS", &own.upload_url_exceptions)?
        .into_iter()
        .map(|(who, url)| {
            Ok((
                who.to_lowercase(),
                Place::parse("UPLOAD_URL_EXCEPTIONS", &url)?,
            ))
        })
        .collect::<Result<_, Invalid>>()?;
    Ok(Places {
        regular,
        try_place,
        default,
        exceptions,
    })
}

/// Returns the try location of a bucket: `try` right after its name.
pub(crate) fn try_of(place: &Place) -> Place {
    let location = place.location.clone().with_first_segment("try");
    Place {
        url: location.to_string(),
        location,
    }
}
