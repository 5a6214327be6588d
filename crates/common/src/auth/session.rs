// SPDX-License-Identifier: MPL-2.0
//! Session cookies: a random name on the browser's side. What belongs to it is a row of the service.

use rand::Rng as _;

/// Name of the cookie.
pub const COOKIE: &str = "sessionid";

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Returns a random text of 32 letters and digits (160 bits) for session ids, states and nonces.
pub fn random_id() -> String {
    let mut random = rand::rng();
    (0..32)
        .map(|_| {
            LETTERS
                .get(random.random_range(0..LETTERS.len()))
                .map_or('a', |b| char::from(*b))
        })
        .collect()
}

/// Returns the session id in a `Cookie` header. A text that is no id of ours is none.
pub fn in_cookies(header: &str) -> Option<&str> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
        .filter(|id| (20..=40).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Returns the `Set-Cookie` header that begins a session.
pub fn begin(id: &str, max_age_secs: i64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{COOKIE}={id}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Lax{secure}")
}

/// Returns the `Set-Cookie` header that ends it.
pub fn end() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_come_back_from_cookies() {
        let (first, second) = (random_id(), random_id());
        assert_ne!(first, second);
        assert_eq!(first.len(), 32);
        let header = format!("a=b; {COOKIE}={first}; c=d");
        assert_eq!(in_cookies(&header), Some(first.as_str()));
        for other in [
            "",
            "sessionid",
            "sessionid=",
            "sessionid=../../../etc/passwd-xxxx",
        ] {
            assert_eq!(in_cookies(other), None, "{other}");
        }
    }

    #[test]
    fn the_cookie_is_hidden_from_scripts_and_other_sites() {
        assert_eq!(
            begin("abc", 60, true),
            "sessionid=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
    }
}
