//! A journal on a simulated disk, driven by hand, and the words tests use about it.

use std::sync::Arc;

use journal::fault::FaultDisk;
use journal::segments::Drive;
use journal::{
    Append, Batch, Error, ErrorKind, Journal, ManualClock, Options, Records, Recovery,
    SegmentJournal,
};

/// Name of the first segment.
pub(crate) const FIRST: &str = "00000000000000000001.seg";
/// Bytes of a segment header and of a footer.
pub(crate) const BLOCK: u64 = 64;
/// Bytes of a batch header.
pub(crate) const HEADER: u64 = 40;

/// A simulated machine.
pub(crate) struct Machine {
    pub(crate) disk: FaultDisk,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) options: Options,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let options = Options {
            drive: Drive::Manual,
            segment_bytes: 4096,
            max_age: None,
            max_bytes: None,
            ..Options::default()
        };
        Self { disk: FaultDisk::new(1), clock: Arc::new(ManualClock::new(1_000)), options }
    }

    /// A machine whose disk holds a copy of these files.
    pub(crate) fn with_files(files: &[(String, Vec<u8>)]) -> Self {
        let machine = Self::new();
        for (name, bytes) in files {
            machine.disk.put(name, bytes);
        }
        machine
    }

    pub(crate) fn try_open(&self) -> Result<(SegmentJournal, Recovery), Error> {
        SegmentJournal::open(self.options.clone(), self.disk.mount(), self.clock.clone())
    }

    pub(crate) fn open(&self) -> (SegmentJournal, Recovery) {
        self.try_open().unwrap()
    }

    pub(crate) fn refusal(&self) -> Error {
        self.try_open().map(drop).expect_err("the journal must not open")
    }

    /// All files of the journal, as they would be found after a power cut.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut names = self.disk.mount().list().unwrap();
        names.sort();
        names.into_iter().map(|name| (name.clone(), self.disk.content(&name).unwrap())).collect()
    }
}

/// One record with this payload.
pub(crate) fn one(payload: &[u8]) -> Records {
    let mut records = Records::new();
    records.push(payload);
    records
}

/// Appends and commits on a journal driven by hand.
pub(crate) fn append_now(journal: &SegmentJournal, payload: &[u8]) -> journal::Appended {
    let append = journal.append(one(payload)).unwrap();
    assert!(journal.step());
    append.wait().unwrap()
}

pub(crate) fn kind_of(append: Append) -> Option<ErrorKind> {
    append.wait().err().map(|error| error.kind())
}

/// All retained batches.
pub(crate) fn batches(journal: &dyn Journal) -> Vec<Batch> {
    let mut reader = journal.reader(journal.start()).unwrap();
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

/// All retained payloads.
pub(crate) fn payloads(journal: &dyn Journal) -> Vec<Vec<u8>> {
    let mut next = journal.start();
    let mut payloads = Vec::new();
    for batch in batches(journal) {
        for (seq, payload) in batch.records() {
            assert_eq!(seq, next, "numbers follow without a gap");
            payloads.push(payload.to_vec());
            next += 1;
        }
    }
    assert_eq!(next, journal.durable_end());
    payloads
}
