// SPDX-License-Identifier: MPL-2.0
//! Timings and failures of another store, through the `metrics` facade. What it measures is the
//! answer of the store; the bytes of an opened object flow afterwards.

use std::future::Future;
use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use releng_common::{Kind, Result};

use crate::{
    Attributes, BlobStore, Body, ByteRange, Key, Meta, Object, Origin, Page, Seal, SignedUrl, Store,
};

/// Names of the metrics of all stores. Labels: `store` (its name) and `operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricName {
    /// Milliseconds until a store answered an operation, failures included (histogram).
    Request,
    /// Operations that failed because the store could not be asked or broke (counter).
    Failures,
}

impl MetricName {
    /// Returns the name as it is reported.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "store.request",
            Self::Failures => "store.failures",
        }
    }
}

/// A store that reports how long another one takes.
#[derive(Debug)]
pub struct Measured {
    inner: Store,
}

impl Measured {
    /// Wraps a store.
    pub fn new(inner: Store) -> Self {
        Self { inner }
    }

    async fn time<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let start = Instant::now();
        let result = work.await;
        let store = self.inner.name().to_owned();
        metrics::histogram!(
            MetricName::Request.as_str(), "store" => store.clone(), "operation" => operation
        )
        .record(start.elapsed().as_secs_f64() * 1_000.0);
        if let Err(error) = &result
            && matches!(error.kind(), Kind::Unavailable | Kind::Internal)
        {
            metrics::counter!(
                MetricName::Failures.as_str(), "store" => store, "operation" => operation
            )
            .increment(1);
        }
        result
    }
}

#[async_trait]
impl BlobStore for Measured {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn head(&self, key: &Key) -> Result<Option<Meta>> {
        self.time("head", self.inner.head(key)).await
    }

    async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Option<Object>> {
        self.time("get", self.inner.get(key, range)).await
    }

    async fn put(&self, key: &Key, body: Body, attributes: &Attributes) -> Result<Meta> {
        self.time("put", self.inner.put(key, body, attributes))
            .await
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Option<Meta>> {
        self.time("copy", self.inner.copy(from, to)).await
    }

    async fn copy_from(
        &self,
        source: &dyn BlobStore,
        from: &Key,
        to: &Key,
    ) -> Result<Option<Meta>> {
        self.time("copy", self.inner.copy_from(source, from, to))
            .await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.time("delete", self.inner.delete(key)).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.time("list", self.inner.list(prefix, start_after, limit))
            .await
    }

    async fn sign_get(&self, key: &Key, expires_secs: u32) -> Result<SignedUrl> {
        self.inner.sign_get(key, expires_secs).await
    }

    async fn sign_put(
        &self,
        key: &Key,
        expires_secs: u32,
        signed: &Attributes,
    ) -> Result<SignedUrl> {
        self.inner.sign_put(key, expires_secs, signed).await
    }

    fn public_url(&self, key: &Key) -> Option<SignedUrl> {
        self.inner.public_url(key)
    }

    async fn make_private(&self, key: &Key) -> Result<()> {
        self.time("make_private", self.inner.make_private(key))
            .await
    }

    async fn seal(&self, key: &Key, until: DateTime<Utc>) -> Result<Seal> {
        self.time("seal", self.inner.seal(key, until)).await
    }

    async fn check(&self) -> Result<()> {
        self.time("check", self.inner.check()).await
    }

    async fn ensure(&self) -> Result<()> {
        self.inner.ensure().await
    }

    fn origin(&self) -> Origin {
        self.inner.origin()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use futures_util::FutureExt;
    use metrics::{
        Counter, CounterFn, Gauge, Histogram, HistogramFn, Key as MetricKey, KeyName, Metadata,
        Recorder, SharedString, Unit,
    };

    use super::*;
    use crate::Options;
    use crate::local::LocalStore;
    use crate::location::LocalLocation;
    use releng_common::Clock;

    type Seen = Arc<Mutex<Vec<String>>>;

    /// Writes down which metrics are touched.
    struct Notes(Seen);

    struct Note {
        seen: Seen,
        text: String,
    }

    impl CounterFn for Note {
        fn increment(&self, value: u64) {
            self.seen
                .lock()
                .unwrap()
                .push(format!("{} +{value}", self.text));
        }

        fn absolute(&self, _: u64) {}
    }

    impl HistogramFn for Note {
        fn record(&self, millis: f64) {
            let unit = if self.text.contains("=slow}") && millis >= 10.0 {
                " ms"
            } else {
                ""
            };
            self.seen
                .lock()
                .unwrap()
                .push(format!("{}{unit}", self.text));
        }
    }

    impl Notes {
        fn note(&self, key: &MetricKey) -> Arc<Note> {
            let labels: Vec<String> = key
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()))
                .collect();
            let text = format!("{}{{{}}}", key.name(), labels.join(","));
            Arc::new(Note {
                seen: Arc::clone(&self.0),
                text,
            })
        }
    }

    impl Recorder for Notes {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &MetricKey, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.note(key))
        }

        fn register_gauge(&self, _: &MetricKey, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, key: &MetricKey, _: &Metadata<'_>) -> Histogram {
            Histogram::from_arc(self.note(key))
        }
    }

    #[test]
    fn every_operation_is_timed_and_only_faults_count_as_failures() {
        let folder = tempfile::tempdir().unwrap();
        let location = LocalLocation {
            root: folder.path().to_owned(),
            prefix: String::new(),
            is_public: false,
        };
        let seen = Seen::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        metrics::with_local_recorder(&Notes(Arc::clone(&seen)), || {
            runtime.block_on(async {
                let options = Options::new("demo", Clock::system());
                let local = LocalStore::open(&location, &options).await.unwrap();
                let store = Measured::new(Arc::new(local));
                let key = Key::parse("k").unwrap();
                store
                    .put(&key, "v".into(), &Attributes::default())
                    .await
                    .unwrap();
                store.get(&key, Some(ByteRange::From(9))).await.unwrap_err();
                std::fs::write(folder.path().join("objects/k@"), "damaged").unwrap();
                store.head(&key).await.unwrap_err();
                let slow = tokio::time::sleep(Duration::from_millis(20));
                store.time("slow", slow.map(Ok)).await.unwrap();
            });
        });
        assert_eq!(
            *seen.lock().unwrap(),
            [
                "store.request{store=demo,operation=put}",
                "store.request{store=demo,operation=get}",
                "store.request{store=demo,operation=head}",
                "store.failures{store=demo,operation=head} +1",
                "store.request{store=demo,operation=slow} ms",
            ]
        );
    }
}
