// SPDX-License-Identifier: MPL-2.0
//! The page of the book for people who look at crashes: its lines are run as they are printed.

use std::process::Command;

use releng_testkit::poll::eventually;
use releng_testkit::temp;
use serde_json::Value;

use super::running::Running;
use super::{DEADLINE, get};

const PAGE: &str = include_str!("../../../../docs/book/src/services/symbolication.md");
/// Where `make run` has tecken.
const PRINTED: &str = "http://127.0.0.1:8030";

/// The blocks of the page in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let parts = PAGE.split("\n```").collect::<Vec<_>>();
    parts
        .chunks(2)
        .filter_map(|pair| pair.get(1)?.strip_prefix(language)?.strip_prefix('\n'))
        .collect()
}

fn run(block: &str, address: &str) -> Value {
    let output = Command::new("sh")
        .args(["-ec", &block.replace(PRINTED, address)])
        .output()
        .unwrap();
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{block}\n{errors}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{block}\n{text}{errors}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_the_page_work_as_printed() {
    let folder = temp::dir();
    let mut up = Running::start(&folder.path().join("data"));
    let address = up.address("tecken");
    let id = "44E4EC8C2F41492B9369D6B9A059577C2";
    let demo = format!("{address}/demo.pdb/{id}/demo.sym?_refresh");
    eventually(DEADLINE, async || {
        let answer = get(&demo).await;
        answer.filter(|(status, _)| *status == 302)
    })
    .await;
    let printed = blocks("sh");
    assert_eq!(printed.len(), 4, "{printed:?}");
    assert!(printed.iter().all(|block| block.starts_with("curl ")));

    let first = run(printed[0], &address);
    let frames = first["results"][0]["stacks"][0].as_array().unwrap();
    assert!(frames.iter().all(|frame| frame["function"].is_string()));
    // The answer that the page prints.
    let answers = blocks("json");
    assert_eq!(answers.len(), 1);
    assert_eq!(
        frames[1],
        serde_json::from_str::<Value>(answers[0]).unwrap()
    );

    let several = run(printed[1], &address);
    let functions: Vec<_> = several["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["stacks"][0][0]["function"].as_str().unwrap())
        .collect();
    assert_eq!(functions, ["demo::compute(int)", "demo::main()"]);

    let older = run(printed[2], &address);
    let texts = &older["symbolicatedStacks"][0];
    assert_eq!(texts[0], "demo::compute(int) (in demo.pdb)");
    assert_eq!(texts[2], "0xb2e3f7 (in <unknown>)");

    let costs = run(printed[3], &address);
    assert!(costs["debug"]["cache_lookups"]["count"].is_u64(), "{costs}");
    assert!(costs["results"][0]["debug"]["downloads"]["count"].is_u64());
    assert!(up.terminate().success());
}
