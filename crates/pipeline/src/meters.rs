//! What the loop counts, in atomics that anybody may read.

use std::sync::atomic::{AtomicU64, Ordering};

use model::effect::AuditAction;
use model::{Effect, Effects, Reason, Status};

/// Codes of [`Reason`] and [`Status`] are small; tables indexed by them are exact.
const REASONS: usize = 128;
const STATUSES: usize = 4;

/// Which invariant was seen broken; see `ARCHITECTURE.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// CLOSED without the figures that only a complete root cause analysis gives.
    I4,
    /// An effect of one project in an entry of another.
    I6,
}

/// Counters since the process began.
#[derive(Debug)]
pub struct Meters {
    opened: [AtomicU64; REASONS],
    filed: [AtomicU64; REASONS],
    skipped: [AtomicU64; REASONS],
    limit_hits: [AtomicU64; REASONS],
    moved: [[AtomicU64; REASONS]; STATUSES],
    held: [AtomicU64; REASONS],
    notified: AtomicU64,
    violations: [AtomicU64; 2],
}

impl Default for Meters {
    fn default() -> Self {
        let row = || std::array::from_fn(|_| AtomicU64::new(0));
        Self {
            opened: row(),
            filed: row(),
            skipped: row(),
            limit_hits: row(),
            moved: std::array::from_fn(|_| row()),
            held: row(),
            notified: AtomicU64::new(0),
            violations: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Meters {
    /// Incidents opened, by reason; reasons never seen are left out.
    pub fn opened(&self) -> impl Iterator<Item = (Reason, u64)> {
        counted(&self.opened)
    }

    /// Signals kept, by reason.
    pub fn filed(&self) -> impl Iterator<Item = (Reason, u64)> {
        counted(&self.filed)
    }

    /// Signals not applied, by reason.
    pub fn skipped(&self) -> impl Iterator<Item = (Reason, u64)> {
        counted(&self.skipped)
    }

    /// Limits hit, by reason.
    pub fn limit_hits(&self) -> impl Iterator<Item = (Reason, u64)> {
        counted(&self.limit_hits)
    }

    /// Moves of incidents, by where to and reason.
    pub fn moved(&self) -> impl Iterator<Item = (Status, Reason, u64)> {
        let rows = Status::ALL.iter().copied().zip(&self.moved);
        rows.flat_map(|(status, row)| {
            counted(row).map(move |(reason, count)| (status, reason, count))
        })
    }

    /// Notifications that fell due.
    pub fn notified(&self) -> u64 {
        self.notified.load(Ordering::Relaxed)
    }

    /// Notifications held back, by reason.
    pub fn held(&self) -> impl Iterator<Item = (Reason, u64)> {
        counted(&self.held)
    }

    /// Invariants seen broken: name and count.
    pub fn violations(&self) -> [(&'static str, u64); 2] {
        let read =
            |violation: Violation| self.violations[violation as usize].load(Ordering::Relaxed);
        [("I4", read(Violation::I4)), ("I6", read(Violation::I6))]
    }

    pub(crate) fn count(&self, effects: &Effects) {
        for effect in &effects.0 {
            match effect {
                Effect::Filed { reason, .. } => bump(&self.filed, *reason),
                Effect::Skipped { reason, .. } => bump(&self.skipped, *reason),
                Effect::LimitHit { reason, .. } => bump(&self.limit_hits, *reason),
                Effect::Audited(row) => match &row.action {
                    AuditAction::Opened => bump(&self.opened, row.reason),
                    AuditAction::Moved { to, .. } => {
                        bump(&self.moved[usize::from(to.code())], row.reason)
                    }
                    AuditAction::SeverityChanged { .. }
                    | AuditAction::Assigned { .. }
                    | AuditAction::Commented
                    | AuditAction::Linked { .. }
                    | AuditAction::MergedInto { .. }
                    | AuditAction::Split { .. }
                    | AuditAction::PolicySaved { .. }
                    | AuditAction::PolicyRemoved { .. }
                    | AuditAction::DirectiveSaved { .. }
                    | AuditAction::DirectiveRemoved { .. }
                    | AuditAction::Replayed { .. } => {}
                },
                Effect::Incident(incident) => {
                    if incident.status == Status::Closed && incident.mttr_seconds.is_none() {
                        self.violations[Violation::I4 as usize].fetch_add(1, Ordering::Relaxed);
                    }
                }
                Effect::Notified(notification) => match notification.held {
                    Some(held) => bump(&self.held, held.reason),
                    None => drop(self.notified.fetch_add(1, Ordering::Relaxed)),
                },
                Effect::Moved { .. }
                | Effect::RcaAccepted { .. }
                | Effect::PolicySaved(_)
                | Effect::PolicyRemoved { .. }
                | Effect::AlertFiring(_)
                | Effect::AlertJoined { .. }
                | Effect::AlertRenewed { .. }
                | Effect::AlertResolved { .. }
                | Effect::DirectiveSaved(_)
                | Effect::DirectiveRemoved { .. }
                | Effect::Attempted { .. }
                | Effect::Replayed { .. }
                | Effect::Replied { .. } => {}
            }
        }
    }

    pub(crate) fn violated(&self, violation: Violation) {
        self.violations[violation as usize].fetch_add(1, Ordering::Relaxed);
    }
}

fn bump(table: &[AtomicU64; REASONS], reason: Reason) {
    table[usize::from(reason.code())].fetch_add(1, Ordering::Relaxed);
}

fn counted(table: &[AtomicU64; REASONS]) -> impl Iterator<Item = (Reason, u64)> {
    let reasons = Reason::ALL.iter().copied();
    reasons
        .map(|reason| (reason, table[usize::from(reason.code())].load(Ordering::Relaxed)))
        .filter(|&(_, count)| count > 0)
}
