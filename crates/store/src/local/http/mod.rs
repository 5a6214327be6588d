// SPDX-License-Identifier: MPL-2.0
//! Serves the signed URLs of local stores the way S3 serves its own: same statuses, same headers,
//! small XML documents for refusals. Mount it outside of any scope and of compression, because
//! objects are sent byte for byte.

mod conditions;
mod read;
mod refusal;
mod request;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::LocalStore;
use crate::BlobStore;
use refusal::Refusal;
use request::Target;

/// The local stores of a process by name.
#[derive(Clone, Debug, Default)]
pub struct Buckets(Arc<BTreeMap<String, LocalStore>>);

impl FromIterator<LocalStore> for Buckets {
    fn from_iter<I: IntoIterator<Item = LocalStore>>(stores: I) -> Self {
        let by_name = |store: LocalStore| (store.name().to_owned(), store);
        Self(Arc::new(stores.into_iter().map(by_name).collect()))
    }
}

/// Adds the routes below `/__store__/`.
pub fn configure(config: &mut ServiceConfig, buckets: &Buckets) {
    config.service(
        web::resource("/__store__/{tail:.*}")
            .app_data(web::Data::new(buckets.clone()))
            .route(web::route().to(serve)),
    );
}

async fn serve(
    request: HttpRequest,
    payload: Payload,
    buckets: web::Data<Buckets>,
) -> HttpResponse {
    match dispatch(&request, payload, &buckets).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn dispatch(
    request: &HttpRequest,
    payload: Payload,
    buckets: &Buckets,
) -> Result<HttpResponse, Refusal> {
    let target = Target::parse(request)?;
    let store = buckets.0.get(&target.bucket).ok_or(Refusal::NoSuchBucket)?;
    let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
    if !is_read && request.method() != Method::PUT {
        return Err(Refusal::MethodNotAllowed);
    }
    if !(is_read && target.is_unsigned() && store.is_public(&target.key)) {
        target.authorise(store, request)?;
    }
    if is_read {
        read::serve(store, &target.key, request).await
    } else {
        write::serve(store, &target, request, payload).await
    }
}
