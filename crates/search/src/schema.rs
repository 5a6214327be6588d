// SPDX-License-Identifier: MPL-2.0
//! The fields of a build and how each is searched.

use crate::query::wildcard::Wildcard;

/// How the values of a field are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// The whole value, case and all.
    Keyword,
    /// Lower-cased words; cannot be sorted by or aggregated on.
    Text,
    /// A moment, in milliseconds.
    Date,
    /// An integer of 64 bits.
    Long,
}

/// One searchable field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Name as queries write it.
    pub name: &'static str,
    /// How it is searched.
    pub kind: FieldKind,
    /// Longest value that is indexed, in characters for `.keyword` fields and bytes for others.
    pub max_len: usize,
    /// Path of the value in the source; differs from the name for `.keyword` sub-fields.
    pub path: &'static str,
}

/// Longest term of the engine of old, in bytes. A longer value is stored and not searchable.
const MAX_TERM_BYTES: usize = 32_766;
/// Longest value of a `.keyword` sub-field, in characters.
const MAX_SUBFIELD_CHARS: usize = 256;

const fn keyword(name: &'static str) -> FieldInfo {
    FieldInfo {
        name,
        kind: FieldKind::Keyword,
        max_len: MAX_TERM_BYTES,
        path: name,
    }
}

const fn number(name: &'static str, kind: FieldKind) -> FieldInfo {
    FieldInfo {
        name,
        kind,
        max_len: 0,
        path: name,
    }
}

const fn text(name: &'static str) -> FieldInfo {
    FieldInfo {
        name,
        kind: FieldKind::Text,
        max_len: usize::MAX,
        path: name,
    }
}

const fn sub_keyword(name: &'static str, path: &'static str) -> FieldInfo {
    FieldInfo {
        name,
        kind: FieldKind::Keyword,
        max_len: MAX_SUBFIELD_CHARS,
        path,
    }
}

/// All fields. The compiler and tool fields were never declared upstream and got their kind from
/// the first value; clients rely on the words of `build.target`.
pub const FIELDS: &[FieldInfo] = &[
    keyword("id"),
    keyword("build.id"),
    number("build.date", FieldKind::Date),
    number("build.number", FieldKind::Long),
    text("build.as"),
    sub_keyword("build.as.keyword", "build.as"),
    text("build.ld"),
    sub_keyword("build.ld.keyword", "build.ld"),
    text("build.cc"),
    sub_keyword("build.cc.keyword", "build.cc"),
    text("build.cxx"),
    sub_keyword("build.cxx.keyword", "build.cxx"),
    text("build.host"),
    sub_keyword("build.host.keyword", "build.host"),
    text("build.target"),
    sub_keyword("build.target.keyword", "build.target"),
    keyword("source.product"),
    keyword("source.repository"),
    keyword("source.tree"),
    keyword("source.revision"),
    keyword("target.platform"),
    keyword("target.os"),
    keyword("target.locale"),
    keyword("target.version"),
    keyword("target.channel"),
    keyword("download.url"),
    keyword("download.mimetype"),
    number("download.size", FieldKind::Long),
    number("download.date", FieldKind::Date),
];

/// Returns the field of that exact name.
pub fn field(name: &str) -> Option<&'static FieldInfo> {
    FIELDS.iter().find(|info| info.name == name)
}

/// Returns the fields that a name means where patterns and objects are allowed: the field itself,
/// those below an object (`build`), or those that a pattern with `*` covers.
pub fn fields_matching(pattern: &str) -> Vec<&'static FieldInfo> {
    if let Some(info) = field(pattern) {
        return vec![info];
    }
    if pattern.contains('*') {
        let pattern = Wildcard::of_names(pattern);
        return FIELDS
            .iter()
            .filter(|info| pattern.is_match(info.name))
            .collect();
    }
    FIELDS
        .iter()
        .filter(|info| {
            info.name
                .strip_prefix(pattern)
                .is_some_and(|rest| rest.starts_with('.'))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<&'static str> {
        fields_matching(pattern)
            .iter()
            .map(|info| info.name)
            .collect()
    }

    #[test]
    fn an_object_means_the_fields_below_it() {
        assert_eq!(
            names("target"),
            [
                "target.platform",
                "target.os",
                "target.locale",
                "target.version",
                "target.channel"
            ]
        );
    }

    #[test]
    fn a_pattern_means_the_names_it_covers() {
        assert_eq!(names("*.date"), ["build.date", "download.date"]);
        assert_eq!(names("build.cc*"), ["build.cc", "build.cc.keyword"]);
        assert_eq!(names("nothing"), Vec::<&str>::new());
    }
}
