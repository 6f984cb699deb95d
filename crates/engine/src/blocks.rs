//! A queue in blocks: it grows by a block at a time and never moves what it holds, so that no push
//! ever costs more than that of a block, however long the queue is.
//!
//! It knows nothing of what it holds.

use std::collections::VecDeque;
use std::ops::Index;

/// Items of a block; a power of two, so that finding one is a shift and a mask.
const BLOCK: usize = 4_096;

/// First in, first out, and every place can be looked at.
#[derive(Debug)]
pub(crate) struct Blocks<T> {
    blocks: VecDeque<VecDeque<T>>,
    /// How many have left the first block.
    left: usize,
    len: usize,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: VecDeque::new(), left: 0, len: 0 }
    }
}

impl<T> Blocks<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn front(&self) -> Option<&T> {
        self.blocks.front()?.front()
    }

    pub(crate) fn push_back(&mut self, item: T) {
        if (self.left + self.len).is_multiple_of(BLOCK) {
            self.blocks.push_back(VecDeque::with_capacity(BLOCK));
        }
        if let Some(last) = self.blocks.back_mut() {
            last.push_back(item);
            self.len += 1;
        }
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        let item = self.blocks.front_mut()?.pop_front()?;
        self.len -= 1;
        self.left += 1;
        if self.left == BLOCK {
            self.blocks.pop_front();
            self.left = 0;
        }
        Some(item)
    }

    /// From front to back.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        (0..self.len).map(|place| &self[place])
    }
}

impl<T> Index<usize> for Blocks<T> {
    type Output = T;

    /// The item at this place from the front.
    ///
    /// # Panics
    /// There is none.
    fn index(&self, place: usize) -> &T {
        let place = place + self.left;
        let skipped = if place < BLOCK { self.left } else { 0 };
        &self.blocks[place / BLOCK][place % BLOCK - skipped]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_plain_queue_holds_across_blocks() {
        let (mut blocks, mut plain) = (Blocks::default(), VecDeque::new());
        // Two steps forward and one back, so that the front wanders through several blocks; then empty.
        for number in 0..BLOCK * 9 {
            if number % 3 == 2 || number > BLOCK * 6 {
                assert_eq!(blocks.pop_front(), plain.pop_front());
            } else {
                blocks.push_back(number);
                plain.push_back(number);
            }
            assert_eq!(blocks.len(), plain.len());
            assert_eq!(blocks.front(), plain.front());
            for place in [plain.len() / 2, plain.len().saturating_sub(1)] {
                assert_eq!((place < blocks.len()).then(|| &blocks[place]), plain.get(place));
            }
        }
        blocks.push_back(1);
        assert_eq!(blocks.iter().collect::<Vec<_>>(), [&1]);
        assert_eq!(blocks.pop_front(), Some(1));
        assert_eq!(blocks.len(), 0);
        assert!(blocks.blocks.len() <= 1, "an empty queue keeps no blocks but the one it is in");
    }
}
