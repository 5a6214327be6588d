// SPDX-License-Identifier: MPL-2.0
//! The one middleware of every service: request id, errors in the service's form, CORS, security
//! headers, caught panics and one log line per request.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use futures_util::FutureExt as _;

use super::admission;
use super::cors::Cors;
use super::in_flight::{Guard, InFlight, guard_body};
use super::outside::Outside;
use super::security_headers::SecurityHeaders;
use super::unread::Unread;
use crate::error::{Error, Kind};

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

/// The id of the current request, for answers and records that refer to the log.
#[derive(Clone)]
pub struct RequestId(pub Rc<str>);

/// The middleware function; installed by the run loop with [`Frame`] in the app data.
///
/// # Errors
/// Only when a handler panicked: actix then sends a bare 500.
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
    let id: Rc<str> = request_id(request.headers()).into();
    request.extensions_mut().insert(RequestId(Rc::clone(&id)));
    // The request must not be cloned before routing: the router demands to be its only owner.
    let response = match frame.cors.preflight(request.request()) {
        Some(preflight) => request.into_response(preflight),
        None => answer(&frame, request, next).await?,
    };
    let mut response = finish(&frame, response, &id, started);
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
    let response = answered.unwrap_or_else(|_| {
        tracing::error!(logger = frame.service, "a handler panicked");
        Err(Panicked.into())
    })?;
    let response = response.map_into_boxed_body();
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

/// What a client gets when a handler panicked. The request is gone with the handler, so this is not
/// the service's own form; browsers may read it all the same.
#[derive(Debug)]
struct Panicked;

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Internal Server Error")
    }
}

impl actix_web::ResponseError for Panicked {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::InternalServerError()
            .insert_header(("access-control-allow-origin", "*"))
            .insert_header(("x-content-type-options", "nosniff"))
            .insert_header(("cache-control", "no-store"))
            .json(serde_json::json!({"error": "Internal Server Error", "status": 500}))
    }
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
    frame: &Arc<Frame>,
    mut response: ServiceResponse<BoxBody>,
    id: &str,
    started: Instant,
) -> ServiceResponse<BoxBody> {
    let notes = response
        .request()
        .extensions_mut()
        .remove::<Notes>()
        .unwrap_or_default();
    let is_secure = frame.outside.is_secure(response.request());
    let request = response.request().clone();
    let answer = response.response_mut();
    frame.cors.decorate(&request, answer.headers_mut());
    frame
        .security
        .decorate(is_secure, request.path(), answer.headers_mut());
    put(answer.headers_mut(), "x-request-id", id);
    for (name, value) in &notes.headers {
        put(answer.headers_mut(), name, value);
    }
    let elapsed = started.elapsed();
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if frame.sends_response_time && !request.path().starts_with("/__") {
        put(answer.headers_mut(), "x-response-time", &millis.to_string());
    }
    let status = answer.status();
    let cause = answer.extensions_mut().remove::<Cause>();
    let cause = cause.map(|cause| cause.0).unwrap_or_default();
    log(
        frame.service,
        &request,
        (status, &cause),
        &notes.uid,
        millis,
        id,
    );
    drop(request);
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

/// Paths that machines ask every few seconds: logged at debug level only.
const PROBES: [&str; 4] = [
    "/__lbheartbeat__",
    "/__heartbeat__",
    "/__version__",
    "/__metrics__",
];

/// Writes `request.summary` (platform.md §7).
fn log(
    service: &'static str,
    request: &HttpRequest,
    (status, cause): (StatusCode, &str),
    uid: &str,
    millis: u64,
    id: &str,
) {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    let code = u64::from(status.as_u16());
    let errno = if status.is_client_error() || status.is_server_error() {
        code
    } else {
        0
    };
    macro_rules! summary {
        ($level:ident) => {
            tracing::$level!(
                r#type = "request.summary",
                logger = service,
                agent = header("user-agent"),
                path = request.path(),
                method = request.method().as_str(),
                lang = header("accept-language"),
                uid,
                errno,
                t = millis,
                rid = id,
                code,
                "{cause}"
            )
        };
    }
    if PROBES.contains(&request.path()) {
        summary!(debug);
    } else if status.is_server_error() {
        summary!(error);
    } else {
        summary!(info);
    }
}

/// Takes a sane incoming `X-Request-ID` or makes a new one.
fn request_id(headers: &HeaderMap) -> String {
    let sane = |text: &&str| {
        (8..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    headers
        .get("x-request-id")
        .and_then(|v| v.to_str().ok())
        .filter(sane)
        .map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

/// Returns whether the method only reads.
pub fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
