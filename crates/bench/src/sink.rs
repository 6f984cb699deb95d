//! Where notifications arrive: an HTTP server on one thread that reads a body, notes when the whole of it
//! was there, and answers 200 with nothing. It does as little as it can, because it shares the machine.
//!
//! Refuses to know who is told what: it knows a notification by its door and the stamp of its signal.
//! Invariant: the first arrival of a notification counts; one that comes again is only counted.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::bodies::{STAMP_DIGITS, Target, Template};
use crate::wire::content_length;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// What stands before the id of a notification's signal.
const BEFORE_ID: &[u8] = b"\"signal\":{\"id\":\"";
/// Characters of an id.
const ID_CHARS: usize = 36;

/// What becomes of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// They are answered at once.
    Answers,
    /// Connections are taken, and nothing ever comes back.
    Hangs,
}

/// A sink with some doors, each a port of its own as other receivers would be. Dropping it ends it.
pub(crate) struct Sink {
    doors: Vec<SocketAddr>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    arrivals: Mutex<Arrivals>,
    over: Notify,
}

/// What came in, since it was last forgotten.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrivals {
    at: HashMap<(usize, u64), Instant>,
    /// Requests that had been there before.
    pub(crate) again: u64,
    /// The last body.
    body: Vec<u8>,
}

impl Sink {
    pub(crate) fn start(doors: usize, conduct: Conduct) -> anyhow::Result<Self> {
        let mut listeners = Vec::new();
        for _ in 0..doors {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            listeners.push(listener);
        }
        let doors = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                for (door, listener) in listeners.into_iter().enumerate() {
                    tokio::spawn(accept(listener, door, conduct, Arc::clone(&serving)));
                }
                serving.over.notified().await;
            });
        });
        Ok(Self { doors, shared, thread: Some(thread) })
    }

    /// Where a door is, for an endpoint.
    pub(crate) fn url(&self, door: usize) -> String {
        format!("http://{}/told", self.doors[door])
    }

    /// Where a door is, for a load generator.
    pub(crate) fn target(&self, door: usize) -> Target {
        Target { address: self.doors[door], path: "/told", key: None }
    }

    pub(crate) fn doors(&self) -> usize {
        self.doors.len()
    }

    /// Forgets what came in.
    pub(crate) fn forget(&self) {
        let mut arrivals = self.shared.arrivals();
        arrivals.at.clear();
        arrivals.again = 0;
    }

    /// The last body that came in, to be sent again under other stamps.
    pub(crate) fn last(&self) -> anyhow::Result<Template> {
        let body = self.shared.arrivals().body.clone();
        let Some(id) = find_id(&body) else { bail!("nothing came in yet") };
        Ok(Template::with_place(body, id + ID_CHARS - STAMP_DIGITS))
    }

    /// Waits until so many different notifications came in.
    pub(crate) fn wait_for(&self, count: usize, patience: Duration) -> anyhow::Result<Arrivals> {
        let began = Instant::now();
        loop {
            let here = self.shared.arrivals().at.len();
            if here >= count {
                return Ok(self.shared.arrivals().clone());
            }
            if began.elapsed() >= patience {
                bail!("{here} of {count} notifications arrived within {patience:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Arrivals {
    /// Stamps and when they came.
    pub(crate) fn stamped(&self) -> impl Iterator<Item = (u64, Instant)> + '_ {
        self.at.iter().map(|(&(_, stamp), &at)| (stamp, at))
    }

    /// Notifications a second, from the first to the last.
    pub(crate) fn rate(&self) -> f64 {
        let (first, last) = (self.at.values().min(), self.at.values().max());
        let (Some(first), Some(last)) = (first, last) else { return 0.0 };
        self.at.len().saturating_sub(1) as f64 / (*last - *first).as_secs_f64().max(1e-9)
    }
}

impl Shared {
    fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrived(&self, door: usize, body: &[u8]) {
        let at = Instant::now();
        let mut arrivals = self.arrivals();
        let Some(stamp) = find_id(body).and_then(|id| read_stamp(&body[id..])) else { return };
        if arrivals.at.contains_key(&(door, stamp)) {
            arrivals.again += 1;
            return;
        }
        arrivals.at.insert((door, stamp), at);
        arrivals.body.clear();
        arrivals.body.extend_from_slice(body);
    }
}

async fn accept(listener: TcpListener, door: usize, conduct: Conduct, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let mut kept = Vec::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        match conduct {
            // A connection that breaks is the other side's business.
            Conduct::Answers => drop(tokio::spawn(serve(stream, door, Arc::clone(&shared)))),
            Conduct::Hangs => kept.push(stream),
        }
    }
}

async fn serve(mut stream: TcpStream, door: usize, shared: Arc<Shared>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 << 10);
    loop {
        while let Some((head, whole)) = cut(&buffer)? {
            shared.arrived(door, &buffer[head..whole]);
            buffer.drain(..whole);
            stream.write_all(ANSWER).await?;
        }
        buffer.reserve(4_096);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Where the head and the whole of a request end, if all of it is here.
fn cut(here: &[u8]) -> std::io::Result<Option<(usize, usize)>> {
    let Some(head) = here.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let length = content_length(&here[..head + 2]).ok_or(ErrorKind::InvalidData)?;
    let whole = head + 4 + length;
    Ok((here.len() >= whole).then_some((head + 4, whole)))
}

/// Where the id of a notification's signal begins.
fn find_id(body: &[u8]) -> Option<usize> {
    let before = body.windows(BEFORE_ID.len()).position(|window| window == BEFORE_ID)?;
    Some(before + BEFORE_ID.len())
}

fn read_stamp(id: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(id.get(ID_CHARS - STAMP_DIGITS..ID_CHARS)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.over.notify_one();
        if let Some(thread) = self.thread.take() {
            // It ends with its runtime; if it panicked, that was shown.
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;

    const BODY: &str =
        r#"{"signal":{"id":"00000000-0000-4000-8000-00000000002a","component":"c"}}"#;

    #[test]
    fn what_comes_in_is_known_by_its_door_and_stamp_and_counts_once() {
        let sink = Sink::start(2, Conduct::Answers).expect("free ports");
        for door in [0, 1, 1] {
            let mut client = Client::connect(sink.target(door).address, None).expect("it is there");
            assert_eq!(client.post("/told", BODY.as_bytes()).expect("an answer").status, 200);
        }
        let arrivals = sink.wait_for(2, Duration::from_secs(30)).expect("they are there");
        assert_eq!((arrivals.at.len(), arrivals.again), (2, 1));
        assert!(arrivals.stamped().all(|(stamp, _)| stamp == 0x2a));
        let mut again = sink.last().expect("a body");
        assert_eq!(again.bytes(), BODY.as_bytes());
        assert_ne!(again.stamp(), BODY.as_bytes());
        sink.forget();
        assert!(sink.wait_for(1, Duration::ZERO).is_err());
    }

    #[test]
    fn requests_are_cut_where_they_end() {
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}POST";
        let head = bytes.len() - "{}POST".len();
        for short in [4, head - 1, head, head + 1] {
            assert_eq!(cut(&bytes[..short]).expect("HTTP"), None, "{short}");
        }
        assert_eq!(cut(bytes).expect("HTTP"), Some((head, head + 2)));
    }
}
