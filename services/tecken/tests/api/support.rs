// SPDX-License-Identifier: MPL-2.0
//! What tests of symbol indexes share.

use std::io::Write as _;

use releng_common::Clock;
use releng_store::{Attributes, Key, Location, Meta, Options, Store};
use releng_testkit::app::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

/// The debug id of all modules here.
pub const ID: &str = "44E4EC8C2F41492B9369D6B9A059577C2";

/// Opens a store as somebody else does who has the same address.
pub async fn store_at(url: &str) -> Store {
    let location = Location::parse(url).unwrap();
    let options = Options::new("other", Clock::system());
    releng_store::open(&location, &options).await.unwrap().store
}

/// Returns a symbol file whose function at 0x1000 has this name.
pub fn symbols(module: &str, function: &str) -> Vec<u8> {
    format!("MODULE windows x86_64 {ID} {module}\nFUNC 1000 100 0 {function}\n1000 10 7 1\nFILE 1 demo.c\n")
        .into_bytes()
}

/// Returns a symbol file of many functions: the one at 0x10 × n is `<word>_<n>_…`.
pub fn many_symbols(module: &str, word: &str, count: u64) -> Vec<u8> {
    let mut text = format!("MODULE windows x86_64 {ID} {module}\nFILE 1 demo.c\n");
    for n in 1..=count {
        // Bytes that do not pack well, so that the index has many pages.
        let noise = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 7);
        text.push_str(&format!(
            "FUNC {:x} 10 0 {word}_{n}_{noise:016x}\n{:x} 10 {n} 1\n",
            n * 16,
            n * 16
        ));
    }
    text.into_bytes()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

pub fn sym_key(module: &str) -> Key {
    let stem = module.trim_end_matches(".pdb");
    Key::parse(format!("v1/{module}/{ID}/{stem}.sym")).unwrap()
}

pub fn index_key(module: &str) -> Key {
    let stem = module.trim_end_matches(".pdb");
    Key::parse(format!("v1/{module}/{ID}/{stem}.symx1")).unwrap()
}

/// Puts a symbol file as the service does.
pub async fn put(store: &Store, module: &str, content: &[u8]) -> Meta {
    let attributes = Attributes {
        content_encoding: Some("gzip".to_owned()),
        ..Attributes::default()
    };
    let body = gzip(content).into();
    store
        .put(&sym_key(module), body, &attributes)
        .await
        .unwrap()
}

/// Reads an object with its attributes.
pub async fn read(store: &Store, key: &Key) -> Option<(Vec<u8>, Meta)> {
    let object = store.get(key, None).await.unwrap()?;
    let meta = object.meta.clone();
    Some((object.bytes(1 << 30).await.unwrap().to_vec(), meta))
}

/// Returns a request for addresses in modules, one stack for each.
pub fn request(modules: &[&str], addresses: &[u64]) -> Value {
    let map: Vec<Value> = modules.iter().map(|m| json!([m, ID])).collect();
    let stack = |module: usize| -> Value {
        addresses
            .iter()
            .map(|a| json!([module, a]))
            .collect::<Vec<_>>()
            .into()
    };
    let stacks: Vec<Value> = (0..modules.len()).map(stack).collect();
    json!({"memoryMap": map, "stacks": stacks})
}

/// Asks with the header for `debug`.
pub async fn ask(client: &Client, body: &Value) -> Answer {
    let request = client
        .request(Method::POST, "/symbolicate/v5")
        .header("debug", "1")
        .body(body.to_string());
    client.send(request).await
}

/// Asks for the names at an address of each module; `-` for none.
pub async fn names(client: &Client, modules: &[&str], address: u64) -> Vec<String> {
    let answer = ask(client, &request(modules, &[address])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stacks = answer.json()["results"][0]["stacks"].clone();
    let name = |stack: &Value| stack[0]["function"].as_str().unwrap_or("-").to_owned();
    stacks.as_array().unwrap().iter().map(name).collect()
}

/// Returns `downloads.count` of an answer.
pub fn downloads(answer: &Answer) -> u64 {
    answer.json()["debug"]["downloads"]["count"]
        .as_u64()
        .unwrap()
}
