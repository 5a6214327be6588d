// SPDX-License-Identifier: MPL-2.0
//! The contract of [`BlobStore`](crate::BlobStore) as code: every backend runs it from its tests.
//! It panics where a store breaks the contract; it is never part of a service.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "this is test code that several test binaries share"
)]

mod attributes;
mod bodies;
mod copies;
mod listing;
mod objects;
mod signed;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Attributes, Key, Store};

/// An empty store, ready for use.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The store.
    pub store: Store,
    /// The same objects, seen by a store whose clock is an hour late.
    pub late: Store,
    /// Another empty store of the same service.
    pub other: Store,
    /// Where the local store is served; unused by stores with absolute URLs.
    pub base: String,
}

/// Runs all cases, each with stores of its own.
///
/// # Panics
/// When the store breaks the contract.
pub async fn run<F, Made>(make: F)
where
    F: Fn() -> Made,
    Made: Future<Output = Fixture>,
{
    objects::run(&make).await;
    attributes::run(&make().await).await;
    bodies::run(&make).await;
    listing::run(&make).await;
    copies::run(&make).await;
    signed::run(&make).await;
}

fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

async fn put(store: &Store, name: &str, body: &'static str) {
    store
        .put(&key(name), body.into(), &Attributes::default())
        .await
        .unwrap();
}

/// Returns the bytes of an object, or `None`.
async fn read(store: &Store, name: &str) -> Option<Bytes> {
    let object = store.get(&key(name), None).await.unwrap()?;
    Some(object.bytes(1 << 30).await.unwrap())
}

/// Wraps a store, as services get it.
fn below(store: &Store, prefix: &str) -> Store {
    Arc::new(crate::prefixed::Prefixed::new(Arc::clone(store), prefix))
}
