//! A mail server that others wrote: `aiosmtpd`, started on a free port with a folder for what it takes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// How long it may take to say anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mail server that runs; it ends with the test.
pub(crate) struct RealMail {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

/// A mail that it took.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedMail {
    /// The mail, its lines ended as the server keeps them.
    text: String,
    /// When it was there whole, a few milliseconds early: a file knows no better.
    pub(crate) at: SystemTime,
}

impl RealMail {
    #[track_caller]
    pub(crate) fn start() -> Self {
        // Somebody else may take the port before the server does: then it ends, and another is tried.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = free.local_addr().expect("it is bound");
            drop(free);
            let folder = TempDir::with_prefix("stormbell-mail-").expect("a folder for the test");
            let process = spawn(address, &mails_of(folder.path()));
            let mut server = Self { process, address, folder };
            if server.is_up() {
                return server;
            }
        }
        panic!("aiosmtpd does not start");
    }

    /// Its port on loopback.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The mails it took, in no order.
    pub(crate) fn mails(&self) -> Vec<ReceivedMail> {
        let new = fs::read_dir(mails_of(self.folder.path()).join("new")).expect("it made it");
        let read = |path: PathBuf| {
            let at = fs::metadata(&path).and_then(|about| about.modified()).expect("it is a file");
            ReceivedMail { text: fs::read_to_string(path).expect("mails are ASCII"), at }
        };
        new.map(|file| read(file.expect("it can be listed").path())).collect()
    }

    /// Waits until everything is here that was on its way when the process that sends here ended: the
    /// server has one thread, which comes to all that has arrived before it answers anybody twice.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let asked = self.ask(&["NOOP", "NOOP", "NOOP", "QUIT"]);
        assert!(asked.is_ok(), "the mail server is gone: {asked:?}");
    }

    fn ask(&self, words: &[&str]) -> std::io::Result<()> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut wire = BufReader::new(stream);
        let mut line = String::new();
        wire.read_line(&mut line)?;
        for word in words {
            wire.get_mut().write_all(format!("{word}\r\n").as_bytes())?;
            wire.read_line(&mut line)?;
        }
        match line.starts_with("220 ") {
            true => Ok(()),
            false => Err(std::io::Error::other(line)),
        }
    }

    /// Waits for the greeting, as long as the process lives.
    fn is_up(&mut self) -> bool {
        while matches!(self.process.try_wait(), Ok(None)) {
            if self.ask(&["QUIT"]).is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

impl ReceivedMail {
    /// A header, its lines joined.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> String {
        let text = self.text.replace("\r\n", "\n");
        let (head, _) = text.split_once("\n\n").expect("a mail has a head");
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let found = head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        found.unwrap_or_else(|| panic!("no {name} in {head}"))
    }
}

impl Drop for RealMail {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.process.kill();
        let _waited = self.process.wait();
    }
}

fn mails_of(folder: &Path) -> PathBuf {
    folder.join("mails")
}

fn spawn(address: SocketAddr, mails: &Path) -> Child {
    let mut command = Command::new("aiosmtpd");
    command.args(["--nosetuid", "--listen", &address.to_string()]);
    command.args(["--class", "aiosmtpd.handlers.Mailbox"]).arg(mails);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!("aiosmtpd: {error}; `make test-server` or `.ci/install-packages mail` installs it")
    })
}
