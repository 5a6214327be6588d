// SPDX-License-Identifier: MPL-2.0
//! `symbols`, for people who have a symbol file or an index and no server.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use releng_testkit::temp;

use crate::commands::{output, run};
use crate::support::gzip;
use crate::{SYMBOLS, index_of};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");

/// Arguments with `symbols` in front and the folder for `@`.
fn arguments(folder: &Path, line: &str) -> Vec<String> {
    let at = format!("{}/", folder.display());
    let words = line.split(' ').map(|word| word.replace('@', &at));
    std::iter::once("symbols".to_owned()).chain(words).collect()
}

fn printed(folder: &Path, line: &str) -> String {
    let arguments = arguments(folder, line);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let text = output(&folder.join("data"), &arguments);
    text.replace(&format!("{}/", folder.display()), "@")
}

fn refused(folder: &Path, line: &str) -> (Option<i32>, String) {
    let arguments = arguments(folder, line);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run(&folder.join("data"), &arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    let text = text.replace(&format!("{}/", folder.display()), "@");
    (output.status.code(), text)
}

fn with_files() -> tempfile::TempDir {
    let folder = temp::dir();
    fs::write(folder.path().join("demo.so.sym"), SYMBOLS).unwrap();
    fs::write(folder.path().join("packed.sym.gz"), gzip(SYMBOLS)).unwrap();
    folder
}

const ANSWERS: &str = "\
0x5700 dtv_slotinfo_list (inlined) at nptl_db/nptl_db/td_thr_tlsbase.c:45
       dtv_slotinfo (inlined) at nptl_db/nptl_db/td_thr_tlsbase.c:67
       td_thr_tlsbase + 0x210 at nptl_db/nptl_db/td_thr_tlsbase.c:152
0x10 ??
0x2050 <.plt ELF section in libthread_db.so.1> + 0x30
";

#[test]
fn addresses_are_looked_up_in_files_packed_files_and_indexes() {
    let folder = with_files();
    printed(folder.path(), "index @demo.so.sym");
    for file in ["demo.so.sym", "packed.sym.gz", "demo.so.symx1"] {
        let line = format!("lookup @{file} 0x5700 10 2050");
        assert_eq!(printed(folder.path(), &line), ANSWERS, "{file}");
    }
    // No server's data came into being.
    assert!(!folder.path().join("data").exists());
}

/// What the book prints is what the command prints.
#[test]
fn the_page_for_people_who_look_at_crashes_has_these_answers() {
    let page = include_str!("../../../../docs/book/src/services/symbolication.md");
    let begin = "$ releng-tecken symbols lookup libthread_db.so.1.sym ";
    let (_, printed_line) = page.split_once(begin).unwrap();
    let (addresses, rest) = printed_line.split_once('\n').unwrap();
    let (expected, _) = rest.split_once("```").unwrap();
    let folder = with_files();
    let line = format!("lookup @demo.so.sym {addresses}");
    assert_eq!(printed(folder.path(), &line), expected);
}

#[test]
fn addresses_may_come_through_a_pipe() {
    let folder = with_files();
    let mut child = Command::new(BINARY)
        .args(["symbols", "lookup"])
        .arg(folder.path().join("demo.so.sym"))
        .env_clear()
        .env("DATA_DIR", folder.path().join("data"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"0x5700\n\n 10 \n2050").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), ANSWERS);
}

#[test]
fn an_index_is_the_one_that_the_server_makes_and_tells_what_is_in_it() {
    let folder = with_files();
    let made = printed(folder.path(), "index @demo.so.sym --threads 1");
    assert!(made.starts_with("@demo.so.symx1: "), "{made}");
    assert!(made.contains(" % of the symbol file, 2 pages, "), "{made}");
    printed(folder.path(), "index @packed.sym.gz -o @other.symx1");
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("demo.so.symx1"), index_of(SYMBOLS));
    assert_eq!(read("other.symx1"), read("demo.so.symx1"));

    let info = printed(folder.path(), "info @demo.so.sym");
    let expected = "\
module          libthread_db.so.1 35CBDBAB3BB68DA78B6E8EF1939FA3CB0
built for       Linux x86_64
code id         ABDBCB35B63BA78D8B6E8EF1939FA3CB66F2538B
functions       53
public symbols  8
";
    assert!(info.starts_with(expected), "{info}");
    assert!(info.contains(&format!("symbol file     {} bytes\n", SYMBOLS.len())));
    let of_index = printed(folder.path(), "info @demo.so.symx1");
    assert!(of_index.starts_with(&info), "{of_index}");
    assert!(of_index.contains(" of functions: "), "{of_index}");
}

#[test]
fn what_is_sound_is_told_from_what_is_not() {
    let folder = with_files();
    let at = folder.path();
    printed(at, "index @demo.so.sym");
    assert_eq!(
        printed(at, "verify @demo.so.symx1"),
        "@demo.so.symx1: 2 pages are sound\n"
    );
    let answers = "2 pages are sound, 183 answers are those of the symbol file\n";
    assert_eq!(
        printed(at, "verify @demo.so.symx1 --with @packed.sym.gz"),
        format!("@demo.so.symx1: {answers}")
    );
    assert_eq!(
        printed(at, "verify @demo.so.sym"),
        format!("@demo.so.sym: {answers}")
    );

    let mut bytes = fs::read(at.join("demo.so.symx1")).unwrap();
    bytes[100] ^= 1;
    fs::write(at.join("damaged.symx1"), bytes).unwrap();
    fs::write(at.join("other.sym"), "MODULE a b c d\nFUNC 1 1 0 f\n").unwrap();
    fs::write(at.join("empty.sym"), "").unwrap();
    fs::write(at.join("cut.sym.gz"), &gzip(SYMBOLS)[..2000]).unwrap();
    for (line, message) in [
        (
            "verify @damaged.symx1",
            "@damaged.symx1: the symbol index is damaged: page 0",
        ),
        (
            "verify @demo.so.symx1 --with @other.sym",
            "@demo.so.symx1 was made from another symbol file",
        ),
        (
            "info @empty.sym",
            "@empty.sym: not a symbol file: it has no MODULE, FUNC or PUBLIC record",
        ),
        ("lookup @cut.sym.gz 10", "@cut.sym.gz: "),
        ("info @none.sym", "@none.sym: No such file or directory"),
        ("index @demo.so.sym -o @none/x", "@none/x: "),
    ] {
        let (status, text) = refused(at, line);
        assert_eq!(status, Some(1), "{line}: {text}");
        assert!(text.contains(message), "{line}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    // Nothing half made is left.
    let names = fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name());
    assert!(
        names
            .into_iter()
            .all(|name| !name.to_string_lossy().starts_with('.'))
    );
}

#[test]
fn wrong_usage_of_symbols_is_status_2() {
    let folder = with_files();
    printed(folder.path(), "index @demo.so.sym");
    for (line, message) in [
        (
            "lookup @demo.so.sym xyz",
            "an address is a hexadecimal number of 64 bits",
        ),
        ("index @demo.so.symx1", "@demo.so.symx1 is an index"),
        ("index @demo.so.sym --threads 0", "threads"),
        (
            "verify @demo.so.sym --with @demo.so.sym",
            "--with is for an index",
        ),
        (
            "verify @demo.so.symx1 --with @demo.so.symx1",
            "@demo.so.symx1 is an index",
        ),
    ] {
        let (status, text) = refused(folder.path(), line);
        assert_eq!(status, Some(2), "{line}: {text}");
        assert!(text.contains(message), "{line}: {text}");
    }
}

#[test]
fn a_file_beyond_the_bound_is_refused_packed_or_not() {
    let folder = with_files();
    for file in ["demo.so.sym", "packed.sym.gz"] {
        let output = Command::new(BINARY)
            .args(["symbols", "info"])
            .arg(folder.path().join(file))
            .env_clear()
            .env("DATA_DIR", folder.path().join("data"))
            .env("SYMBOL_MAX_BYTES", "10KiB")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("exceeds the limit of 10240 bytes"), "{text}");
    }
}
