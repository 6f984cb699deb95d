//! A mail server that others wrote: `aiosmtpd`, started on a free port with a folder for what it takes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do where it is missing.
const INSTALLS: &str = "`make test-delivery` or `.ci/install-packages mail` installs it";

/// A running server; it is ended with its owner.
pub(crate) struct RealMail {
    process: Child,
    pub(crate) port: u16,
    folder: PathBuf,
}

impl RealMail {
    /// Starts it with STARTTLS, which it asks for before any mail.
    pub(crate) async fn start(folder: &Path, certificate: &str, key: &str) -> Self {
        let (certificate_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&certificate_file, certificate).unwrap();
        std::fs::write(&key_file, key).unwrap();
        // Somebody else may take the port before the server does: then it ends, and another is tried.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let mails = folder.join("mails");
            let process = Command::new("aiosmtpd")
                .args(["--nosetuid", "--listen", &format!("127.0.0.1:{port}")])
                .arg("--tlscert")
                .arg(&certificate_file)
                .arg("--tlskey")
                .arg(&key_file)
                .args(["--class", "aiosmtpd.handlers.Mailbox"])
                .arg(&mails)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| panic!("aiosmtpd: {error}; {INSTALLS}"));
            let mut server = Self { process, port, folder: mails };
            if server.is_up().await {
                return server;
            }
        }
        panic!("aiosmtpd does not start");
    }

    /// Waits for the greeting, as long as the process lives.
    async fn is_up(&mut self) -> bool {
        while matches!(self.process.try_wait(), Ok(None)) {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)).await {
                let mut greeting = [0; 4];
                let read = stream.read_exact(&mut greeting).await;
                let _ = stream.write_all(b"QUIT\r\n").await;
                return read.is_ok() && &greeting == b"220 ";
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        false
    }

    /// The mails it took.
    pub(crate) fn mails(&self) -> Vec<String> {
        let new = std::fs::read_dir(self.folder.join("new")).unwrap();
        new.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for RealMail {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
