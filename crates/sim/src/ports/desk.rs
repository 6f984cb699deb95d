//! The journal as the courier has it: what it appends is known to the world as well, which hands on
//! the answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use journal::{Answer, Append, Error, Journal, Reader, Records, SegmentJournal, Status};

/// An append of the courier, and who waits for its answer.
#[derive(Debug)]
pub struct Taken {
    /// The answer of the journal, to come.
    pub append: Append,
    /// What was appended.
    pub records: Vec<Vec<u8>>,
    /// To whom the answer is handed on.
    pub answer: Answer,
}

/// Stands between the courier and the journal.
pub struct Desk {
    journal: Arc<SegmentJournal>,
    taken: Mutex<Vec<Taken>>,
    refused: Mutex<Vec<(usize, Error)>>,
}

impl Desk {
    /// A desk before this journal.
    #[must_use]
    pub fn new(journal: Arc<SegmentJournal>) -> Self {
        Self { journal, taken: Mutex::default(), refused: Mutex::default() }
    }

    /// What was appended since this was last asked, in order.
    #[must_use]
    pub fn take(&self) -> Vec<Taken> {
        std::mem::take(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was refused since this was last asked: how many records, and why.
    #[must_use]
    pub fn take_refused(&self) -> Vec<(usize, Error)> {
        std::mem::take(&mut self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Journal for Desk {
    fn append(&self, records: Records) -> Result<Append, Error> {
        let copies: Vec<Vec<u8>> = records.iter().map(<[u8]>::to_vec).collect();
        let append = match self.journal.append(records) {
            Ok(append) => append,
            Err(error) => {
                let said = Error::Disk { what: error.to_string().into(), source: None };
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                refused.push((copies.len(), error));
                return Err(said);
            }
        };
        let (answer, promised) = Append::pair();
        let taken = Taken { append, records: copies, answer };
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        Ok(promised)
    }

    fn durable_end(&self) -> u64 {
        self.journal.durable_end()
    }

    fn start(&self) -> u64 {
        self.journal.start()
    }

    fn reader(&self, from: u64) -> Result<Box<dyn Reader>, Error> {
        self.journal.reader(from)
    }

    fn wait(&self, seq: u64, timeout: Duration) -> u64 {
        self.journal.wait(seq, timeout)
    }

    fn release(&self, before: u64) {
        self.journal.release(before);
    }

    fn status(&self) -> Status {
        self.journal.status()
    }

    fn close(&self) {
        self.journal.close();
    }
}
