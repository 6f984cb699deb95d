//! What was acknowledged, and what was sent and never answered with success.
//!
//! Invariant: `entries` are what the journal holds, in order and without gaps; an entry comes in
//! when it is acknowledged, or when a restart shows that it had become durable unanswered.

use journal::{Appended, Batch};
use model::{Seq, Timestamp};

use crate::invariant::{Invariant, Violation};

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The journal's stamp.
    pub at: Timestamp,
    /// Its record.
    pub record: Vec<u8>,
    /// Whether the sender was told that it is durable.
    pub acknowledged: bool,
}

/// What the senders know.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<LedgerEntry>,
    /// Appends that were taken and not answered with success since the journal was last read whole.
    in_doubt: Vec<Doubt>,
}

/// An append whose sender does not know.
#[derive(Debug)]
struct Doubt {
    records: Vec<Vec<u8>>,
    /// Its first records have come up: the rest must follow.
    begun: bool,
}

impl Ledger {
    /// The last position.
    #[must_use]
    pub fn end(&self) -> Seq {
        Seq(self.entries.len() as u64)
    }

    /// The entry at a position.
    #[must_use]
    pub fn get(&self, seq: Seq) -> Option<&LedgerEntry> {
        let index = usize::try_from(seq.0.checked_sub(1)?).ok()?;
        self.entries.get(index)
    }

    /// How many entries were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.entries.iter().filter(|entry| entry.acknowledged).count()
    }

    /// How often a record occurs.
    #[must_use]
    pub fn occurrences(&self, record: &[u8]) -> usize {
        self.entries.iter().filter(|entry| entry.record == record).count()
    }

    /// The journal said that these are durable.
    ///
    /// # Errors
    /// The positions are not the next ones, or time went back.
    pub fn acknowledge(
        &mut self,
        answer: Appended,
        records: Vec<Vec<u8>>,
    ) -> Result<(), Violation> {
        let next = self.end().next().0;
        let at = Timestamp::from_micros(answer.at);
        if answer.first_seq != next || answer.count as usize != records.len() {
            let what = format!("acknowledged {answer:?}, but {next} is the next position");
            return Err(Violation::new(Invariant::I1, what));
        }
        if self.entries.last().is_some_and(|last| last.at > at) {
            return Err(Violation::new(Invariant::I1, format!("time went back at {next}")));
        }
        let entries = records.into_iter();
        self.entries.extend(entries.map(|record| LedgerEntry { at, record, acknowledged: true }));
        Ok(())
    }

    /// These were taken, and their sender was told that they failed, or nothing.
    pub fn doubt(&mut self, records: Vec<Vec<u8>>) {
        self.in_doubt.push(Doubt { records, begun: false });
    }

    /// Compares a batch with what is known, and takes in what had become durable unanswered.
    /// Answers how many entries came in.
    ///
    /// # Errors
    /// The batch holds something else than what was acknowledged, or what nobody sent.
    pub fn compare(&mut self, batch: &Batch) -> Result<usize, Violation> {
        let mut surfaced = 0;
        let at = Timestamp::from_micros(batch.at());
        for (seq, record) in batch.records() {
            match self.get(Seq(seq)) {
                Some(known) if known.record == record && known.at == at => {}
                Some(known) => {
                    let what = format!(
                        "entry {seq} was acknowledged at {} with {} bytes and reads otherwise: \
                         at {} with {} bytes",
                        known.at.micros(),
                        known.record.len(),
                        at.micros(),
                        record.len(),
                    );
                    return Err(Violation::new(Invariant::I1, what));
                }
                None => {
                    self.surface(Seq(seq), at, record)?;
                    surfaced += 1;
                }
            }
        }
        Ok(surfaced)
    }

    /// Everything was read: what is in doubt and did not come up never will.
    ///
    /// # Errors
    /// The journal ends before what was acknowledged.
    pub fn settle(&mut self, durable_end: u64) -> Result<(), Violation> {
        let in_part = std::mem::take(&mut self.in_doubt).into_iter().any(|doubt| doubt.begun);
        let end = self.end();
        if in_part {
            let what = format!("of the append that ends with {end} only a part came up");
            return Err(Violation::new(Invariant::I1, what));
        }
        if durable_end <= end.0 {
            let lost = end.0 + 1 - durable_end;
            let what = format!(
                "the journal ends before {durable_end}: {lost} acknowledged entries up to {end} are gone"
            );
            return Err(Violation::new(Invariant::I1, what));
        }
        Ok(())
    }

    /// Lets go of everything after `through`: a lying disk lost it, and nothing could tell.
    /// Answers how many acknowledged entries that were.
    pub fn forget_after(&mut self, through: Seq) -> usize {
        self.in_doubt.clear();
        let keep = usize::try_from(through.0).unwrap_or(usize::MAX).min(self.entries.len());
        let lost = self.entries.split_off(keep);
        lost.iter().filter(|entry| entry.acknowledged).count()
    }

    /// An entry in doubt did become durable. Entries of one append come up together and in order,
    /// appends in the order in which they were made, each once.
    fn surface(&mut self, seq: Seq, at: Timestamp, record: &[u8]) -> Result<(), Violation> {
        if seq != self.end().next() {
            let what = format!("entry {seq} follows {} in the journal", self.end());
            return Err(Violation::new(Invariant::I1, what));
        }
        let begun = self.in_doubt.first().is_some_and(|doubt| doubt.begun);
        let mut candidates = self.in_doubt.iter().take(if begun { 1 } else { usize::MAX });
        let is_next = |doubt: &Doubt| doubt.records.first().is_some_and(|first| first == record);
        let Some(index) = candidates.position(is_next) else {
            let what =
                format!("entry {seq} of {} bytes was sent by nobody, or twice", record.len());
            return Err(Violation::new(Invariant::I1, what));
        };
        self.in_doubt.drain(..index);
        let doubt = &mut self.in_doubt[0];
        let record = doubt.records.remove(0);
        doubt.begun = true;
        if doubt.records.is_empty() {
            self.in_doubt.remove(0);
        }
        self.entries.push(LedgerEntry { at, record, acknowledged: false });
        Ok(())
    }
}
