// SPDX-License-Identifier: MPL-2.0
//! What the provider tells about people: `/userinfo` to their services, `/api/v2/users` to ours.

use std::collections::BTreeMap;

use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse, Route};
use serde_json::{Value, json};

use super::state::{Holder, State};
use super::{Account, Fault, bearer, id_token};

/// Returns the route of user information.
pub(super) fn userinfo() -> (&'static str, Route) {
    let route = web::get()
        .to(|state: Data<State>, req: HttpRequest| async move { information(&state, &req) });
    ("/userinfo", route)
}

/// Returns the route of the list of users.
pub(super) fn list() -> (&'static str, Route) {
    let route = web::get().to(
        |state: Data<State>, req: HttpRequest, query: Query<BTreeMap<String, String>>| async move {
            users(&state, &req, &query)
        },
    );
    ("/api/v2/users", route)
}

fn information(state: &State, req: &HttpRequest) -> HttpResponse {
    let holder = bearer(req).and_then(|token| state.tokens.look_up(token));
    let Some(Holder::Person(email)) = holder else {
        return HttpResponse::Unauthorized()
            .insert_header(("www-authenticate", "Bearer error=\"invalid_token\""))
            .json(json!({"error": "invalid_token", "error_description": "no such access token"}));
    };
    let mut body = json!({
        "sub": id_token::subject(&email),
        "email": email,
        "email_verified": true,
        "name": state.account(&email).map(|account| account.name),
    });
    if let Some(body) = body
        .as_object_mut()
        .filter(|_| state.has_fault(Fault::NoEmail))
    {
        body.remove("email");
    }
    HttpResponse::Ok().json(body)
}

fn users(state: &State, req: &HttpRequest, query: &BTreeMap<String, String>) -> HttpResponse {
    let refuse = |status: u16, error: &str, message: &str| {
        let body = json!({"statusCode": status, "error": error, "message": message});
        match status {
            400 => HttpResponse::BadRequest().json(body),
            401 => HttpResponse::Unauthorized().json(body),
            _ => HttpResponse::Forbidden().json(body),
        }
    };
    match bearer(req).and_then(|token| state.tokens.look_up(token)) {
        Some(Holder::Service) => {}
        Some(Holder::Person(_)) => return refuse(403, "Forbidden", "Insufficient scope"),
        None => return refuse(401, "Unauthorized", "Missing or invalid token"),
    }
    let found: Vec<Value> = match query.get("q").map(String::as_str) {
        None => state.accounts().iter().map(user).collect(),
        Some(q) => match wanted_email(q) {
            Some(email) => state.account(&email).iter().map(user).collect(),
            None => return refuse(400, "Bad Request", "the only query here is email:\"…\""),
        },
    };
    HttpResponse::Ok().json(found)
}

/// Reads `email:"…"`, in which quotation marks and backslashes are escaped.
fn wanted_email(query: &str) -> Option<String> {
    let term = query.trim().strip_prefix("email:")?;
    let Some(quoted) = term.strip_prefix('"') else {
        return (!term.is_empty() && !term.contains(char::is_whitespace)).then(|| term.to_owned());
    };
    let quoted = quoted.strip_suffix('"')?;
    let mut email = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => email.push(characters.next()?),
            '"' => return None,
            other => email.push(other),
        }
    }
    Some(email)
}

/// Auth0 leaves `blocked` out for people who never were.
fn user(account: &Account) -> Value {
    let mut user = json!({
        "user_id": id_token::subject(&account.email),
        "email": account.email,
        "email_verified": true,
        "name": account.name,
    });
    if let Some(members) = user.as_object_mut().filter(|_| account.is_blocked) {
        members.insert("blocked".to_owned(), json!(true));
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_one_address() {
        let table = [
            ("email:\"a@example.com\"", Some("a@example.com")),
            ("email:a@example.com", Some("a@example.com")),
            ("email:\"a\\\"b@example.com\"", Some("a\"b@example.com")),
            ("email:\"a\" OR email:\"b\"", None),
            ("email:a OR b", None),
            ("name:\"a\"", None),
            ("", None),
        ];
        for (query, email) in table {
            assert_eq!(wanted_email(query).as_deref(), email, "{query}");
        }
    }
}
