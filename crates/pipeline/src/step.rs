//! One batch: read what is durable, decide it, keep it, commit it, and say so.

use journal::Batch;
use lake::Row;
use model::effect::Effect;
use model::{Entry, ProjectId, Seq, SignalId, Timestamp, codec, limits};
use store::Commit;

use crate::error::is_passing;
use crate::{Error, Pipeline, Violation};

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There was nothing to do.
    Idle,
    /// This many entries were applied and committed.
    Applied(u64),
}

/// Effects that the engine has decided and the store does not have yet.
#[derive(Debug)]
pub(crate) struct Uncommitted {
    expected: Seq,
    through: Seq,
    at: Timestamp,
    entries: u64,
    /// What it tells, as [`weight`] has it.
    told: usize,
    /// Whether there is more in it than counters: something that people are told, or wait for.
    pressing: bool,
}

/// Batches that were read and are not applied to their end: what their first entries tell is as much as a
/// commit holds.
#[derive(Debug)]
pub(crate) struct Unfinished {
    batches: Vec<Batch>,
    applied: usize,
}

/// How far [`Pipeline::decide`] came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decided {
    /// Entries applied, the first of those that were given.
    pub(crate) entries: usize,
    told: usize,
}

/// Entries whose ids are looked for together before they are applied one by one.
const TOUCHED_TOGETHER: usize = 64;

/// An entry with its position and time, borrowed from the batch it was read in.
type Stamped<'b> = (Seq, Timestamp, Entry<'b>);

impl Pipeline {
    /// Applies what is durable and not yet applied, at most one batch of it, and commits it.
    ///
    /// # Errors
    /// See [`Error::kind`]. After a passing error the next step goes on where this one stopped.
    pub async fn step(&mut self) -> Result<Step, Error> {
        if self.uncommitted.is_none() {
            self.gather().await?;
        }
        self.commit().await
    }

    /// Applies what is durable and not yet applied, at most one batch of it, and leaves the commit to
    /// later: a thousand signals of one incident are one row, however they were read. Says whether
    /// there was anything.
    pub(crate) async fn gather(&mut self) -> Result<bool, Error> {
        if self.uncommitted.as_ref().is_some_and(Uncommitted::is_full) {
            return Ok(false);
        }
        let Unfinished { batches, applied } = match self.unfinished.take() {
            Some(unfinished) => unfinished,
            None => Unfinished { batches: self.read()?, applied: 0 },
        };
        if batches.is_empty() {
            return Ok(false);
        }
        let (expected, from) = (self.engine.seq(), self.effects.0.len());
        let entries = decode(&batches, applied)?;
        let decided = self.decide(&entries);
        self.keep(&entries[..decided.entries], from).await?;
        if decided.entries < entries.len() {
            let applied = applied + decided.entries;
            drop(entries);
            self.unfinished = Some(Unfinished { batches, applied });
        }
        self.handle.set_decided(self.engine.seq());
        let pressing = self.effects.0[from..].iter().any(is_pressing);
        let batch = self.uncommitted.get_or_insert(Uncommitted {
            expected,
            through: expected,
            at: self.engine.at(),
            entries: 0,
            told: 0,
            pressing: false,
        });
        batch.through = self.engine.seq();
        batch.at = self.engine.at();
        batch.entries += decided.entries as u64;
        batch.told += decided.told;
        batch.pressing |= pressing;
        Ok(true)
    }

    /// Reads batches until there is a good handful of records, or no more.
    pub(crate) fn read(&mut self) -> Result<Vec<Batch>, Error> {
        let mut batches = Vec::new();
        let mut records = 0;
        while records < limits::PIPELINE_BATCH {
            let Some(batch) = self.reader.next()? else { break };
            records += batch.count() as usize;
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Lets the engine decide until they tell as much as a commit holds, and notes which given ids were
    /// applied.
    pub(crate) fn decide(&mut self, entries: &[Stamped<'_>]) -> Decided {
        let mut ids: Vec<(Timestamp, ProjectId, SignalId)> = Vec::new();
        let polite = self.may_yield();
        let waiting = self.uncommitted.as_ref().map_or(0, |batch| batch.told);
        let mut decided = Decided { entries: 0, told: 0 };
        'entries: for turn in entries.chunks(TOUCHED_TOGETHER) {
            if polite {
                std::thread::yield_now();
            }
            self.engine.touch_ids(turn.iter().filter_map(|(_, _, entry)| given_id(entry)));
            for (seq, at, entry) in turn {
                let before = self.effects.0.len();
                self.engine.apply(*seq, *at, entry, &mut self.effects);
                if let Some((project, id)) = given_id(entry) {
                    ids.push((*at, project, id));
                }
                if let Entry::Signal { project, .. } | Entry::Alert { project, .. } = entry {
                    self.check_tenant(*project, before);
                }
                decided.entries += 1;
                decided.told += self.effects.0[before..].iter().map(weight).sum::<usize>();
                if waiting + decided.told >= limits::TOLD_PER_COMMIT {
                    break 'entries;
                }
            }
        }
        self.handle.ids.note(&ids, self.engine.at());
        decided
    }

    /// Whether whoever answers senders goes first where processors are few: as long as nobody reads and
    /// the loop is not far behind. One that always yields starves under senders that never wait.
    fn may_yield(&self) -> bool {
        let end = self.ports.journal.durable_end();
        let behind = end.saturating_sub(self.engine.seq().0);
        !self.handle.was_awaited() && behind < limits::LAG_RECORDS / 8
    }

    /// Hands the filed signals to the lake; the effects of the entries begin at `from`.
    pub(crate) async fn keep(&mut self, entries: &[Stamped<'_>], from: usize) -> Result<(), Error> {
        let rows = rows(entries, &self.effects.0[from..]);
        if rows.is_empty() {
            self.ports.lake.advance(self.engine.seq());
            return Ok(());
        }
        loop {
            match self.ports.lake.append(&rows) {
                Ok(()) => break,
                // The lake cannot keep up: waiting here holds the store back too, and with it the doors.
                Err(error) if is_passing(&error) => {
                    self.handle.set_trouble(Some(format!("the lake refuses: {error}").into()));
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.ports.lake.advance(self.engine.seq());
        Ok(())
    }

    /// Commits what is decided and not yet in the store, if there is something.
    pub(crate) async fn commit(&mut self) -> Result<Step, Error> {
        let Some(batch) = &self.uncommitted else { return Ok(Step::Idle) };
        let commit = Commit {
            partition: self.partition,
            expected: batch.expected,
            through: batch.through,
            at: batch.at,
            effects: &self.effects,
        };
        self.ports.store.commit(commit).await?;
        let (through, entries) = (batch.through, batch.entries);
        self.uncommitted = None;
        self.alerts().apply(&self.effects);
        self.handle.meters.count(&self.effects);
        self.handle.set_trouble(None);
        self.handle.publish(through, &self.effects);
        self.effects.0.clear();
        Ok(Step::Applied(entries))
    }

    /// I6 at run time: a machine's record touches its own project only.
    fn check_tenant(&self, project: ProjectId, from: usize) {
        let foreign = self.effects.0[from..].iter().any(|effect| match effect {
            Effect::Filed { project: of, .. } | Effect::Skipped { project: of, .. } => {
                *of != project
            }
            Effect::Incident(incident) => incident.project != project,
            Effect::Notified(notification) => notification.project != project,
            Effect::Moved { .. }
            | Effect::Audited(_)
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
            | Effect::Replied { .. }
            | Effect::LimitHit { .. } => false,
        });
        if foreign {
            self.handle.meters.violated(Violation::I6);
        }
    }
}

/// The id that the sender gave, if it gave one.
fn given_id(entry: &Entry<'_>) -> Option<(ProjectId, SignalId)> {
    match entry {
        Entry::Signal { project, signal } | Entry::Alert { project, signal, .. } => {
            signal.id_given.then_some((*project, signal.id))
        }
        Entry::Tick | Entry::Command(_) | Entry::Receipt(_) => None,
    }
}

impl Uncommitted {
    /// Whether it must be committed before anything is added.
    pub(crate) fn is_full(&self) -> bool {
        self.entries >= limits::PIPELINE_COMMIT || self.told >= limits::TOLD_PER_COMMIT
    }

    /// Whether somebody is told of it, or waits for it.
    pub(crate) fn is_pressing(&self) -> bool {
        self.pressing
    }
}

/// What an effect adds to what a commit tells: a notification and each rule that it lists.
fn weight(effect: &Effect) -> usize {
    if let Effect::Notified(notification) = effect { 1 + notification.rules.len() } else { 0 }
}

/// Whether an effect is more than a counter or an alert's row: whoever asks for those waits until they
/// are there, and ends the waiting.
fn is_pressing(effect: &Effect) -> bool {
    match effect {
        Effect::Filed { .. }
        | Effect::Skipped { .. }
        | Effect::AlertFiring(_)
        | Effect::AlertJoined { .. }
        | Effect::AlertRenewed { .. }
        | Effect::AlertResolved { .. }
        | Effect::LimitHit { .. } => false,
        Effect::Moved { .. }
        | Effect::Incident(_)
        | Effect::Audited(_)
        | Effect::RcaAccepted { .. }
        | Effect::PolicySaved(_)
        | Effect::PolicyRemoved { .. }
        | Effect::DirectiveSaved(_)
        | Effect::DirectiveRemoved { .. }
        | Effect::Notified(_)
        | Effect::Attempted { .. }
        | Effect::Replayed { .. }
        | Effect::Replied { .. } => true,
    }
}

/// Reads the entries of the batches, but for so many that are applied.
pub(crate) fn decode(batches: &[Batch], applied: usize) -> Result<Vec<Stamped<'_>>, Error> {
    let count: usize = batches.iter().map(|batch| batch.count() as usize).sum();
    let mut entries = Vec::with_capacity(count.saturating_sub(applied));
    let records = batches.iter().flat_map(|batch| {
        let at = Timestamp::from_micros(batch.at());
        batch.records().map(move |(seq, record)| (seq, at, record))
    });
    for (seq, at, record) in records.skip(applied) {
        let entry = codec::decode(record).map_err(|source| Error::Record { seq, source })?;
        entries.push((Seq(seq), at, entry));
    }
    Ok(entries)
}

/// Joins what was filed with the signals it was decided about; both are in order of position.
fn rows<'e>(entries: &'e [Stamped<'_>], effects: &[Effect]) -> Vec<Row<'e>> {
    let mut rows = Vec::with_capacity(entries.len());
    let mut entries = entries.iter();
    for effect in effects {
        let Effect::Filed { seq: filed, project, identity, incident, reason, .. } = effect else {
            continue;
        };
        let Some((seq, received_at, entry)) = entries.find(|(seq, ..)| seq == filed) else { break };
        if let Entry::Signal { signal, .. } | Entry::Alert { signal, .. } = entry {
            rows.push(Row {
                seq: *seq,
                project: *project,
                received_at: *received_at,
                signal,
                identity: *identity,
                incident: *incident,
                reason: *reason,
            });
        }
    }
    rows
}
