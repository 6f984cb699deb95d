//! How far the pipeline is behind the journal, in seconds, watched from outside by `/metrics`.
//!
//! At a look the lag is the time since the journal held no more than is applied now.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::client::Client;

/// How often is looked.
const EVERY: Duration = Duration::from_millis(200);

/// What `/metrics` said at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    seconds: f64,
    durable: f64,
    applied: f64,
}

/// Looks until it is stopped.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Vec<Look>>>,
}

impl Watch {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut client = Client::connect(address, None)?;
            let (began, mut looks) = (Instant::now(), Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let (durable, applied) = positions(&mut client)?;
                looks.push(Look { seconds: began.elapsed().as_secs_f64(), durable, applied });
                std::thread::sleep(EVERY);
            }
            Ok(looks)
        });
        Self { stop, thread }
    }

    /// The longest lag seen, in seconds.
    pub(crate) fn stop(self) -> anyhow::Result<f64> {
        self.stop.store(true, Ordering::Relaxed);
        let looks = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(longest_seconds(&looks))
    }
}

/// Durable and applied position.
pub(crate) fn positions(client: &mut Client) -> anyhow::Result<(f64, f64)> {
    let text = String::from_utf8(client.get("/metrics")?.body)?;
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|figure| figure.parse().ok()).with_context(|| format!("no {name}"))
    };
    Ok((figure("stormbell_journal_durable_seq")?, figure("stormbell_pipeline_applied_seq")?))
}

/// Waits until everything durable is applied.
pub(crate) fn wait_until_applied(address: SocketAddr, patience: Duration) -> anyhow::Result<()> {
    let mut client = Client::connect(address, None)?;
    let began = Instant::now();
    loop {
        let (durable, applied) = positions(&mut client)?;
        if applied >= durable {
            return Ok(());
        }
        anyhow::ensure!(
            began.elapsed() < patience,
            "{} records behind after {patience:?}",
            durable - applied
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn longest_seconds(looks: &[Look]) -> f64 {
    let lag = |(index, now): (usize, &Look)| {
        if now.applied >= now.durable {
            return 0.0;
        }
        let before = looks[..=index].iter().rposition(|look| look.durable <= now.applied);
        let Some(before) = before else { return now.seconds - looks[0].seconds };
        let (early, late) = (&looks[before], &looks[(before + 1).min(index)]);
        let grown = (late.durable - early.durable).max(1.0);
        let reached =
            early.seconds + (late.seconds - early.seconds) * (now.applied - early.durable) / grown;
        now.seconds - reached
    };
    looks.iter().enumerate().map(lag).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_is_the_time_since_the_journal_held_what_is_applied() {
        let look = |seconds, durable, applied| Look { seconds, durable, applied };
        assert_eq!(longest_seconds(&[look(0.0, 5.0, 5.0), look(1.0, 9.0, 9.0)]), 0.0);
        let looks = [look(0.0, 0.0, 0.0), look(1.0, 100.0, 50.0), look(2.0, 200.0, 50.0)];
        assert!((longest_seconds(&looks) - 1.5).abs() < 1e-9);
        assert_eq!(longest_seconds(&[]), 0.0);
    }
}
