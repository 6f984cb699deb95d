//! The rules of one list: runs of those that ask for the same beyond what the list is filed under, the
//! ids of each run ascending and side by side, so that a run costs one comparison however long it is.
//!
//! Invariant: a change moves at most one block of ids, however many there are.

use model::DirectiveId;

use super::NONE;
use super::found::Found;

/// Ids of one block; a full one becomes two.
const BLOCK: usize = 512;
/// Ids in a line of the processor's cache.
const LINE: usize = 64 / size_of::<DirectiveId>();

/// What is asked of a fact where a rule is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ask {
    /// The bits that a fact may have.
    pub(super) mask: u64,
    /// A check that must hold, or none.
    pub(super) check: u32,
}

/// Rules of a block that ask for the same.
#[derive(Debug, Clone, Copy)]
struct Run {
    mask: u64,
    check: u32,
    /// Behind its last id.
    end: u32,
}

impl Run {
    const fn ask(&self) -> Ask {
        Ask { mask: self.mask, check: self.check }
    }
}

/// Runs by what they ask, and their ids one after the other.
#[derive(Debug, Default)]
struct Block {
    runs: Box<[Run]>,
    ids: Box<[DirectiveId]>,
}

/// Blocks in order of what is asked and of ids; only the first may be empty, and only alone.
#[derive(Debug, Default)]
pub(super) struct Postings {
    // Most lists are one block, which is found without going through another allocation.
    first: Block,
    rest: Vec<Block>,
    count: u32,
}

impl Postings {
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    pub(super) fn insert(&mut self, ask: Ask, id: DirectiveId) {
        let at = self.block_of(ask, id);
        let last = at == self.rest.len();
        let block = self.block(at);
        block.insert(ask, id);
        if block.ids.len() >= BLOCK {
            // Ids mostly ascend, so the last block is left nearly full.
            let upper = block.split(if last { BLOCK - 1 } else { BLOCK / 2 });
            self.rest.insert(at, upper);
        }
        self.count += 1;
    }

    pub(super) fn remove(&mut self, ask: Ask, id: DirectiveId) {
        let at = self.block_of(ask, id);
        let block = self.block(at);
        if !block.remove(ask, id) {
            return;
        }
        let empty = block.ids.is_empty();
        self.count -= 1;
        match at.checked_sub(1) {
            Some(position) if empty => drop(self.rest.remove(position)),
            None if empty && !self.rest.is_empty() => self.first = self.rest.remove(0),
            Some(_) | None => {}
        }
    }

    /// The block where an id is or belongs, counted from the first: the last that begins at or before
    /// it, or the first.
    fn block_of(&self, ask: Ask, id: DirectiveId) -> usize {
        self.rest.partition_point(|block| block.begins().is_some_and(|first| first <= (ask, id)))
    }

    fn block(&mut self, at: usize) -> &mut Block {
        match at.checked_sub(1) {
            None => &mut self.first,
            Some(position) => &mut self.rest[position],
        }
    }

    /// Appends the ids of all that ask for no more than `need`, with checks that hold.
    pub(super) fn append_to(
        &self,
        need: u64,
        mut holds: impl FnMut(u32) -> bool,
        found: &mut Found<'_>,
    ) {
        self.first.append_to(need, &mut holds, found);
        for block in &self.rest {
            block.append_to(need, &mut holds, found);
        }
    }

    /// Whether some ask for no more than `need`, their checks apart. Looks at the first few only.
    pub(super) fn may_fit(&self, need: u64) -> bool {
        let runs = &self.first.runs;
        runs.len() > FEW || !self.rest.is_empty() || runs.iter().any(|run| run.mask & need == need)
    }

    /// Reads a little of each line of memory that [`Self::append_to`] will read, so that it is there.
    pub(super) fn touch(&self) -> u64 {
        let runs = self.first.runs.iter().step_by(4).fold(0, |sum, run| sum ^ run.mask);
        let lines = self.first.ids.iter().step_by(LINE).take(LINES);
        lines.fold(runs, |sum, id| sum ^ id.0 as u64)
    }
}

/// Runs that are looked at before a check is made for them.
const FEW: usize = 8;
/// Lines of ids that are read ahead; what follows them is read in order anyway.
const LINES: usize = 16;

impl Block {
    fn begins(&self) -> Option<(Ask, DirectiveId)> {
        Some((self.runs.first()?.ask(), *self.ids.first()?))
    }

    /// Where the run that asks this is or belongs, where its ids begin and, if it is there, end.
    fn find(&self, ask: Ask) -> (usize, usize, Option<usize>) {
        let at = self.runs.partition_point(|run| run.ask() < ask);
        let from = at.checked_sub(1).map_or(0, |before| self.runs[before].end as usize);
        let run = self.runs.get(at).filter(|run| run.ask() == ask);
        (at, from, run.map(|run| run.end as usize))
    }

    fn insert(&mut self, ask: Ask, id: DirectiveId) {
        let (at, from, end) = self.find(ask);
        let before = match end {
            Some(end) => self.ids[from..end].partition_point(|&other| other < id),
            None => {
                let run = Run { mask: ask.mask, check: ask.check, end: from as u32 };
                insert(&mut self.runs, at, run);
                0
            }
        };
        insert(&mut self.ids, from + before, id);
        self.runs[at..].iter_mut().for_each(|run| run.end += 1);
    }

    fn remove(&mut self, ask: Ask, id: DirectiveId) -> bool {
        let (at, from, Some(end)) = self.find(ask) else { return false };
        let Ok(position) = self.ids[from..end].binary_search(&id) else { return false };
        remove(&mut self.ids, from + position);
        self.runs[at..].iter_mut().for_each(|run| run.end -= 1);
        if end - from == 1 {
            remove(&mut self.runs, at);
        }
        true
    }

    /// Keeps so many ids; what is above them.
    fn split(&mut self, keep: usize) -> Self {
        let whole = self.runs.partition_point(|run| run.end as usize <= keep);
        let upper = self.runs[whole..].iter().map(|run| Run { end: run.end - keep as u32, ..*run });
        let upper = Self { runs: upper.collect(), ids: self.ids[keep..].into() };
        let mut runs = self.runs[..whole].to_vec();
        if runs.last().map_or(0, |run| run.end as usize) < keep {
            runs.push(Run { end: keep as u32, ..self.runs[whole] });
        }
        *self = Self { runs: runs.into(), ids: self.ids[..keep].into() };
        upper
    }

    fn append_to(&self, need: u64, holds: &mut impl FnMut(u32) -> bool, found: &mut Found<'_>) {
        let mut from = 0;
        for run in &self.runs {
            let ids = from..run.end as usize;
            from = ids.end;
            if run.mask & need != need || (run.check != NONE && !holds(run.check)) {
                continue;
            }
            found.append(&self.ids[ids]);
        }
    }
}

/// Exactly as much memory as there is to store: there are many lists, and they change seldom.
fn insert<T>(all: &mut Box<[T]>, at: usize, one: T) {
    let mut grown = std::mem::take(all).into_vec();
    grown.reserve_exact(1);
    grown.insert(at, one);
    *all = grown.into_boxed_slice();
}

fn remove<T>(all: &mut Box<[T]>, at: usize) {
    let mut shrunk = std::mem::take(all).into_vec();
    shrunk.remove(at);
    *all = shrunk.into_boxed_slice();
}
