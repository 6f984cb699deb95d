//! The ids of the rules that ask for exactly the same, ascending.
//!
//! Invariant: a change moves at most one block of ids, however many there are.

use model::DirectiveId;

/// Ids of one block; a full one becomes two.
const BLOCK: usize = 1_024;

/// A set of ids in order: blocks in order, none of them empty.
#[derive(Debug, Default)]
pub(super) struct Ids {
    blocks: Vec<Vec<DirectiveId>>,
}

impl Ids {
    pub(super) fn insert(&mut self, id: DirectiveId) {
        let at = self.block_of(id);
        let Some(block) = self.blocks.get_mut(at) else {
            self.blocks.push(vec![id]);
            return;
        };
        let Err(position) = block.binary_search(&id) else { return };
        block.insert(position, id);
        if block.len() >= BLOCK {
            // Ids mostly ascend, so the last block is left nearly full.
            let last = at + 1 == self.blocks.len();
            let keep = if last { BLOCK - 1 } else { BLOCK / 2 };
            let upper = self.blocks[at].split_off(keep);
            self.blocks.insert(at + 1, upper);
        }
    }

    pub(super) fn remove(&mut self, id: DirectiveId) {
        let at = self.block_of(id);
        let Some(block) = self.blocks.get_mut(at) else { return };
        if let Ok(position) = block.binary_search(&id) {
            block.remove(position);
        }
        if block.is_empty() {
            self.blocks.remove(at);
        }
    }

    /// The block where an id is or belongs: the last that begins at or before it, or the first.
    fn block_of(&self, id: DirectiveId) -> usize {
        self.blocks
            .partition_point(|block| block.first().is_some_and(|first| *first <= id))
            .saturating_sub(1)
    }

    /// The only one, if there is one only.
    pub(super) fn only(&self) -> Option<DirectiveId> {
        match self.blocks.as_slice() {
            [block] => match block.as_slice() {
                [id] => Some(*id),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(super) fn append_to(&self, out: &mut Vec<DirectiveId>) {
        for block in &self.blocks {
            out.extend_from_slice(block);
        }
    }
}
