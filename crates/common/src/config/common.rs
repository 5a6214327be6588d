// SPDX-License-Identifier: MPL-2.0
//! The settings that every service reads (operations.md).

use std::path::PathBuf;

crate::settings! {
    /// Settings that all four services share.
    pub struct Common {
        /// Address to listen on.
        pub host: String = "HOST", default "127.0.0.1";
        /// Port to listen on; 0 picks a free one and logs it.
        pub port: u16 = "PORT", default "8000";
        /// Folder where embedded backends keep their files.
        pub data_dir: PathBuf = "DATA_DIR", default "./data";
        /// Database: `sqlite://PATH`, `postgres://…` or `postgresql://…`.
        pub database_url: String = "DATABASE_URL", default "sqlite://$DATA_DIR/releng.db";
        /// Connections of the database pool.
        pub database_pool_size: u32 = "DATABASE_POOL_SIZE", default "8";
        /// Seconds that a request waits for a database connection, or for a lock, before it is answered with 503.
        pub database_timeout_secs: u64 = "DATABASE_TIMEOUT_SECONDS", default "5";
        /// Seconds that `migrate` and `serve --migrate` wait for a PostgreSQL server that does not answer yet.
        pub database_wait_secs: u64 = "DATABASE_WAIT_SECONDS", default "30";
        /// Address under which clients reach the service, when proxies rewrite `Host`.
        pub public_url: Option<String> = "PUBLIC_URL" ["APP_URL"];
        /// Set by Heroku on its machines: plain HTTP is then redirected to HTTPS.
        pub dyno: Option<String> = "DYNO";
        /// Networks whose `X-Forwarded-*` headers are believed.
        pub trusted_proxies: Vec<String> = "TRUSTED_PROXIES", default "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1/128,fc00::/7";
        /// Base address of the Taskcluster deployment that verifies Hawk credentials; unset: only `AUTH_CLIENTS_FILE`.
        pub taskcluster_root_url: Option<String> = "TASKCLUSTER_ROOT_URL";
        /// Seconds that one question to Taskcluster may take.
        pub taskcluster_timeout_secs: u64 = "TASKCLUSTER_TIMEOUT_SECONDS", default "5";
        /// YAML list of `{clientId, accessToken, scopes, expires?}`: Hawk clients verified locally, asked before Taskcluster.
        pub auth_clients_file: Option<PathBuf> = "AUTH_CLIENTS_FILE";
        /// `text` or `mozlog`; unset: `text` on a terminal, `mozlog` elsewhere.
        pub log_format: Option<String> = "LOG_FORMAT";
        /// Least severe level that is logged: `error`, `warn`, `info`, `debug`, `trace`, or a list as in `info,releng_db=debug`.
        pub log_level: String = "LOG_LEVEL", default "info";
        /// Host that receives metrics in the StatsD dialect; unset: only `/__metrics__`.
        pub statsd_host: Option<String> = "STATSD_HOST" ["DJANGO_STATSD_HOST"];
        /// UDP port of the StatsD host.
        pub statsd_port: u16 = "STATSD_PORT" ["DJANGO_STATSD_PORT"], default "8125";
        /// Text in front of every StatsD key.
        pub statsd_namespace: String = "STATSD_NAMESPACE" ["DJANGO_STATSD_NAMESPACE"], default "";
        /// Address of a Sentry project. This version reports nothing there and says so at start.
        pub sentry_dsn: Option<String> = "SENTRY_DSN", secret true;
        /// Origins that may read answers from a browser where the contract allows CORS: `*` or a list separated by blanks or commas.
        pub cors_origins: String = "CORS_ORIGINS", default "*";
        /// Threads that answer requests; 0: one per core.
        pub workers: usize = "WORKERS" ["WEB_CONCURRENCY"], default "0";
        /// Seconds that a client may take to send the head of the first request of a connection.
        pub request_head_timeout_secs: u64 = "REQUEST_HEAD_TIMEOUT_SECONDS", default "15";
        /// Seconds that a client may take to send a body which is read as a whole.
        pub body_timeout_secs: u64 = "BODY_TIMEOUT_SECONDS", default "60";
        /// Seconds that an idle connection is kept.
        pub keep_alive_secs: u64 = "KEEP_ALIVE_SECONDS", default "75";
        /// Seconds that requests may take to finish after SIGTERM.
        pub shutdown_secs: u64 = "SHUTDOWN_TIMEOUT_SECONDS", default "30";
        /// File that `/__version__` answers with.
        pub version_file: PathBuf = "VERSION_FILE", default "/app/version.json";
    }
}

impl Common {
    /// Returns whether the database is a SQLite file: then one process does everything.
    pub fn is_embedded(&self) -> bool {
        self.database_url.starts_with("sqlite:")
    }
}
