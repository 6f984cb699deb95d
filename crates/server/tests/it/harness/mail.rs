//! A mail server that takes everything and keeps it: just enough of SMTP for one sender at a time or many.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A mail server that listens.
pub(crate) struct MailSink {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
}

impl MailSink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (mails, over) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let (kept, ended) = (Arc::clone(&mails), Arc::clone(&over));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let kept = Arc::clone(&kept);
                // A connection that breaks is the other side's business.
                thread::spawn(move || drop(converse(stream, &kept)));
            }
        });
        Self { address, mails, over }
    }

    /// Its port on loopback.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The mails that came in, with soft line breaks taken out, so that a link stands in one piece.
    pub(crate) fn mails(&self) -> Vec<String> {
        let mails = self.mails.lock().expect("no thread panics");
        mails.iter().map(|mail| mail.replace("=\r\n", "").replace("=3D", "=")).collect()
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts, so that it sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

fn converse(stream: TcpStream, mails: &Mutex<Vec<String>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = BufReader::new(stream);
    say(&mut wire, "220 sink")?;
    let mut line = String::new();
    loop {
        line.clear();
        if wire.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end().to_ascii_uppercase().as_str() {
            "DATA" => {
                say(&mut wire, "354 go on")?;
                let mail = read_mail(&mut wire)?;
                mails.lock().expect("no thread panics").push(mail);
                say(&mut wire, "250 taken")?;
            }
            "QUIT" => return say(&mut wire, "221 bye"),
            _ => say(&mut wire, "250 yes")?,
        }
    }
}

fn say(wire: &mut BufReader<TcpStream>, words: &str) -> std::io::Result<()> {
    wire.get_mut().write_all(format!("{words}\r\n").as_bytes())
}

fn read_mail(wire: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut mail, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if wire.read_line(&mut line)? == 0 || line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
