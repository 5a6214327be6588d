// SPDX-License-Identifier: MPL-2.0
//! Does a request that changes something come from our own pages (D-35)? Browsers say so in
//! `Origin`, older ones in `Referer`.

use url::Url;

/// Returns whether a request with these headers may act in the name of a session. `base` is the
/// outside address of the service. A browser that sends neither header is covered by the
/// `SameSite` rule of the cookie.
pub fn is_same_origin(base: &str, origin: Option<&str>, referer: Option<&str>) -> bool {
    match (origin, referer) {
        (Some(origin), _) => same(base, origin),
        (None, Some(referer)) => same(base, referer),
        (None, None) => true,
    }
}

fn same(base: &str, other: &str) -> bool {
    match (Url::parse(base), Url::parse(other)) {
        (Ok(base), Ok(other)) => base.origin().is_tuple() && base.origin() == other.origin(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_may_act() {
        let base = "https://symbols.example.com";
        assert!(is_same_origin(
            base,
            Some("https://symbols.example.com"),
            None
        ));
        assert!(is_same_origin(
            base,
            Some("https://symbols.example.com:443"),
            None
        ));
        assert!(is_same_origin(
            base,
            None,
            Some("https://symbols.example.com/help")
        ));
        assert!(is_same_origin(base, None, None));
        for other in [
            "http://symbols.example.com",
            "https://x.example.com",
            "null",
            "",
        ] {
            assert!(!is_same_origin(base, Some(other), None), "{other}");
            assert!(!is_same_origin(base, None, Some(other)), "{other}");
        }
        assert!(!is_same_origin(
            base,
            Some("https://x.example.com"),
            Some(base)
        ));
    }
}
