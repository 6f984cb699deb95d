//! What conditions that are dear to ask made of texts that came lately: many signals say the same, and a
//! regular expression need not search the same summary a thousand times a second.
//!
//! Refuses to know what the conditions are. Invariants: an answer is of the very text it stands beside,
//! which is compared whole; whoever leaves a seat takes all its answers along; memory is bounded
//! whatever the texts are.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

/// Texts with the same last bits of their hash that are remembered.
const WAYS: usize = 4;
/// Groups of them, a power of two.
const SETS: usize = 64;
/// Bytes of a text that is remembered at most.
const LONGEST: usize = 256;
/// Words of one bit for each seat.
const WORDS: usize = 8;
/// Conditions whose answers are remembered at most; those without a seat are asked each time.
const SEATS: usize = WORDS * 64;

/// The number of no seat.
pub(super) const STANDING: u16 = u16::MAX;

#[derive(Debug, Default)]
struct Remembered {
    place: u32,
    text: String,
    /// The generation of the last fact that said it.
    generation: u64,
    /// A bit for each seat: whether it was asked, and what it found.
    asked: [u64; WORDS],
    held: [u64; WORDS],
}

#[derive(Debug, Default)]
pub(super) struct Lately {
    /// `SETS` times `WAYS` of them, once there is one.
    texts: Vec<Remembered>,
    /// A bit for each seat that is taken.
    taken: [u64; WORDS],
    /// Places of the current fact, and where their texts are remembered, if they are.
    current: Vec<(u32, Option<usize>)>,
    hasher: DefaultHashBuilder,
}

impl Lately {
    /// A seat that was free, or [`STANDING`].
    pub(super) fn sit(&mut self) -> u16 {
        let Some(word) = self.taken.iter().position(|&taken| taken != u64::MAX) else {
            return STANDING;
        };
        let bit = self.taken[word].trailing_ones();
        self.taken[word] |= 1 << bit;
        const _: () = assert!(SEATS <= STANDING as usize, "seats have numbers of 16 bits");
        (word as u32 * 64 + bit) as u16
    }

    /// Frees a seat, and forgets what was found from it.
    pub(super) fn rise(&mut self, seat: u16) {
        if seat == STANDING {
            return;
        }
        let (word, bit) = parts(seat);
        self.taken[word] &= !bit;
        self.texts.iter_mut().for_each(|text| text.asked[word] &= !bit);
    }

    /// Begins with another fact.
    pub(super) fn begin(&mut self) {
        self.current.clear();
    }

    /// Where the text of a place of the current fact is remembered, from now on if it was not.
    pub(super) fn recall(&mut self, place: u32, text: &str, generation: u64) -> Option<usize> {
        if let Some((_, at)) = self.current.iter().find(|(other, _)| *other == place) {
            return *at;
        }
        let at = if text.len() <= LONGEST { self.find(place, text, generation) } else { None };
        self.current.push((place, at));
        at
    }

    fn find(&mut self, place: u32, text: &str, generation: u64) -> Option<usize> {
        if self.texts.is_empty() {
            self.texts.resize_with(SETS * WAYS, Remembered::default);
        }
        let hash = self.hasher.hash_one((place, text)) as usize;
        let from = hash % SETS * WAYS;
        let ways = &mut self.texts[from..from + WAYS];
        let known = ways.iter().position(|it| it.place == place && it.text == text);
        let way = known.or_else(|| {
            // The one not said for longest gives way, unless it was said by this very fact.
            let oldest = (0..WAYS).min_by_key(|&way| ways[way].generation)?;
            let it = &mut ways[oldest];
            if it.generation == generation {
                return None;
            }
            it.text.clear();
            it.text.push_str(text);
            (it.place, it.asked) = (place, [0; WORDS]);
            Some(oldest)
        })?;
        ways[way].generation = generation;
        Some(from + way)
    }

    /// What was found from a seat.
    pub(super) fn answer(&self, at: usize, seat: u16) -> Option<bool> {
        let (word, bit) = parts(seat);
        let it = self.texts.get(at)?;
        (it.asked[word] & bit != 0).then_some(it.held[word] & bit != 0)
    }

    pub(super) fn keep(&mut self, at: usize, seat: u16, holds: bool) {
        let (word, bit) = parts(seat);
        let Some(it) = self.texts.get_mut(at) else { return };
        it.asked[word] |= bit;
        it.held[word] = if holds { it.held[word] | bit } else { it.held[word] & !bit };
    }
}

fn parts(seat: u16) -> (usize, u64) {
    (usize::from(seat) / 64, 1 << (seat % 64))
}
