//! A process that was started here: its output, memory and processor time, and its end.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::guard;

/// How long an ordered end may take.
const END: Duration = Duration::from_secs(60);

/// A running process. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts `command` with everything it prints going to `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let out = File::options().create(true).append(true).open(log)?;
        command.stderr(out.try_clone()?).stdout(out).stdin(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self::from_child(child, name))
    }

    pub(crate) fn from_child(child: Child, name: String) -> Self {
        guard::started(child.id());
        Self { child, name }
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Says so if it has ended, which it should not have.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended by itself: {status}", self.name),
        }
    }

    /// SIGTERM, and the time its end took.
    pub(crate) fn terminate(mut self) -> anyhow::Result<(ExitStatus, Duration)> {
        let began = Instant::now();
        kill_process(self.pid()?, Signal::TERM)?;
        while began.elapsed() < END {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, began.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("{} did not end within {END:?}", self.name)
    }

    /// Runs `other` while this process is stopped, so that nothing of it runs beside.
    pub(crate) fn paused<T>(&self, other: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        kill_process(self.pid()?, Signal::STOP)?;
        let done = other();
        kill_process(self.pid()?, Signal::CONT)?;
        done
    }

    /// Resident memory now and at most, in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kibibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        };
        let (now, most) = (kibibytes("VmRSS:"), kibibytes("VmHWM:"));
        Ok((now.context("no VmRSS")? * 1024, most.context("no VmHWM")? * 1024))
    }

    /// Processor time used so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.child.id()).context("no processor time")
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no such process")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
        guard::ended(self.child.id());
    }
}

/// User and system time of a process, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut figures = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = figures.next()?.parse().ok()?;
    let system: f64 = figures.next()?.parse().ok()?;
    Some((user + system) / rustix::param::clock_ticks_per_second().max(1) as f64)
}

/// An address on loopback that was free a moment ago.
pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
