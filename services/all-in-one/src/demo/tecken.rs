// SPDX-License-Identifier: MPL-2.0
//! Demo symbols: one module with functions, lines and an inlined call, and people who may upload.

use std::io::{Cursor, Write as _};

use anyhow::ensure;
use releng_common::config::Source;
use releng_common::run::Service as _;
use releng_tecken::ops::UserChange;
use releng_tecken::{Tecken, command};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::http::client;
use crate::accounts::{TECKEN_ADMIN, TECKEN_UPLOADER};

/// A stack for these symbols: `{"memoryMap": [["demo.pdb", "44E4EC8C2F41492B9369D6B9A059577C2"]],
/// "stacks": [[[0, 4100], [0, 4136], [0, 8208]]]}`.
const SYMBOLS: &str = "\
MODULE windows x86_64 44E4EC8C2F41492B9369D6B9A059577C2 demo.pdb
INFO CODE_ID 5F0E1D2A1000 demo.dll
FILE 0 demo/src/main.cpp
FILE 1 demo/src/vector.h
INLINE_ORIGIN 0 demo::Vector::at(unsigned int)
FUNC 1000 40 0 demo::compute(int)
INLINE 0 12 0 0 1020 10
1000 20 10 0
1020 10 87 1
1030 10 13 0
FUNC 2000 80 0 demo::main()
2000 40 30 0
2040 40 31 0
PUBLIC 3000 0 demo_exported
";
const ENTRY: &str = "demo.pdb/44E4EC8C2F41492B9369D6B9A059577C2/demo.sym";

/// Makes the people and uploads the symbols as a build would, with a token.
pub async fn load(source: Source, address: &str) -> anyhow::Result<()> {
    let settings = Tecken::settings(&Tecken::INFO.source(source))?;
    let admin = UserChange {
        is_superuser: true,
        ..UserChange::default()
    };
    command::user(&settings, TECKEN_ADMIN, admin).await?;
    let uploader = UserChange {
        groups: vec!["Uploaders".to_owned()],
        ..UserChange::default()
    };
    command::user(&settings, TECKEN_UPLOADER, uploader).await?;
    let permissions = ["upload.upload_symbols".to_owned()];
    let life = (1, "demo data".to_owned());
    let token = command::token(&settings, TECKEN_UPLOADER, &permissions, life).await?;
    upload(address, &token).await
}

async fn upload(address: &str, token: &str) -> anyhow::Result<()> {
    let boundary = "demo-symbols-boundary";
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"demo.zip\"; \
         filename=\"demo.zip\"\r\nContent-Type: application/zip\r\n\r\n"
    )
    .into_bytes();
    body.extend(archive()?);
    body.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    let response = client()?
        .post(format!("{address}/upload/"))
        .header("auth-token", token)
        .header(
            "content-type",
            format!("multipart/form-data; boundary={boundary}"),
        )
        .body(body)
        .send()
        .await?;
    let status = response.status();
    ensure!(status == 201, "{status} {}", response.text().await?);
    Ok(())
}

fn archive() -> anyhow::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(ENTRY, SimpleFileOptions::default())?;
    zip.write_all(SYMBOLS.as_bytes())?;
    Ok(zip.finish()?.into_inner())
}
