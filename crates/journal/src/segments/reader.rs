//! Replays segments in order, up to what is durable.
//!
//! It has its own file handle and reads ahead; the writer never waits for it, and a segment that
//! retention removes stays readable to whoever is inside it.

use std::sync::Arc;

use super::format::{BATCH_HEADER_BYTES, BLOCK_BYTES, BatchHeader};
use super::scan::{Extent, Found};
use super::survey::{Segment, cannot};
use super::window::Window;
use super::{Shared, catalog::Place, names};
use crate::disk::File;
use crate::frame::{FRAME_BYTES, Frames};
use crate::{Batch, Corruption, Error, Reader};

pub(super) struct SegmentReader {
    shared: Arc<Shared>,
    position: u64,
    current: Option<Current>,
    window: Window,
}

/// The segment being read, as far as it was durable when it was last looked up.
struct Current {
    file: Arc<dyn File>,
    segment: Segment,
    offset: u64,
    /// Sequence number of the first record at `offset`.
    next_seq: u64,
}

impl SegmentReader {
    pub(super) fn open(shared: Arc<Shared>, from: u64) -> Result<Self, Error> {
        let end = shared.catalog.durable_end();
        if from > end {
            return Err(Error::Ahead { seq: from, end });
        }
        let start = shared.catalog.start();
        if from < start {
            return Err(Error::Gone { seq: from, start });
        }
        Ok(Self { shared, position: from, current: None, window: Window::default() })
    }

    /// Makes `current` the segment that holds the record at the position.
    fn enter_segment(&mut self) -> Result<(), Error> {
        if self.current.as_ref().is_some_and(|current| current.next_seq < current.segment.end_seq) {
            return Ok(());
        }
        let segment = match self.shared.catalog.find(self.position) {
            Place::In(segment) => segment,
            Place::Gone(start) => return Err(Error::Gone { seq: self.position, start }),
            Place::Ahead => return Err(Error::Ahead { seq: self.position, end: self.position }),
        };
        match &mut self.current {
            Some(current) if current.segment.first_seq == segment.first_seq => {
                current.segment = segment;
            }
            _ => {
                let file = self.open_segment(&segment)?;
                let (offset, next_seq) = (BLOCK_BYTES as u64, segment.first_seq);
                self.current = Some(Current { file, segment, offset, next_seq });
                self.window.clear();
            }
        }
        Ok(())
    }

    fn open_segment(&self, segment: &Segment) -> Result<Arc<dyn File>, Error> {
        let name = names::segment(segment.first_seq);
        self.shared.disk.open(&name).map_err(|error| {
            let start = self.shared.catalog.start();
            // Retention may have removed it a moment ago.
            if error.kind() == std::io::ErrorKind::NotFound {
                return Error::Gone { seq: self.position, start: start.max(segment.end_seq) };
            }
            cannot("open", &name, error)
        })
    }

    /// Reads the batch at the current offset, and steps behind it.
    fn read_batch(&mut self) -> Result<Option<Batch>, Error> {
        let current = self.current.as_mut().expect("a segment was entered");
        let (file, seed, limit) =
            (&*current.file, current.segment.seed, current.segment.end_offset);
        let extent = Extent { file, seed, limit };
        let unreadable = |error| cannot("read", &names::segment(current.segment.first_seq), error);
        let found = extent.batch_at(&mut self.window, current.offset).map_err(unreadable)?;
        let header = match found {
            Found::Batch(header) if header.first_seq == current.next_seq => header,
            Found::Batch(_) => return Err(current.damage("the sequence numbers do not continue")),
            Found::Nothing => return Err(current.damage("a batch is missing")),
            Found::Bad(what) => return Err(current.damage(what)),
        };
        let mut batch = None;
        if header.end_seq() > self.position {
            let bytes = extent.body(&mut self.window, current.offset, &header);
            batch = Some(cut(&header, bytes.map_err(unreadable)?, self.position));
            self.position = header.end_seq();
        }
        current.offset += header.batch_bytes();
        current.next_seq = header.end_seq();
        Ok(batch)
    }

    /// Passes over a batch that lies wholly before the position, by its header alone.
    fn skip_batch(&mut self) -> Result<bool, Error> {
        let current = self.current.as_mut().expect("a segment was entered");
        if current.next_seq >= self.position {
            return Ok(false);
        }
        let (bytes, end) = (BATCH_HEADER_BYTES as u64, current.segment.end_offset);
        let header = self.window.get(&*current.file, current.offset, bytes, end);
        let header = header
            .map_err(|error| cannot("read", &names::segment(current.segment.first_seq), error))?;
        match BatchHeader::decode(header, current.segment.seed) {
            Some(header)
                if header.first_seq == current.next_seq && header.end_seq() <= self.position =>
            {
                current.offset += header.batch_bytes();
                current.next_seq = header.end_seq();
                Ok(true)
            }
            // Reading it tells what is wrong, or cuts off its beginning.
            _ => Ok(false),
        }
    }
}

impl Reader for SegmentReader {
    fn next(&mut self) -> Result<Option<Batch>, Error> {
        if self.position >= self.shared.catalog.durable_end() {
            return Ok(None);
        }
        loop {
            self.enter_segment()?;
            while self.skip_batch()? {}
            if let Some(batch) = self.read_batch()? {
                return Ok(Some(batch));
            }
        }
    }

    fn position(&self) -> u64 {
        self.position
    }
}

impl Current {
    fn damage(&self, what: &str) -> Error {
        Error::Corrupt(Box::new(Corruption {
            segment: names::segment(self.segment.first_seq),
            offset: self.offset,
            expected_seq: self.next_seq,
            what: what.to_owned(),
        }))
    }
}

/// The records of a verified body from `position` on.
fn cut(header: &BatchHeader, body: &[u8], position: u64) -> Batch {
    let skip = position.saturating_sub(header.first_seq);
    let before = Frames::new(body).take(skip as usize);
    let skip_bytes: usize = before.map(|frame| FRAME_BYTES + frame.payload.len()).sum();
    let count = header.count - u32::try_from(skip).expect("the position is inside the batch");
    let rest = body[skip_bytes..].to_vec();
    Batch::from_frames(header.first_seq + skip, header.at, count, rest)
}
