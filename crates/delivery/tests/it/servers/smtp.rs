//! A mail server on a free port of loopback, as strict as RFC 5321 allows: lines end in CR LF, commands come in
//! order, a mail is seven bits wide and no line longer than 998 bytes.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A mail that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// As it was sent, dots taken out.
    pub(crate) mail: String,
    pub(crate) encrypted: bool,
    /// Who logged in; empty where nobody did.
    pub(crate) user: String,
}

/// How TLS comes about.
#[derive(Clone)]
pub(crate) enum Protection {
    None,
    StartTls(TlsAcceptor),
    Tls(TlsAcceptor),
}

/// How the server behaves.
#[derive(Clone)]
pub(crate) struct Behaviour {
    pub(crate) protection: Protection,
    /// Offers only this mechanism, and takes `stormbell` with `hunter22`.
    pub(crate) auth: Option<&'static str>,
    /// What it says to a recipient instead of yes, by address.
    pub(crate) recipients: Vec<(&'static str, &'static str)>,
    /// What it says when it has the mail, instead of yes.
    pub(crate) after_data: Option<&'static str>,
    /// What it does instead of greeting.
    pub(crate) greeting: Greeting,
}

/// How a connection begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    Friendly,
    /// `421`
    Busy,
    Hang,
    Cut,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            protection: Protection::None,
            auth: None,
            recipients: Vec::new(),
            after_data: None,
            greeting: Greeting::Friendly,
        }
    }
}

/// A mail server; it ends with the test's runtime.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
    connections: Arc<Mutex<usize>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl MailServer {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (record, count) = (Arc::clone(&taken), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                tokio::spawn(serve(Box::new(stream), behaviour.clone(), Arc::clone(&record)));
            }
        });
        Self { port, taken, connections }
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn serve(stream: Box<dyn Stream>, behaviour: Behaviour, record: Arc<Mutex<Vec<Taken>>>) {
    let stream: Box<dyn Stream> = match &behaviour.protection {
        Protection::Tls(tls) => match tls.accept(stream).await {
            Ok(stream) => Box::new(stream),
            Err(_) => return,
        },
        Protection::None | Protection::StartTls(_) => stream,
    };
    match behaviour.greeting {
        Greeting::Hang => std::future::pending().await,
        Greeting::Cut => return,
        Greeting::Friendly | Greeting::Busy => {}
    }
    let encrypted = matches!(behaviour.protection, Protection::Tls(_));
    let mut session = Session {
        stream: BufReader::new(stream),
        behaviour,
        record,
        encrypted,
        user: String::new(),
        greeted: false,
        from: None,
        to: Vec::new(),
    };
    let first = if session.behaviour.greeting == Greeting::Busy {
        "421 busy"
    } else {
        "220 mail.test ESMTP"
    };
    if session.say(first).await.is_none() || first.starts_with("421") {
        return;
    }
    while session.command().await.is_some() {}
}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    behaviour: Behaviour,
    record: Arc<Mutex<Vec<Taken>>>,
    encrypted: bool,
    user: String,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    async fn say(&mut self, line: &str) -> Option<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?;
        self.stream.flush().await.ok()
    }

    /// A line without its end; `None` at the end, or where it does not end in CR LF.
    async fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await.ok()?;
        let line = line.strip_suffix(b"\r\n")?;
        (line.len() <= 998 && line.is_ascii() && !line.contains(&b'\r')).then(|| line.to_vec())
    }

    /// One command; `None` where the connection is over.
    async fn command(&mut self) -> Option<()> {
        let line = String::from_utf8(self.line().await?).ok()?;
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !rest.is_empty() => self.ehlo().await,
            "STARTTLS" if rest.is_empty() => self.start_tls().await,
            "AUTH" if self.greeted => self.auth(rest).await,
            "MAIL" if self.greeted && self.from.is_none() => self.mail(rest).await,
            "RCPT" if self.from.is_some() => self.recipient(rest).await,
            "DATA" if !self.to.is_empty() => self.data().await,
            "RSET" | "NOOP" => self.say("250 ok").await,
            "QUIT" => {
                self.say("221 bye").await;
                None
            }
            _ => self.say("503 bad sequence of commands").await,
        }
    }

    async fn ehlo(&mut self) -> Option<()> {
        self.greeted = true;
        let mut offers =
            vec!["mail.test".to_owned(), "PIPELINING".to_owned(), "SIZE 1000000".to_owned()];
        if matches!(self.behaviour.protection, Protection::StartTls(_)) && !self.encrypted {
            offers.push("STARTTLS".to_owned());
        }
        if let Some(mechanism) = self.behaviour.auth.filter(|_| self.encrypted) {
            offers.push(format!("AUTH {mechanism}"));
        }
        let last = offers.len() - 1;
        for (at, offer) in offers.iter().enumerate() {
            let sign = if at == last { ' ' } else { '-' };
            self.say(&format!("250{sign}{offer}")).await?;
        }
        Some(())
    }

    async fn start_tls(&mut self) -> Option<()> {
        let Protection::StartTls(tls) = self.behaviour.protection.clone() else {
            return self.say("502 not offered").await;
        };
        if self.encrypted || !self.stream.buffer().is_empty() {
            return self.say("503 not now").await;
        }
        self.say("220 go ahead").await?;
        let (nothing, _) = tokio::io::duplex(1);
        let plain = std::mem::replace(&mut self.stream, BufReader::new(Box::new(nothing)));
        let stream: Box<dyn Stream> = Box::new(tls.accept(plain.into_inner()).await.ok()?);
        self.stream = BufReader::new(stream);
        (self.encrypted, self.greeted) = (true, false);
        Some(())
    }

    async fn auth(&mut self, rest: &str) -> Option<()> {
        let decode = |text: &[u8]| {
            STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        };
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        if self.behaviour.auth != Some(mechanism) || !self.encrypted {
            return self.say("504 no such mechanism").await;
        }
        let (user, password) = if mechanism == "PLAIN" {
            let told = decode(initial.as_bytes())?;
            let mut parts = told.split('\0').skip(1).map(str::to_owned);
            (parts.next()?, parts.next()?)
        } else {
            self.say("334 VXNlcm5hbWU6").await?;
            let user = self.line().await?;
            self.say("334 UGFzc3dvcmQ6").await?;
            let password = self.line().await?;
            (decode(&user)?, decode(&password)?)
        };
        if (user.as_str(), password.as_str()) != ("stormbell", "hunter22") {
            return self.say("535 5.7.8 authentication failed").await;
        }
        self.user = user;
        self.say("235 2.7.0 welcome").await
    }

    async fn mail(&mut self, rest: &str) -> Option<()> {
        if self.behaviour.auth.is_some() && self.user.is_empty() {
            return self.say("530 5.7.0 authentication required").await;
        }
        match address(rest, "FROM:") {
            Some(address) => {
                self.from = Some(address);
                self.say("250 ok").await
            }
            None => self.say("501 syntax").await,
        }
    }

    async fn recipient(&mut self, rest: &str) -> Option<()> {
        let Some(address) = address(rest, "TO:") else { return self.say("501 syntax").await };
        let told = self.behaviour.recipients.iter().find(|(known, _)| *known == address);
        if let Some((_, no)) = told {
            return self.say(no).await;
        }
        self.to.push(address);
        self.say("250 ok").await
    }

    async fn data(&mut self) -> Option<()> {
        self.say("354 go on").await?;
        let mut mail = String::new();
        loop {
            let line = String::from_utf8(self.line().await?).ok()?;
            match line.strip_prefix('.') {
                Some("") => break,
                Some(rest) => mail.push_str(rest),
                None => mail.push_str(&line),
            }
            mail.push_str("\r\n");
        }
        let from = self.from.take()?;
        let to = std::mem::take(&mut self.to);
        if let Some(no) = self.behaviour.after_data {
            return self.say(no).await;
        }
        let (encrypted, user) = (self.encrypted, self.user.clone());
        self.record.lock().unwrap().push(Taken { from, to, mail, encrypted, user });
        self.say("250 2.0.0 queued as 1").await
    }
}

fn address(rest: &str, word: &str) -> Option<String> {
    let inside = rest.strip_prefix(word)?.strip_prefix('<')?;
    let (address, _) = inside.split_once('>')?;
    address.contains('@').then(|| address.to_owned())
}

/// The header of a mail by name, unfolded; all of that name, in order.
pub(crate) fn headers(mail: &str, name: &str) -> Vec<String> {
    let head = mail.split_once("\r\n\r\n").map_or(mail, |(head, _)| head);
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let prefix = format!("{}:", name.to_ascii_lowercase());
    let lines = unfolded.split("\r\n");
    lines
        .filter(|line| line.to_ascii_lowercase().starts_with(&prefix))
        .map(|line| line[prefix.len()..].trim().to_owned())
        .collect()
}

/// The texts of a mail of parts, decoded: type and text.
pub(crate) fn parts(mail: &str) -> Vec<(String, String)> {
    let kind = headers(mail, "content-type").remove(0);
    let boundary =
        kind.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let body = mail.split_once("\r\n\r\n").unwrap().1;
    let mut pieces: Vec<_> = body.split(&format!("--{boundary}")).collect();
    assert_eq!(pieces.pop().map(str::trim), Some("--"), "the last boundary ends the mail");
    assert_eq!(pieces.remove(0).trim(), "");
    pieces.iter().map(|piece| part(piece.trim_start())).collect()
}

fn part(piece: &str) -> (String, String) {
    let kind = headers(piece, "content-type").remove(0);
    let body = piece.split_once("\r\n\r\n").unwrap().1;
    let text = match headers(piece, "content-transfer-encoding").remove(0).as_str() {
        "quoted-printable" => quoted_printable(body),
        "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        _ => body.as_bytes().to_vec(),
    };
    (kind, String::from_utf8(text).unwrap())
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let joined = body.replace("=\r\n", "");
    let mut out = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'=' {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            out.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            out.push(first);
            rest = after;
        }
    }
    out
}
