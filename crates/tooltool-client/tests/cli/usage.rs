// SPDX-License-Identifier: MPL-2.0
//! Exit statuses, log lines and options that hold for every command.

use crate::home::Home;

#[test]
fn without_a_command_the_status_is_two() {
    let run = Home::new().run(&[]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert_eq!(
        run.stderr,
        "usage: tooltool [options] command [FILES]; tooltool --help tells more\n\
         ERROR - no command was given\n"
    );
}

#[test]
fn an_unknown_command_is_not_implemented() {
    for command in ["dance", "Fetch", ""] {
        let run = Home::new().run(&[command]);
        assert_eq!((run.status, run.stdout.as_str()), (1, ""));
        assert_eq!(
            run.stderr,
            format!("ERROR - command \"{command}\" is not implemented\n")
        );
    }
}

#[test]
fn help_goes_to_standard_output_with_status_zero() {
    for word in ["--help", "-h", "--he"] {
        let run = Home::new().run(&[word]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{word}");
        assert!(
            run.stdout.contains("--authentication-file"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn wrong_usage_is_status_two_and_says_what_is_wrong() {
    for (words, part) in [
        (&["list", "--nonsense"][..], "--nonsense"),
        (&["list", "-d", "md5"], "[possible values: sha512]"),
        (
            &["add", "x", "--visibility", "secret"],
            "[possible values: internal, public]",
        ),
        (
            &["fetch", "--url", "ftp://h"],
            "it must begin with http:// or https://",
        ),
    ] {
        let run = Home::new().run(words);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{words:?}");
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_status_one_for_every_command_that_needs_it() {
    for command in ["list", "validate", "fetch"] {
        let home = Home::new();
        let run = home.run(&[command]);
        assert_eq!(run.status, 1);
        assert_eq!(
            run.stderr,
            "ERROR - failed to load manifest file at 'manifest.tt': \
             No such file or directory (os error 2)\n"
        );
        home.write(
            "other.tt",
            r#"[{"filename": "a/b", "size": 0, "algorithm": "", "digest": ""}]"#,
        );
        let run = home.run(&[command, "--manifest=other.tt"]);
        assert_eq!(run.status, 1);
        assert_eq!(
            run.stderr,
            "ERROR - failed to load manifest file at 'other.tt': \
             record 1: filename 'a/b' must not contain / or \\\n"
        );
    }
}

#[test]
fn quiet_drops_everything_below_error() {
    let home = Home::new();
    home.write("manifest.tt", r#"[{"filename": "a"}]"#);
    let warning = "WARNING - record 1 is skipped, it has no size, no algorithm, no digest\n";
    assert_eq!(home.run(&["list"]).stderr, warning);
    assert_eq!(home.run(&["-q", "list"]).stderr, "");
}
