// SPDX-License-Identifier: MPL-2.0
//! How pages show what sheriffs write: bug numbers become links, authors are shortened
//! (treestatus.md §11).

/// The reason categories that pages offer, with their long names (treestatus.md §5).
pub const REASON_CATEGORIES: [(&str, &str); 8] = [
    ("checkin_compilation", "Check-in compilation failure"),
    ("checkin_test", "Check-in test failure"),
    ("infra", "Infrastructure related"),
    ("backlog", "Job backlog"),
    ("planned", "Planned closure"),
    ("merges", "Merges"),
    ("waiting_for_coverage", "Waiting for coverage"),
    ("other", "Other"),
];

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What to show.
    pub text: String,
    /// The number of the bug that it speaks of.
    pub bug: Option<String>,
}

/// Cuts a text at its `Bug 12345`.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, mention, number, after)) = next_bug(rest) {
        if !before.is_empty() {
            pieces.push(plain(before));
        }
        pieces.push(Piece {
            text: mention.to_owned(),
            bug: Some(number.to_owned()),
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(plain(rest));
    }
    pieces
}

fn plain(text: &str) -> Piece {
    Piece {
        text: text.to_owned(),
        bug: None,
    }
}

/// Returns what stands before the first mention of a bug, the mention, its number, and the rest.
fn next_bug(text: &str) -> Option<(&str, &str, &str, &str)> {
    const WORD: &[u8] = b"bug";
    let words = text.as_bytes().windows(WORD.len()).enumerate();
    let mut places = words.filter(|(_, word)| word.eq_ignore_ascii_case(WORD));
    places.find_map(|(at, word)| {
        let before = text.get(..at)?;
        if before.ends_with(char::is_alphanumeric) {
            return None;
        }
        let tail = text.get(at + word.len()..)?;
        let number = tail.trim_start_matches([' ', '#']);
        let blanks = tail.len() - number.len();
        let digits = number.len()
            - number
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .len();
        if blanks == 0 || digits == 0 {
            return None;
        }
        let end = at + word.len() + blanks + digits;
        Some((
            before,
            text.get(at..end)?,
            number.get(..digits)?,
            text.get(end..)?,
        ))
    })
}

/// Shortens a client id to what colleagues call its owner.
pub fn author(who: &str) -> String {
    if let Some(rest) = who.strip_prefix("mozilla-auth0/ad|Mozilla-LDAP|") {
        let name = rest.split('/').next().unwrap_or(rest);
        return format!("{name}@mozilla.com");
    }
    match who.split('/').collect::<Vec<_>>().as_slice() {
        [_, name] => (*name).to_owned(),
        _ => who.to_owned(),
    }
}

/// Returns the page with the rules of a tree.
pub fn rules(tree: &str) -> String {
    const RULES: &str = "https://wiki.mozilla.org/Tree_Rules";
    match tree {
        "autoland" | "mozilla-central" | "mozilla-beta" | "mozilla-release" => {
            format!("{RULES}#{tree}")
        }
        name if name.starts_with("mozilla-esr") => {
            "https://wiki.mozilla.org/Release_Management/ESR_Landing_Process".to_owned()
        }
        name if name.starts_with("comm-") => format!("{RULES}/comm-central"),
        _ => RULES.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bugs_become_links_and_nothing_is_lost() {
        let found = pieces("see Bug 12, bug #3 and debug 4; bug x, ü bug");
        let bugs: Vec<&str> = found.iter().filter_map(|p| p.bug.as_deref()).collect();
        assert_eq!(bugs, ["12", "3"]);
        let whole: String = found.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(whole, "see Bug 12, bug #3 and debug 4; bug x, ü bug");
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn authors_are_shortened() {
        let table = [
            (
                "mozilla-auth0/ad|Mozilla-LDAP|demo/treestatus",
                "demo@mozilla.com",
            ),
            ("demo/sheriff", "sheriff"),
            ("project/releng/bot", "project/releng/bot"),
            ("human:demo@example.com", "human:demo@example.com"),
        ];
        for (who, shown) in table {
            assert_eq!(author(who), shown);
        }
    }
}
