//! The rules of one list: runs of those that ask for the same beyond what the list is filed under, the
//! ids of each run ascending and side by side, so that a run costs one comparison however long it is.
//!
//! Invariant: a change moves at most one block of ids, however many there are.

use model::DirectiveId;

use super::NONE;
use super::found::Found;

/// Ids of one block; a full one becomes two.
const BLOCK: usize = 512;
/// Words in a line of the processor's cache.
const LINE: usize = 64 / size_of::<u128>();
/// Lines of a list that are read ahead; what follows them is read in order anyway.
const AHEAD: usize = 20;
/// Runs that are looked at before a check is made for them.
const FEW: usize = 8;

/// What is asked of a fact where a rule is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ask {
    /// The bits that a fact may have.
    pub(super) mask: u64,
    /// A check that must hold, or none.
    pub(super) check: u32,
}

impl Ask {
    /// The word of a run that asks this and ends there; words are in order of what they ask.
    fn word(self, end: u32) -> u128 {
        u128::from(self.mask) << 64 | u128::from(self.check) << 32 | u128::from(end)
    }

    const fn of(word: u128) -> Self {
        Self { mask: (word >> 64) as u64, check: (word >> 32) as u32 }
    }
}

/// Behind the last id of a run.
const fn end_of(run: u128) -> usize {
    run as u32 as usize
}

/// Runs by what they ask, and behind them their ids one after the other: one stretch of memory.
#[derive(Debug, Default)]
struct Block {
    words: Box<[u128]>,
    runs: u32,
}

/// Blocks in order of what is asked and of ids; only the first may be empty, and only alone.
#[derive(Debug, Default)]
pub(super) struct Postings {
    // Most lists are one block, which is found without going through another allocation.
    first: Block,
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Default)]
struct Rest {
    blocks: Vec<Block>,
    ids: usize,
}

impl Postings {
    pub(super) fn len(&self) -> usize {
        self.first.ids().len() + self.rest.as_ref().map_or(0, |rest| rest.ids)
    }

    pub(super) fn insert(&mut self, ask: Ask, id: DirectiveId) {
        let Some(rest) = &mut self.rest else {
            self.first.insert(ask, id);
            if self.first.ids().len() >= BLOCK {
                let upper = self.first.split(BLOCK - 1);
                let ids = upper.ids().len();
                self.rest = Some(Box::new(Rest { blocks: vec![upper], ids }));
            }
            return;
        };
        let at = rest.block_of(ask, id);
        let last = at == rest.blocks.len();
        let (block, ids) = rest.block(&mut self.first, at);
        block.insert(ask, id);
        *ids += usize::from(at > 0);
        if block.ids().len() >= BLOCK {
            // Ids mostly ascend, so the last block is left nearly full.
            let upper = block.split(if last { BLOCK - 1 } else { BLOCK / 2 });
            if at == 0 {
                rest.ids += upper.ids().len();
            }
            rest.blocks.insert(at, upper);
        }
    }

    pub(super) fn remove(&mut self, ask: Ask, id: DirectiveId) {
        let Some(rest) = &mut self.rest else {
            self.first.remove(ask, id);
            return;
        };
        let at = rest.block_of(ask, id);
        let (block, ids) = rest.block(&mut self.first, at);
        if !block.remove(ask, id) {
            return;
        }
        let empty = block.ids().is_empty();
        *ids -= usize::from(at > 0);
        if empty && at > 0 {
            rest.blocks.remove(at - 1);
        } else if empty {
            self.first = rest.blocks.remove(0);
            rest.ids -= self.first.ids().len();
        }
        if rest.blocks.is_empty() {
            self.rest = None;
        }
    }

    /// Appends the ids of all that a fact with the bits of `need` fits, with checks that hold.
    pub(super) fn append_to(
        &self,
        need: u64,
        mut holds: impl FnMut(u32) -> bool,
        found: &mut Found<'_>,
    ) {
        self.first.append_to(need, &mut holds, found);
        let Some(rest) = &self.rest else { return };
        for block in &rest.blocks {
            block.append_to(need, &mut holds, found);
        }
    }

    /// Whether a fact with the bits of `need` may fit some, their checks apart. Looks at few runs only.
    pub(super) fn may_fit(&self, need: u64) -> bool {
        let runs = self.first.runs();
        let fits = |run: &u128| Ask::of(*run).mask & need == need;
        runs.len() > FEW || self.rest.is_some() || runs.iter().any(fits)
    }

    /// Reads a little of each line of memory that [`Self::append_to`] will read, so that it is there.
    pub(super) fn touch(&self) -> u64 {
        let lines = self.first.words.iter().step_by(LINE).take(AHEAD);
        lines.fold(0, |sum, word| sum ^ *word as u64)
    }
}

impl Rest {
    /// The block where an id is or belongs, the first apart counted from 1: the last that begins at or
    /// before it, or the first.
    fn block_of(&self, ask: Ask, id: DirectiveId) -> usize {
        let before = |block: &Block| block.begins().is_some_and(|first| first <= (ask, id));
        self.blocks.partition_point(before)
    }

    /// The block that is counted so, and how many ids all but the first hold.
    fn block<'b>(&'b mut self, first: &'b mut Block, at: usize) -> (&'b mut Block, &'b mut usize) {
        match at.checked_sub(1) {
            None => (first, &mut self.ids),
            Some(position) => (&mut self.blocks[position], &mut self.ids),
        }
    }
}

impl Block {
    fn runs(&self) -> &[u128] {
        &self.words[..self.runs as usize]
    }

    fn ids(&self) -> &[u128] {
        &self.words[self.runs as usize..]
    }

    fn begins(&self) -> Option<(Ask, DirectiveId)> {
        Some((Ask::of(*self.runs().first()?), DirectiveId(*self.ids().first()?)))
    }

    /// Where the run that asks this is or belongs, where its ids begin and, if it is there, end.
    fn find(&self, ask: Ask) -> (usize, usize, Option<usize>) {
        let runs = self.runs();
        let at = runs.partition_point(|&run| Ask::of(run) < ask);
        let from = at.checked_sub(1).map_or(0, |before| end_of(runs[before]));
        let run = runs.get(at).filter(|&&run| Ask::of(run) == ask);
        (at, from, run.map(|&run| end_of(run)))
    }

    fn insert(&mut self, ask: Ask, id: DirectiveId) {
        let (at, from, end) = self.find(ask);
        let mut words = std::mem::take(&mut self.words).into_vec();
        // Exactly as much as there is to store: there are many lists, and they change seldom.
        words.reserve_exact(2);
        let mut position = self.runs as usize + from;
        match end {
            Some(end) => {
                let run = &words[position..self.runs as usize + end];
                position += run.partition_point(|&other| other < id.0);
            }
            None => {
                words.insert(at, ask.word(from as u32));
                self.runs += 1;
                position += 1;
            }
        }
        words.insert(position, id.0);
        words[at..self.runs as usize].iter_mut().for_each(|run| *run += 1);
        self.words = words.into_boxed_slice();
    }

    fn remove(&mut self, ask: Ask, id: DirectiveId) -> bool {
        let (at, from, Some(end)) = self.find(ask) else { return false };
        let Ok(position) = self.ids()[from..end].binary_search(&id.0) else { return false };
        let mut words = std::mem::take(&mut self.words).into_vec();
        words[at..self.runs as usize].iter_mut().for_each(|run| *run -= 1);
        words.remove(self.runs as usize + from + position);
        if end - from == 1 {
            words.remove(at);
            self.runs -= 1;
        }
        self.words = words.into_boxed_slice();
        true
    }

    /// Keeps so many ids; what is above them.
    fn split(&mut self, keep: usize) -> Self {
        let whole = self.runs().partition_point(|&run| end_of(run) <= keep);
        let (lower, upper) = self.runs().split_at(whole);
        let mut lower = lower.to_vec();
        if lower.last().map_or(0, |&run| end_of(run)) < keep {
            lower.extend(upper.first().map(|&run| Ask::of(run).word(keep as u32)));
        }
        let upper = upper.iter().map(|&run| run - keep as u128).collect();
        let (kept, gone) = self.ids().split_at(keep);
        let upper = Self::of(upper, gone);
        *self = Self::of(lower, kept);
        upper
    }

    fn of(mut words: Vec<u128>, ids: &[u128]) -> Self {
        let runs = words.len() as u32;
        words.extend_from_slice(ids);
        Self { words: words.into(), runs }
    }

    fn append_to(&self, need: u64, holds: &mut impl FnMut(u32) -> bool, found: &mut Found<'_>) {
        let (runs, ids) = self.words.split_at(self.runs as usize);
        let mut from = 0;
        for &run in runs {
            let (Ask { mask, check }, end) = (Ask::of(run), end_of(run));
            if mask & need == need && (check == NONE || holds(check)) {
                found.append(&ids[from..end]);
            }
            from = end;
        }
    }
}
