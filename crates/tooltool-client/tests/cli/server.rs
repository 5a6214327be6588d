// SPDX-License-Identifier: MPL-2.0
//! An HTTP server on loopback that answers what a test says, misbehaves on demand, and remembers
//! what it was asked.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(header, _)| header.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    fault: Fault,
}

/// Stays closed until a test opens it.
#[derive(Debug, Default)]
pub struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    pub fn pass(&self) {
        let waiting = self
            .opened
            .wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open);
        drop(waiting.unwrap());
    }
}

#[derive(Debug, Clone)]
enum Fault {
    None,
    /// After so many bytes of the body the rest waits.
    Gate(usize, Arc<Gate>),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// Nothing comes after the head; the connection stays open.
    Silence,
    /// Nothing comes at all; the connection stays open.
    Mute,
    /// The connection ends before the head.
    Slam,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            fault: Fault::None,
        }
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn cut_after(self, bytes: usize) -> Self {
        Self {
            fault: Fault::Cut(bytes),
            ..self
        }
    }

    pub fn gate_after(self, bytes: usize, gate: &Arc<Gate>) -> Self {
        Self {
            fault: Fault::Gate(bytes, Arc::clone(gate)),
            ..self
        }
    }

    pub fn then_silence(self) -> Self {
        Self {
            fault: Fault::Silence,
            ..self
        }
    }

    pub fn mute() -> Self {
        Self {
            fault: Fault::Mute,
            ..Self::new(200, "")
        }
    }

    pub fn slam() -> Self {
        Self {
            fault: Fault::Slam,
            ..Self::new(200, "")
        }
    }
}

type Handler = dyn Fn(&Request, usize) -> Answer + Send + Sync;

/// Stops when dropped.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Server {
    /// The handler gets the request and how many came before it.
    pub fn start(handler: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", handler)
    }

    /// The same on another address of the loopback interface, which makes it another host.
    pub fn start_at(
        host: &str,
        handler: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let stop = Arc::<AtomicBool>::default();
        let handler: Arc<Handler> = Arc::new(handler);
        let accept = {
            let (requests, stop) = (Arc::clone(&requests), Arc::clone(&stop));
            move || {
                for stream in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let (handler, requests) = (Arc::clone(&handler), Arc::clone(&requests));
                    thread::spawn(move || serve(stream.unwrap(), &requests, &*handler));
                }
            }
        };
        Self {
            address,
            requests,
            stop,
            listener: Some(thread::spawn(accept)),
        }
    }

    /// Answers every request with the body.
    pub fn of(body: &'static [u8]) -> Self {
        Self::start(move |_, _| Answer::new(200, body))
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Method and target of each request.
    pub fn lines(&self) -> Vec<String> {
        let line = |request: &Request| format!("{} {}", request.method, request.target);
        self.requests().iter().map(line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        self.listener.take().unwrap().join().unwrap();
    }
}

fn serve(mut stream: TcpStream, requests: &Mutex<Vec<Request>>, handler: &Handler) {
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let Some(request) = read(&stream) else { return };
    let before = {
        let mut requests = requests.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    };
    let answer = handler(&request, before);
    if matches!(answer.fault, Fault::Slam) {
        return;
    }
    if matches!(answer.fault, Fault::Mute) {
        // Until the client gives up.
        let _ = stream.read(&mut [0]);
        return;
    }
    let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", answer.status);
    if !answer
        .headers
        .iter()
        .any(|(name, _)| name == "Content-Length")
    {
        head.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let first = match &answer.fault {
        Fault::Cut(bytes) | Fault::Gate(bytes, _) => *bytes,
        Fault::Silence => 0,
        _ => answer.body.len(),
    };
    let (first, rest) = answer.body.split_at(first);
    // The client may have gone away, which is its right.
    let _ = stream
        .write_all(format!("{head}\r\n").as_bytes())
        .and_then(|()| stream.write_all(first));
    match &answer.fault {
        Fault::Gate(_, gate) => {
            gate.pass();
            let _ = stream.write_all(rest);
        }
        // Until the client gives up.
        Fault::Silence => drop(stream.read(&mut [0])),
        _ => {}
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    let length = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}
