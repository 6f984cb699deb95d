//! A place where notifications arrive: a small HTTP server that keeps what it is sent and answers as it
//! is told to, good or bad.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::net::TcpSocket;

use super::eventually;

/// How long it may take until connections that the other side has left are seen to be over.
const PATIENCE: Duration = Duration::from_secs(30);

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
    pub(crate) at: SystemTime,
}

/// A sink that listens.
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A sink that is not there yet: its port is kept for it, and whoever connects is refused.
pub(crate) struct ClosedSink {
    address: SocketAddr,
    socket: TcpSocket,
}

struct Shared {
    received: Mutex<Vec<Received>>,
    conduct: Mutex<Conduct>,
    /// Every so many requests are answered as `conduct` says, all others with 200; 1 is every one.
    every: Mutex<usize>,
    /// Connections on which something may come still.
    open: AtomicUsize,
    over: AtomicBool,
}

impl Sink {
    pub(crate) fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    fn listen(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            conduct: Mutex::new(Conduct::Takes),
            every: Mutex::new(1),
            open: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.over.load(Ordering::Relaxed) {
                    return;
                }
                let open = Open::count(&accepting);
                // A connection that breaks is the other side's business.
                thread::spawn(move || drop(open.serve(stream)));
            }
        });
        Self { address, shared }
    }

    /// Where it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until everything is here that was on its way when the process that sends here ended.
    #[track_caller]
    pub(crate) fn settle(&self) {
        // Connections are accepted in order, so whatever was made before this one is counted when it is over.
        let mut last = TcpStream::connect(self.address).expect("it listens");
        last.shutdown(Shutdown::Write).expect("it is connected");
        let ended = last.read(&mut [0]);
        assert!(matches!(ended, Ok(0)), "nothing is answered to nothing: {ended:?}");
        eventually("the connections of a process that has ended are over", PATIENCE, || {
            (self.shared.open.load(Ordering::SeqCst) == 0).then_some(())
        });
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

impl ClosedSink {
    pub(crate) fn reserve() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        Self { address: socket.local_addr().expect("it is bound"), socket }
    }

    /// Where it will be.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Listens from now on.
    pub(crate) fn open(self) -> Sink {
        // Whoever listens in tokio's way does so inside a runtime; the rest needs none.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.expect("a runtime");
        let _inside = runtime.enter();
        let listener = self.socket.listen(1_024).and_then(tokio::net::TcpListener::into_std);
        let listener = listener.expect("its port was kept");
        listener.set_nonblocking(false).expect("it is a socket");
        Sink::listen(listener)
    }
}

/// A connection on which something may come still.
struct Open(Arc<Shared>);

impl Open {
    fn count(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }

    fn serve(self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut wire = BufReader::new(stream);
        loop {
            let Some(request) = read_request(&mut wire)? else { return Ok(()) };
            let request = self.0.keep(request);
            if request.conduct == Conduct::Hangs {
                let shared = Arc::clone(&self.0);
                drop(self);
                shared.hang();
                return Ok(());
            }
            Shared::answer(wire.get_mut(), &request)?;
            if request.conduct == Conduct::TakesAndCuts {
                return Ok(());
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    /// Decides how a request is answered, and keeps it.
    fn keep(&self, mut request: Received) -> Received {
        let mut received = self.received.lock().expect("no thread panics");
        let every = *self.every.lock().expect("no thread panics");
        let nth = received.len() + 1;
        if nth.is_multiple_of(every) {
            request.conduct = *self.conduct.lock().expect("no thread panics");
        }
        received.push(request.clone());
        request
    }

    fn hang(&self) {
        while !self.over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn answer(stream: &mut TcpStream, request: &Received) -> std::io::Result<()> {
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
            Conduct::Hangs => return Ok(()),
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
    let (conduct, at) = (Conduct::Takes, SystemTime::now());
    let mut request = Received { path, headers, body: Vec::new(), conduct, at };
    let length = request.header("content-length").and_then(|text| text.parse().ok());
    request.body = vec![0; length.unwrap_or(0)];
    wire.read_exact(&mut request.body)?;
    request.at = SystemTime::now();
    Ok(Some(request))
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts, so that it sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}
