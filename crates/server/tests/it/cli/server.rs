//! The real binary: a server of it on free ports with a data folder of its own, and its commands.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It is killed when this is dropped.
pub(super) struct Server {
    process: Child,
    pub(super) data: TempDir,
    pub(super) url: String,
}

/// What a command did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Server {
    /// Starts a server and waits until it answers.
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more arguments and waits until it answers.
    pub(super) fn start_with(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut process = stormbell()
            .args([
                "serve",
                "--http",
                "127.0.0.1:0",
                "--grpc",
                "127.0.0.1:0",
                "--log-format",
                "json",
            ])
            .args(arguments)
            .arg("--data")
            .arg(data.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let log = BufReader::new(process.stderr.take().expect("it was asked for"));
        let (ready, address) = mpsc::channel();
        // The rest of the log is read too: a full pipe would stop the server.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                if entry["message"] == "stormbell is ready" {
                    let _ = ready.send(entry["http"].as_str().unwrap_or_default().to_owned());
                }
            }
        });
        let address = address.recv_timeout(PATIENCE).expect("the server is ready in time");
        Self { process, data, url: format!("http://{address}") }
    }

    /// A command that talks to this server with its admin key.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = stormbell();
        command
            .args(arguments)
            .env("STORMBELL_URL", &self.url)
            .env("STORMBELL_DATA", self.data.path());
        command
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Done {
        finish(&mut self.command(arguments))
    }

    /// Runs a command to its end with something on standard input.
    pub(super) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Done {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let mut stdin = child.stdin.take().expect("it was asked for");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("the binary ends");
        let _ = writer.join();
        Done::of(output)
    }

    /// What a command prints with `--json`.
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }

    /// The admin key.
    pub(super) fn key(&self) -> String {
        let text = std::fs::read_to_string(self.data.path().join("admin.key"))
            .expect("the first start wrote it");
        text.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Done {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Fails the test unless it ended with `code`.
    #[track_caller]
    pub(super) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// The binary, without anything of the environment of whoever runs the tests.
pub(super) fn stormbell() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormbell"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STORMBELL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(super) fn finish(command: &mut Command) -> Done {
    Done::of(command.output().expect("the binary can be started"))
}

/// Asks a process to end.
pub(super) fn terminate(child: &Child) {
    signal(child, rustix::process::Signal::TERM);
}

/// Tells a process that its terminal is closed.
pub(super) fn hang_up(child: &Child) {
    signal(child, rustix::process::Signal::HUP);
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).expect("it can be asked");
}

/// Whether whoever runs the tests ignores that their terminal is closed, which children inherit.
pub(super) fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}

/// Writes a file and returns its name.
pub(super) fn written(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("it can be written");
    path.to_str().expect("it is text").to_owned()
}
