// SPDX-License-Identifier: MPL-2.0
//! Whatever comes in: no panic, and an answer that is JSON.

use proptest::collection::vec;
use proptest::prelude::*;
use releng_symbols::index::{build, verify};
use releng_symbols::{
    Jobs, Lookups, Outcome, Symbols, Version, header::header, request::Limits, symbolicate,
};

use super::support::{cases, excerpt, index_bytes, outcome, parse, resolved, small_pages};

/// Pieces that symbol files are made of, in any order.
fn symbol_file() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "FUNC ",
        "PUBLIC ",
        "FILE ",
        "INLINE ",
        "INLINE_ORIGIN ",
        "STACK CFI ",
        "MODULE ",
        "INFO ",
        "CODE_ID ",
        "m ",
        "0 ",
        "1 ",
        "10 ",
        "0x",
        "ffffffffffffffff ",
        "4294967295 ",
        "-1 ",
        "name",
        "\n",
        "\n",
        "\r\n",
        "\t",
        " ",
        "\u{fffd}",
        "\0",
    ]);
    let piece = prop_oneof![
        20 => pieces.prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

/// Pieces that requests are made of, in any order.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "null",
        "true",
        "0",
        "1",
        "-1",
        "4",
        "1.5",
        "1e999",
        "18446744073709551616",
        "\"\"",
        "\"a\"",
        "\"AB\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 5, |inner| {
        let key = prop::sample::select(vec!["jobs", "memoryMap", "stacks", "version", "x"]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a},{b}]")),
            vec((key, inner), 0..4).prop_map(|pairs| {
                let pair = |(key, value): &(&str, String)| format!("\"{key}\":{value}");
                format!(
                    "{{{}}}",
                    pairs.iter().map(pair).collect::<Vec<_>>().join(",")
                )
            }),
        ]
    })
}

/// Frames and modules of the right shape with any content.
fn request() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1.50".to_owned())
    ];
    let frame = (-2i64..3, number).prop_map(|(index, offset)| format!("[{index},{offset}]"));
    let stack = vec(frame, 0..4).prop_map(|frames| format!("[{}]", frames.join(",")));
    let module =
        (any::<String>(), "[0-9a-f]{1,4}").prop_map(|pair| serde_json::to_string(&pair).unwrap());
    (vec(module, 3), vec(stack, 0..4)).prop_map(|(modules, stacks)| {
        let (modules, stacks) = (modules.join(","), stacks.join(","));
        format!(r#"{{"memoryMap":[{modules}],"stacks":[{stacks}],"version":4}}"#)
    })
}

fn answer_is_json(version: Version, body: &[u8], lookups: &Lookups) -> Option<serde_json::Value> {
    let jobs = Jobs::parse(version, body, &Limits::default()).ok()?;
    let options = releng_symbols::Options {
        debug: true,
        ..Default::default()
    };
    let clock = || std::time::Duration::ZERO;
    let answer = symbolicate(&jobs, lookups, &options, &clock).unwrap();
    Some(serde_json::from_slice(&answer).unwrap())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn bytes_are_a_table_or_refused(bytes in vec(any::<u8>(), 0..200), address in any::<u64>()) {
        let _ = header(&bytes);
        if let Ok(table) = parse(&bytes) {
            let _ = table.lookup(address);
        }
    }

    #[test]
    fn bytes_are_an_index_or_refused(bytes in vec(any::<u8>(), 0..300), cut in any::<u16>()) {
        prop_assert!(verify(&bytes).is_err());
        // And with the ends of a real one.
        let real = index_bytes("FUNC 1000 10 0 a\nPUBLIC 2000 0 b\n", &small_pages());
        let cut = usize::from(cut) % real.len();
        let mixed = [&real[..cut], &bytes, &real[cut..]].concat();
        prop_assert!(bytes.is_empty() || verify(&mixed).is_err());
    }

    #[test]
    fn scrambled_records_have_the_same_symbols_everywhere(bytes in symbol_file()) {
        let addresses = [0, 1, 0xf, 0x10, 0x11, u64::MAX];
        let mut index = Vec::new();
        let built = build(&bytes[..], &mut index, &small_pages());
        let Ok(table) = parse(&bytes) else {
            prop_assert!(built.is_err());
            return Ok(());
        };
        verify(&index).unwrap();
        let indexed = resolved(&bytes, &small_pages(), &addresses);
        let scanned = excerpt(&bytes, 3, &addresses);
        for address in addresses {
            prop_assert_eq!(indexed.lookup(address), table.lookup(address));
            prop_assert_eq!(scanned.lookup(address), table.lookup(address));
        }
        prop_assert_eq!(Symbols::header(&indexed), table.header());
        prop_assert_eq!(Symbols::header(&scanned), table.header());
    }

    #[test]
    fn scrambled_records_are_a_table_or_refused(bytes in symbol_file()) {
        let _ = header(&bytes);
        if let Ok(table) = parse(&bytes) {
            for address in [0, 1, 0xf, 0x10, 0x11, u64::MAX] {
                let _ = table.lookup(address);
            }
        }
    }

    #[test]
    fn bytes_are_no_request(body in vec(any::<u8>(), 0..100)) {
        for version in [Version::V4, Version::V5] {
            prop_assert_eq!(answer_is_json(version, &body, &Lookups::new()), None);
        }
    }

    #[test]
    fn scrambled_json_is_answered_with_json_or_refused(body in json()) {
        let lookups = Lookups::from([outcome(("a", "AB"), Outcome::Corrupt)]);
        for version in [Version::V4, Version::V5] {
            let _ = answer_is_json(version, body.as_bytes(), &lookups);
        }
    }

    #[test]
    fn an_answer_has_every_stack_and_frame_of_its_request(body in request()) {
        let asked: serde_json::Value = serde_json::from_str(&body).unwrap();
        let lengths = |stacks: &serde_json::Value| -> Vec<usize> {
            let stacks = stacks.as_array().unwrap().iter();
            stacks.map(|stack| stack.as_array().unwrap().len()).collect()
        };
        prop_assume!(!asked["memoryMap"].to_string().contains("\\u0000"));
        let v4 = answer_is_json(Version::V4, body.as_bytes(), &Lookups::new()).unwrap();
        prop_assert_eq!(lengths(&v4["symbolicatedStacks"]), lengths(&asked["stacks"]));
        let v5 = answer_is_json(Version::V5, body.as_bytes(), &Lookups::new()).unwrap();
        prop_assert_eq!(lengths(&v5["results"][0]["stacks"]), lengths(&asked["stacks"]));
    }
}
