// SPDX-License-Identifier: MPL-2.0
//! A stand-in for the API of Statuspage: incidents of one page. It refuses what the real API refuses,
//! remembers every request and misbehaves on demand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::misbehaviour::{Behaviour, Conduct};
use crate::serving::{Port, Server};

/// Statuses that an incident may have.
const STATUSES: [&str; 4] = ["investigating", "identified", "monitoring", "resolved"];
/// Statuses that a component may have.
const COMPONENTS: [&str; 5] = [
    "operational",
    "under_maintenance",
    "degraded_performance",
    "partial_outage",
    "major_outage",
];

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Method.
    pub method: String,
    /// Path below the base address.
    pub path: String,
    /// The body, null when there was none.
    pub body: Value,
}

/// A running stand-in.
pub struct FakeStatuspage {
    state: Arc<State>,
    url: String,
    _server: Server,
}

struct State {
    page: String,
    token: String,
    conduct: Conduct,
    /// Incidents that are still made without saying so.
    silent_creations: AtomicUsize,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    incidents: Vec<Value>,
    seen: Vec<Seen>,
    /// Ids of incidents that must not change.
    locked: Vec<String>,
}

impl FakeStatuspage {
    /// Starts a stand-in with one page and one key.
    ///
    /// # Panics
    /// When the machine has no free loopback port or no thread left.
    pub fn start(page: &str, token: &str) -> Self {
        let state = Arc::new(State {
            page: page.to_owned(),
            token: token.to_owned(),
            conduct: Conduct::default(),
            silent_creations: AtomicUsize::new(0),
            record: Mutex::default(),
        });
        let mounted = Arc::clone(&state);
        let started = Port::open().and_then(|port| {
            let url = format!("{}/v1", port.url());
            Ok((url, port.serve(move |cfg| configure(cfg, &mounted))?))
        });
        match started {
            Ok((url, server)) => Self {
                state,
                url,
                _server: server,
            },
            Err(error) => panic!("the stand-in for Statuspage does not start: {error}"),
        }
    }

    /// Returns the base address of the API, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Behaves so from now on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.state.conduct.set(behaviour, None);
    }

    /// Behaves so for the next `requests` requests, and normally afterwards.
    pub fn set_behaviour_for(&self, requests: usize, behaviour: Behaviour) {
        self.state.conduct.set(behaviour, Some(requests));
    }

    /// Makes the next `count` incidents and does not answer.
    pub fn hide_creations(&self, count: usize) {
        self.state.silent_creations.store(count, Ordering::SeqCst);
    }

    /// Adds an incident that is there already.
    pub fn add(&self, incident: Value) {
        self.state.record().incidents.push(incident);
    }

    /// Refuses changes of an incident.
    pub fn refuse_update_of(&self, id: &str) {
        self.state.record().locked.push(id.to_owned());
    }

    /// Returns all incidents, oldest first.
    pub fn incidents(&self) -> Vec<Value> {
        self.state.record().incidents.clone()
    }

    /// Returns the requests that were answered as the real service answers, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.record().seen.clone()
    }

    /// Returns the number of all requests, also those that were not answered.
    pub fn hits(&self) -> usize {
        self.state.conduct.hits()
    }
}

impl State {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks key and page and notes the request.
    fn admit(&self, req: &HttpRequest, page: &str, body: &Value) -> Result<(), Refusal> {
        let path = req.path().trim_start_matches("/v1").to_owned();
        self.record().seen.push(Seen {
            method: req.method().to_string(),
            path,
            body: body.clone(),
        });
        let key = req.headers().get("authorization");
        let expected = format!("OAuth {}", self.token);
        if key.and_then(|value| value.to_str().ok()) != Some(&expected) {
            return Err((StatusCode::UNAUTHORIZED, "Could not authenticate"));
        }
        if page != self.page {
            return Err((StatusCode::NOT_FOUND, "Page not found"));
        }
        Ok(())
    }
}

fn configure(cfg: &mut ServiceConfig, state: &Arc<State>) {
    let guard = Arc::clone(state);
    let misbehave = from_fn(move |req, next| {
        let state = Arc::clone(&guard);
        async move { state.conduct.apply(req, next).await }
    });
    cfg.app_data(Data::from(Arc::clone(state))).service(
        web::scope("/v1/pages/{page}")
            .wrap(misbehave)
            .route("/incidents", web::post().to(create))
            .route("/incidents/unresolved", web::get().to(unresolved))
            .route("/incidents/{id}", web::patch().to(update)),
    );
}

/// Status and text of a refusal.
type Refusal = (StatusCode, &'static str);

fn refusal(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"error": text}))
}

async fn create(
    state: Data<State>,
    req: HttpRequest,
    page: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let body = match json_of(&req, &body) {
        Ok(body) => body,
        Err((status, text)) => return refusal(status, text),
    };
    if let Err((status, text)) = state.admit(&req, &page, &body) {
        return refusal(status, text);
    }
    let mut incident = match incident_of(&body) {
        Ok(incident) => incident,
        Err(problem) => return refusal(StatusCode::UNPROCESSABLE_ENTITY, &problem),
    };
    if !incident.get("name").is_some_and(Value::is_string) {
        return refusal(
            StatusCode::UNPROCESSABLE_ENTITY,
            "incident[name] is missing",
        );
    }
    let id = {
        let mut record = state.record();
        let id = format!("incident{}", record.incidents.len() + 1);
        set(&mut incident, "id", json!(id));
        record.incidents.push(incident.clone());
        id
    };
    let hide = |left: usize| left.checked_sub(1);
    let hidden = state
        .silent_creations
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, hide);
    if hidden.is_ok() {
        std::future::pending::<()>().await;
    }
    set(&mut incident, "id", json!(id));
    HttpResponse::Created().json(incident)
}

async fn unresolved(state: Data<State>, req: HttpRequest, page: Path<String>) -> HttpResponse {
    if let Err((status, text)) = state.admit(&req, &page, &Value::Null) {
        return refusal(status, text);
    }
    let record = state.record();
    let is_open = |incident: &&Value| incident.get("status") != Some(&json!("resolved"));
    let list: Vec<&Value> = record.incidents.iter().filter(is_open).rev().collect();
    HttpResponse::Ok().json(list)
}

async fn update(
    state: Data<State>,
    req: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
) -> HttpResponse {
    let (page, id) = path.into_inner();
    let body = match json_of(&req, &body) {
        Ok(body) => body,
        Err((status, text)) => return refusal(status, text),
    };
    if let Err((status, text)) = state.admit(&req, &page, &body) {
        return refusal(status, text);
    }
    let changes = match incident_of(&body) {
        Ok(changes) => changes,
        Err(problem) => return refusal(StatusCode::UNPROCESSABLE_ENTITY, &problem),
    };
    let mut record = state.record();
    if record.locked.contains(&id) {
        return refusal(StatusCode::UNPROCESSABLE_ENTITY, "Incident is locked");
    }
    let found = record
        .incidents
        .iter_mut()
        .find(|incident| incident.get("id") == Some(&json!(id)));
    let Some(incident) = found else {
        return refusal(StatusCode::NOT_FOUND, "Incident not found");
    };
    for (name, value) in changes.as_object().into_iter().flatten() {
        set(incident, name, value.clone());
    }
    HttpResponse::Ok().json(&*incident)
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn json_of(req: &HttpRequest, body: &Bytes) -> Result<Value, Refusal> {
    let media_type = req.headers().get("content-type");
    let is_json = media_type.and_then(|v| v.to_str().ok()) == Some("application/json");
    let body = serde_json::from_slice(body).ok().filter(|_| is_json);
    body.ok_or((StatusCode::BAD_REQUEST, "The request is no JSON"))
}

/// Returns the `incident` of a body when the real API would take it.
fn incident_of(body: &Value) -> Result<Value, String> {
    let incident = body
        .get("incident")
        .filter(|incident| incident.is_object())
        .ok_or("incident is missing")?;
    let status = incident.get("status").and_then(Value::as_str);
    if !status.is_some_and(|status| STATUSES.contains(&status)) {
        return Err("incident[status] is not included in the list".to_owned());
    }
    let components = incident.get("components").and_then(Value::as_object);
    for state in components.into_iter().flatten().map(|(_, state)| state) {
        if !state.as_str().is_some_and(|s| COMPONENTS.contains(&s)) {
            return Err("incident[components] has an unknown status".to_owned());
        }
    }
    Ok(incident.clone())
}
