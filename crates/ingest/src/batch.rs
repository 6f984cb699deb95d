//! What a decoder makes of a body: records ready for the journal, and a verdict per item.

use std::borrow::Cow;

use hashbrown::HashSet;
use journal::Records;
use model::limits;
use model::{AlertLease, Entry, ProjectId, Severity, Signal, SignalId, codec};

use crate::code::Code;
use crate::ports::Applied;

/// What is wrong with one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) message: Cow<'static, str>,
}

/// One item that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its place in the batch, from 0; for NDJSON the number of its line, from 0.
    pub index: u32,
    /// Its id as it was given, cut off after 64 characters.
    pub id: Option<String>,
    /// Why.
    pub code: Code,
    /// Why, as a sentence that names the field and the limit.
    pub message: Cow<'static, str>,
}

/// The verdicts on a body, and the records of what was accepted.
#[derive(Debug, Default)]
pub struct Batch {
    /// Ready for [`journal::Journal::append`].
    pub records: Records,
    /// Items in `records`.
    pub accepted: u32,
    /// Items whose given id was applied before, or occurred earlier in the same batch.
    pub duplicates: u32,
    /// Items that were refused.
    pub rejected: u32,
    /// The first [`limits::REJECTIONS_LISTED`] of them.
    pub rejections: Vec<Rejection>,
    /// How many were refused for which reason.
    pub rejected_by: Vec<(Code, u32)>,
    /// Ids of the items that came without one, in order.
    pub ids: Vec<SignalId>,
    /// The most severe of the accepted items.
    pub worst: Option<Severity>,
    first_given: Option<SignalId>,
    given: HashSet<SignalId>,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}

impl Batch {
    /// No items yet, with room for the records of a body of `body_bytes`.
    pub(crate) fn with_room_for(body_bytes: usize) -> Self {
        const HEAD_BYTES: usize = 128;
        Self { records: Records::with_capacity(body_bytes + HEAD_BYTES), ..Self::default() }
    }

    /// How many items the body held.
    #[must_use]
    pub fn items(&self) -> u32 {
        self.accepted + self.duplicates + self.rejected
    }

    /// Whether there were items and every one was refused.
    #[must_use]
    pub fn is_all_rejected(&self) -> bool {
        self.rejected > 0 && self.accepted == 0 && self.duplicates == 0
    }

    /// Takes a signal, unless its given id is a duplicate.
    pub(crate) fn signal(&mut self, project: ProjectId, applied: &dyn Applied, signal: Signal<'_>) {
        let given = signal.id_given;
        if given && (self.is_repeated(signal.id) || applied.contains(project, signal.id)) {
            self.duplicates += 1;
            return;
        }
        self.count(signal.severity);
        let entry = Entry::Signal { project, signal };
        self.records.push_with(|buffer| codec::encode(&entry, buffer));
    }

    /// Takes an alert. Repeats are the engine's to tell: they renew a lease.
    pub(crate) fn alert(&mut self, project: ProjectId, lease: AlertLease, signal: Signal<'_>) {
        self.count(signal.severity);
        let entry = Entry::Alert { project, lease, signal };
        self.records.push_with(|buffer| codec::encode(&entry, buffer));
    }

    /// Refuses an item.
    pub(crate) fn reject(&mut self, index: u32, id: Option<&str>, fault: Fault) {
        self.rejected += 1;
        match self.rejected_by.iter_mut().find(|(code, _)| *code == fault.code) {
            Some((_, count)) => *count += 1,
            None => self.rejected_by.push((fault.code, 1)),
        }
        if self.rejections.len() < limits::REJECTIONS_LISTED {
            let id = id.map(|id| id.chars().take(64).collect());
            let Fault { code, message } = fault;
            self.rejections.push(Rejection { index, id, code, message });
        }
    }

    /// Whether the id occurred before in this batch. The first id needs no set, so a single signal
    /// allocates none.
    fn is_repeated(&mut self, id: SignalId) -> bool {
        match self.first_given {
            None => {
                self.first_given = Some(id);
                false
            }
            Some(first) => first == id || !self.given.insert(id),
        }
    }

    fn count(&mut self, severity: Severity) {
        self.accepted += 1;
        self.worst = Some(self.worst.map_or(severity, |worst| worst.worse(severity)));
    }
}
