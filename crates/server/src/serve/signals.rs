//! The signals that ask a process to end: SIGTERM, SIGINT, and SIGHUP, which comes when its terminal is closed.
//!
//! Invariant: whoever started the process with SIGHUP ignored, as `nohup` does, has it go on without a terminal.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals, listened for from the first moment: one that comes while a server opens is obeyed when it has opened, in
/// order.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Only where it is not ignored: to listen would end that.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Listens from now on. Must be called within a runtime.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let hang_up = if is_hang_up_heard() {
            Some(signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?)
        } else {
            None
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?,
            hang_up,
        })
    }

    /// Waits for the next one and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        let Self { terminate, interrupt, hang_up } = self;
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = hung_up(hang_up.as_mut()) => "SIGHUP",
        }
    }
}

async fn hung_up(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP ends this process. Where the system does not say, it is left as it is.
fn is_hang_up_heard() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| !is_hang_up_ignored(&status))
}

/// Whether a status of Linux says that SIGHUP, the lowest bit of the mask, is ignored.
fn is_hang_up_ignored(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hang_up_is_told_by_the_mask() {
        assert!(!is_hang_up_ignored("Name:\tx\nSigIgn:\t0000000000001000\n"));
        assert!(is_hang_up_ignored("SigBlk:\t0\nSigIgn:\t0000000000001001\n"));
        assert!(is_hang_up_ignored("Name:\tx\n"), "what is not known is left as it is");
    }
}
