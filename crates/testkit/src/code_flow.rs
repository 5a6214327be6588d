// SPDX-License-Identifier: MPL-2.0
//! What both sign-in stand-ins share of OAuth's code flow: the request, where it may return to, the
//! page with the accounts, and the proof of possession (PKCE).

use actix_web::HttpResponse;
use actix_web::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

/// The query of an authorisation request.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Authorization {
    #[serde(default)]
    pub(crate) response_type: String,
    #[serde(default)]
    pub(crate) client_id: String,
    #[serde(default)]
    pub(crate) redirect_uri: String,
    #[serde(default)]
    pub(crate) scope: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) code_challenge_method: Option<String>,
    /// Account that a test or the page of accounts has chosen.
    pub(crate) login_hint: Option<String>,
}

/// The proof that whoever redeems a code has also asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    value: String,
    is_hashed: bool,
}

/// A request that may be answered.
pub(crate) struct Accepted {
    pub(crate) back: Url,
    pub(crate) challenge: Option<Challenge>,
}

impl Authorization {
    /// Checks what every sign-in checks: see [`Self::return_address`] for `registered`.
    ///
    /// # Errors
    /// The answer that refuses the request: a page as long as the browser must not be sent back,
    /// the return address with an error after that.
    pub(crate) fn accept(
        &self,
        registered: Option<&[String]>,
    ) -> Result<Accepted, Box<HttpResponse>> {
        let back = self
            .return_address(registered)
            .map_err(|problem| Box::new(refuse_page(&problem)))?;
        if self.response_type != "code" {
            let error = [("error", "unsupported_response_type")];
            return Err(Box::new(self.answer(back, &error)));
        }
        match self.challenge() {
            Ok(challenge) => Ok(Accepted { back, challenge }),
            Err(problem) => {
                let error = [
                    ("error", "invalid_request"),
                    ("error_description", problem.as_str()),
                ];
                Err(Box::new(self.answer(back, &error)))
            }
        }
    }

    /// Returns the address to return to: one of `registered`, or any on this machine when there are
    /// none.
    ///
    /// # Errors
    /// Why the browser must not be sent there. The stand-ins run beside real browsers too.
    fn return_address(&self, registered: Option<&[String]>) -> Result<Url, String> {
        let url = Url::parse(&self.redirect_uri)
            .map_err(|error| format!("redirect_uri {:?}: {error}", self.redirect_uri))?;
        let is_allowed = match registered {
            Some(uris) => uris.contains(&self.redirect_uri),
            None => is_local(&url),
        };
        if is_allowed && matches!(url.scheme(), "http" | "https") {
            Ok(url)
        } else {
            Err(format!("redirect_uri {url} is not registered"))
        }
    }

    /// Returns the challenge, if there is one.
    ///
    /// # Errors
    /// The method is neither `S256` nor `plain`.
    fn challenge(&self) -> Result<Option<Challenge>, String> {
        let Some(value) = self.code_challenge.clone() else {
            return Ok(None);
        };
        match self.code_challenge_method.as_deref() {
            Some("S256") => Ok(Some(Challenge {
                value,
                is_hashed: true,
            })),
            Some("plain") | None => Ok(Some(Challenge {
                value,
                is_hashed: false,
            })),
            Some(other) => Err(format!("code_challenge_method {other:?} is not supported")),
        }
    }

    /// Sends the browser back with the members of an answer.
    pub(crate) fn answer(&self, mut to: Url, members: &[(&str, &str)]) -> HttpResponse {
        {
            let mut query = to.query_pairs_mut();
            query.extend_pairs(members);
            if let Some(state) = &self.state {
                query.append_pair("state", state);
            }
        }
        HttpResponse::Found()
            .insert_header((header::LOCATION, to.as_str()))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish()
    }
}

impl Challenge {
    /// Returns whether `verifier` is the secret behind the challenge.
    pub(crate) fn is_met_by(&self, verifier: Option<&str>) -> bool {
        let Some(verifier) = verifier else {
            return false;
        };
        if self.is_hashed {
            URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == self.value
        } else {
            verifier == self.value
        }
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns the page on which a person chooses an account: `accounts` are hint and caption. The
/// choices are links, because the policies of pages around it may forbid forms to lead elsewhere.
pub(crate) fn account_page(title: &str, query: &str, accounts: &[(&str, &str)]) -> HttpResponse {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n\
         <p>This is a stand-in for development. Nobody is asked for a password.</p>\n<ul>\n",
        title = escape(title)
    );
    for (hint, caption) in accounts {
        let chosen: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("login_hint", hint)
            .finish();
        page.push_str(&format!(
            "<li><a role=\"button\" href=\"?{}&amp;{}\">{}</a>\n",
            escape(query),
            escape(&chosen),
            escape(caption)
        ));
    }
    page.push_str("</ul>\n");
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(page)
}

/// Returns the refusal of a request that must not be answered by sending the browser away.
pub(crate) fn refuse_page(problem: &str) -> HttpResponse {
    HttpResponse::BadRequest()
        .content_type("text/plain; charset=utf-8")
        .body(problem.to_owned())
}

/// Returns the refusal of a token endpoint.
pub(crate) fn refuse(error: &str, description: &str) -> HttpResponse {
    let body = json!({"error": error, "error_description": description});
    if error == "invalid_client" {
        HttpResponse::Unauthorized().json(body)
    } else {
        HttpResponse::BadRequest().json(body)
    }
}

fn escape(text: &str) -> String {
    text.chars().fold(
        String::with_capacity(text.len()),
        |mut escaped, character| {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                other => escaped.push(other),
            }
            escaped
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(redirect_uri: &str) -> Authorization {
        Authorization {
            response_type: "code".to_owned(),
            client_id: "demo".to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scope: String::new(),
            state: Some("a b&c".to_owned()),
            nonce: None,
            code_challenge: None,
            code_challenge_method: None,
            login_hint: None,
        }
    }

    #[test]
    fn without_registration_only_this_machine_is_returned_to() {
        for good in [
            "http://127.0.0.1:8000/x",
            "http://localhost/",
            "http://[::1]:1/y?z=1",
        ] {
            assert!(request(good).return_address(None).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost@example.com/",
            "javascript:alert(1)",
            "/static/login.html",
            "",
        ] {
            assert!(request(bad).return_address(None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_registered_address_must_be_met_exactly() {
        let registered = ["https://trees.example.com/login".to_owned()];
        let allowed = |uri: &str| request(uri).return_address(Some(&registered)).is_ok();
        assert!(allowed("https://trees.example.com/login"));
        assert!(!allowed("https://trees.example.com/login/x"));
        assert!(!allowed("http://127.0.0.1/login"));
    }

    #[test]
    fn an_answer_keeps_the_query_of_the_return_address() {
        let request = request("http://localhost/x?y=1");
        let to = request.return_address(None).unwrap();
        let response = request.answer(to, &[("code", "c/d")]);
        assert_eq!(response.status(), 302);
        let location = response
            .headers()
            .get("location")
            .unwrap()
            .to_str()
            .unwrap();
        assert_eq!(location, "http://localhost/x?y=1&code=c%2Fd&state=a+b%26c");
    }

    #[test]
    fn a_challenge_is_met_by_its_secret_alone() {
        let mut request = request("http://localhost/");
        assert!(request.challenge().unwrap().is_none());
        // The example of RFC 7636, appendix B.
        request.code_challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned());
        request.code_challenge_method = Some("S256".to_owned());
        let challenge = request.challenge().unwrap().unwrap();
        assert!(challenge.is_met_by(Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
        assert!(!challenge.is_met_by(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")));
        assert!(!challenge.is_met_by(None));
        request.code_challenge_method = None;
        let challenge = request.challenge().unwrap().unwrap();
        assert!(challenge.is_met_by(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")));
        assert!(!challenge.is_met_by(Some("another")));
        request.code_challenge_method = Some("S512".to_owned());
        assert!(request.challenge().is_err());
    }

    #[test]
    fn what_comes_from_outside_is_escaped_in_the_page() {
        assert_eq!(
            escape("<a href=\"'&'\">"),
            "&lt;a href=&quot;&#39;&amp;&#39;&quot;&gt;"
        );
    }
}
