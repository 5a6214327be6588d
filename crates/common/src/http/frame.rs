// SPDX-License-Identifier: MPL-2.0
//! The one middleware of every service: request id, errors in the service's form, CORS, security
//! headers, caught panics and one log line per request.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use futures_util::FutureExt as _;

use super::admission;
use super::cors::Cors;
use super::in_flight::{Guard, InFlight, guard_body};
use super::outside::{Outside, PROBES};
use super::security_headers::SecurityHeaders;
use super::unread::Unread;
use crate::error::{Error, Kind};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Turns the neutral error into the answer of one service.
pub type Renderer = fn(&HttpRequest, &Error) -> HttpResponse;

/// What the middleware needs to know of its service.
#[derive(Clone)]
pub struct Frame {
    /// Service name in logs and metrics.
    pub service: &'static str,
    /// Form of errors.
    pub renderer: Renderer,
    /// Which answers browsers of other origins may read.
    pub cors: Cors,
    /// Headers of every answer.
    pub security: SecurityHeaders,
    /// Outside address and trusted proxies.
    pub outside: Outside,
    /// True for products that promise `X-Response-Time` (buildhub).
    pub sends_response_time: bool,
}

/// Things that a handler wants to have in the answer or in the log, left in the request.
#[derive(Default)]
struct Notes {
    uid: String,
    headers: Vec<(&'static str, String)>,
}

/// Leaves the id of the verified caller for the request log.
pub fn note_caller(request: &HttpRequest, client_id: &str) {
    let mut extensions = request.extensions_mut();
    match extensions.get_mut::<Notes>() {
        Some(notes) => client_id.clone_into(&mut notes.uid),
        None => {
            extensions.insert(Notes {
                uid: client_id.to_owned(),
                ..Notes::default()
            });
        }
    }
}

/// Leaves a header for the answer, also when the handler returns an error.
pub fn note_header(request: &HttpRequest, name: &'static str, value: String) {
    let mut extensions = request.extensions_mut();
    match extensions.get_mut::<Notes>() {
        Some(notes) => notes.headers.push((name, value)),
        None => {
            extensions.insert(Notes {
                headers: vec![(name, value)],
                ..Notes::default()
            });
        }
    }
}

/// The middleware function; installed by the run loop with [`Frame`] in the app data.
///
/// # Errors
/// Those of actix itself, which know how to be an answer.
pub async fn middleware(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let Some(frame) = request
        .app_data::<web::Data<Frame>>()
        .cloned()
        .map(web::Data::into_inner)
    else {
        return next
            .call(request)
            .await
            .map(ServiceResponse::map_into_boxed_body);
    };
    let guard = request.app_data::<InFlight>().map(InFlight::enter);
    let unread = Unread::watch(&mut request);
    let id = request_id(request.headers());
    frame.outside.unmount(&mut request);
    // The request must not be cloned before routing: the router demands to be its only owner.
    let response = match answer_at_once(&frame, request.request()) {
        Some(response) => request.into_response(response),
        None => answer(&frame, request, next).await?,
    };
    let mut response = finish(&frame, response, id, started);
    if guard.as_ref().is_some_and(Guard::is_draining) {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    let response = match guard {
        Some(guard) => response.map_body(|_, body| guard_body(body, guard)),
        None => response,
    };
    Ok(match unread {
        Some(unread) => unread.finish(response),
        None => response,
    })
}

/// Answers what no handler needs to see: a client that must come back with TLS, and preflights.
fn answer_at_once(frame: &Frame, request: &HttpRequest) -> Option<HttpResponse> {
    if let Some(address) = frame.outside.https_address(request) {
        // A 302 makes clients turn a POST into a GET.
        let status = if is_read(request.method()) {
            StatusCode::FOUND
        } else {
            StatusCode::PERMANENT_REDIRECT
        };
        let mut response = HttpResponse::build(status);
        return Some(response.insert_header(("location", address)).finish());
    }
    frame.cors.preflight(request)
}

async fn answer(
    frame: &Frame,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Err(refusal) = admission::check(request.request()).await {
        let response = render(frame, request.request(), &refusal);
        return Ok(request.into_response(response));
    }
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let Ok(response) = answered else {
        return Ok(after_panic(frame));
    };
    let response = response?.map_into_boxed_body();
    let rendered = response
        .response()
        .error()
        .map(neutral)
        .map(|error| render(frame, response.request(), &error));
    Ok(match rendered {
        Some(rendered) => response.into_response(rendered),
        None => response,
    })
}

/// Answers when something outside of the handlers panicked, whose panics [`super::routes`] catches.
/// The request is gone with what panicked, so an empty one has to do: form and headers of the
/// answer are those of the service all the same.
fn after_panic(frame: &Frame) -> ServiceResponse<BoxBody> {
    let nobody = actix_web::test::TestRequest::default().to_http_request();
    let error = Error::internal("a part of the server panicked");
    let response = render(frame, &nobody, &error);
    ServiceResponse::new(nobody, response)
}

/// An error on its way through actix, as the neutral one again.
enum Found<'a> {
    Ours(&'a Error),
    Theirs(Error),
}

impl std::ops::Deref for Found<'_> {
    type Target = Error;

    fn deref(&self) -> &Error {
        match self {
            Found::Ours(error) => error,
            Found::Theirs(error) => error,
        }
    }
}

/// Why a request failed, on its way to the request log.
struct Cause(String);

fn neutral(error: &actix_web::Error) -> Found<'_> {
    if let Some(ours) = error.as_error::<Error>() {
        return Found::Ours(ours);
    }
    let status = error.as_response_error().status_code();
    let kind = match status {
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::REQUEST_TIMEOUT => Kind::RequestTimeout,
        StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
        s if s.is_client_error() => Kind::InvalidInput,
        _ => Kind::Internal,
    };
    Found::Theirs(Error::new(kind, error.to_string()))
}

fn render(frame: &Frame, head: &HttpRequest, error: &Error) -> HttpResponse {
    match error.kind() {
        Kind::Internal => tracing::error!(
            logger = frame.service,
            path = head.path(),
            error = error.chain(),
            "request failed"
        ),
        Kind::Unavailable => tracing::warn!(
            logger = frame.service,
            path = head.path(),
            error = error.chain(),
            "request refused"
        ),
        _ => tracing::debug!(
            logger = frame.service,
            path = head.path(),
            error = error.chain(),
            "request refused"
        ),
    }
    let mut response = (frame.renderer)(head, error);
    if response.status().is_server_error() {
        response.extensions_mut().insert(Cause(error.chain()));
    }
    if let Some(seconds) = error.retry_after_secs() {
        response
            .headers_mut()
            .insert(HeaderName::from_static("retry-after"), seconds.into());
    }
    response
}

/// Adds headers and writes the log line.
fn finish(
    frame: &Frame,
    mut response: ServiceResponse<BoxBody>,
    id: HeaderValue,
    started: Instant,
) -> ServiceResponse<BoxBody> {
    let request = response.request().clone();
    let notes = request.extensions_mut().remove::<Notes>();
    let answer = response.response_mut();
    let status = answer.status();
    let cause = answer.extensions_mut().remove::<Cause>();
    let headers = answer.headers_mut();
    frame.cors.decorate(&request, headers);
    let is_secure = frame.outside.is_secure(&request);
    frame.security.decorate(is_secure, request.path(), headers);
    let elapsed = started.elapsed();
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if frame.sends_response_time && !request.path().starts_with("/__") {
        put(headers, "x-response-time", &millis.to_string());
    }
    for (name, value) in notes.iter().flat_map(|notes| &notes.headers) {
        put(headers, name, value);
    }
    let uid = notes.as_ref().map_or("", |notes| notes.uid.as_str());
    let line = Line {
        service: frame.service,
        status,
        cause: cause.as_ref().map_or("", |cause| cause.0.as_str()),
        uid,
        millis,
        id: id.to_str().unwrap_or_default(),
    };
    line.write(&request);
    headers.insert(REQUEST_ID, id);
    time(frame.service, elapsed.as_secs_f64() * 1000.0);
    response
}

/// Records the time of a request in milliseconds. Looking the series up costs more than recording.
fn time(service: &'static str, millis: f64) {
    thread_local! {
        static SERIES: RefCell<HashMap<&'static str, metrics::Histogram>> = RefCell::default();
    }
    SERIES.with_borrow_mut(|series| {
        let series = series
            .entry(service)
            .or_insert_with(|| metrics::histogram!("http.request", "service" => service));
        series.record(millis);
    });
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// What the log says of a request beyond what it carried itself.
struct Line<'a> {
    service: &'static str,
    status: StatusCode,
    /// Why it failed, for 5xx.
    cause: &'a str,
    uid: &'a str,
    millis: u64,
    id: &'a str,
}

impl Line<'_> {
    /// Writes `request.summary` (platform.md §7). Probes are logged at debug level only.
    fn write(&self, request: &HttpRequest) {
        let header = |name: HeaderName| {
            let value = request.headers().get(name);
            value.and_then(|v| v.to_str().ok()).unwrap_or_default()
        };
        let code = u64::from(self.status.as_u16());
        let is_error = self.status.is_client_error() || self.status.is_server_error();
        let errno = if is_error { code } else { 0 };
        macro_rules! summary {
            ($level:ident) => {
                tracing::$level!(
                    r#type = "request.summary",
                    logger = self.service,
                    agent = header(USER_AGENT),
                    path = request.path(),
                    method = request.method().as_str(),
                    lang = header(ACCEPT_LANGUAGE),
                    uid = self.uid,
                    errno,
                    t = self.millis,
                    rid = self.id,
                    code,
                    "{}",
                    self.cause
                )
            };
        }
        if PROBES.contains(&request.path()) {
            summary!(debug);
        } else if self.status.is_server_error() {
            summary!(error);
        } else {
            summary!(info);
        }
    }
}

/// Takes a sane incoming `X-Request-ID` or makes a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let is_plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(*b, b'-' | b'_');
        (8..=64).contains(&bytes.len()) && bytes.iter().all(is_plain)
    };
    if let Some(id) = headers.get(REQUEST_ID).filter(is_sane) {
        return id.clone();
    }
    let mut text = uuid::Uuid::encode_buffer();
    let text = uuid::Uuid::new_v4().hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// Returns whether the method only reads.
pub fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

#[cfg(test)]
mod tests;
