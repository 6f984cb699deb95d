//! A place where notifications arrive: a small HTTP server that keeps what it is sent and answers as it
//! is told to, good or bad.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How a sink answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// 200.
    Takes,
    /// This status, and nothing is taken.
    Answers(u16),
    /// 429 with so many seconds of `Retry-After`, and nothing is taken.
    AsksToWait(u32),
    /// 200 with the token, where it is a challenge.
    Confirms,
    /// Nothing at all, for as long as the sink lives.
    Hangs,
    /// Takes it, and cuts the connection in the middle of saying so.
    TakesAndCuts,
}

/// One request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Its path.
    pub(crate) path: String,
    /// Its headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body, as it came.
    pub(crate) body: Vec<u8>,
    /// How it was answered.
    pub(crate) conduct: Conduct,
    /// When it was there whole.
    pub(crate) at: Instant,
}

/// A sink that listens.
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    received: Mutex<Vec<Received>>,
    conduct: Mutex<Conduct>,
    /// Every so many requests are answered as `conduct` says, all others with 200; 1 is every one.
    every: Mutex<usize>,
    over: AtomicBool,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            conduct: Mutex::new(Conduct::Takes),
            every: Mutex::new(1),
            over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.over.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A connection that breaks is the other side's business.
                thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { address, shared }
    }

    /// Where it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers so from now on.
    pub(crate) fn conduct(&self, conduct: Conduct) {
        self.conduct_of_every(1, conduct);
    }

    /// Answers every so many requests so from now on, the others with 200.
    pub(crate) fn conduct_of_every(&self, every: usize, conduct: Conduct) {
        *self.shared.every.lock().expect("no thread panics") = every;
        *self.shared.conduct.lock().expect("no thread panics") = conduct;
    }

    /// Everything that came in so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("no thread panics").clone()
    }

    /// What came in and was taken.
    pub(crate) fn taken(&self) -> Vec<Received> {
        let mut received = self.received();
        received.retain(|one| one.conduct.takes());
        received
    }

    /// How many were taken.
    pub(crate) fn count(&self) -> usize {
        let received = self.shared.received.lock().expect("no thread panics");
        received.iter().filter(|one| one.conduct.takes()).count()
    }
}

impl Conduct {
    fn takes(self) -> bool {
        matches!(self, Self::Takes | Self::TakesAndCuts | Self::Confirms)
    }
}

impl Received {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut wire = BufReader::new(stream);
        loop {
            let Some(mut request) = read_request(&mut wire)? else { return Ok(()) };
            request.conduct = {
                let mut received = self.received.lock().expect("no thread panics");
                let every = *self.every.lock().expect("no thread panics");
                let nth = received.len() + 1;
                if nth.is_multiple_of(every) {
                    request.conduct = *self.conduct.lock().expect("no thread panics");
                }
                received.push(request.clone());
                request.conduct
            };
            self.answer(wire.get_mut(), &request)?;
            if request.conduct == Conduct::TakesAndCuts {
                return Ok(());
            }
        }
    }

    fn answer(&self, stream: &mut TcpStream, request: &Received) -> std::io::Result<()> {
        let plain = |status: u16| format!("HTTP/1.1 {status} said\r\ncontent-length: 0\r\n\r\n");
        let answer = match request.conduct {
            Conduct::Takes => plain(200),
            Conduct::Confirms => {
                let body = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
                let token = body["challenge"].as_str().unwrap_or_default();
                format!("HTTP/1.1 200 said\r\ncontent-length: {}\r\n\r\n{token}", token.len())
            }
            Conduct::Answers(status) => plain(status),
            Conduct::AsksToWait(seconds) => {
                format!("HTTP/1.1 429 said\r\nretry-after: {seconds}\r\ncontent-length: 0\r\n\r\n")
            }
            Conduct::TakesAndCuts => "HTTP/1.1 200 said\r\ncontent-length: 10\r\n\r\nha".to_owned(),
            Conduct::Hangs => {
                while !self.over.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(20));
                }
                return Ok(());
            }
        };
        stream.write_all(answer.as_bytes())
    }
}

fn read_request(wire: &mut BufReader<TcpStream>) -> std::io::Result<Option<Received>> {
    let mut line = String::new();
    if wire.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        wire.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let (conduct, at) = (Conduct::Takes, Instant::now());
    let mut request = Received { path, headers, body: Vec::new(), conduct, at };
    let length = request.header("content-length").and_then(|text| text.parse().ok());
    request.body = vec![0; length.unwrap_or(0)];
    wire.read_exact(&mut request.body)?;
    request.at = Instant::now();
    Ok(Some(request))
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts, so that it sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}
