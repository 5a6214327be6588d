// SPDX-License-Identifier: MPL-2.0
//! Apps whose buckets are behind a proxy that spoils what passes.

use crate::App;
use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::{Backend, backends};
use releng_testkit::requirement::requires;
use releng_testkit::s3_bucket::S3Bucket;
use releng_testkit::store_proxy::{Fault, StoreProxy};

/// An app and what stands between it and its store.
pub(crate) struct Proxied {
    pub(crate) app: App,
    pub(crate) proxy: StoreProxy,
}

/// Starts an app on each database; none without a server for buckets.
pub(crate) async fn each(
    regions: &[&str],
    set: impl Fn(TestAppBuilder) -> TestAppBuilder,
) -> Vec<Proxied> {
    let mut all = Vec::new();
    for backend in backends() {
        all.extend(start(backend, regions, &set).await);
    }
    all
}

/// Starts one app.
pub(crate) async fn start(
    backend: Backend,
    regions: &[&str],
    set: impl Fn(TestAppBuilder) -> TestAppBuilder,
) -> Option<Proxied> {
    let proxy = StoreProxy::start(&requires("s3")?);
    let mut buckets = Vec::new();
    let mut list = Vec::new();
    for region in regions {
        let bucket = S3Bucket::create().await?;
        list.push(format!("{region}:{}", bucket.name()));
        buckets.push(bucket);
    }
    let builder = App::builder(backend)
        .set("CHECK_PENDING_INTERVAL_SECONDS", "1")
        .set("S3_REGIONS", list.join(";"))
        .set("S3_REGIONS_ACCESS_KEY_ID", "testkey")
        .set("S3_REGIONS_SECRET_ACCESS_KEY", "testsecret123")
        .set("AWS_ENDPOINT_URL_S3", proxy.url());
    let mut app = App::started(set(builder)).await;
    app.buckets = buckets;
    Some(Proxied { app, proxy })
}

impl Proxied {
    /// Makes every reading of an object wait.
    pub(crate) fn hold_reading(&self, digest: &str) {
        self.proxy.spoil("GET", digest, Fault::Hold, None);
    }

    /// Waits until a request is held.
    pub(crate) async fn held(&self) {
        releng_testkit::poll::eventually(crate::PATIENCE, || async {
            (self.proxy.holding() > 0).then_some(())
        })
        .await;
    }
}
