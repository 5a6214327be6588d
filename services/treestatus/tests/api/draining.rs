// SPDX-License-Identifier: MPL-2.0
//! What clients see of a process that has been asked to end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use releng_testkit::process::Process;
use releng_testkit::temp;

const BINARY: &str = env!("CARGO_BIN_EXE_releng-treestatus");
const PATIENCE: Duration = Duration::from_secs(30);

/// A request whose body is still on its way.
fn half_sent(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "PATCH /trees HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                authorization: Hawk id=\"x\"\r\ncontent-length: 2\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        text.extend_from_slice(&byte);
    }
    String::from_utf8(text).unwrap().to_ascii_lowercase()
}

#[test]
fn new_clients_are_refused_at_once_and_open_connections_end_with_their_answer() {
    let folder = temp::dir();
    let mut process = Process::serve(BINARY, folder.path(), &[("KEEP_ALIVE_SECONDS", "600")]);
    let address = process.address().trim_start_matches("http://").to_owned();
    let mut open = TcpStream::connect(&address).unwrap();
    open.set_read_timeout(Some(PATIENCE)).unwrap();
    let get = b"GET /robots.txt HTTP/1.1\r\nhost: localhost\r\n\r\n";
    open.write_all(get).unwrap();
    assert!(!read_head(&mut open).contains("connection: close"));
    let _waiting = half_sent(&address);

    process.ask_to_end();
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "new connections are still taken");
        std::thread::yield_now();
    }
    assert!(process.wait().success());
}

#[test]
fn a_client_that_keeps_asking_does_not_hold_up_the_end() {
    let folder = temp::dir();
    let mut process = Process::serve(BINARY, folder.path(), &[]);
    let address = process.address().trim_start_matches("http://").to_owned();
    let asking = std::thread::spawn(move || {
        let mut closed = 0;
        while let Ok(mut stream) = TcpStream::connect(&address) {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let get = b"GET /trees HTTP/1.1\r\nhost: localhost\r\n\r\n";
            let mut body = [0; 4096];
            while stream.write_all(get).is_ok() && stream.read(&mut body).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&body).to_ascii_lowercase();
                closed += usize::from(text.contains("connection: close"));
            }
        }
        closed
    });
    // Under way before the end comes.
    std::thread::yield_now();
    let began = Instant::now();
    process.ask_to_end();
    assert!(process.wait().success());
    let drain = Duration::from_secs(30);
    assert!(began.elapsed() < drain, "the whole drain time was used up");
    asking.join().unwrap();
}
