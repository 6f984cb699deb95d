//! The ids that were found for one fact, put in order at the end.
//!
//! Invariant: what was there before is left as it is.

use model::DirectiveId;

/// Fewer ids than this are sorted by comparing them.
const FEW: usize = 16;
/// More ids than this are, too: the buckets would not stay in the processor's cache. A power of two.
const MANY: usize = 4_096;
/// Ids of one bucket at most; if one has more, ids are not spread and dealing them out is of no use.
const CROWD: u32 = 16;

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
    pub(super) fn append(&mut self, run: &[u128]) {
        if let (Some(last), Some(first)) = (self.ids[self.before..].last(), run.first()) {
            self.ascends &= last.0 < *first;
        }
        match run {
            [only] => self.ids.push(DirectiveId(*only)),
            several => self.ids.extend(several.iter().map(|&id| DirectiveId(id))),
        }
    }

    /// Puts what was appended in order of ids.
    pub(super) fn finish(self, order: &mut Order) {
        if !self.ascends {
            order.sort(&mut self.ids[self.before..]);
        }
    }
}

/// Memory for sorting, and what is known of all ids.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The least and the greatest of all ids there are.
    range: Option<(DirectiveId, DirectiveId)>,
    ids: Vec<DirectiveId>,
    counts: Vec<u32>,
}

impl Order {
    /// Learns between which all ids are.
    pub(super) fn learn(&mut self, range: Option<(DirectiveId, DirectiveId)>) {
        self.range = range;
    }

    /// Sorts ids, each of which is there once. Ids are mostly spread evenly between the least and the
    /// greatest, so each is put near where it belongs at once; comparing only sets right what is left.
    fn sort(&mut self, ids: &mut [DirectiveId]) {
        if !(FEW..=MANY).contains(&ids.len()) || !self.deal(ids) {
            ids.sort_unstable();
            return;
        }
        for position in 1..ids.len() {
            let id = ids[position];
            let mut at = position;
            while at > 0 && ids[at - 1] > id {
                ids[at] = ids[at - 1];
                at -= 1;
            }
            ids[at] = id;
        }
    }

    /// Orders ids by their buckets; not if too many have the same.
    fn deal(&mut self, ids: &mut [DirectiveId]) -> bool {
        let Some((DirectiveId(least), DirectiveId(most))) = self.range else { return false };
        let buckets = ids.len().next_power_of_two();
        let bits = u128::BITS - (most - least).leading_zeros();
        let shift = bits.saturating_sub(buckets.trailing_zeros());
        let bucket = |id: DirectiveId| ((id.0 - least) >> shift) as usize;
        self.counts.clear();
        self.counts.resize(buckets, 0);
        for &id in &*ids {
            self.counts[bucket(id)] += 1;
        }
        let (mut sum, mut crowd) = (0, 0);
        for count in &mut self.counts {
            crowd = crowd.max(*count);
            sum += std::mem::replace(count, sum);
        }
        if crowd > CROWD {
            return false;
        }
        self.ids.clear();
        self.ids.extend_from_slice(ids);
        for &id in &self.ids {
            let at = &mut self.counts[bucket(id)];
            ids[*at as usize] = id;
            *at += 1;
        }
        true
    }
}
