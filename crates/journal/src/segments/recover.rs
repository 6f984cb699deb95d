//! Brings a journal directory into the state to go on from.
//!
//! What was torn is overwritten with zeros and synced before anything is written, so that its
//! bytes never come back behind a later batch.

use std::io;
use std::sync::Arc;

use super::format::BLOCK_BYTES;
use super::log::discard;
use super::names;
use super::survey::{Segment, Survey, Truncated, cannot, survey};
use crate::Error;
use crate::disk::Disk;

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// First sequence number retained.
    pub first_seq: u64,
    /// Sequence number of the next record.
    pub end_seq: u64,
    /// Time of the last commit in microseconds since the Unix epoch; stamps never go below it.
    pub at: i64,
    /// The torn tail that was cut, if there was one.
    pub truncated: Option<Truncated>,
    /// Whether the journal had been closed properly.
    pub clean: bool,
}

/// Surveys and repairs; returns the segments, oldest first, none for a new journal.
pub(super) fn recover(disk: &Arc<dyn Disk>, verify_from: u64) -> Result<Survey, Error> {
    let survey = survey(&**disk, verify_from)?;
    for leftover in [names::NEW_SEGMENT, names::SPARE, names::NEW_MARK] {
        discard(&**disk, leftover);
    }
    if let Some(last) = survey.segments.last() {
        let name = names::segment(last.first_seq);
        settle(disk, &name, last, &survey).map_err(|error| cannot("repair", &name, error))?;
    }
    if survey.clean {
        disk.remove(names::CLEAN_MARK)
            .map_err(|error| cannot("remove", names::CLEAN_MARK, error))?;
    }
    disk.sync_dir().map_err(|error| Error::io("sync the journal directory", error))?;
    Ok(survey)
}

/// Makes what was found durable, and clears what was torn.
///
/// A process that died between write and sync, or whose sync failed, leaves a batch that the page
/// cache shows and the disk may not have; a sync alone may skip pages that a failed sync marked
/// clean. Only the newest batch can be such a one, so it is written again.
fn settle(disk: &Arc<dyn Disk>, name: &str, last: &Segment, survey: &Survey) -> io::Result<()> {
    if survey.clean && survey.torn.is_none() && !survey.footer_torn {
        return Ok(());
    }
    let file = disk.open(name)?;
    let mut newest = vec![0; (last.end_offset - survey.last_offset) as usize];
    let read = file.read_full_at(&mut newest, survey.last_offset)?;
    file.write_all_at(&newest[..read], survey.last_offset)?;
    if let Some(torn) = &survey.torn {
        file.write_zeros(torn.offset, torn.offset + torn.bytes)?;
        let Truncated { segment, offset, bytes } = torn;
        tracing::warn!(segment, offset, bytes, "cut the torn tail of the journal");
    }
    if survey.footer_torn {
        file.write_zeros(last.segment_bytes - BLOCK_BYTES as u64, last.segment_bytes)?;
    }
    file.sync_data()
}
