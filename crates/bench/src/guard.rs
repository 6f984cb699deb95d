//! Everything that was started, so that it is stopped even when this process is told to end.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

static STARTED: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Notes a process that was started.
pub(crate) fn started(pid: u32) {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).push(pid);
}

/// Forgets a process that has ended.
pub(crate) fn ended(pid: u32) {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).retain(|&other| other != pid);
}

/// The processes that run.
pub(crate) fn running() -> Vec<u32> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// From now on SIGINT and SIGTERM kill what was started and remove `scratch` before they end this.
pub(crate) fn stop_everything_when_told_to(scratch: &Path) {
    let scratch = scratch.to_owned();
    std::thread::spawn(move || wait_and_stop(&scratch));
}

fn wait_and_stop(scratch: &PathBuf) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else { return };
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        for pid in running() {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                // It may have ended by itself.
                let _ended = kill_process(pid, Signal::KILL);
            }
        }
        let _left_behind = std::fs::remove_dir_all(scratch);
        std::process::exit(130);
    });
}
