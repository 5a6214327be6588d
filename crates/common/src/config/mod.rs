// SPDX-License-Identifier: MPL-2.0
//! Layered settings: environment, below it an optional TOML file, below that documented defaults.
//! A settings struct is declared with [`settings!`](crate::settings!), which also feeds the
//! `config` command and the configuration page of the book.

mod common;
mod source;
mod value;

pub use common::Common;
pub use source::{Effective, Source};
pub use value::{ByteSize, Value, mask_url};

/// A setting that cannot be used. Its text is one line that begins with the setting's name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}{separator}{problem}")]
pub struct Invalid {
    /// Name of the setting (or of the file, for problems of the file as a whole).
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
    separator: &'static str,
}

impl Invalid {
    /// Creates the error for one setting.
    pub fn new(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            problem: problem.into(),
            separator: ": ",
        }
    }

    /// Creates the error for a setting that has to be there, `when` being empty or a condition
    /// such as `with S3_REGIONS`. Deployments know the sentence and look for it.
    pub fn missing(name: impl Into<String>, when: &str) -> Self {
        let sentence = format!("environment variable is required {when}");
        Self {
            name: name.into(),
            problem: sentence.trim_end().to_owned(),
            separator: " ",
        }
    }
}

/// What the book and `config` say about one setting.
#[derive(Clone, Debug)]
pub struct Doc {
    /// Name in the environment.
    pub name: &'static str,
    /// Other names with the same meaning.
    pub aliases: &'static [&'static str],
    /// Default, as one would write it; `None` when the setting is unset or required.
    pub default: Option<&'static str>,
    /// True for values that are never printed.
    pub is_secret: bool,
    /// The sentences on the field.
    pub text: String,
}

/// Declares a settings struct.
///
/// ```
/// releng_common::settings! {
///     /// Settings of a demo.
///     pub struct Demo {
///         /// Seconds that a signed URL lives.
///         pub expires_secs: u64 = "EXPIRES_IN" ["EXPIRES"], default "60";
///         /// Key of the store.
///         pub access_key: Option<String> = "ACCESS_KEY", secret true;
///     }
/// }
/// ```
///
/// A field without default is required, unless its type is an `Option`.
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                pub $field:ident : $ty:ty = $key:literal
                    $([$($alias:literal),* $(,)?])?
                    $(, default $default:literal)?
                    $(, secret $secret:literal)? ;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $ty, )*
        }

        impl $name {
            /// Reads every field from the layers of `source`.
            ///
            /// # Errors
            /// The first setting that is missing, contradictory or not of its type.
            pub fn load(
                source: &$crate::config::Source,
            ) -> ::std::result::Result<Self, $crate::config::Invalid> {
                let mut docs = Self::docs().into_iter();
                $(
                    let $field: $ty = match docs.next() {
                        Some(doc) => source.read(&doc)?,
                        None => return Err($crate::config::Invalid::new($key, "is not described")),
                    };
                )*
                Ok(Self { $($field),* })
            }

            /// Returns the description of every field, in order.
            pub fn docs() -> ::std::vec::Vec<$crate::config::Doc> {
                ::std::vec![
                    $( $crate::config::Doc {
                        name: $key,
                        aliases: &[$($($alias),*)?],
                        default: $crate::settings!(@default $($default)?),
                        is_secret: $crate::settings!(@secret $($secret)?),
                        text: [$($doc),*].iter().map(|line: &&str| line.trim()).collect::<::std::vec::Vec<_>>().join(" "),
                    }, )*
                ]
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
    (@secret) => { false };
    (@secret $secret:literal) => { $secret };
}

#[cfg(test)]
mod tests;
