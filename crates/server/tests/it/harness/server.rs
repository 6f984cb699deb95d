//! A server process of its own folder and its own ports, whose log is kept and whose end is
//! certain: whatever becomes of the test, the process does not outlive it.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{Client, eventually};

/// How long a start or an ordered stop may take; it is far less when the machine is idle.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is started.
#[derive(Default, Clone)]
pub(crate) struct Options {
    /// The configuration file's text, if it has one.
    pub(crate) config: Option<String>,
    /// Further arguments of `serve`.
    pub(crate) arguments: Vec<String>,
    /// What is logged; `info` where not said.
    pub(crate) log: Option<&'static str>,
    /// A program, with its arguments, that becomes the server.
    pub(crate) through: Vec<OsString>,
    /// The data folder where it is not one of the server's own.
    pub(crate) data: Option<PathBuf>,
    /// How the test itself reaches the data folder where that is another way.
    pub(crate) data_seen: Option<PathBuf>,
}

/// A server, running or between two runs.
pub(crate) struct Server {
    options: Options,
    folder: TempDir,
    process: Option<Process>,
}

/// A server that ended before it was ready.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    http: SocketAddr,
    grpc: SocketAddr,
}

/// The program under test.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_stormbell"))
}

impl Server {
    /// Starts a server in a new folder and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(options: Options) -> Self {
        let mut server = Self::prepare(options);
        server.restart();
        server
    }

    /// A server in a new folder that does not run yet.
    pub(crate) fn prepare(options: Options) -> Self {
        let folder = TempDir::with_prefix("stormbell-it-").expect("a folder for the test");
        if let Some(config) = &options.config {
            fs::write(folder.path().join("stormbell.toml"), config).expect("it can be written");
        }
        Self { options, folder, process: None }
    }

    /// Starts it again on the same data, on new ports, and waits until it is ready.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        if let Err(failed) = self.try_restart() {
            panic!("the server ended with {} before it was ready:\n{}", failed.status, failed.log);
        }
    }

    /// The same for a server that may refuse to start.
    pub(crate) fn try_restart(&mut self) -> Result<(), Failed> {
        assert!(self.process.is_none(), "it runs already");
        let mut child = self.command().spawn().expect("the program can be started");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = child.stderr.take().expect("it is piped");
        let reader = Some(thread::spawn({
            let log = Arc::clone(&log);
            move || keep_log(stderr, &log)
        }));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut process = Process { child, log, reader, http: nowhere, grpc: nowhere };
        eventually("the server is ready or has ended", PATIENCE, || {
            if let Some(status) = process.child.try_wait().expect("it is our child") {
                return Some(Err(Failed { status, log: process.whole_log() }));
            }
            let ready = process.log_line("stormbell is ready")?;
            let address = |name: &str| ready[name].as_str()?.parse().ok();
            (process.http, process.grpc) = (address("http")?, address("grpc")?);
            Some(Ok(()))
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it as a power cut would: at once, in the middle of whatever it does.
    pub(crate) fn kill9(&mut self) {
        drop(self.process.take().expect("it runs"));
    }

    /// Asks it to stop, waits, and insists on exit code 0. Returns its log.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> String {
        self.ask_to_stop();
        self.wait_until_stopped()
    }

    /// Waits for the end of a stop that was asked for, and insists on exit code 0. Returns its log.
    #[track_caller]
    pub(crate) fn wait_until_stopped(&mut self) -> String {
        let mut process = self.process.take().expect("it runs");
        let status = eventually("the server stops when asked to", PATIENCE, || {
            process.child.try_wait().expect("it is our child")
        });
        let log = process.whole_log();
        assert_eq!(status.code(), Some(0), "{status}:\n{log}");
        log
    }

    /// Asks it to stop and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        self.running().signal(Signal::TERM);
    }

    /// A client with the key that the first start wrote.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.http(), &self.key())
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.running().http
    }

    pub(crate) fn grpc(&self) -> SocketAddr {
        self.running().grpc
    }

    /// The key that the first start wrote.
    pub(crate) fn key(&self) -> String {
        let path = self.data_seen().join("admin.key");
        fs::read_to_string(path).expect("the first start writes it").trim().to_owned()
    }

    /// The data folder, as the server names it.
    pub(crate) fn data(&self) -> PathBuf {
        self.options.data.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// The data folder, as the test reaches it.
    pub(crate) fn data_seen(&self) -> PathBuf {
        self.options.data_seen.clone().unwrap_or_else(|| self.data())
    }

    /// A folder beside the data that goes with the server.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.running().text_so_far()
    }

    /// The first line of the log with this message, parsed.
    pub(crate) fn log_line(&self, message: &str) -> Option<Value> {
        self.running().log_line(message)
    }

    /// Whether it is still there.
    pub(crate) fn is_running(&mut self) -> bool {
        let process = self.process.as_mut().expect("it was started");
        process.child.try_wait().expect("it is our child").is_none()
    }

    /// Resident memory now, in bytes, and the most there ever was.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let path = format!("/proc/{}/status", self.running().child.id());
        let status = fs::read_to_string(path).expect("it runs");
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("it is there");
            let kib = line.split_whitespace().nth(1).expect("it has a number");
            kib.parse::<u64>().expect("it is a number") * 1024
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// The sum of a metric over all series that have this text in their name and labels.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let page = self.client().get("/metrics").expect_status(200).text();
        let lines = page.lines().filter(|line| !line.starts_with('#') && line.starts_with(series));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    fn command(&self) -> Command {
        let mut words = self.options.through.clone();
        words.push(binary().into());
        let mut command = Command::new(&words[0]);
        // What whoever runs the tests has set is theirs.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STORMBELL_") {
                command.env_remove(name);
            }
        }
        command.args(&words[1..]).arg("serve").arg("--data").arg(self.data());
        command.args(["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--log-format", "json"]);
        if self.options.config.is_some() {
            command.arg("--config").arg(self.folder.path().join("stormbell.toml"));
        }
        command.args(&self.options.arguments);
        command.env("STORMBELL_LOG", self.options.log.unwrap_or("info"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

impl Process {
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a child has a pid"), signal).expect("it is our child");
    }

    fn text_so_far(&self) -> String {
        self.log.lock().expect("no reader panics").join("\n")
    }

    /// The log of a process that has ended, to its last line.
    fn whole_log(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panics");
        }
        self.text_so_far()
    }

    fn log_line(&self, message: &str) -> Option<Value> {
        let log = self.log.lock().expect("no reader panics");
        let mut lines = log.iter().filter(|line| line.contains(message));
        lines.find_map(|line| serde_json::from_str(line).ok())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _waited = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _done = reader.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What a failed test leaves behind says why it failed.
        if thread::panicking()
            && let Some(process) = &self.process
        {
            let log = process.text_so_far();
            let lines: Vec<_> = log.lines().collect();
            let last = lines.len().saturating_sub(30);
            eprintln!("the server's last words:\n{}", lines[last..].join("\n"));
        }
    }
}

fn keep_log(stderr: ChildStderr, log: &Mutex<Vec<String>>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        log.lock().expect("no writer panics").push(line);
    }
}
