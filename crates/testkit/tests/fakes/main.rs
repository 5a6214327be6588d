// SPDX-License-Identifier: MPL-2.0
//! The stand-ins through HTTP, as services and browsers see them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail so"
)]

mod login;
mod misbehaviour;
mod mounted;
mod notify;
mod oidc;
mod oidc_faults;
mod taskcluster;

/// A client that follows no redirect, as the tests look at each step.
fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// Returns the members of the query of the `Location` header.
fn redirected(response: &reqwest::Response) -> std::collections::BTreeMap<String, String> {
    assert_eq!(response.status(), 302);
    let location = response.headers()["location"].to_str().unwrap();
    url::Url::parse(location)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}
