//! The line of figures: rates since the last line, depths and lags now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ingest::Door;
use journal::Journal;
use pipeline::Handle;
use tokio::sync::watch;

use super::open::Parts;

/// What the line is made of.
pub(super) struct Line {
    journal: Arc<dyn Journal>,
    handle: Arc<Handle>,
    doors: Arc<ingest::Metrics>,
    before: Totals,
    at: Instant,
}

#[derive(Clone, Copy, Default)]
struct Totals {
    accepted: u64,
    duplicates: u64,
    errors: u64,
    applied: u64,
    opened: u64,
}

impl Line {
    pub(super) fn new(parts: &Parts) -> Self {
        let mut line = Self {
            journal: parts.rooms.journal.clone(),
            handle: parts.rooms.handle.clone(),
            doors: parts.built.door_metrics.clone(),
            before: Totals::default(),
            at: Instant::now(),
        };
        line.before = line.totals();
        line
    }

    fn totals(&self) -> Totals {
        let sum = |of: &dyn Fn(Door) -> u64| Door::ALL.into_iter().map(of).sum();
        let refused =
            |door| ingest::Code::ALL.iter().map(|&code| self.doors.refused(door, code)).sum();
        Totals {
            accepted: sum(&|door| self.doors.accepted(door)),
            duplicates: sum(&|door| self.doors.duplicates(door)),
            errors: sum(&refused),
            applied: self.handle.applied().0,
            opened: self.handle.meters.opened().map(|(_, count)| count).sum(),
        }
    }

    fn log(&mut self) {
        let (now, totals) = (Instant::now(), self.totals());
        let millis = u64::try_from((now - self.at).as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = |after: u64, before: u64| after.saturating_sub(before) * 1_000 / millis;
        let status = self.journal.status();
        let before = self.before;
        tracing::info!(
            accepted_per_s = rate(totals.accepted, before.accepted),
            applied_per_s = rate(totals.applied, before.applied),
            queue = status.queue_records,
            lag = status.durable_end.saturating_sub(1).saturating_sub(totals.applied),
            duplicates = totals.duplicates - before.duplicates,
            incidents_opened = totals.opened - before.opened,
            errors_per_s = rate(totals.errors, before.errors),
            "figures"
        );
        (self.before, self.at) = (totals, now);
    }
}

/// Logs the line every so often until the server stops.
pub(super) async fn log(
    mut line: Line,
    every: Duration,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    while tokio::time::timeout(every, stopped.wait_for(|&stopping| stopping)).await.is_err() {
        line.log();
    }
    Ok(())
}
