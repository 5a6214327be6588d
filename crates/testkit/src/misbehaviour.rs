// SPDX-License-Identifier: MPL-2.0
//! How a stand-in fails when a test wants it to, and the count of what it was asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::body::{BodyStream, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use futures_util::stream;

/// Different paths that are counted apart; the rest counts as `other`.
const MAX_PATHS: usize = 200;

/// What a stand-in does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers as the real service does.
    #[default]
    Normal,
    /// Takes the request and never answers.
    Hang,
    /// Answers 500.
    ServerError,
    /// Answers 200 with a body that is not JSON, labelled as JSON.
    Garbage,
    /// Closes the connection instead of answering.
    Cut,
    /// Answers as the real service does, after a pause.
    Slow(Duration),
}

/// The present behaviour of one stand-in and what it was asked so far.
#[derive(Default)]
pub(crate) struct Conduct {
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    behaviour: Behaviour,
    remaining: Option<usize>,
    hits: BTreeMap<String, usize>,
}

impl Conduct {
    /// Behaves so from now on; with `requests` only for that many, normally afterwards.
    pub(crate) fn set(&self, behaviour: Behaviour, requests: Option<usize>) {
        let mut record = self.record();
        record.behaviour = behaviour;
        record.remaining = requests;
    }

    /// Returns the number of all requests.
    pub(crate) fn hits(&self) -> usize {
        self.record().hits.values().sum()
    }

    /// Returns the number of requests whose path ends so.
    pub(crate) fn hits_of(&self, path: &str) -> usize {
        let record = self.record();
        record
            .hits
            .iter()
            .filter(|(known, _)| known.ends_with(path))
            .map(|(_, hits)| hits)
            .sum()
    }

    fn next(&self, path: &str) -> Behaviour {
        let mut record = self.record();
        let known = record.hits.len() < MAX_PATHS || record.hits.contains_key(path);
        *record
            .hits
            .entry(if known { path } else { "other" }.to_owned())
            .or_default() += 1;
        match record.remaining.as_mut() {
            None => record.behaviour,
            Some(0) => Behaviour::Normal,
            Some(left) => {
                *left -= 1;
                record.behaviour
            }
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The middleware: counts a request and lets the behaviour decide about it. Pages of other
    /// origins may read every answer, as those of the real services may.
    pub(crate) async fn apply(
        &self,
        req: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let mut response = if req.method() == Method::OPTIONS {
            req.into_response(HttpResponse::Ok().finish())
        } else {
            match self.next(req.path()) {
                Behaviour::Normal => next.call(req).await?.map_into_boxed_body(),
                Behaviour::Slow(pause) => {
                    tokio::time::sleep(pause).await;
                    next.call(req).await?.map_into_boxed_body()
                }
                Behaviour::Hang => std::future::pending().await,
                Behaviour::ServerError => req.into_response(server_error()),
                Behaviour::Garbage => req.into_response(garbage()),
                Behaviour::Cut => req.into_response(cut()),
            }
        };
        open_to_all_origins(response.headers_mut());
        Ok(response)
    }
}

fn server_error() -> HttpResponse {
    HttpResponse::InternalServerError().json(serde_json::json!({
        "code": "InternalServerError",
        "message": "Internal error, sorry",
    }))
}

fn garbage() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body("<html>not what you asked for")
}

/// A body that fails makes the server close the connection: there is no other way to say so.
fn cut() -> HttpResponse {
    let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut on demand")) });
    HttpResponse::Ok().body(BodyStream::new(Box::pin(broken)))
}

fn open_to_all_origins(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
