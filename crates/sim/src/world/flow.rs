//! The road: append, make durable, apply, tick, snapshot; each with what must hold around it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use journal::{Append, Appended, Journal, Records, State};
use model::{Entry, Timestamp, codec};
use pipeline::{Error, ErrorKind, Step};

use super::{InFlight, World, at_once};
use crate::invariant::{Invariant, Violation};

/// How an attempt to apply went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Everything durable is applied.
    Done,
    /// The store refused, as it was told to; it can be tried again.
    Refused,
    /// Somebody else owns the partition.
    Fenced,
}

impl World {
    /// Sends an append. Says whether it was taken.
    ///
    /// # Errors
    /// It was refused without reason, or taken beyond a limit.
    pub fn append(&mut self, entries: &[Entry<'_>]) -> Result<bool, Violation> {
        let mut records = Records::new();
        for entry in entries {
            records.push_with(|buffer| codec::encode(entry, buffer));
        }
        let copies = records.iter().map(<[u8]>::to_vec).collect();
        match self.journal().append(records) {
            Ok(append) => {
                self.in_flight.push(InFlight { append, records: copies, answer: None });
                self.check_queue()?;
                Ok(true)
            }
            Err(error) => {
                self.trace.say(format!("append of {} refused: {error}", entries.len()));
                self.check_refusal(&error)?;
                Ok(false)
            }
        }
    }

    /// Lets the journal's writer work until nothing waits, and reads what became durable.
    ///
    /// # Errors
    /// What is durable is not what was sent.
    pub fn drive(&mut self) -> Result<(), Violation> {
        while self.journal().step() {}
        self.collect()?;
        self.read_tail()
    }

    /// Takes in the answers that are there.
    pub(super) fn collect(&mut self) -> Result<(), Violation> {
        for mut flying in std::mem::take(&mut self.in_flight) {
            let Some(heard) = answer(&mut flying.append) else {
                self.in_flight.push(flying);
                continue;
            };
            match &heard {
                Ok(appended) => self.ledger.acknowledge(*appended, flying.records)?,
                Err(error) => {
                    self.trace.say(format!("append of {} failed: {error}", flying.records.len()));
                    self.ledger.doubt(flying.records);
                }
            }
            if let Some(waiting) = flying.answer {
                waiting.send(heard);
            }
        }
        Ok(())
    }

    /// Lets the pipeline apply what is durable.
    ///
    /// # Errors
    /// It stops without reason.
    pub(crate) fn apply(&mut self) -> Result<Attempt, Violation> {
        match at_once(self.alive_mut().pipeline.step()) {
            Ok(Step::Idle) => Ok(Attempt::Done),
            Ok(Step::Applied(entries)) => {
                let applied = self.pipeline().handle().applied();
                self.trace.say(format!("applied {entries} entries, up to {applied}"));
                Ok(Attempt::Done)
            }
            Err(error) => self.judge_stop(&error),
        }
    }

    /// Lets the pipeline append a tick if it thinks that one is due; `must` says that one is.
    ///
    /// # Errors
    /// A deadline was forgotten.
    pub(crate) fn tick(&mut self, must: Option<(Timestamp, String)>) -> Result<(), Violation> {
        self.checked.count(Invariant::Conduct);
        match self.alive_mut().pipeline.tick_if_due() {
            Ok(Some(append)) => {
                let mut record = Vec::new();
                codec::encode(&Entry::Tick, &mut record);
                self.in_flight.push(InFlight { append, records: vec![record], answer: None });
                Ok(())
            }
            Ok(None) => match must.filter(|(deadline, _)| *deadline <= self.now()) {
                Some((deadline, of)) => {
                    let what = format!(
                        "the deadline at {} of {of} is forgotten: at {} no tick is due",
                        deadline.micros(),
                        self.now().micros()
                    );
                    Err(Violation::new(Invariant::Conduct, what))
                }
                None => Ok(()),
            },
            Err(error) => self.check_refusal(&error),
        }
    }

    /// Saves a snapshot.
    ///
    /// # Errors
    /// It fails without reason.
    pub(crate) fn snapshot(&mut self) -> Result<(), Violation> {
        match at_once(self.alive_mut().pipeline.save_snapshot()) {
            Ok(()) => {
                let at = self.pipeline().engine().seq();
                let kept = self.snapshots.count();
                self.trace.say(format!("snapshot at {at}, {kept} kept"));
                Ok(())
            }
            Err(_) if self.snapshots_refused => Ok(()),
            Err(error) => self.judge_stop(&error).map(drop),
        }
    }

    /// Reads what became durable since the last time.
    fn read_tail(&mut self) -> Result<(), Violation> {
        loop {
            let alive = self.alive_mut();
            let batch = match alive.tail.next() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => {
                    let what = format!("what is durable cannot be read: {error}");
                    return Err(Violation::new(Invariant::I1, what));
                }
            };
            self.last_batch = batch.first_seq();
            if self.ledger.compare(&batch)? > 0 {
                let what = format!("batch {} is durable, and nobody was told", batch.first_seq());
                return Err(Violation::new(Invariant::I1, what));
            }
        }
        let (read, known) = (self.alive().tail.position(), self.ledger.end().next().0);
        if read == known {
            return Ok(());
        }
        let what =
            format!("entries before {known} were acknowledged, those before {read} are readable");
        Err(Violation::new(Invariant::I1, what))
    }

    /// I7: the queue is bounded. One append alone may hold more records than the limit.
    fn check_queue(&mut self) -> Result<(), Violation> {
        self.checked.count(Invariant::I7);
        let (status, limits) = (self.journal().status(), &self.swarm.journal);
        let crowded = status.queue_records > limits.queue_records && self.in_flight.len() > 1;
        if crowded || status.queue_bytes > limits.queue_bytes {
            let what = format!(
                "{} records of {} bytes wait, the limits are {} and {}",
                status.queue_records, status.queue_bytes, limits.queue_records, limits.queue_bytes
            );
            return Err(Violation::new(Invariant::I7, what));
        }
        Ok(())
    }

    fn check_refusal(&mut self, error: &journal::Error) -> Result<(), Violation> {
        self.checked.count(Invariant::Conduct);
        let status = self.journal().status();
        let with_reason = match error.kind() {
            journal::ErrorKind::Full => status.queue_records > 0,
            journal::ErrorKind::Disk => status.state != State::Ok,
            // A split can name more signals than one small record of this world holds.
            journal::ErrorKind::TooLarge => true,
            journal::ErrorKind::Closed
            | journal::ErrorKind::Empty
            | journal::ErrorKind::Gone
            | journal::ErrorKind::Ahead
            | journal::ErrorKind::Corrupt
            | journal::ErrorKind::Version
            | journal::ErrorKind::Locked
            | journal::ErrorKind::Io
            | journal::ErrorKind::Options => false,
        };
        if with_reason {
            return Ok(());
        }
        let what = format!("the journal refuses without reason: {error}; {status:?}");
        Err(Violation::new(Invariant::Conduct, what))
    }

    fn judge_stop(&mut self, error: &Error) -> Result<Attempt, Violation> {
        match error.kind() {
            ErrorKind::Passing if self.store.take_refused() > 0 => {
                self.trace.say(format!("the pipeline waits: {}", chain(error)));
                Ok(Attempt::Refused)
            }
            ErrorKind::Fenced => Ok(Attempt::Fenced),
            ErrorKind::Passing | ErrorKind::Fatal => {
                let what = format!("the pipeline stops without reason: {}", chain(error));
                Err(Violation::new(Invariant::Conduct, what))
            }
        }
    }
}

/// The answer to an append, if it is there.
fn answer(append: &mut Append) -> Option<Result<Appended, journal::Error>> {
    match Pin::new(append).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
