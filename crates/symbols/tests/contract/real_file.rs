// SPDX-License-Identifier: MPL-2.0
//! A real symbol file, see `tests/data/README.md`.

use releng_symbols::index::BuildOptions;
use releng_symbols::{
    CodeInfo, Header, Inline, ModuleRecord, Symbol, SymbolTable, Symbols, header::header,
};

use super::reference::Reference;
use super::support::{excerpt, resolved, small_pages, table};

const FILE: &[u8] = include_bytes!("../data/libthread_db.so.1.sym");

fn thread_db() -> SymbolTable {
    table(FILE)
}

fn inline(function: &'static str, file: &'static str, line: u32) -> Inline<'static> {
    Inline {
        function: Some(function.into()),
        file: Some(file.into()),
        line: Some(line),
    }
}

fn symbol(function: &'static str, function_offset: u64) -> Symbol<'static> {
    Symbol {
        function: function.into(),
        function_offset,
        function_size: None,
        file: None,
        line: None,
        inlines: Vec::new(),
    }
}

#[test]
fn every_function_and_public_symbol_is_found() {
    assert_eq!(thread_db().len(), 53 + 8);
}

#[test]
fn header_and_table_tell_the_module() {
    let module = ModuleRecord {
        os: "Linux".into(),
        arch: "x86_64".into(),
        debug_id: "35CBDBAB3BB68DA78B6E8EF1939FA3CB0".into(),
        debug_file: "libthread_db.so.1".into(),
    };
    let code = CodeInfo {
        code_id: "ABDBCB35B63BA78D8B6E8EF1939FA3CB66F2538B".into(),
        code_file: None,
    };
    let expected = Header {
        module: Some(module),
        code: Some(code),
    };
    assert_eq!(
        header(&FILE[..releng_symbols::header::HEADER_BYTES]),
        expected
    );
    assert_eq!(thread_db().header(), &expected);
}

#[test]
fn an_address_in_a_function_has_its_line() {
    let expected = Symbol {
        function_size: Some(0x117),
        file: Some("nptl_db/nptl_db/td_ta_new.c".into()),
        line: Some(38),
        ..symbol("td_ta_new", 0x1e)
    };
    assert_eq!(thread_db().lookup(0x234e), Some(expected));
}

#[test]
fn an_address_in_two_inlined_functions_has_both() {
    let expected = Symbol {
        function_size: Some(0x476),
        file: Some("nptl_db/nptl_db/td_thr_tlsbase.c".into()),
        line: Some(152),
        inlines: vec![
            inline("dtv_slotinfo_list", "nptl_db/nptl_db/td_thr_tlsbase.c", 45),
            inline("dtv_slotinfo", "nptl_db/nptl_db/td_thr_tlsbase.c", 67),
        ],
        ..symbol("td_thr_tlsbase", 0x210)
    };
    assert_eq!(thread_db().lookup(0x5700), Some(expected));
}

#[test]
fn a_public_symbol_has_a_name_only() {
    let table = thread_db();
    assert_eq!(
        table.lookup(0x2050),
        Some(symbol("<.plt ELF section in libthread_db.so.1>", 0x30))
    );
    assert_eq!(table.lookup(0x1fff), None);
    assert_eq!(
        table.lookup(0xffff_ffff),
        Some(symbol("_fini", 0xffff_ffff - 0x5f68))
    );
}

#[test]
fn every_address_has_the_symbol_of_the_plain_reference() {
    let text = str::from_utf8(FILE).unwrap();
    let reference = Reference::new(text);
    let (start, end) = reference.bounds();
    let addresses: Vec<u64> = (start - 2..end + 0x100).collect();
    let options = [BuildOptions::default(), small_pages()];
    let indexed = options.map(|options| resolved(FILE, &options, &addresses));
    let scanned = excerpt(FILE, 1000, &addresses);
    let table = thread_db();
    for address in addresses {
        let expected = reference.lookup(address);
        assert_eq!(table.lookup(address), expected, "{address:x}");
        assert_eq!(scanned.lookup(address), expected, "scan {address:x}");
        for indexed in &indexed {
            assert_eq!(indexed.lookup(address), expected, "index {address:x}");
        }
    }
}

#[test]
fn padding_after_a_function_belongs_to_it_without_a_line() {
    assert_eq!(thread_db().lookup(0x244f), Some(symbol("td_ta_new", 0x11f)));
}
