//! The way of a receipt: it waits, is appended with all that wait with it, becomes durable, is applied by the
//! pipeline. Until then the delivery is the courier's and is not begun again.
//!
//! Refuses to know: what was sent, the clock.
//!
//! Invariant: a delivery that the courier holds is forgotten only once the store has moved it on, or has it back.
//! So a message whose yes was heard goes out twice only where the process dies between that and a durable receipt.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;

use journal::{Append, Appended, ErrorKind, Journal, Records};
use model::{Entry, NotificationId, Receipt, Seq, Target, codec, limits};

/// Receipts in one append at most; fewer while the journal says that so many are too large for one.
const BATCH: usize = 512;
/// Bytes to make room for, for each receipt of an append.
const RECEIPT_BYTES: usize = 256;

/// Which delivery.
pub(super) type Delivery = (NotificationId, Target);

/// How far a delivery that the courier holds has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It is under way, or its receipt is not durable.
    Unsettled,
    /// Its receipt is durable at this position, and the store may not have moved it on yet.
    Written(Seq),
}

/// The deliveries that the courier holds, each with the number of the try.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<Delivery, (u32, Stage)>);

impl Held {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes a delivery that was leased for try number `attempt`; `false` if it is held for that try already.
    pub(super) fn take(&mut self, delivery: Delivery, attempt: u32) -> bool {
        if self.0.get(&delivery).is_some_and(|(held, stage)| {
            // A later try is only ever handed out once the store has applied the one before.
            attempt <= *held || *stage == Stage::Unsettled
        }) {
            return false;
        }
        self.0.insert(delivery, (attempt, Stage::Unsettled));
        true
    }

    /// The store has it back, or has moved it on by itself.
    pub(super) fn let_go(&mut self, delivery: Delivery) {
        self.0.remove(&delivery);
    }

    /// Forgets what the store has moved on. To be called before a lease is asked for, with a position that was
    /// applied before: then nothing the lease answers can be older than what is forgotten.
    pub(super) fn applied(&mut self, through: Seq) {
        self.0.retain(|_, (_, stage)| match stage {
            Stage::Unsettled => true,
            Stage::Written(seq) => *seq > through,
        });
    }

    /// The highest position that is to be applied before nothing durable is held.
    pub(super) fn last_written(&self) -> Option<Seq> {
        let written = self.0.values().filter_map(|(_, stage)| match stage {
            Stage::Unsettled => None,
            Stage::Written(seq) => Some(*seq),
        });
        written.max()
    }

    fn written(&mut self, delivery: Delivery, seq: Seq) {
        if let Some((_, stage)) = self.0.get_mut(&delivery) {
            *stage = Stage::Written(seq);
        }
    }
}

/// Receipts that are not durable yet.
pub(super) struct Receipts {
    journal: Arc<dyn Journal>,
    waiting: Vec<Receipt>,
    appending: Option<(Append, Vec<Receipt>)>,
    /// How many go into one append: half as many after one that was too large, twice as many after one that was not.
    most: usize,
    refused: Option<Arc<str>>,
}

impl Receipts {
    pub(super) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, waiting: Vec::new(), appending: None, most: BATCH, refused: None }
    }

    /// How many are not durable yet.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.appending.as_ref().map_or(0, |(_, receipts)| receipts.len())
    }

    /// Why the journal took none when it was asked last.
    pub(super) fn refused(&self) -> Option<&Arc<str>> {
        self.refused.as_ref()
    }

    pub(super) fn push(&mut self, mut receipt: Receipt) {
        shorten(&mut receipt.answer);
        if receipt.reference.len() > limits::REFERENCE_BYTES {
            receipt.reference = String::new();
        }
        self.waiting.push(receipt);
    }

    /// Begins to append what waits, unless an append is under way; `false` if the journal refuses. One append at
    /// a time, so what ends meanwhile goes with the next one, all of it together.
    pub(super) fn append(&mut self) -> bool {
        while self.appending.is_none() && !self.waiting.is_empty() {
            let most = self.waiting.len().min(self.most);
            let batch: Vec<Receipt> = self.waiting.drain(..most).collect();
            match self.journal.append(records(&batch)) {
                Ok(append) => self.appending = Some((append, batch)),
                Err(error) if self.take_back(batch, &error) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Waits until the append under way has an answer; for ever where there is none. May be dropped and called again.
    pub(super) async fn answer(&mut self) -> Result<Appended, journal::Error> {
        match &mut self.appending {
            Some((append, _)) => append.await,
            None => pending().await,
        }
    }

    /// What the append under way was answered with: its receipts are durable, or wait again.
    pub(super) fn answered(
        &mut self,
        answer: Result<Appended, journal::Error>,
        held: &mut Held,
    ) -> bool {
        let Some((_, batch)) = self.appending.take() else { return true };
        match answer {
            Ok(appended) => {
                self.refused = None;
                self.most = self.most.saturating_mul(2).min(BATCH);
                for (seq, receipt) in (appended.first_seq..).zip(&batch) {
                    held.written((receipt.notification, receipt.target), Seq(seq));
                }
                true
            }
            Err(error) => self.take_back(batch, &error),
        }
    }

    /// Takes receipts back that were not appended. `true` if only so many are too large: fewer may go at once then.
    fn take_back(&mut self, mut batch: Vec<Receipt>, error: &journal::Error) -> bool {
        let appended = batch.len();
        batch.append(&mut self.waiting);
        self.waiting = batch;
        if error.kind() == ErrorKind::TooLarge && appended > 1 {
            self.most = appended / 2;
            return true;
        }
        if self.refused.is_none() {
            tracing::warn!(%error, receipts = appended, "the journal does not take receipts");
        }
        self.refused = Some(Arc::from(error.to_string()));
        false
    }
}

fn records(batch: &[Receipt]) -> Records {
    let mut records = Records::with_capacity(batch.len() * RECEIPT_BYTES);
    for receipt in batch {
        let entry = Entry::Receipt(Box::new(receipt.clone()));
        records.push_with(|buffer| codec::encode(&entry, buffer));
    }
    records
}

/// Cuts to the limit, between two characters.
fn shorten(answer: &mut String) {
    if answer.len() > limits::ANSWER_BYTES {
        let end = (0..=limits::ANSWER_BYTES).rev().find(|end| answer.is_char_boundary(*end));
        answer.truncate(end.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::EndpointId;

    const DELIVERY: Delivery = (NotificationId(1), Target::Endpoint(EndpointId(2)));

    #[test]
    fn a_delivery_is_taken_once_until_the_store_has_moved_it_on() {
        let mut held = Held::default();
        assert!(held.take(DELIVERY, 1));
        assert!(!held.take(DELIVERY, 1), "it is under way");
        held.written(DELIVERY, Seq(9));
        held.applied(Seq(8));
        assert!(!held.take(DELIVERY, 1), "its receipt is not applied");
        assert_eq!(held.last_written(), Some(Seq(9)));
        assert!(held.take(DELIVERY, 2), "the next try is handed out once the first is applied");
        held.applied(Seq(9));
        assert_eq!(held.len(), 1, "the second try is under way");
        held.written(DELIVERY, Seq(12));
        held.applied(Seq(12));
        assert_eq!(held.len(), 0);
    }

    fn receipts(folder: &tempfile::TempDir, segment_bytes: u64) -> Receipts {
        let disk = Arc::new(journal::RealDisk::new(folder.path()).expect("a disk"));
        let options = journal::Options { segment_bytes, ..journal::Options::default() };
        let opened = journal::SegmentJournal::open(options, disk, Arc::new(journal::SystemClock));
        Receipts::new(Arc::new(opened.expect("a journal").0))
    }

    /// Appends what waits, and answers how many went into each append.
    async fn write(receipts: &mut Receipts) -> Vec<usize> {
        let (mut held, mut batches) = (Held::default(), Vec::new());
        for _ in 0..10_000 {
            receipts.append();
            if let Some((_, batch)) = &receipts.appending {
                batches.push(batch.len());
                let answer = receipts.answer().await;
                receipts.answered(answer, &mut held);
            } else if receipts.len() > 0 {
                // Refused for another reason than their size: a journal that is busy is asked again.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            } else {
                return batches;
            }
        }
        panic!("{} receipts are not appended", receipts.len());
    }

    #[tokio::test]
    async fn receipts_that_are_too_large_for_one_append_go_in_parts_and_small_ones_together_again()
    {
        let folder = tempfile::tempdir().expect("a folder");
        let mut receipts = receipts(&folder, 8_192);
        (1..=40).for_each(|attempt| receipts.push(receipt(attempt)));
        let batches = write(&mut receipts).await;
        assert!(batches.len() > 5 && batches.iter().all(|batch| *batch <= 8), "{batches:?}");
        assert!(receipts.refused().is_none());
        let small = |attempt| Receipt { answer: String::new(), ..receipt(attempt) };
        (1..=40).for_each(|attempt| receipts.push(small(attempt)));
        let batches = write(&mut receipts).await;
        assert!(batches.len() <= 6, "{batches:?}");
        (1..=40).for_each(|attempt| receipts.push(small(attempt)));
        assert_eq!(write(&mut receipts).await, [40]);
    }

    #[test]
    fn a_name_that_is_too_long_is_forgotten_and_not_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut receipts = receipts(&folder, 1 << 20);
        for bytes in [limits::REFERENCE_BYTES, limits::REFERENCE_BYTES + 1] {
            receipts.push(Receipt { reference: "r".repeat(bytes), ..receipt(1) });
        }
        let kept: Vec<_> = receipts.waiting.iter().map(|one| one.reference.len()).collect();
        assert_eq!(kept, [limits::REFERENCE_BYTES, 0]);
    }

    fn receipt(attempt: u32) -> Receipt {
        Receipt {
            project: model::ProjectId(1),
            notification: DELIVERY.0,
            target: DELIVERY.1,
            attempt,
            began_at: model::Timestamp::from_micros(1),
            took: model::Duration::from_micros(1),
            verdict: model::Verdict::Retry,
            next_at: None,
            status: 503,
            answer: "x".repeat(limits::ANSWER_BYTES),
            reference: String::new(),
        }
    }

    #[test]
    fn answers_are_cut_between_two_characters() {
        let mut answer = "é".repeat(limits::ANSWER_BYTES);
        answer.insert(0, 'x');
        shorten(&mut answer);
        assert_eq!(answer.len(), limits::ANSWER_BYTES - 1);
        assert!(answer.ends_with('é'));
    }
}
