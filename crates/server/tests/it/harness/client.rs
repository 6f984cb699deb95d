//! A plain HTTP/1.1 client over one kept connection. It is written by hand because the tests are
//! about what a finished client hides: when a connection breaks, what was half sent, what exactly
//! came back. It never repeats a request by itself.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

/// How long an answer may take: far beyond what any test allows, so that none hangs.
const PATIENCE: Duration = Duration::from_secs(40);

/// A connection of either kind.
trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// A client of one server with one key.
pub(crate) struct Client {
    address: SocketAddr,
    key: String,
    tls: Option<Arc<ClientConfig>>,
    wire: Option<BufReader<Box<dyn Wire>>>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What a request is made of; the key is added where no header says otherwise.
#[derive(Default, Clone)]
pub(crate) struct Given<'a> {
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
    pub(crate) without_key: bool,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_owned(), tls: None, wire: None }
    }

    /// The same over TLS, towards a server that is called `localhost`.
    pub(crate) fn with_tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Turns to where the server is now.
    pub(crate) fn turn_to(&mut self, address: SocketAddr) {
        if address != self.address {
            self.address = address;
            self.wire = None;
        }
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &Given::default()).expect("the server answers")
    }

    /// Sends JSON and takes whatever comes back, a broken connection included.
    pub(crate) fn try_post(&mut self, path: &str, body: &[u8]) -> io::Result<Answer> {
        let headers = &[("content-type", "application/json")];
        self.send("POST", path, &Given { headers, body, ..Given::default() })
    }

    #[track_caller]
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body.to_string().as_bytes()).expect("the server answers")
    }

    #[track_caller]
    pub(crate) fn json(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = &[("content-type", "application/json")];
        let body = body.to_string();
        let given = Given { headers, body: body.as_bytes(), ..Given::default() };
        self.send(method, path, &given).expect("the server answers")
    }

    /// One request and its answer. After an error the connection is gone, and the next request
    /// makes another.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        given: &Given<'_>,
    ) -> io::Result<Answer> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => self.connect()?,
        };
        let head = self.head(method, path, given);
        // One write, so that small requests are one packet.
        let request = [head.as_bytes(), given.body].concat();
        let sent = wire.get_mut().write_all(&request).and_then(|()| wire.get_mut().flush());
        let answer = read_answer(&mut wire);
        // A server may refuse a body before it has read it: then its answer counts, not the write.
        if let (Err(error), true) = (sent, answer.is_err()) {
            return Err(error);
        }
        let answer = answer?;
        if answer.header("connection") != Some("close") {
            self.wire = Some(wire);
        }
        Ok(answer)
    }

    fn connect(&self) -> io::Result<BufReader<Box<dyn Wire>>> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let wire: Box<dyn Wire> = match &self.tls {
            None => Box::new(stream),
            Some(config) => {
                let name = ServerName::try_from("localhost").expect("it is a name");
                let connection = ClientConnection::new(Arc::clone(config), name);
                Box::new(StreamOwned::new(connection.map_err(io::Error::other)?, stream))
            }
        };
        Ok(BufReader::new(wire))
    }

    fn head(&self, method: &str, path: &str, given: &Given<'_>) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if !given.without_key {
            head += &format!("authorization: Bearer {}\r\n", self.key);
        }
        for (name, value) in given.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let says_length = given.headers.iter().any(|(name, _)| *name == "content-length");
        if !says_length && (method != "GET" || !given.body.is_empty()) {
            head += &format!("content-length: {}\r\n", given.body.len());
        }
        head + "\r\n"
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error} in an answer of {}: {}", self.status, self.text())
        })
    }

    /// Itself, if it has this status.
    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

fn read_answer(wire: &mut impl BufRead) -> io::Result<Answer> {
    let status_line = read_line(wire)?;
    let status = status_line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| broken(&format!("no status in {status_line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(wire)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    answer.body = match (answer.header("content-length"), answer.header("transfer-encoding")) {
        (Some(length), _) => {
            let length = length.parse().map_err(|_| broken("a length that is none"))?;
            read_exactly(wire, length)?
        }
        (None, Some("chunked")) => read_chunks(wire)?,
        (None, _) => Vec::new(),
    };
    Ok(answer)
}

fn read_chunks(wire: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&read_line(wire)?, 16);
        let size = size.map_err(|_| broken("a chunk without size"))?;
        body.extend(read_exactly(wire, size)?);
        read_line(wire)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn read_exactly(wire: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    wire.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_line(wire: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if wire.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
