// SPDX-License-Identifier: MPL-2.0
//! Symbolication as its clients use it: the Firefox Profiler with a reader as strict as its own, and
//! many requests at once.

use releng_testkit::app::TestAppBuilder;
use releng_testkit::database::Backend;
use serde_json::{Value, json};

use crate::support::{ID, ask, many_symbols, names, put, request, store_at};
use crate::{App, SYMBOLS, SYMBOLS_PATH, zip};

/// What the profiler knows of an address in the end.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    function: String,
    offset: u64,
    size: Option<u64>,
    file: Option<String>,
    line: Option<u64>,
    inlines: Vec<(Option<String>, Option<String>, Option<u64>)>,
}

fn text(value: &Value, key: &str) -> Option<String> {
    let value = value.get(key)?;
    Some(
        value
            .as_str()
            .unwrap_or_else(|| panic!("{key} is no text: {value}"))
            .to_owned(),
    )
}

fn number(value: &Value, key: &str) -> Option<u64> {
    let value = value.get(key)?;
    Some(
        value
            .as_u64()
            .unwrap_or_else(|| panic!("{key} is no number: {value}")),
    )
}

fn hex(text: &str) -> u64 {
    assert!(text.starts_with("0x"), "{text}");
    // It cuts two characters off and reads the rest.
    u64::from_str_radix(&text[2..], 16).unwrap()
}

/// Reads the answer for one library as the profiler does; it refuses whatever has another type.
fn read(result: &Value, label: &str, addresses: &[u64]) -> Option<Vec<Option<Known>>> {
    let found = result["found_modules"].as_object().unwrap();
    for value in found.values() {
        assert!(value.is_boolean() || value.is_null(), "{value}");
    }
    if found.get(label) != Some(&Value::Bool(true)) {
        return None;
    }
    let stacks = result["stacks"].as_array().unwrap();
    let stack = stacks[0].as_array().unwrap();
    assert_eq!(stack.len(), addresses.len());
    let read = |(at, frame): (usize, &Value)| {
        assert_eq!(frame["frame"].as_u64(), u64::try_from(at).ok());
        assert!(frame["module"].is_string());
        assert_eq!(hex(&text(frame, "module_offset").unwrap()), addresses[at]);
        assert!(
            frame.as_object().unwrap().values().all(|v| !v.is_null()),
            "{frame}"
        );
        let inlines = frame.get("inlines").map(|i| i.as_array().unwrap());
        Some(Known {
            function: text(frame, "function")?,
            offset: hex(&text(frame, "function_offset").unwrap()),
            size: text(frame, "function_size").map(|size| hex(&size)),
            file: text(frame, "file"),
            line: number(frame, "line"),
            inlines: inlines
                .into_iter()
                .flatten()
                .map(|i| (text(i, "function"), text(i, "file"), number(i, "line")))
                .collect(),
        })
    };
    Some(stack.iter().enumerate().map(read).collect())
}

#[actix_web::test]
async fn the_profiler_reads_every_library_of_its_request() {
    let app = App::start(Backend::Sqlite).await;
    let token = app.uploader().await;
    app.upload(&token, zip(&[(SYMBOLS_PATH, SYMBOLS)])).await;
    // One job for each library, with one stack of all its addresses.
    let id = "35CBDBAB3BB68DA78B6E8EF1939FA3CB0";
    let addresses: Vec<u64> = (0x1ff0..0x5000).step_by(3).collect();
    let frames: Vec<Value> = addresses.iter().map(|a| json!([0, a])).collect();
    let job = |name: &str, id: &str| json!({"memoryMap": [[name, id]], "stacks": [frames]});
    let body = json!({"jobs": [
        job("libthread_db.so.1", id), job("[vdso]", "0"), job("none.pdb", ID), job("libthread_db.so.1", id),
    ]});
    let answer = app
        .anonymous()
        .json("POST", "/symbolicate/v5", &body)
        .await
        .json();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    let label = format!("libthread_db.so.1/{id}");
    let first = read(&results[0], &label, &addresses).unwrap();
    assert_eq!(read(&results[1], "[vdso]/0", &addresses), None);
    assert_eq!(
        read(&results[2], &format!("none.pdb/{ID}"), &addresses),
        None
    );
    assert_eq!(read(&results[3], &label, &addresses).unwrap(), first);
    // Against the table that is read from the text without any index.
    let table = releng_symbols::SymbolTable::read(SYMBOLS, &releng_symbols::Limits::default());
    let table = table.unwrap();
    for (known, address) in first.iter().zip(&addresses) {
        let symbol = table.lookup(*address);
        assert_eq!(known.is_some(), symbol.is_some(), "{address:#x}");
        if let (Some(known), Some(symbol)) = (known, symbol) {
            assert_eq!(known.function, symbol.function);
            assert_eq!(known.offset, symbol.function_offset);
            assert_eq!(known.size, symbol.function_size);
            assert_eq!(known.file.as_deref(), symbol.file.as_deref());
            assert_eq!(known.line, symbol.line.map(u64::from));
            assert_eq!(known.inlines.len(), symbol.inlines.len());
        }
    }
    assert!(
        first
            .iter()
            .flatten()
            .any(|known| !known.inlines.is_empty())
    );
}

#[actix_web::test]
async fn a_small_request_overtakes_the_huge_ones() {
    let app = App(TestAppBuilder::new(Backend::Sqlite)
        .set("BLOCKING_WORKERS", "1")
        .start()
        .await);
    let store = store_at(&format!("file://{}/symbols", app.0.data.path().display())).await;
    put(&store, "demo.pdb", &many_symbols("demo.pdb", "demo", 5000)).await;
    let client = app.anonymous();
    names(&client, &["demo.pdb"], 16).await;
    let addresses: Vec<u64> = (0..100_000).map(|n| (n % 5000 + 1) * 16).collect();
    let huge = request(&["demo.pdb"], &addresses);
    let running: Vec<_> = (0..4)
        .map(|_| {
            let (client, huge) = (client.clone(), huge.clone());
            tokio::spawn(async move { ask(&client, &huge).await })
        })
        .collect();
    // All the time while the huge ones run. Through one queue with them a handful gets its turn, with
    // threads of its own thousands.
    let mut answered = 0;
    while running.iter().any(|one| !one.is_finished()) {
        let found = names(&client, &["demo.pdb"], 0x1004).await;
        assert!(found[0].starts_with("demo_256_"));
        answered += 1;
    }
    for one in running {
        let answer = one.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        assert_eq!(
            answer["results"][0]["stacks"][0].as_array().unwrap().len(),
            100_000
        );
    }
    assert!(answered > 40, "{answered}");
}

#[actix_web::test]
async fn the_oldest_clients_and_the_newest_get_the_same_names() {
    let app = App::start(Backend::Sqlite).await;
    let store = store_at(&format!("file://{}/symbols", app.0.data.path().display())).await;
    put(&store, "demo.pdb", &many_symbols("demo.pdb", "demo", 5000)).await;
    let addresses: Vec<u64> = (1..=5000).step_by(7).map(|n| n * 16 + 3).collect();
    let mut body = request(&["demo.pdb"], &addresses);
    let v5 = ask(&app.anonymous(), &body).await.json();
    body["version"] = json!(4);
    let v4 = app
        .anonymous()
        .json("POST", "/symbolicate/v4", &body)
        .await
        .json();
    let frames = v5["results"][0]["stacks"][0].as_array().unwrap();
    let texts = v4["symbolicatedStacks"][0].as_array().unwrap();
    assert_eq!(frames.len(), texts.len());
    for (frame, text) in frames.iter().zip(texts) {
        let function = frame["function"].as_str().unwrap();
        assert_eq!(text, &json!(format!("{function} (in demo.pdb)")));
    }
}
