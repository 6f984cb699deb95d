//! What is checked, by name, and what a broken check says.

use std::fmt;

/// The invariants of `ARCHITECTURE.md`, and the two that only a simulator can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// An acknowledged entry is never lost and never applied twice.
    I1,
    /// Full replay, snapshot and suffix, and what the store holds are one.
    I2,
    /// At most one open incident per grouping key in `ongoing` mode.
    I3,
    /// CLOSED is reached from RESOLVED only, with a complete root cause analysis.
    I4,
    /// Every notification due ends in a receipt or a dead letter that can be replayed.
    I5,
    /// Nothing crosses a tenant.
    I6,
    /// Everything has a limit, and hitting one has a reason.
    I7,
    /// The same entries give the same effects.
    I8,
    /// The store holds what the auditor works out from the acknowledged entries.
    Domain,
    /// The system goes on when nothing keeps it from it, and stops when something does.
    Conduct,
}

impl Invariant {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I7,
        Self::I8,
        Self::Domain,
        Self::Conduct,
    ];

    /// What it says, in a line.
    #[must_use]
    pub const fn statement(self) -> &'static str {
        match self {
            Self::I1 => "acknowledged is never lost, never applied twice",
            Self::I2 => "full replay = snapshot + suffix = what the store holds",
            Self::I3 => "one open incident per key in ongoing mode",
            Self::I4 => "CLOSED only from RESOLVED with a complete RCA",
            Self::I5 => "every notification ends in a receipt or a dead letter",
            Self::I6 => "nothing crosses a tenant",
            Self::I7 => "every queue is bounded, every limit has a reason",
            Self::I8 => "same entries, same effects",
            Self::Domain => "incidents are what the auditor works out",
            Self::Conduct => "goes on when it can, stops when it must",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A check that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was found, and what should have been.
    pub what: String,
}

impl Violation {
    /// A failed check.
    #[must_use]
    pub fn new(invariant: Invariant, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// How often each check was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked([u64; Invariant::ALL.len()]);

impl Checked {
    /// Counts one.
    pub fn count(&mut self, invariant: Invariant) {
        self.0[invariant as usize] += 1;
    }

    /// How often.
    #[must_use]
    pub fn of(&self, invariant: Invariant) -> u64 {
        self.0[invariant as usize]
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}
