// SPDX-License-Identifier: MPL-2.0
//! completions, man, and the names under which the client is called.

use std::process::{Command, Stdio};

use crate::home::{Home, record};

#[test]
fn completions_are_printed_for_every_shell() {
    for (shell, part) in [
        ("bash", "complete -F _tooltool"),
        ("zsh", "#compdef tooltool"),
        ("fish", "complete -c tooltool"),
        ("elvish", "edit:completion:arg-completer[tooltool]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let run = Home::new().run(&["completions", shell]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{shell}");
        assert!(run.stdout.contains(part), "{shell}: {}", run.stdout);
    }
    for words in [&["completions"][..], &["completions", "csh"]] {
        let run = Home::new().run(words);
        let message = "ERROR - completions command requires a shell: \
                       bash, elvish, fish, powershell, zsh\n";
        assert_eq!((run.status, run.stdout.as_str()), (1, ""));
        assert_eq!(run.stderr, message);
    }
}

/// Asks a real bash what it would offer.
#[cfg(unix)]
#[test]
fn bash_completes_commands_and_the_options_that_fit_them() {
    let home = Home::new();
    home.write("completions", home.run(&["completions", "bash"]).stdout);
    for (words, offered, not_offered) in [
        ("tooltool fe", &["fetch"][..], &["delete"][..]),
        (
            "tooltool fetch --li",
            &["--link-cache", "--limit-members"],
            &["--digest"],
        ),
        ("tooltool -m x.tt delete --d", &["--digest"], &["--jobs"]),
        ("tooltool add --visibility ", &["internal", "public"], &[]),
    ] {
        let script = format!(
            "source ./completions; COMP_WORDS=({words}{}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             COMP_LINE='{words}'; COMP_POINT=${{#COMP_LINE}}; \
             _tooltool tooltool \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            if words.ends_with(' ') { "''" } else { "" }
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &script])
            .current_dir(home.at("."))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let replies: Vec<_> = text.lines().collect();
        for word in offered {
            assert!(replies.contains(word), "{words}: {replies:?}");
        }
        for word in not_offered {
            assert!(!replies.contains(word), "{words}: {replies:?}");
        }
    }
}

#[test]
fn the_manual_page_is_roff() {
    let run = Home::new().run(&["man"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    for part in [
        ".TH tooltool 1",
        ".SH NAME",
        ".SH COMMANDS",
        ".SH ENVIRONMENT",
        "change\\-visibility",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}

#[cfg(unix)]
#[test]
fn it_works_under_the_name_of_the_script_it_replaces() {
    let home = Home::new();
    home.write("a", "a");
    home.manifest(&[record("a", "a")]);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tooltool"), home.at("tooltool.py")).unwrap();
    let run = |words: &[&str]| {
        let output = Command::new(home.at("tooltool.py"))
            .args(words)
            .current_dir(home.at("."))
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    assert_eq!(run(&["list"]), (Some(0), "P\tV\ta\n".to_owned()));
    assert_eq!(
        run(&["--manifest=manifest.tt", "validate", "--verb"]).0,
        Some(0)
    );
    assert_eq!(run(&[]).0, Some(2));
    assert!(
        run(&["--help"])
            .1
            .contains("Usage: tooltool [options] command [FILES]")
    );
}
