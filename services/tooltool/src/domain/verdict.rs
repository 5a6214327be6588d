// SPDX-License-Identifier: MPL-2.0
//! Whether the object that a client sent is the file that it announced (tooltool.md §5.2).

use super::{File, Sha512};

/// The outcome of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The object is the file.
    Valid,
    /// It is not; the text says why, for the log.
    Invalid(String),
}

/// Judges what needs no bytes and, when it is known, the digest. An object that S3 would answer with
/// a redirect, or keeps in a slow storage class, is refused: it came from somebody who did more than
/// send bytes.
pub fn judge(
    file: &File,
    size: u64,
    storage_class: Option<&str>,
    website_redirect: Option<&str>,
    digest: Option<&Sha512>,
) -> Verdict {
    if u64::try_from(file.size) != Ok(size) {
        return Verdict::Invalid(format!("it has {size} bytes, {} were announced", file.size));
    }
    if let Some(class) = storage_class.filter(|class| *class != "STANDARD") {
        return Verdict::Invalid(format!("its storage class is {class:?}"));
    }
    if website_redirect.is_some() {
        return Verdict::Invalid("it has a website redirect".to_owned());
    }
    match digest {
        Some(digest) if *digest != file.digest => {
            Verdict::Invalid(format!("its SHA-512 is {digest}"))
        }
        _ => Verdict::Valid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Visibility;

    #[test]
    fn only_the_announced_bytes_as_a_plain_object_are_valid() {
        let digest = |c: &str| Sha512::parse(&c.repeat(128)).unwrap();
        let file = File {
            id: 1,
            digest: digest("a"),
            size: 5,
            visibility: Visibility::Public,
            instances: vec![],
        };
        let (right, wrong) = (digest("a"), digest("b"));
        assert_eq!(judge(&file, 5, None, None, Some(&right)), Verdict::Valid);
        assert_eq!(
            judge(&file, 5, Some("STANDARD"), None, None),
            Verdict::Valid
        );
        for invalid in [
            judge(&file, 6, None, None, Some(&right)),
            judge(&file, 5, Some("GLACIER"), None, Some(&right)),
            judge(&file, 5, None, Some("/elsewhere"), Some(&right)),
            judge(&file, 5, None, None, Some(&wrong)),
        ] {
            assert!(matches!(invalid, Verdict::Invalid(_)));
        }
    }
}
