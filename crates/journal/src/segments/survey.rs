//! Looks at a journal directory and tells a torn tail from damage, changing nothing.
//!
//! A torn tail is the one batch that was being written when the power went: nothing intact comes
//! after it, and no clean shutdown says it was complete. Everything else that is not a whole batch
//! is damage, and damage is an error: a journal never comes back silently shorter.

use std::io;
use std::sync::Arc;

use super::format::{BLOCK_BYTES, Block, Decoded, End, SegmentHeader, seed_of};
use super::names;
use super::scan::{Extent, Walk};
use super::window::Window;
use crate::disk::{Disk, File};
use crate::{Corruption, Error};

/// A torn tail that was cut when the journal was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncated {
    /// The segment file.
    pub segment: String,
    /// Where the journal now ends.
    pub offset: u64,
    /// How many bytes were cut. None of them were acknowledged.
    pub bytes: u64,
}

/// One segment, as it was found or is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) first_seq: u64,
    pub(super) end_seq: u64,
    /// Offset behind the last batch.
    pub(super) end_offset: u64,
    /// Time of the last batch, or of the segment if it has none.
    pub(super) at: i64,
    pub(super) segment_bytes: u64,
    pub(super) seed: u32,
    /// Whether it has its footer: no batch will be added.
    pub(super) sealed: bool,
}

/// What a journal directory holds. Without segments it is new.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) segments: Vec<Segment>,
    /// Offset of the newest batch of the last segment.
    pub(super) last_offset: u64,
    pub(super) torn: Option<Truncated>,
    /// Whether the space of the last segment's footer holds something that is no footer.
    pub(super) footer_torn: bool,
    /// Whether a clean mark was found and holds.
    pub(super) clean: bool,
}

/// A segment file with its verified header.
struct Opened {
    name: String,
    file: Arc<dyn File>,
    header: SegmentHeader,
    seed: u32,
}

enum Footer {
    Absent,
    Torn,
    Valid(End),
}

/// Examines the journal; segments wholly below `verify_from` by their headers and footers only.
pub(super) fn survey(disk: &dyn Disk, verify_from: u64) -> Result<Survey, Error> {
    let firsts = names::segments(disk)?;
    let mark = read_mark(disk)?;
    let mut survey = Survey::default();
    let mut floor = None;
    for (index, first_seq) in firsts.iter().enumerate() {
        let opened = Opened::open(disk, *first_seq)?;
        if floor.is_some_and(|at| opened.header.created_at < at) {
            return Err(opened.damage(0, *first_seq, "the segment is older than the one before"));
        }
        let segment = match firsts.get(index + 1) {
            Some(next) => opened.inner_segment(*next, verify_from)?,
            None => opened.last_segment(&mut survey)?,
        };
        floor = Some(segment.at);
        survey.segments.push(segment);
    }
    if let Some(mark) = mark {
        check_mark(&mark, survey.segments.last())?;
        survey.clean = true;
    }
    Ok(survey)
}

impl Opened {
    fn open(disk: &dyn Disk, first_seq: u64) -> Result<Self, Error> {
        let name = names::segment(first_seq);
        let file = disk.open(&name).map_err(|error| cannot("open", &name, error))?;
        let block = read_block(&*file, 0).map_err(|error| cannot("read", &name, error))?;
        let decoded = block.map_or(Decoded::Invalid, |block| SegmentHeader::decode(&block));
        let (header, what) = match decoded {
            Decoded::Newer(version) => return Err(Error::Version { file: name, version }),
            Decoded::Valid(header) if header.first_seq != first_seq => {
                (None, "the header belongs to another segment")
            }
            Decoded::Valid(header) => (Some(header), ""),
            Decoded::Invalid => (None, "there is no intact segment header"),
        };
        let Some(header) = header else { return Err(damage(name, 0, first_seq, what)) };
        let seed = seed_of(&header.encode());
        Ok(Self { name, file, header, seed })
    }

    /// A segment that has a successor: its records must reach exactly to `next`.
    fn inner_segment(&self, next: u64, verify_from: u64) -> Result<Segment, Error> {
        let footer = self.footer()?;
        if let Footer::Valid(end) = footer
            && end.end_seq <= verify_from
            && end.end_seq == next
        {
            return Ok(self.segment(end.end_seq, end.offset, end.at, true));
        }
        let walk = self.walk()?;
        self.check_footer(&footer, &walk)?;
        if let Some(what) = walk.bad {
            return Err(self.damage(walk.offset, walk.end_seq, what));
        }
        if walk.end_seq != next {
            let what = format!("the next segment begins with record {next}");
            return Err(self.damage(walk.offset, walk.end_seq, what));
        }
        Ok(self.segment(walk.end_seq, walk.offset, walk.at, true))
    }

    /// The newest segment: the only one that may end in a torn batch.
    fn last_segment(&self, survey: &mut Survey) -> Result<Segment, Error> {
        let footer = self.footer()?;
        let walk = self.walk()?;
        self.check_footer(&footer, &walk)?;
        let length = self.io(self.file.length())?;
        if length < self.header.segment_bytes {
            // Its length was durable before its first batch was written.
            let what = format!("the file has {length} bytes of {}", self.header.segment_bytes);
            return Err(self.damage(walk.offset, walk.end_seq, what));
        }
        let used = self.io(self.extent().used_end(walk.offset))?;
        if used > walk.offset {
            survey.torn = Some(self.torn_tail(&footer, &walk, used)?);
        }
        survey.last_offset = walk.last_offset;
        survey.footer_torn = matches!(footer, Footer::Torn);
        let sealed = matches!(footer, Footer::Valid(_));
        Ok(self.segment(walk.end_seq, walk.offset, walk.at, sealed))
    }

    /// Judges the bytes from `walk.offset` to `used`, which are no good batch.
    fn torn_tail(&self, footer: &Footer, walk: &Walk, used: u64) -> Result<Truncated, Error> {
        let what = walk.bad.unwrap_or("there is a hole");
        if walk.misplaced {
            return Err(self.damage(walk.offset, walk.end_seq, what));
        }
        let later = self.io(self.extent().later_header(walk.offset + 1, walk.end_seq))?;
        if let Some((offset, header)) = later {
            let what = format!("{what}, yet record {} follows at byte {offset}", header.first_seq);
            return Err(self.damage(walk.offset, walk.end_seq, what));
        }
        if !matches!(footer, Footer::Absent) {
            // A footer is begun only when every batch before it is durable.
            let what = format!("{what}, yet the segment was finished");
            return Err(self.damage(walk.offset, walk.end_seq, what));
        }
        let (segment, bytes) = (self.name.clone(), used - walk.offset);
        Ok(Truncated { segment, offset: walk.offset, bytes })
    }

    fn walk(&self) -> Result<Walk, Error> {
        let begin = Walk {
            end_seq: self.header.first_seq,
            at: self.header.created_at,
            last_offset: BLOCK_BYTES as u64,
            offset: BLOCK_BYTES as u64,
            bad: None,
            misplaced: false,
        };
        self.io(self.extent().walk(&mut Window::default(), begin))
    }

    fn footer(&self) -> Result<Footer, Error> {
        let block = self.io(read_block(&*self.file, self.extent().limit))?;
        let Some(block) = block else { return Ok(Footer::Absent) };
        match End::decode_footer(&block, self.seed) {
            Decoded::Valid(end) => Ok(Footer::Valid(end)),
            Decoded::Newer(version) => Err(Error::Version { file: self.name.clone(), version }),
            Decoded::Invalid if block.iter().all(|byte| *byte == 0) => Ok(Footer::Absent),
            Decoded::Invalid => Ok(Footer::Torn),
        }
    }

    fn check_footer(&self, footer: &Footer, walk: &Walk) -> Result<(), Error> {
        let Footer::Valid(end) = footer else { return Ok(()) };
        if (end.end_seq, end.offset) == (walk.end_seq, walk.offset) {
            return Ok(());
        }
        let what = walk.bad.unwrap_or("batches are missing");
        let what = format!("{what}, yet the footer says the segment ends before {}", end.end_seq);
        Err(self.damage(walk.offset, walk.end_seq, what))
    }

    fn extent(&self) -> Extent<'_> {
        let limit = self.header.segment_bytes.saturating_sub(BLOCK_BYTES as u64);
        Extent { file: &*self.file, seed: self.seed, limit }
    }

    fn segment(&self, end_seq: u64, end_offset: u64, at: i64, sealed: bool) -> Segment {
        let SegmentHeader { first_seq, segment_bytes, .. } = self.header;
        Segment { first_seq, end_seq, end_offset, at, segment_bytes, seed: self.seed, sealed }
    }

    fn damage(&self, offset: u64, expected_seq: u64, what: impl Into<String>) -> Error {
        damage(self.name.clone(), offset, expected_seq, what)
    }

    fn io<T>(&self, result: io::Result<T>) -> Result<T, Error> {
        result.map_err(|error| cannot("read", &self.name, error))
    }
}

/// The clean mark, if there is one.
pub(super) fn read_mark(disk: &dyn Disk) -> Result<Option<End>, Error> {
    let file = match disk.open(names::CLEAN_MARK) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(|error| cannot("open", names::CLEAN_MARK, error))?,
    };
    let block = read_block(&*file, 0).map_err(|error| cannot("read", names::CLEAN_MARK, error))?;
    match block.map_or(Decoded::Invalid, |block| End::decode_mark(&block)) {
        Decoded::Valid(mark) => Ok(Some(mark)),
        Decoded::Newer(version) => {
            Err(Error::Version { file: names::CLEAN_MARK.to_owned(), version })
        }
        Decoded::Invalid => Err(damage(
            names::CLEAN_MARK.to_owned(),
            0,
            0,
            "the mark of a clean shutdown is broken",
        )),
    }
}

/// The header of a segment, for a file that was surveyed before or is known to be sound.
pub(super) fn read_block(file: &dyn File, offset: u64) -> io::Result<Option<Block>> {
    let mut block = [0; BLOCK_BYTES];
    let read = file.read_full_at(&mut block, offset)?;
    Ok((read == BLOCK_BYTES).then_some(block))
}

fn check_mark(mark: &End, last: Option<&Segment>) -> Result<(), Error> {
    let (name, offset, end_seq) = match last {
        Some(last) => (names::segment(last.first_seq), last.end_offset, last.end_seq),
        None => (names::segment(mark.first_seq), 0, mark.first_seq),
    };
    if last.is_some() && end_seq >= mark.end_seq {
        return Ok(());
    }
    let what = format!("a clean shutdown wrote everything before record {}", mark.end_seq);
    Err(damage(name, offset, end_seq, what))
}

pub(super) fn cannot(verb: &str, name: &str, error: io::Error) -> Error {
    Error::io(format!("{verb} journal file {name}"), error)
}

fn damage(segment: String, offset: u64, expected_seq: u64, what: impl Into<String>) -> Error {
    let what = what.into();
    Error::Corrupt(Box::new(Corruption { segment, offset, expected_seq, what }))
}
