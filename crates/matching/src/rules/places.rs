//! The places in facts that rules look at: four fields, and each label and payload path that a
//! condition names. For each, what is filed under its texts, and what it reads as at the moment.
//!
//! Invariant: a place is read at most once for each fact, and is forgotten with the last condition on it
//! and the last list under it.

use model::Field;

use super::NONE;
use super::slab::Slab;
use super::table::Table;
use crate::facts::Facts;
use crate::payload::{self, Scalar};

/// Bytes of a beginning or end of a text that is filed under at most. A text is looked up with each length
/// that is in use.
pub(super) const LONGEST: usize = 32;

/// One place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) field: Field,
    /// Conditions on it.
    conditions: u32,
    pub(super) lists: Listed,
    reading: Reading,
}

/// How many lists are filed under a place, so that nothing is looked up in vain.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Listed {
    /// All of them.
    pub(super) all: u32,
    /// Under whole texts.
    pub(super) exact: u32,
    /// Under beginnings of texts.
    pub(super) beginnings: Lengths,
    /// Under ends of texts.
    pub(super) ends: Lengths,
    /// Under its being there.
    pub(super) present: u32,
    /// How many rules are filed under whole texts.
    pub(super) under_exact: u32,
    /// How many rules are filed in any way.
    pub(super) under_any: u32,
}

/// How many lists are filed under texts of each length from 1 to [`LONGEST`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lengths {
    counts: [u32; LONGEST],
    /// A bit for each length that is in use, the shortest last.
    used: u32,
}

impl Lengths {
    pub(super) fn change(&mut self, length: usize, change: impl Fn(&mut u32)) {
        let Some(count) = self.counts.get_mut(length - 1) else { return };
        change(count);
        let bit = 1 << (length - 1);
        self.used = if *count > 0 { self.used | bit } else { self.used & !bit };
    }

    /// The lengths in use, ascending.
    pub(super) fn each(&self) -> impl Iterator<Item = usize> + use<> {
        let mut left = self.used;
        std::iter::from_fn(move || {
            let next = (left != 0).then(|| left.trailing_zeros() as usize + 1);
            left &= left.wrapping_sub(1);
            next
        })
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::of(Field::Source)
    }
}

impl Place {
    fn of(field: Field) -> Self {
        Self { field, conditions: 0, lists: Listed::default(), reading: Reading::default() }
    }
}

/// What a payload path reads as, where it was last looked for.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    generation: u64,
    what: What,
}

#[derive(Debug, Clone, Copy, Default)]
enum What {
    #[default]
    Nothing,
    /// In the payload, from, to.
    Payload(u32, u32),
    /// Written without its escapes, from, to.
    Written(u32, u32),
}

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    slots: Slab<Place>,
    /// Labels and payload paths by their names.
    by_name: Table,
    labels: usize,
    /// The payload paths, in no order that shows.
    paths: Vec<u32>,
    written: String,
}

/// Of names: whether a label has it, or it is a path.
const LABEL: u8 = 0;
const PATH: u8 = 1;

/// The places that every fact has; their numbers.
pub(super) const PLAIN: [Field; 4] =
    [Field::Component, Field::Source, Field::Environment, Field::Summary];

impl Default for Places {
    fn default() -> Self {
        let mut slots = Slab::default();
        for field in PLAIN {
            slots.insert(Place::of(field));
        }
        Self {
            slots,
            by_name: Table::default(),
            labels: 0,
            paths: Vec::new(),
            written: String::new(),
        }
    }
}

impl Places {
    /// The place of a field, for one more condition. Fields with few values have none.
    pub(super) fn take(&mut self, field: &Field) -> u32 {
        let number = match field {
            Field::Label(name) => {
                let hash = self.by_name.hash((LABEL, name.as_str()));
                self.label(name).unwrap_or_else(|| {
                    self.labels += 1;
                    self.open(hash, field)
                })
            }
            Field::Payload(path) => {
                let hash = self.by_name.hash((PATH, path.as_str()));
                let found = self.by_name.find(hash, |number| self.slots[number].field == *field);
                found.unwrap_or_else(|| {
                    let number = self.open(hash, field);
                    self.paths.push(number);
                    number
                })
            }
            plain => match PLAIN.iter().position(|other| other == plain) {
                Some(position) => position as u32,
                None => return NONE,
            },
        };
        self.slots[number].conditions += 1;
        number
    }

    fn open(&mut self, hash: u64, field: &Field) -> u32 {
        let number = self.slots.insert(Place::of(field.clone()));
        self.by_name.insert(hash, number);
        number
    }

    /// One condition fewer is on this place.
    pub(super) fn give_back(&mut self, number: u32) {
        if number == NONE {
            return;
        }
        self.slots[number].conditions -= 1;
        self.forget_unused(number);
    }

    /// Forgets a place that no condition and no list needs.
    pub(super) fn forget_unused(&mut self, number: u32) {
        let place = &self.slots[number];
        if place.conditions > 0 || place.lists.all > 0 {
            return;
        }
        match place.field.clone() {
            Field::Label(name) => {
                self.labels -= 1;
                self.by_name.remove(self.by_name.hash((LABEL, name.as_str())), number);
                self.slots.remove(number);
            }
            Field::Payload(path) => {
                self.by_name.remove(self.by_name.hash((PATH, path.as_str())), number);
                self.paths.retain(|&other| other != number);
                self.slots.remove(number);
            }
            // Every fact has these; they stay.
            Field::Component | Field::Source | Field::Environment | Field::Summary => {}
            Field::Severity | Field::ComponentType | Field::Kind | Field::Status => {}
        }
    }

    pub(super) fn label(&self, name: &str) -> Option<u32> {
        if self.labels == 0 {
            return None;
        }
        let is_it = |number| matches!(&self.slots[number].field, Field::Label(it) if it == name);
        self.by_name.find(self.by_name.hash((LABEL, name)), is_it)
    }

    pub(super) fn paths(&self) -> &[u32] {
        &self.paths
    }

    /// Forgets what was read of the fact before.
    pub(super) fn begin(&mut self) {
        self.written.clear();
    }

    /// Reads a place of a fact, if that takes reading, for [`Self::text`]; `generation` tells facts apart.
    pub(super) fn read(&mut self, number: u32, generation: u64, facts: &Facts<'_>) {
        let place = &mut self.slots[number];
        if let Field::Payload(path) = &place.field
            && place.reading.generation != generation
        {
            let what = read(path, facts.payload, &mut self.written);
            place.reading = Reading { generation, what };
        }
    }

    /// The text of a place of the fact that was read last.
    pub(super) fn text<'t>(&'t self, number: u32, facts: &Facts<'t>) -> &'t str {
        let place = &self.slots[number];
        match &place.field {
            Field::Component => return facts.component,
            Field::Source => return facts.source,
            Field::Environment => return facts.environment,
            Field::Summary => return facts.summary,
            Field::Label(name) => return facts.label(name).unwrap_or_default(),
            Field::Severity | Field::ComponentType | Field::Kind | Field::Status => return "",
            Field::Payload(_) => {}
        }
        let range = |from: u32, to: u32| from as usize..to as usize;
        match place.reading.what {
            What::Nothing => "",
            What::Payload(from, to) => facts
                .payload
                .get(range(from, to))
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .unwrap_or_default(),
            What::Written(from, to) => self.written.get(range(from, to)).unwrap_or_default(),
        }
    }
}

fn read(path: &str, payload: &[u8], written: &mut String) -> What {
    // A payload of more than four GiB has no fields.
    let position = |at: usize| u32::try_from(at).ok();
    let range = |from: usize, to: usize| Some((position(from)?, position(to)?));
    let found = match payload::find(payload, path) {
        None => None,
        Some(Scalar::Plain(text)) => {
            let from = text.as_ptr().addr() - payload.as_ptr().addr();
            range(from, from + text.len()).map(|(from, to)| What::Payload(from, to))
        }
        Some(Scalar::Escaped(text)) => {
            let from = written.len();
            payload::unescape(text, written);
            range(from, written.len()).map(|(from, to)| What::Written(from, to))
        }
    };
    found.unwrap_or(What::Nothing)
}

impl std::ops::Index<u32> for Places {
    type Output = Place;

    fn index(&self, number: u32) -> &Place {
        &self.slots[number]
    }
}

impl std::ops::IndexMut<u32> for Places {
    fn index_mut(&mut self, number: u32) -> &mut Place {
        &mut self.slots[number]
    }
}
