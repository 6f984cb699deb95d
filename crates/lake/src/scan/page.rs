//! One page: pick the newest rows that fit, count all that fit, and only then read whole rows.
//!
//! Invariant: every row of the hot buffer is newer than every row of the files.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::Seq;

use super::Plan;
use super::picks::{Picks, Place};
use crate::file::{Cache, LakeFile, OpenFile};
use crate::hot::{Block, Hot};
use crate::{Error, PAGE_BYTES, SignalPage, StoredSignal};

/// Rows read whole at a time: what a page of the biggest signals can take in memory beyond its bound.
const STEP_ROWS: usize = 256;

/// Where rows are, at one moment.
pub(crate) struct Sources {
    /// The rows of the growing block that the page may need, newest first.
    ready: Vec<StoredSignal>,
    /// How many rows of the growing block fit.
    ready_total: u64,
    /// Full blocks, newest first.
    blocks: Vec<Arc<Block>>,
    /// All files.
    files: Arc<Vec<Arc<LakeFile>>>,
}

impl Sources {
    /// Looks at everything there is now. Called under the lock of the hot buffer.
    pub(crate) fn look(hot: &Hot, files: &Arc<Vec<Arc<LakeFile>>>, plan: &Plan) -> Self {
        let mut ready = Vec::new();
        let ready_total = fitting(hot.growing(), plan, |row| {
            if ready.len() <= plan.limit && plan.before_cursor(hot.growing().seq(row)) {
                ready.push(hot.growing().stored(row));
            }
        });
        Self { ready, ready_total, blocks: hot.full(), files: Arc::clone(files) }
    }
}

/// Answers the query of `plan` from `sources`.
pub(crate) fn page(sources: &Sources, plan: &Plan, cache: &Cache) -> Result<SignalPage, Error> {
    // One more than the page holds, to know whether there is a next one.
    let mut picks = Picks::new(plan.limit + 1);
    let mut total = sources.ready_total;
    for (index, signal) in sources.ready.iter().enumerate() {
        picks.offer(signal.seq.0, Place::Ready(index));
    }
    for (index, block) in sources.blocks.iter().enumerate() {
        total += fitting(block, plan, |row| {
            if plan.before_cursor(block.seq(row)) {
                picks.offer(block.seq(row), Place::Block(index, row));
            }
        });
    }
    let mut files = Files::of(&sources.files, plan);
    for index in 0..files.list.len() {
        let fit = count(&mut files, index, plan, cache)?;
        total += fit;
        if fit > 0 {
            pick(&mut files, index, plan, cache, &mut picks)?;
        }
    }
    let picked = picks.newest_first();
    fill(sources, &mut files, plan, cache, &picked, total)
}

/// The files that can hold rows of a query, newest first, and those that were opened for it.
struct Files<'s> {
    list: Vec<&'s Arc<LakeFile>>,
    open: HashMap<usize, OpenFile<'s>>,
}

impl<'s> Files<'s> {
    fn of(all: &'s [Arc<LakeFile>], plan: &Plan) -> Self {
        let can_fit = |file: &&Arc<LakeFile>| {
            let info = &file.info;
            info.project == plan.project
                && plan.overlaps(info.received_from, info.received_to)
                && (plan.incident_between(info.incidents)
                    || !plan.moved_in_between(info.first_seq.0, info.last_seq.0).is_empty())
        };
        let mut list: Vec<_> = all.iter().filter(can_fit).collect();
        list.sort_unstable_by_key(|file| std::cmp::Reverse(file.info.last_seq));
        Self { list, open: HashMap::new() }
    }

    /// Opens a file, or finds it open. Few stay open: a query may touch thousands.
    fn open(&mut self, index: usize, cache: &Cache) -> Result<&OpenFile<'s>, Error> {
        const OPEN_FILES: usize = 64;
        if self.open.len() >= OPEN_FILES && !self.open.contains_key(&index) {
            self.open.clear();
        }
        match self.open.entry(index) {
            std::collections::hash_map::Entry::Occupied(open) => Ok(open.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => {
                Ok(place.insert(OpenFile::open(self.list[index], cache)?))
            }
        }
    }
}

/// How many rows of a file fit; without opening it where the manifest says it.
fn count(files: &mut Files<'_>, index: usize, plan: &Plan, cache: &Cache) -> Result<u64, Error> {
    let file = files.list[index];
    let info = &file.info;
    let whole = plan.ids.is_empty() && plan.covers(info.received_from, info.received_to);
    if whole && plan.incidents.is_none() {
        return Ok(info.rows);
    }
    files.open(index, cache)?.count(plan, cache)
}

/// Offers the rows of a file, newest row group first, until it has none that the page wants.
fn pick(
    files: &mut Files<'_>,
    index: usize,
    plan: &Plan,
    cache: &Cache,
    picks: &mut Picks,
) -> Result<(), Error> {
    let listed = files.list[index];
    let info = &listed.info;
    if !plan.before_cursor(info.first_seq.0) || !picks.wants(info.last_seq.0) {
        return Ok(());
    }
    let file = files.open(index, cache)?;
    for group in (0..file.groups()).rev() {
        let (first, last) = file.group_seqs(group);
        if !picks.wants(last) {
            break;
        }
        if plan.before_cursor(first) {
            file.scan(group, plan, |seq, row| {
                if plan.before_cursor(seq) {
                    picks.offer(seq, Place::File(index, group, row));
                }
            })?;
        }
    }
    Ok(())
}

/// Reads what was picked, newest first, until the page is full in rows or bytes.
fn fill(
    sources: &Sources,
    files: &mut Files<'_>,
    plan: &Plan,
    cache: &Cache,
    picked: &[(u64, Place)],
    total: u64,
) -> Result<SignalPage, Error> {
    let mut page = SignalPage { items: Vec::new(), next: None, total };
    let mut bytes = 0;
    let wanted = &picked[..picked.len().min(plan.limit)];
    for step in wanted.chunks(STEP_ROWS) {
        let mut rows = read(sources, files, cache, step)?;
        for (seq, _) in step {
            let row = rows.remove(seq).expect("every row that was picked was read");
            bytes += crate::text_bytes(&row.signal);
            page.items.push(row);
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    if page.items.len() < picked.len() {
        page.next = page.items.last().map(|row| row.seq);
    }
    Ok(page)
}

/// Reads the rows of one step, each file once.
fn read(
    sources: &Sources,
    files: &mut Files<'_>,
    cache: &Cache,
    step: &[(u64, Place)],
) -> Result<HashMap<u64, StoredSignal>, Error> {
    let mut rows = HashMap::with_capacity(step.len());
    let mut in_files: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for &(seq, place) in step {
        match place {
            Place::Ready(index) => {
                rows.insert(seq, sources.ready[index].clone());
            }
            Place::Block(block, row) => {
                rows.insert(seq, sources.blocks[block].stored(row));
            }
            Place::File(file, group, row) => in_files.entry(file).or_default().push((group, row)),
        }
    }
    for (index, mut places) in in_files {
        places.sort_unstable();
        for row in files.open(index, cache)?.rows(&places)? {
            rows.insert(row.seq.0, row);
        }
    }
    check_read(files, step, &rows)?;
    Ok(rows)
}

/// A file that answers with other rows than those that fit contradicts itself.
fn check_read(
    files: &Files<'_>,
    step: &[(u64, Place)],
    rows: &HashMap<u64, StoredSignal>,
) -> Result<(), Error> {
    for (seq, place) in step {
        if let (Place::File(index, ..), false) = (place, rows.contains_key(seq)) {
            let wrong = format!("the row at position {} cannot be found again", Seq(*seq));
            return Err(Error::corrupt(files.list[*index].path(), wrong));
        }
    }
    Ok(())
}

/// Calls `each` for every row of a block that fits, newest first, and counts them.
fn fitting(block: &Block, plan: &Plan, mut each: impl FnMut(usize)) -> u64 {
    let mut count = 0;
    for row in (0..block.len()).rev() {
        if block.project(row) == plan.project
            && plan.fits(block.seq(row), block.received_at(row), block.incident(row), block.id(row))
        {
            count += 1;
            each(row);
        }
    }
    count
}
