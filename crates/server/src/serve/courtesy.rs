//! Threads that let the doors go first.
//!
//! Nice values are a thread's own on Linux, and what a thread starts inherits its value.

use std::thread;

/// How much further back the threads of the pipeline and the lake stand: each step gives a thread about a
/// fifth less of a processor for which others wait, so this one gets half of what a door gets.
const STEPS_BACK: i32 = 3;

/// Runs `start`, whose threads let the doors go first.
///
/// # Errors
/// Those of `start`; a system that refuses leaves the threads where all others stand.
pub(super) fn behind_the_doors<T: Send>(start: impl FnOnce() -> T + Send) -> T {
    let ahead = thread::scope(|scope| {
        scope
            .spawn(|| {
                if cfg!(target_os = "linux")
                    && let Err(error) = rustix::process::nice(STEPS_BACK)
                {
                    tracing::debug!(%error, "threads do not stand back");
                }
                start()
            })
            .join()
    });
    ahead.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
