//! The operator's way on when the journal is damaged: cut there, keep what was cut.
//!
//! Never called by the server itself. Every step leaves the directory in a state from which
//! salvage can be started again, and nothing is deleted: what is cut lies in `.corrupt` files.

use std::io;

use super::format::{BLOCK_BYTES, BatchHeader, Decoded, SegmentHeader, seed_of};
use super::log::{Fault, create};
use super::names;
use super::scan::{Extent, Found};
use super::survey::{cannot, read_block, survey};
use super::window::Window;
use crate::frame::{Frame, Frames};
use crate::{Clock, Corruption, Disk, Error};

/// What a salvage gave up. All zero and empty if the journal was sound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Salvage {
    /// Where the journal was damaged, and why it was cut there; one entry per cut.
    pub cuts: Vec<Corruption>,
    /// Bytes in use that were cut.
    pub bytes: u64,
    /// Whole records that were found in what was cut; damaged ones are not counted.
    pub records: u64,
    /// Sequence number of the next record.
    pub end_seq: u64,
    /// The files that keep what was cut.
    pub kept_aside: Vec<String>,
}

/// Cuts the journal on `disk` at its damage, so that it opens again, shorter.
///
/// # Errors
/// `Locked` while a server has it open, `Version`, `Io`.
pub fn salvage(disk: &dyn Disk, clock: &dyn Clock) -> Result<Salvage, Error> {
    let _held = names::acquire(disk)?;
    let mut salvage = Salvage::default();
    loop {
        match survey(disk, 0) {
            Ok(survey) => {
                salvage.end_seq = survey.segments.last().map_or(1, |last| last.end_seq);
                return Ok(salvage);
            }
            Err(Error::Corrupt(corruption)) if !salvage.cuts.contains(&corruption) => {
                salvage.cut(disk, clock, &corruption)?;
                salvage.cuts.push(*corruption);
            }
            Err(error) => return Err(error),
        }
    }
}

impl Salvage {
    fn cut(&mut self, disk: &dyn Disk, clock: &dyn Clock, at: &Corruption) -> Result<(), Error> {
        if at.segment == names::CLEAN_MARK {
            return self.set_aside(disk, names::CLEAN_MARK);
        }
        let firsts = names::segments(disk)?;
        // From the newest down, so that what remains has no gap at any moment.
        for name in firsts.iter().rev().map(|first| names::segment(*first)) {
            if name < at.segment || (name == at.segment && at.offset > 0) {
                break;
            }
            self.count(disk, &name, 0)?;
            self.set_aside(disk, &name)?;
        }
        if at.offset > 0 {
            self.count(disk, &at.segment, at.offset)?;
            self.copy_tail(disk, &at.segment, at.offset)?;
        }
        if disk.open(names::CLEAN_MARK).is_ok() {
            self.set_aside(disk, names::CLEAN_MARK)?;
        }
        if names::segments(disk)?.is_empty() {
            begin_again(disk, clock, at.expected_seq, &firsts)?;
        }
        Ok(())
    }

    /// Counts what lies in a segment from `offset` on.
    fn count(&mut self, disk: &dyn Disk, name: &str, offset: u64) -> Result<(), Error> {
        let counted = count_batches(disk, name, offset);
        let (bytes, records) = counted.map_err(|error| cannot("read", name, error))?;
        self.bytes += bytes;
        self.records += records;
        Ok(())
    }

    fn set_aside(&mut self, disk: &dyn Disk, name: &str) -> Result<(), Error> {
        let aside = free_name(disk, name)?;
        let renamed = disk.rename(name, &aside).and_then(|()| disk.sync_dir());
        renamed.map_err(|error| cannot("set aside", name, error))?;
        self.kept_aside.push(aside);
        Ok(())
    }

    /// Copies the bytes from `offset` on to a side file, then clears them.
    fn copy_tail(&mut self, disk: &dyn Disk, name: &str, offset: u64) -> Result<(), Error> {
        let aside = free_name(disk, name)?;
        let moved = move_tail(disk, name, offset, &aside);
        if moved.map_err(|error| cannot("cut", name, error))? {
            self.kept_aside.push(aside);
        }
        Ok(())
    }
}

/// Bytes in use, and records that are whole, from `offset` on.
fn count_batches(disk: &dyn Disk, name: &str, offset: u64) -> io::Result<(u64, u64)> {
    let file = disk.open(name)?;
    let limit = file.length()?;
    // A damaged header still shows the seed that its batches were written with.
    let seed = read_block(&*file, 0)?.map_or(0, |block| seed_of(&block));
    let extent = Extent { file: &*file, seed, limit };
    let bytes = extent.used_end(offset)? - offset;
    let (mut records, mut next) = (0, offset.max(BLOCK_BYTES as u64));
    let mut window = Window::default();
    while let Some((found, header)) = extent.later_header(next, 0)? {
        let BatchHeader { count, .. } = header;
        match extent.batch_at(&mut window, found)? {
            Found::Batch(_) => {
                records += u64::from(count);
                next = found + header.batch_bytes();
            }
            Found::Nothing | Found::Bad(_) => {
                let body = extent.body(&mut window, found, &header)?;
                records += Frames::new(body).filter(Frame::is_intact).count() as u64;
                next = found + 1;
            }
        }
    }
    Ok((bytes, records))
}

/// Says whether there was anything to move.
fn move_tail(disk: &dyn Disk, name: &str, offset: u64, aside: &str) -> io::Result<bool> {
    let file = disk.open(name)?;
    let length = file.length()?;
    let end = Extent { file: &*file, seed: 0, limit: length }.used_end(offset)?;
    if end > offset {
        let copy = disk.create(aside)?;
        let mut buffer = vec![0; 1 << 20];
        let mut from = offset;
        while from < end {
            let room = (end - from).min(buffer.len() as u64) as usize;
            let read = file.read_full_at(&mut buffer[..room], from)?;
            if read == 0 {
                break;
            }
            copy.write_all_at(&buffer[..read], from - offset)?;
            from += read as u64;
        }
        copy.sync_data()?;
        disk.sync_dir()?;
    }
    let full = match read_block(&*file, 0)?.map(|block| SegmentHeader::decode(&block)) {
        Some(Decoded::Valid(header)) => header.segment_bytes,
        _ => length,
    };
    file.allocate(full)?;
    file.write_zeros(offset, end)?;
    file.sync_data()?;
    Ok(end > offset)
}

/// Makes an empty segment, so that sequence numbers go on and are not given twice.
fn begin_again(
    disk: &dyn Disk,
    clock: &dyn Clock,
    first_seq: u64,
    firsts: &[u64],
) -> Result<(), Error> {
    let first_seq = first_seq.max(firsts.first().copied().unwrap_or(1));
    let segment_bytes = super::Options::default().segment_bytes;
    let header = SegmentHeader { first_seq, created_at: clock.now_us(), segment_bytes };
    match create(disk, header, None) {
        Ok(_) => Ok(()),
        Err(Fault::Full(what, error) | Fault::Failed(what, error)) => Err(Error::io(what, error)),
    }
}

/// A name for a side file that is not taken yet.
fn free_name(disk: &dyn Disk, name: &str) -> Result<String, Error> {
    let taken = disk.list().map_err(|error| Error::io("list the journal directory", error))?;
    let plain = format!("{name}.corrupt");
    let numbered = (1_u32..).map(|number| format!("{name}.corrupt.{number}"));
    let mut names = std::iter::once(plain).chain(numbered);
    Ok(names.find(|name| !taken.contains(name)).expect("there are more names than files"))
}
