// SPDX-License-Identifier: MPL-2.0
//! The configuration page of the book, generated from the settings structs.

use releng_common::config::{Common, Doc, Source};
use releng_common::run::{Info, Service};

/// Returns the page as Markdown.
pub fn page() -> String {
    let mut text = String::from(
        "<!-- SPDX-License-Identifier: MPL-2.0 -->\n<!-- Written by `releng docs configuration`. -->\n# Settings\n\n\
         Read from the environment; below it from the TOML file of `--config`, in which keys are the \
         names in any case; below that the defaults. Two names of one setting with different values \
         are an error, as is an unknown key of the file. `releng-<service> config` shows what is in \
         force. tecken and buildhub also read every name with the prefix `DJANGO_`. In `releng up` \
         a name needs the prefix of its service, as in `TECKEN_SYMBOL_URLS`.\n",
    );
    section(&mut text, "Every service", None, &Common::docs());
    let services: [(Info, Vec<Doc>); 4] = [
        (
            releng_tooltool::Tooltool::INFO,
            releng_tooltool::settings::docs(),
        ),
        (
            releng_treestatus::Treestatus::INFO,
            releng_treestatus::settings::docs(),
        ),
        (
            releng_tecken::Tecken::INFO,
            releng_tecken::settings::Own::docs(),
        ),
        (
            releng_buildhub::Buildhub::INFO,
            releng_buildhub::settings::Own::docs(),
        ),
    ];
    for (info, docs) in services {
        section(&mut text, info.name, Some(info), &docs);
    }
    text
}

fn section(text: &mut String, title: &str, info: Option<Info>, docs: &[Doc]) {
    text.push_str(&format!(
        "\n## {title}\n\n| name | default | meaning |\n|---|---|---|\n"
    ));
    if let Some(info) = info {
        text.push_str(&format!("| `PORT` | `{}` | |\n", info.port));
        text.push_str(&format!(
            "| `DATABASE_URL` | `sqlite://$DATA_DIR/{}.db` | |\n",
            info.name
        ));
    }
    let source = Source::from_pairs::<String, String>([]);
    for doc in docs {
        let names: Vec<String> = std::iter::once(&doc.name)
            .chain(doc.aliases)
            .map(|name| format!("`{name}`"))
            .collect();
        let default = match source.default_of(doc) {
            // Each service has its own; the sections below name it.
            Some(_) if ["PORT", "DATABASE_URL"].contains(&doc.name) => "see below".to_owned(),
            Some(value) if value.is_empty() => "empty".to_owned(),
            Some(value) => format!("`{}`", value.replace('|', "\\|")),
            None => "–".to_owned(),
        };
        let secret = if doc.is_secret { " Secret." } else { "" };
        let meaning = doc.text.replace('|', "\\|");
        text.push_str(&format!(
            "| {} | {default} | {meaning}{secret} |\n",
            names.join(", ")
        ));
    }
}
