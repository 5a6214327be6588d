// SPDX-License-Identifier: MPL-2.0
//! An index that is not as it was written is an error, never another answer.

use std::fmt::Write;
use std::sync::Arc;

use releng_symbols::index::{
    BuildOptions, Detail, FORMAT, Index, IndexError, PageCache, Part, ReadAt, verify,
};
use releng_symbols::{Symbol, SymbolTable, Symbols};

use super::support::{index_bytes, small_pages, table};

/// A file whose index has pages of every kind.
fn text() -> String {
    let mut text = String::from("MODULE Linux x86_64 AB demo.so\nINFO CODE_ID CD demo\n");
    for number in 0..40 {
        writeln!(text, "FILE {number} src/a_rather_long_name/{number}.c").unwrap();
        writeln!(
            text,
            "INLINE_ORIGIN {number} inlined::{}function::{number}(int)",
            "a_name::".repeat(40)
        )
        .unwrap();
    }
    for number in 0..60u64 {
        let start = 0x1000 + number * 0x100;
        writeln!(text, "FUNC {start:x} f0 0 function{number}").unwrap();
        writeln!(
            text,
            "INLINE 0 7 {} {} {start:x} 80",
            number % 7,
            number % 5
        )
        .unwrap();
        writeln!(
            text,
            "{start:x} 40 {number} 1\n{:x} 80 12 {}",
            start + 0x40,
            number % 9
        )
        .unwrap();
    }
    // More rows than fit into a page.
    writeln!(text, "FUNC 100000 10000 0 large").unwrap();
    for number in 0..3_000u64 {
        writeln!(
            text,
            "{:x} 4 {number} {}",
            0x10_0000 + number * 4,
            number % 40
        )
        .unwrap();
    }
    text + "PUBLIC 500 0 public\nPUBLIC 200000 0 another\n"
}

const ADDRESSES: [u64; 9] = [
    0x500, 0x1000, 0x1044, 0x1810, 0x2d55, 0x10_0000, 0x10_0fa1, 0x10_2ee0, 0x20_0001,
];

fn answers(bytes: &[u8]) -> Result<Vec<Option<Symbol<'static>>>, IndexError> {
    let index = Arc::new(Index::open(bytes)?);
    let cache = PageCache::new(1 << 20);
    let resolved = index.resolve(bytes, &cache, &ADDRESSES, Detail::Full)?;
    let owned = |address: &u64| resolved.lookup(*address).map(owned);
    Ok(ADDRESSES.iter().map(owned).collect())
}

fn owned(symbol: Symbol<'_>) -> Symbol<'static> {
    let text = |text: std::borrow::Cow<'_, str>| std::borrow::Cow::Owned(text.into_owned());
    let inline = |inline: releng_symbols::Inline<'_>| releng_symbols::Inline {
        function: inline.function.map(text),
        file: inline.file.map(text),
        line: inline.line,
    };
    Symbol {
        function: text(symbol.function),
        function_offset: symbol.function_offset,
        function_size: symbol.function_size,
        file: symbol.file.map(text),
        line: symbol.line,
        inlines: symbol.inlines.into_iter().map(inline).collect(),
    }
}

fn sample() -> (Vec<u8>, SymbolTable) {
    let text = text();
    let options = BuildOptions {
        page_bytes: 512,
        ..small_pages()
    };
    (index_bytes(&text, &options), table(&text))
}

#[test]
fn the_sample_has_pages_of_every_kind() {
    let (bytes, table) = sample();
    let index = verify(&bytes).unwrap();
    assert!(
        index.page_sums().iter().all(|sum| sum.pages > 0),
        "{:?}",
        index.page_sums()
    );
    let expected: Vec<_> = ADDRESSES
        .iter()
        .map(|address| table.lookup(*address).map(owned))
        .collect();
    assert_eq!(answers(&bytes).unwrap(), expected);
    assert_eq!(index.header(), table.header());
}

#[test]
fn no_flipped_bit_of_any_byte_changes_an_answer() {
    let (bytes, _) = sample();
    let expected = answers(&bytes).unwrap();
    let mut damaged = bytes.clone();
    for at in 0..bytes.len() {
        damaged[at] ^= 1 << (at % 8);
        assert!(verify(&damaged).is_err(), "byte {at}");
        if let Ok(found) = answers(&damaged) {
            assert_eq!(found, expected, "byte {at}");
        }
        damaged[at] = bytes[at];
    }
}

#[test]
fn each_class_of_bytes_is_named_when_it_is_damaged() {
    let (bytes, _) = sample();
    let damage = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        verify(&bytes).unwrap_err().to_string()
    };
    let end = bytes.len();
    let root_start = u64::from_le_bytes(bytes[end - 72..end - 64].try_into().unwrap());
    let root_start = usize::try_from(root_start).unwrap();
    assert_eq!(damage(0), "not a symbol index, or cut off");
    assert_eq!(damage(13), "the symbol index is damaged: head");
    assert_eq!(damage(16), "the symbol index is damaged: page 0");
    assert_eq!(damage(root_start), "the symbol index is damaged: root");
    for at in [
        end - 72,
        end - 64,
        end - 60,
        end - 50,
        end - 40,
        end - 30,
        end - 20,
        end - 10,
    ] {
        assert_eq!(damage(at), "the symbol index is damaged: foot");
    }
    assert_eq!(damage(end - 1), "not a symbol index, or cut off");
}

#[test]
fn an_index_of_any_other_length_is_none() {
    let (bytes, _) = sample();
    for length in 0..bytes.len() {
        assert!(answers(&bytes[..length]).is_err(), "{length}");
    }
    assert!(answers(&[&bytes[..], b"x"].concat()).is_err());
    assert!(answers(&bytes[1..]).is_err());
}

#[test]
fn an_index_of_another_format_is_told_apart() {
    let (bytes, _) = sample();
    let end = bytes.len();
    for other in [FORMAT - 1, FORMAT + 1] {
        let expected = format!("the symbol index has the format {other}, this program knows 3");
        let mut changed = bytes.clone();
        changed[end - 24..end - 20].copy_from_slice(&other.to_le_bytes());
        let checksum = xxhash_rust::xxh3::xxh3_64(&changed[end - 72..end - 16]);
        changed[end - 16..end - 8].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Index::open(&changed).unwrap_err().to_string(), expected);
        changed = bytes.clone();
        changed[8..12].copy_from_slice(&other.to_le_bytes());
        assert_eq!(verify(&changed).unwrap_err().to_string(), expected);
    }
}

/// An index that was replaced by another one after its root had been read.
#[test]
fn pages_of_another_index_are_damage() {
    let (bytes, _) = sample();
    let other = text().replace("function1", "function2");
    let other = index_bytes(
        other,
        &BuildOptions {
            page_bytes: 512,
            ..small_pages()
        },
    );
    let index = Arc::new(Index::open(&bytes).unwrap());
    let cache = PageCache::new(1 << 20);
    let error = index
        .resolve(&other, &cache, &ADDRESSES, Detail::Full)
        .unwrap_err();
    assert!(
        matches!(
            error,
            IndexError::Damaged {
                part: Part::Page(_)
            }
        ),
        "{error}"
    );
}

/// A source that fails says nothing about the index.
#[test]
fn a_failure_of_the_source_is_not_damage() {
    struct Broken;
    impl ReadAt for Broken {
        fn size(&self) -> std::io::Result<u64> {
            Ok(1 << 20)
        }
        fn read_at(&self, _: std::ops::Range<u64>) -> std::io::Result<Vec<u8>> {
            Err(std::io::ErrorKind::TimedOut.into())
        }
    }
    assert!(matches!(Index::open(&Broken), Err(IndexError::Read(_))));
}
