// SPDX-License-Identifier: MPL-2.0
//! What `completions` and `man` print, made from the options and the table of commands.

use std::io::{self, Write as _};

use clap::{Arg, Command, CommandFactory as _, ValueEnum as _, ValueHint};
use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};

use super::{
    commands::{COMMANDS, ENVIRONMENT, GENERAL, Words},
    options::Options,
};

const NAME: &str = "tooltool";

/// Prints the completions for a shell.
pub(super) fn completions(options: &Options) -> Result<bool, String> {
    let known = Shell::value_variants();
    let names = known.iter().map(ToString::to_string).collect::<Vec<_>>();
    let wanted = options.files().next().map(|word| word.to_string_lossy());
    let shell = wanted.and_then(|wanted| known.iter().find(|shell| shell.to_string() == wanted));
    let shell = shell
        .ok_or_else(|| format!("completions command requires a shell: {}", names.join(", ")))?;
    let mut text = Vec::new();
    clap_complete::generate(*shell, &mut tree(), NAME, &mut text);
    print(&text)
}

/// Prints the manual page.
pub(super) fn man() -> Result<bool, String> {
    let mut text = Vec::new();
    page(&mut text)
        .map_err(|error| error.to_string())
        .and_then(|()| print(&text))
}

fn print(text: &[u8]) -> Result<bool, String> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text)
        .and_then(|()| stdout.flush())
        .map(|()| true)
        .map_err(|error| format!("cannot write: {error}"))
}

/// The command line as shells see it: each command with the options that mean something to it. It
/// is read more freely than that, since options may stand anywhere.
fn tree() -> Command {
    let all = Options::command();
    let options = |names: &[&str]| -> Vec<Arg> {
        all.get_arguments()
            .filter(|argument| names.contains(&argument.get_id().as_str()))
            .cloned()
            .collect()
    };
    let plain = |name: &'static str| {
        Command::new(name)
            .disable_help_flag(true)
            .disable_help_subcommand(true)
    };
    let commands = COMMANDS.iter().map(|command| {
        let named = plain(command.name).about(command.about);
        let named = named.args(options(&GENERAL)).args(options(command.options));
        match command.words {
            Words::None => named,
            Words::Files | Words::SomeFiles => named.arg(
                Arg::new("files")
                    .num_args(0..)
                    .value_hint(ValueHint::FilePath),
            ),
            Words::Shell => named.arg(Arg::new("shell").value_parser(clap::value_parser!(Shell))),
        }
    });
    let everything = all
        .get_arguments()
        .filter(|argument| !argument.is_positional());
    plain(NAME)
        .args(everything.cloned().collect::<Vec<_>>())
        .subcommands(commands.collect::<Vec<_>>())
}

fn page(text: &mut Vec<u8>) -> io::Result<()> {
    // The page has sections of its own for what help shows before and after the options.
    let command = Options::command().before_help("").after_help("");
    let man = Man::new(command).source(concat!("tooltool ", env!("CARGO_PKG_VERSION")));
    man.render_title(text)?;
    man.render_name_section(text)?;
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([
        bold(NAME),
        roman(" ["),
        italic("options"),
        roman("] "),
        italic("command"),
        roman(" ["),
        italic("FILE"),
        roman("...]"),
    ]);
    roff.control("SH", ["DESCRIPTION"]);
    for (number, paragraph) in DESCRIPTION.iter().enumerate() {
        if number > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*paragraph)]);
    }
    roff.control("SH", ["COMMANDS"]);
    for command in &COMMANDS {
        entry(
            &mut roff,
            vec![
                bold(command.name),
                roman(" "),
                italic(command.words.shown()),
            ],
            command.about,
        );
    }
    roff.to_writer(text)?;
    man.render_options_section(text)?;
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, about) in ENVIRONMENT {
        entry(&mut roff, vec![bold(name)], about);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (status, about) in EXIT_STATUS {
        entry(&mut roff, vec![bold(status)], about);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (line, about) in EXAMPLES {
        entry(&mut roff, vec![bold(line)], about);
    }
    roff.to_writer(text)
}

fn entry(roff: &mut Roff, term: Vec<Inline>, about: &str) {
    roff.control("TP", []);
    roff.text(term);
    roff.text([roman(about)]);
}

const DESCRIPTION: [&str; 3] = [
    "tooltool keeps the inputs of builds under the SHA-512 of their bytes. A manifest, by \
     convention the file manifest.tt, is a JSON array of records that name files with their size \
     and digest; the files lie in the current folder.",
    "Options and words may stand in any order, and the name of an option may be shortened as long \
     as it is unambiguous. Log lines go to standard error, results to standard output. On a \
     terminal fetch and upload show their progress.",
    "Temporary files begin with .tooltool- and end in .tmp; what a killed process has left is \
     removed by the next fetch in the same folder.",
];

const EXIT_STATUS: [(&str, &str); 3] = [
    ("0", "The command did what it was asked for."),
    ("1", "It failed; an ERROR line says why."),
    (
        "2",
        "The usage is wrong: no command, or an option that does not exist or has no such value.",
    ),
];

const EXAMPLES: [(&str, &str); 4] = [
    ("tooltool fetch", "Bring all files of manifest.tt here."),
    (
        "tooltool fetch -m linux64.tt -c ~/.cache/tooltool clang.tar.zst",
        "Bring one file of another manifest, by way of a cache.",
    ),
    (
        "tooltool add --visibility public --unpack clang.tar.zst",
        "Put a file into the manifest.",
    ),
    (
        "tooltool upload --message 'Bug 1570000: new clang' --wait",
        "Send the files of the manifest and wait until the server has verified them.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_completions_with_all_commands() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut tree(), NAME, &mut text);
            let text = String::from_utf8(text).unwrap();
            for command in &COMMANDS {
                assert!(text.contains(command.name), "{shell}: {}", command.name);
            }
            assert!(text.contains("authentication-file"), "{shell}");
        }
    }

    #[test]
    fn the_page_has_every_command_option_and_variable() {
        let mut text = Vec::new();
        page(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap().replace("\\-", "-");
        let options = Options::command();
        let options = options.get_arguments().filter_map(Arg::get_long);
        let names = COMMANDS.iter().map(|command| command.name);
        for name in options
            .chain(names)
            .chain(ENVIRONMENT.map(|(name, _)| name))
        {
            assert!(text.contains(name), "{name}");
        }
        let section = |name: &str| text.find(name).unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(section(".SH SYNOPSIS") < section(".SH COMMANDS"));
        assert!(section(".SH OPTIONS") < section(".SH ENVIRONMENT"));
    }
}
