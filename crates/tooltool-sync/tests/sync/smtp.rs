// SPDX-License-Identifier: MPL-2.0
//! A mail server on loopback. It holds the conversation of RFC 5321, keeps what it takes, and
//! misbehaves on demand.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mailparse::ParsedMail;

/// A mail as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The sender of the envelope.
    pub from: String,
    /// The recipient of the envelope.
    pub recipient: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map_or("", |(_, value)| value)
    }

    pub fn subject(&self) -> &str {
        self.header("Subject")
    }
}

/// What the server does with a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    /// It takes everything.
    Kind,
    /// It greets with this line and ends.
    Greets(&'static str),
    /// It answers this line to a recipient.
    Refuses(&'static str, &'static str),
    /// It answers this line to the data.
    RefusesData(&'static str),
    /// It answers this line to the data when they are for this recipient, among others or alone.
    RefusesDataFor(&'static str, &'static str),
    /// It takes the connection and says nothing.
    Silent,
    /// It sends a byte of an endless greeting now and then.
    Drips,
    /// It ends the connection after the data, before its answer.
    Cuts,
    /// It takes the mail and ends the connection before its answer.
    TakesAndCuts,
}

/// Stops when dropped.
pub struct MailServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    mails: Mutex<Vec<Received>>,
    mood: Mutex<Mood>,
    connections: Mutex<usize>,
    transactions: Mutex<usize>,
    stop: AtomicBool,
}

impl MailServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            mails: Mutex::default(),
            mood: Mutex::new(Mood::Kind),
            connections: Mutex::default(),
            transactions: Mutex::default(),
            stop: AtomicBool::default(),
        });
        let accept = {
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming() {
                    if shared.stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        *shared.connections.lock().unwrap() += 1;
                        // A client that goes away ends the conversation, which is its right.
                        let _ = converse(&stream.unwrap(), &shared);
                    });
                }
            }
        };
        Self {
            address,
            shared,
            listener: Some(thread::spawn(accept)),
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn behave(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Returns how often a text was sent, whatever was answered.
    pub fn transactions(&self) -> usize {
        *self.shared.transactions.lock().unwrap()
    }

    /// Returns what was taken since the last call.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.shared.mails.lock().unwrap())
    }

    /// Returns recipient and subject of what was taken since the last call.
    pub fn subjects(&self) -> Vec<(String, String)> {
        let pair = |mail: &Received| (mail.recipient.clone(), mail.subject().to_owned());
        self.take().iter().map(pair).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        self.listener.take().unwrap().join().unwrap();
    }
}

fn converse(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut output = stream;
    let mood = shared.mood.lock().unwrap().clone();
    let mut lines = BufReader::new(stream).lines();
    match mood {
        Mood::Greets(line) => return output.write_all(format!("{line}\r\n").as_bytes()),
        Mood::Silent => return lines.next().unwrap_or(Ok(String::new())).map(drop),
        Mood::Drips => return drip(output),
        _ => output.write_all(b"220 mail.example.com ESMTP\r\n")?,
    }
    let (mut from, mut recipients) = (String::new(), Vec::new());
    while let Some(line) = lines.next() {
        let line = line?;
        let verb = line.to_ascii_uppercase();
        let answer = if verb.starts_with("EHLO ") {
            "250-mail.example.com\r\n250-8BITMIME\r\n250 SIZE 10485760"
        } else if verb.starts_with("MAIL FROM:") {
            from = address(&line);
            recipients.clear();
            "250 Ok"
        } else if verb.starts_with("RCPT TO:") {
            match &mood {
                Mood::Refuses(recipient, answer) if address(&line) == *recipient => answer,
                _ => {
                    recipients.push(address(&line));
                    "250 Ok"
                }
            }
        } else if verb == "DATA" {
            output.write_all(b"354 End data with <CR><LF>.<CR><LF>\r\n")?;
            let data = data(&mut lines)?;
            *shared.transactions.lock().unwrap() += 1;
            match &mood {
                Mood::Cuts => return Ok(()),
                Mood::RefusesData(answer) => answer,
                Mood::RefusesDataFor(to, answer) if recipients.iter().any(|r| r == to) => answer,
                _ => {
                    let mails = recipients.iter().map(|to| received(&from, to, &data));
                    shared.mails.lock().unwrap().extend(mails);
                    if mood == Mood::TakesAndCuts {
                        return Ok(());
                    }
                    "250 Ok: queued"
                }
            }
        } else if verb == "QUIT" {
            return output.write_all(b"221 Bye\r\n");
        } else if verb == "RSET" || verb == "NOOP" {
            "250 Ok"
        } else {
            "502 Command not implemented"
        };
        output.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}

/// Each byte comes before any time-out for a single read.
fn drip(mut output: &TcpStream) -> std::io::Result<()> {
    output.write_all(b"220-")?;
    loop {
        output.write_all(b"x")?;
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// Reads to the final dot; what ends without it was never sent.
fn data(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> std::io::Result<String> {
    let mut data = String::new();
    for line in lines {
        let line = line?;
        if line == "." {
            return Ok(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        data.push_str("\r\n");
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

fn address(line: &str) -> String {
    let (_, rest) = line.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}

fn received(from: &str, recipient: &str, data: &str) -> Received {
    let mail: ParsedMail = mailparse::parse_mail(data.as_bytes()).unwrap();
    let headers = mail.get_headers();
    Received {
        from: from.to_owned(),
        recipient: recipient.to_owned(),
        headers: headers
            .into_iter()
            .map(|header| (header.get_key(), header.get_value()))
            .collect(),
        body: mail.get_body().unwrap().replace("\r\n", "\n"),
    }
}
