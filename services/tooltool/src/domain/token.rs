// SPDX-License-Identifier: MPL-2.0
//! Bearer tokens of RelengAPI (tooltool.md §4.4): signed JSON that its successor dropped. Some
//! installations still have them in scripts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

/// Who issued the tokens.
const ISSUER: &str = "ra2";

/// The secret that signed them.
#[derive(Clone)]
pub struct TokenKey(DecodingKey);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey")
    }
}

/// What a token says whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A row says what it allows.
    Stored {
        /// Type of the row.
        kind: StoredKind,
        /// Id of the row.
        id: i32,
    },
    /// It says so itself.
    Temporary {
        /// Names as RelengAPI wrote them.
        permissions: Vec<String>,
    },
}

/// Types of tokens that have a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredKind {
    /// Made by an administrator.
    Permanent,
    /// Made by a user for himself.
    User,
}

impl StoredKind {
    /// Returns the word in claims and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "prm",
            Self::User => "usr",
        }
    }
}

impl TokenKey {
    /// Decodes `SECRET_KEY`.
    pub fn parse(base64: &str) -> Option<Self> {
        let key = STANDARD.decode(base64.trim()).ok()?;
        Some(Self(DecodingKey::from_secret(&key)))
    }

    /// Reads a token; `None` when the signature does not hold, the time is over or not come, or the
    /// claims make no sense.
    pub fn read(&self, token: &str, now: i64) -> Option<Token> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Only temporary tokens have a time, and the clock is ours to choose.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Value>(token, &self.0, &validation)
            .ok()?
            .claims;
        if claims.get("v").is_some() {
            return first_version(&claims);
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(ISSUER) {
            return None;
        }
        match text("typ")? {
            "prm" => stored(StoredKind::Permanent, text("jti")?),
            "usr" => stored(StoredKind::User, text("jti")?),
            "tmp" => temporary(&claims, now),
            _ => None,
        }
    }
}

/// Tokens of the first version name nothing but the row.
fn first_version(claims: &Value) -> Option<Token> {
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let id = number("id").filter(|_| number("v") == Some(1))?;
    Some(Token::Stored {
        kind: StoredKind::Permanent,
        id: i32::try_from(id).ok()?,
    })
}

fn stored(kind: StoredKind, jti: &str) -> Option<Token> {
    let digits = jti.strip_prefix('t')?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    let id = digits.parse().ok().filter(|_| is_number)?;
    Some(Token::Stored { kind, id })
}

fn temporary(claims: &Value, now: i64) -> Option<Token> {
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    if !(time("nbf")?..=time("exp")?).contains(&now) {
        return None;
    }
    let names = claims.get("prm")?.as_array()?;
    let permissions = names
        .iter()
        .map(|name| name.as_str().map(str::to_owned))
        .collect::<Option<_>>()?;
    Some(Token::Temporary { permissions })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    const NOW: i64 = 1_500_000_000;

    fn read(claims: &Value) -> Option<Token> {
        let key = EncodingKey::from_secret(b"notasecret");
        let token = jsonwebtoken::encode(&Header::default(), claims, &key).unwrap();
        // "notasecret", encoded.
        let key = TokenKey::parse("bm90YXNlY3JldA==").unwrap();
        key.read(&token, NOW)
    }

    #[test]
    fn tokens_name_a_row_or_their_permissions() {
        let stored = |kind, id| Some(Token::Stored { kind, id });
        let temporary = |from: i64, to: i64| {
            json!({"iss": "ra2", "typ": "tmp", "nbf": from, "exp": to,
                "prm": ["tooltool.download.internal"], "mta": {}})
        };
        let permissions = Some(Token::Temporary {
            permissions: vec!["tooltool.download.internal".to_owned()],
        });
        let table = [
            (
                json!({"iss": "ra2", "typ": "prm", "jti": "t17"}),
                stored(StoredKind::Permanent, 17),
            ),
            (
                json!({"iss": "ra2", "typ": "usr", "jti": "t18"}),
                stored(StoredKind::User, 18),
            ),
            (json!({"v": 1, "id": 19}), stored(StoredKind::Permanent, 19)),
            (json!({"v": 2, "id": 19}), None),
            (json!({"v": 1, "id": 1_i64 << 40}), None),
            (json!({"iss": "ra1", "typ": "prm", "jti": "t17"}), None),
            (json!({"iss": "ra2", "typ": "xxx", "jti": "t17"}), None),
            (json!({"iss": "ra2", "typ": "prm", "jti": "17"}), None),
            (json!({"iss": "ra2", "typ": "prm", "jti": "t+17"}), None),
            (temporary(NOW, NOW), permissions),
            (temporary(NOW - 9, NOW - 1), None),
            (temporary(NOW + 1, NOW + 9), None),
            (json!({"iss": "ra2", "typ": "tmp", "prm": []}), None),
            (json!([]), None),
        ];
        for (claims, expected) in table {
            assert_eq!(read(&claims), expected, "{claims}");
        }
    }

    #[test]
    fn a_token_that_somebody_else_signed_is_none() {
        let key = TokenKey::parse("bm90YXNlY3JldA==").unwrap();
        let header = Header::default();
        let claims = json!({"v": 1, "id": 1});
        let other = EncodingKey::from_secret(b"other");
        let forged = jsonwebtoken::encode(&header, &claims, &other).unwrap();
        // {"alg":"none"}
        let unsigned = "eyJhbGciOiJub25lIn0.eyJ2IjoxLCJpZCI6MX0.";
        for token in [forged.as_str(), unsigned, "", "a.b.c", "é"] {
            assert_eq!(key.read(token, NOW), None, "{token}");
        }
        assert!(TokenKey::parse("not base64!").is_none());
    }
}
