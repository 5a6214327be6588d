// SPDX-License-Identifier: MPL-2.0
//! Sets of scopes: which one covers which, and what roles add to them.

use super::Role;

/// Roles that feed each other could grow for ever; the real service refuses to create them.
const MAX_SCOPES: usize = 2_000;

/// Returns whether `held` is `wanted`, or ends in a star and covers it.
pub(super) fn covers(held: &str, wanted: &str) -> bool {
    match held.strip_suffix('*') {
        Some(prefix) => wanted.starts_with(prefix),
        None => held == wanted,
    }
}

/// Returns whether each wanted scope is covered.
pub(super) fn satisfies(held: &[String], wanted: &[String]) -> bool {
    wanted
        .iter()
        .all(|wanted| held.iter().any(|held| covers(held, wanted)))
}

/// Returns whether a text can be a scope at all: printable ASCII.
pub(super) fn is_scope(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// Adds what the roles give, transitively, and returns the smallest equal set in order.
pub(super) fn expand(scopes: &[String], roles: &[Role]) -> Vec<String> {
    let mut known: Vec<String> = scopes.to_vec();
    let mut next = 0;
    while let Some(scope) = known.get(next).cloned() {
        next += 1;
        for role in roles {
            let Some(rest) = assumed(&scope, &role.id) else {
                continue;
            };
            for given in &role.scopes {
                let given = substitute(given, &rest);
                if !known.contains(&given) && known.len() < MAX_SCOPES {
                    known.push(given);
                }
            }
        }
    }
    normalise(known)
}

/// Returns what stands for `<..>` when a scope assumes a role, `None` when it does not.
fn assumed(scope: &str, role: &str) -> Option<String> {
    if covers(scope, &format!("assume:{role}")) {
        // All roles that the star of either covers are meant.
        return Some("*".to_owned());
    }
    let name = scope.strip_prefix("assume:")?;
    name.strip_prefix(role.strip_suffix('*')?)
        .map(str::to_owned)
}

fn substitute(given: &str, rest: &str) -> String {
    let Some((before, after)) = given.split_once("<..>") else {
        return given.to_owned();
    };
    // What follows a star in the middle would make it an ordinary character.
    if rest.ends_with('*') {
        format!("{before}{rest}")
    } else {
        format!("{before}{rest}{after}")
    }
}

fn normalise(mut scopes: Vec<String>) -> Vec<String> {
    scopes.sort();
    scopes.dedup();
    let all = scopes.clone();
    scopes.retain(|scope| {
        !all.iter()
            .any(|other| other != scope && covers(other, scope))
    });
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(scopes: &[&str], roles: &[(&str, &[&str])]) -> Vec<String> {
        let roles: Vec<Role> = roles
            .iter()
            .map(|(id, given)| Role::new(id, given))
            .collect();
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        expand(&scopes, &roles)
    }

    #[test]
    fn roles_lead_to_roles_and_the_assumption_stays_in_the_list() {
        let roles: [(&str, &[&str]); 3] = [
            ("sheriff", &["assume:viewer", "tree:close"]),
            ("viewer", &["tree:read"]),
            ("other", &["secret"]),
        ];
        assert_eq!(
            expanded(&["assume:sheriff"], &roles),
            ["assume:sheriff", "assume:viewer", "tree:close", "tree:read"]
        );
        assert_eq!(expanded(&["sheriff"], &roles), ["sheriff"]);
    }

    #[test]
    fn a_starred_scope_assumes_every_role_it_covers() {
        let roles: [(&str, &[&str]); 2] = [("team-a", &["a"]), ("team-b", &["b"])];
        assert_eq!(
            expanded(&["assume:team-*"], &roles),
            ["a", "assume:team-*", "b"]
        );
        assert_eq!(expanded(&["*"], &roles), ["*"]);
    }

    #[test]
    fn a_starred_role_takes_the_rest_of_the_name() {
        let roles: [(&str, &[&str]); 1] = [("repo:*", &["index:<..>:write", "read"])];
        assert_eq!(
            expanded(&["assume:repo:demo"], &roles),
            ["assume:repo:demo", "index:demo:write", "read"]
        );
        assert_eq!(
            expanded(&["assume:repo:*"], &roles),
            ["assume:repo:*", "index:*", "read"]
        );
        assert_eq!(
            expanded(&["assume:other:demo"], &roles),
            ["assume:other:demo"]
        );
    }

    #[test]
    fn covered_scopes_are_left_out() {
        assert_eq!(expanded(&["b", "a:*", "a:1", "b"], &[]), ["a:*", "b"]);
    }

    #[test]
    fn roles_that_feed_each_other_come_to_an_end() {
        let ring: [(&str, &[&str]); 2] = [("a", &["assume:b"]), ("b", &["assume:a"])];
        assert_eq!(expanded(&["assume:a"], &ring), ["assume:a", "assume:b"]);
    }

    #[test]
    fn only_a_trailing_star_is_special() {
        assert!(covers("a*", "abc") && covers("a*", "a") && covers("a*c", "a*c"));
        assert!(!covers("a*c", "abc") && !covers("abc", "abcd") && !covers("A", "a"));
    }
}
