// SPDX-License-Identifier: MPL-2.0
//! Requests beyond a limit.

use releng_symbols::{Jobs, Version, request::Limits};

const LIMITS: Limits = Limits {
    jobs: 2,
    frames: 3,
    modules: 4,
};

fn verdict(jobs: &[(usize, &[usize])]) -> String {
    let job = |(modules, stacks): &(usize, &[usize])| {
        let modules = vec![r#"["a","AB"]"#; *modules].join(",");
        let stack = |frames: &usize| format!("[{}]", vec!["[-1,1]"; *frames].join(","));
        let stacks = stacks.iter().map(stack).collect::<Vec<_>>().join(",");
        format!(r#"{{"memoryMap":[{modules}],"stacks":[{stacks}]}}"#)
    };
    let jobs = jobs.iter().map(job).collect::<Vec<_>>().join(",");
    let parsed = Jobs::parse(
        Version::V5,
        format!(r#"{{"jobs":[{jobs}]}}"#).as_bytes(),
        &LIMITS,
    );
    parsed.map_or_else(|error| error.to_string(), |_jobs| "accepted".to_owned())
}

#[test]
fn jobs_are_limited() {
    assert_eq!(verdict(&[(0, &[]), (0, &[])]), "accepted");
    assert_eq!(
        verdict(&[(0, &[]), (0, &[]), (0, &[])]),
        "too many jobs: the limit of one request is 2"
    );
}

#[test]
fn frames_of_all_jobs_together_are_limited() {
    assert_eq!(verdict(&[(0, &[1, 1]), (0, &[1])]), "accepted");
    assert_eq!(
        verdict(&[(0, &[1, 1]), (0, &[2])]),
        "too many frames: the limit of one request is 3"
    );
}

#[test]
fn empty_stacks_are_limited_too() {
    assert_eq!(verdict(&[(0, &[0, 0]), (0, &[0])]), "accepted");
    assert_eq!(
        verdict(&[(0, &[0, 0]), (0, &[0, 0])]),
        "too many stacks: the limit of one request is 3"
    );
}

#[test]
fn modules_of_all_jobs_together_are_limited() {
    assert_eq!(verdict(&[(2, &[]), (2, &[])]), "accepted");
    assert_eq!(
        verdict(&[(2, &[]), (3, &[])]),
        "too many modules: the limit of one request is 4"
    );
}

#[test]
fn the_defaults_are_generous() {
    let expected = Limits {
        jobs: 1_000,
        frames: 1_000_000,
        modules: 200_000,
    };
    assert_eq!(Limits::default(), expected);
}
