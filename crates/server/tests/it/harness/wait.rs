//! Waiting for something to become true, and random numbers that a seed repeats.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until `what` has an answer and returns it; fails with the name of the wish after `within`.
#[track_caller]
pub(crate) fn eventually<T>(
    wish: &str,
    within: Duration,
    mut what: impl FnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(began.elapsed() < within, "not within {within:?}: {wish}");
        thread::sleep(LOOK);
    }
}

/// Looks for as long as `span` and fails as soon as something is there that must not be.
#[track_caller]
pub(crate) fn never_for<T: Debug>(fear: &str, span: Duration, mut what: impl FnMut() -> Option<T>) {
    let began = Instant::now();
    while began.elapsed() < span {
        if let Some(found) = what() {
            panic!("after {:?}: {fear}: {found:?}", began.elapsed());
        }
        thread::sleep(LOOK);
    }
}

/// Random numbers that the same seed repeats (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, and without, `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}
