// SPDX-License-Identifier: MPL-2.0
//! One request and its answer, over a connection for each.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Fault, Shared};

/// Time for a client to notice that it has its answer.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// Longest head of a request or an answer.
const MAX_HEAD: usize = 64 * 1024;

pub(super) struct Exchange {
    client: TcpStream,
    shared: Arc<Shared>,
}

/// A head, and the first bytes behind it.
struct Head {
    lines: Vec<String>,
    rest: Vec<u8>,
}

impl Exchange {
    pub(super) fn new(client: TcpStream, shared: Arc<Shared>) -> Self {
        Self { client, shared }
    }

    /// Passes one request on and its answer back, then ends the connection: both sides are told so.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let Some(mut request) = read_head(&mut self.client).await? else {
            return Ok(());
        };
        let line = request.lines.first().cloned().unwrap_or_default();
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let fault = self.shared.judge(method, target);
        match &fault {
            Fault::Hang => std::future::pending::<()>().await,
            Fault::Slow(pause) => tokio::time::sleep(*pause).await,
            Fault::Status(status) => return self.refuse(&request, *status).await,
            _ => {}
        }
        request.replace("connection", "close");
        let mut server = TcpStream::connect(&self.shared.upstream).await?;
        server.write_all(&request.bytes()).await?;
        server.write_all(&request.rest).await?;
        let sent = u64::try_from(request.rest.len()).unwrap_or(u64::MAX);
        let left = request.length().saturating_sub(sent);
        let (mut from_client, mut to_client) = self.client.split();
        let (mut from_server, mut to_server) = server.split();
        let up = async {
            // A server that has said no does not read the rest: its answer is what counts.
            let _ = tokio::io::copy(&mut (&mut from_client).take(left), &mut to_server).await;
            std::future::pending::<io::Result<()>>().await
        };
        let down = answer(&mut from_server, &mut to_client, &self.shared, &fault);
        tokio::select! {
            ended = up => ended?,
            ended = down => ended?,
        }
        // Closed with bytes unread, the connection would be reset and the answer lost on its way.
        let mut nowhere = tokio::io::sink();
        let rest = tokio::io::copy(&mut self.client, &mut nowhere);
        let _ = tokio::time::timeout(LAST_BYTES, rest).await;
        Ok(())
    }

    async fn refuse(&mut self, request: &Head, status: u16) -> io::Result<()> {
        let sent = u64::try_from(request.rest.len()).unwrap_or(u64::MAX);
        let left = request.length().saturating_sub(sent);
        let mut body = (&mut self.client).take(left);
        tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
        let body = "<?xml version=\"1.0\"?><Error><Code>InternalError</Code>\
            <Message>spoilt on the way</Message></Error>";
        let head = format!(
            "HTTP/1.1 {status} Spoilt\r\ncontent-type: application/xml\r\nconnection: close\r\n\
            content-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.client.write_all(head.as_bytes()).await?;
        self.client.shutdown().await
    }
}

/// Passes an answer on, spoilt.
async fn answer<R, W>(
    server: &mut R,
    client: &mut W,
    shared: &Shared,
    fault: &Fault,
) -> io::Result<()>
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    let mut head = loop {
        let Some(head) = read_head(server).await? else {
            return Ok(());
        };
        // "Go on and send the body" is no answer yet.
        if !head
            .lines
            .first()
            .is_some_and(|line| line.contains(" 100 "))
        {
            break head;
        }
        client.write_all(&head.bytes()).await?;
    };
    if *fault == Fault::Hold {
        shared.hold().await;
    }
    let length = head.length();
    let wanted = match fault {
        Fault::CutAfter(bytes) | Fault::StallAfter(bytes) => {
            length.min(u64::try_from(*bytes).unwrap_or(u64::MAX))
        }
        Fault::Short => length.saturating_sub(1),
        _ => u64::MAX,
    };
    if *fault == Fault::Short {
        head.replace("content-length", &wanted.to_string());
    }
    let mut first = std::mem::take(&mut head.rest);
    if *fault == Fault::WrongByte && first.is_empty() && length > 0 {
        first.push(server.read_u8().await?);
    }
    if let (Fault::WrongByte, Some(byte)) = (fault, first.first_mut()) {
        *byte ^= 1;
    }
    client.write_all(&head.bytes()).await?;
    let mut body = io::Cursor::new(first).chain(server).take(wanted);
    if let Fault::Dribble(pause) = fault {
        dribble(&mut body, client, *pause).await?;
    }
    tokio::io::copy(&mut body, client).await?;
    if matches!(fault, Fault::StallAfter(_)) {
        client.flush().await?;
        std::future::pending::<()>().await;
    }
    client.shutdown().await
}

/// Passes a body on byte by byte, to its end.
async fn dribble<R, W>(body: &mut R, client: &mut W, pause: Duration) -> io::Result<()>
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    let mut byte = [0];
    while body.read(&mut byte).await? == 1 {
        tokio::time::sleep(pause).await;
        client.write_all(&byte).await?;
        client.flush().await?;
    }
    Ok(())
}

/// Reads a head; `None`: the peer had nothing to say.
async fn read_head<R: tokio::io::AsyncRead + Unpin>(peer: &mut R) -> io::Result<Option<Head>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let lines = text.trim_end().split("\r\n").map(str::to_owned).collect();
            return Ok(Some(Head { lines, rest }));
        }
        if bytes.len() > MAX_HEAD || peer.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

impl Head {
    fn value(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&String| {
            line.split_once(':')
                .is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let line = self.lines.iter().find(is_it)?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    /// Returns the number of bytes that follow the head, as far as it says so.
    fn length(&self) -> u64 {
        let length = self.value("content-length");
        length.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn replace(&mut self, name: &str, value: &str) {
        self.lines.retain(|line| {
            !line
                .split_once(':')
                .is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
        });
        self.lines.push(format!("{name}: {value}"));
    }

    fn bytes(&self) -> Vec<u8> {
        format!("{}\r\n\r\n", self.lines.join("\r\n")).into_bytes()
    }
}
