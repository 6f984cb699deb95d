//! The ids that were found for one fact, put in order at the end.
//!
//! Invariant: what was there before is left as it is.

use model::DirectiveId;

#[derive(Debug)]
pub(super) struct Found<'o> {
    ids: &'o mut Vec<DirectiveId>,
    /// How many were there before.
    before: usize,
    /// Whether what was appended ascends so far.
    ascends: bool,
}

impl<'o> Found<'o> {
    pub(super) fn new(ids: &'o mut Vec<DirectiveId>) -> Self {
        Self { before: ids.len(), ids, ascends: true }
    }

    /// Appends ids that ascend.
    #[inline]
    pub(super) fn append(&mut self, run: &[DirectiveId]) {
        if let (Some(last), Some(first)) = (self.ids[self.before..].last(), run.first()) {
            self.ascends &= last < first;
        }
        match run {
            [only] => self.ids.push(*only),
            several => self.ids.extend_from_slice(several),
        }
    }

    /// Puts what was appended in order.
    pub(super) fn finish(self) {
        if !self.ascends {
            self.ids[self.before..].sort_unstable();
        }
    }
}
