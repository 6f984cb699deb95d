//! Lists of what is filed under a text of a place, a beginning or end of it, its being there, or, where
//! nothing of that kind can be required, under the first thing that is asked.
//!
//! Refuses to know whether what is filed fits; it finds what may. Invariant: a rule is in each list at most
//! once for each span it waits, and in all of its lists, under texts that exclude each other.

use std::collections::BTreeSet;

use model::DirectiveId;

use super::checks::Checks;
use super::places::{LONGEST, Listed};
use super::postings::{Ask, Postings};
use super::slab::Slab;
use super::table::Table;
use crate::condition::Requirement;

/// What a list is filed under.
#[derive(Debug)]
pub(super) enum Key {
    /// A whole text of a place.
    Text(u32, Box<str>),
    /// Bytes at the beginning of a text of a place, at most [`LONGEST`].
    Beginning(u32, Box<[u8]>),
    /// Bytes at its end, likewise.
    End(u32, Box<[u8]>),
    /// A text that is not empty at a place.
    Present(u32),
    /// A check.
    Lead(u32),
    /// No condition.
    Always,
}

/// In which way something is filed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Text,
    Beginning,
    End,
    Present,
    Lead,
    #[default]
    Always,
}

/// A [`Key`] that is looked for: in which way, at which place or of which check, and what.
#[derive(Debug, Clone, Copy)]
struct Sought<'t> {
    kind: Kind,
    number: u32,
    bytes: &'t [u8],
}

/// Bytes that are mostly few.
#[derive(Debug)]
enum Bytes {
    Few(u8, [u8; 22]),
    Many(Box<[u8]>),
}

/// One list; a line of the processor's cache, so that finding it takes one read.
#[derive(Debug, Default)]
#[repr(align(64))]
struct List {
    bytes: Bytes,
    postings: Postings,
    number: u32,
    kind: Kind,
}

const _: () = assert!(size_of::<List>() == 64, "a list is a line");

/// All lists.
#[derive(Debug, Default)]
pub(super) struct Lists {
    slots: Slab<List>,
    table: Table,
    /// Lists that are looked at for each fact.
    leads: BTreeSet<u32>,
}

/// What is looked up at once: reading memory that is far away takes long, and many reads that do not wait
/// for each other take hardly longer than one.
const AT_ONCE: usize = 16;

/// What is still to be looked up for a fact.
#[derive(Debug)]
pub(super) struct Lookups<'t> {
    each: [(u64, Sought<'t>); AT_ONCE],
    count: usize,
}

impl Default for Lookups<'_> {
    fn default() -> Self {
        Self { each: [(0, Sought::default()); AT_ONCE], count: 0 }
    }
}

impl Lists {
    fn hash(&self, sought: Sought<'_>) -> u64 {
        self.table.hash((u64::from(sought.number) << 8 | sought.kind as u64, sought.bytes))
    }

    fn find(&self, hash: u64, sought: Sought<'_>) -> Option<u32> {
        self.table.find(hash, |number| self.slots[number].is(sought))
    }

    /// How many are filed under this already.
    pub(super) fn length(&self, key: &Key) -> usize {
        let sought = key.sought();
        let found = self.find(self.hash(sought), sought);
        found.map_or(0, |number| self.slots[number].postings.len())
    }

    /// Files a rule under a key; the number of the list.
    pub(super) fn put(&mut self, key: &Key, ask: Ask, id: DirectiveId, checks: &mut Checks) -> u32 {
        let sought = key.sought();
        let hash = self.hash(sought);
        let number = match self.find(hash, sought) {
            Some(number) => number,
            None => self.open(hash, sought, checks),
        };
        self.slots[number].postings.insert(ask, id);
        count_rule(sought, checks, |count| *count += 1);
        number
    }

    fn open(&mut self, hash: u64, sought: Sought<'_>, checks: &mut Checks) -> u32 {
        count_list(sought, checks, |count| *count += 1);
        let Sought { kind, number, bytes } = sought;
        let list = List { bytes: Bytes::of(bytes), postings: Postings::default(), number, kind };
        let list = self.slots.insert(list);
        self.table.insert(hash, list);
        match kind {
            Kind::Lead => {
                checks.use_again(number);
                self.leads.insert(list);
            }
            Kind::Always => {
                self.leads.insert(list);
            }
            Kind::Text | Kind::Beginning | Kind::End | Kind::Present => {}
        }
        list
    }

    /// Takes a rule out of a list.
    pub(super) fn take(&mut self, number: u32, ask: Ask, id: DirectiveId, checks: &mut Checks) {
        let list = &mut self.slots[number];
        list.postings.remove(ask, id);
        count_rule(list.sought(), checks, |count| *count -= 1);
        if list.postings.len() == 0 {
            self.close(number, checks);
        }
    }

    fn close(&mut self, number: u32, checks: &mut Checks) {
        let list = self.slots.remove(number);
        let sought = list.sought();
        self.table.remove(self.hash(sought), number);
        count_list(sought, checks, |count| *count -= 1);
        match sought.kind {
            Kind::Lead => {
                self.leads.remove(&number);
                checks.give_back(sought.number);
            }
            Kind::Always => {
                self.leads.remove(&number);
            }
            Kind::Text | Kind::Beginning | Kind::End | Kind::Present => {
                checks.places.forget_unused(sought.number);
            }
        }
    }

    /// The lists that are looked at for each fact, and the check that each is filed under, if it is.
    pub(super) fn leads(&self) -> impl Iterator<Item = (Option<u32>, &Postings)> {
        self.leads.iter().map(|&number| {
            let list = &self.slots[number];
            ((list.kind == Kind::Lead).then_some(list.number), &list.postings)
        })
    }

    pub(super) fn postings(&self, list: u32) -> &Postings {
        &self.slots[list].postings
    }

    /// Notes what of a text at a place is to be looked up; what no longer fits is looked up now.
    pub(super) fn note<'t>(
        &self,
        place: u32,
        listed: &Listed,
        text: &'t str,
        lookups: &mut Lookups<'t>,
        found: &mut Vec<u32>,
    ) {
        if listed.all == 0 || text.is_empty() {
            return;
        }
        let mut note = |kind, bytes| {
            let sought = Sought { kind, number: place, bytes };
            if lookups.count == AT_ONCE {
                self.look_up(lookups, found);
            }
            lookups.each[lookups.count] = (self.hash(sought), sought);
            lookups.count += 1;
        };
        let bytes = text.as_bytes();
        if listed.exact > 0 {
            note(Kind::Text, bytes);
        }
        if listed.all == listed.exact {
            return;
        }
        for length in listed.beginnings.each() {
            let Some(bytes) = bytes.get(..length) else { break };
            note(Kind::Beginning, bytes);
        }
        for length in listed.ends.each() {
            let Some(from) = bytes.len().checked_sub(length) else { break };
            note(Kind::End, &bytes[from..]);
        }
        if listed.present > 0 {
            note(Kind::Present, b"");
        }
    }

    /// Appends the lists of everything noted: all hashes first, then what stands behind them.
    pub(super) fn look_up(&self, lookups: &mut Lookups<'_>, found: &mut Vec<u32>) {
        let noted = &lookups.each[..std::mem::take(&mut lookups.count)];
        let mut likely = [None; AT_ONCE];
        for (likely, (hash, _)) in likely.iter_mut().zip(noted) {
            *likely = self.table.find(*hash, |_| true);
        }
        for (likely, &(hash, sought)) in likely.iter().zip(noted) {
            let Some(number) = *likely else { continue };
            if self.slots[number].is(sought) {
                found.push(number);
            } else {
                // Another key has the very same hash.
                found.extend(self.find(hash, sought));
            }
        }
    }
}

impl Key {
    fn sought(&self) -> Sought<'_> {
        let (kind, number, bytes): (Kind, u32, &[u8]) = match self {
            Self::Text(place, text) => (Kind::Text, *place, text.as_bytes()),
            Self::Beginning(place, bytes) => (Kind::Beginning, *place, bytes),
            Self::End(place, bytes) => (Kind::End, *place, bytes),
            Self::Present(place) => (Kind::Present, *place, b""),
            Self::Lead(check) => (Kind::Lead, *check, b""),
            Self::Always => (Kind::Always, 0, b""),
        };
        Sought { kind, number, bytes }
    }
}

impl Default for Sought<'_> {
    fn default() -> Self {
        Self { kind: Kind::Always, number: 0, bytes: b"" }
    }
}

impl List {
    fn sought(&self) -> Sought<'_> {
        Sought { kind: self.kind, number: self.number, bytes: self.bytes.all() }
    }

    fn is(&self, sought: Sought<'_>) -> bool {
        self.kind == sought.kind && self.number == sought.number && self.bytes.all() == sought.bytes
    }
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        let mut few = [0; 22];
        match few.get_mut(..bytes.len()) {
            Some(beginning) => {
                beginning.copy_from_slice(bytes);
                Self::Few(bytes.len() as u8, few)
            }
            None => Self::Many(bytes.into()),
        }
    }

    fn all(&self) -> &[u8] {
        match self {
            Self::Few(length, few) => few.get(..usize::from(*length)).unwrap_or_default(),
            Self::Many(many) => many,
        }
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Few(0, [0; 22])
    }
}

/// Whether what is found under its keys fulfils a requirement, and nothing else is asked.
pub(super) fn answered_by_keys(requirement: Requirement<'_>) -> bool {
    match requirement {
        Requirement::Texts(_) | Requirement::Present => true,
        Requirement::Beginning(text, whole) | Requirement::End(text, whole) => {
            whole && text.len() <= LONGEST
        }
        Requirement::Nothing => false,
    }
}

/// The keys under which something with this requirement at a place is filed.
pub(super) fn keys(place: u32, requirement: Requirement<'_>) -> Vec<Key> {
    match requirement {
        Requirement::Nothing => Vec::new(),
        Requirement::Present => vec![Key::Present(place)],
        Requirement::Texts(texts) => {
            texts.iter().map(|text| Key::Text(place, text.as_str().into())).collect()
        }
        Requirement::Beginning(text, _) => {
            let bytes = &text.as_bytes()[..text.len().min(LONGEST)];
            vec![Key::Beginning(place, bytes.into())]
        }
        Requirement::End(text, _) => {
            let bytes = &text.as_bytes()[text.len().saturating_sub(LONGEST)..];
            vec![Key::End(place, bytes.into())]
        }
    }
}

/// What is listed under the place that is sought.
fn listed<'c>(sought: Sought<'_>, checks: &'c mut Checks) -> Option<&'c mut Listed> {
    match sought.kind {
        Kind::Text | Kind::Beginning | Kind::End | Kind::Present => {
            Some(&mut checks.places[sought.number].lists)
        }
        Kind::Lead | Kind::Always => None,
    }
}

fn count_rule(sought: Sought<'_>, checks: &mut Checks, change: impl Fn(&mut u32)) {
    let Some(listed) = listed(sought, checks) else { return };
    change(&mut listed.under_any);
    if sought.kind == Kind::Text {
        change(&mut listed.under_exact);
    }
}

fn count_list(sought: Sought<'_>, checks: &mut Checks, change: impl Fn(&mut u32)) {
    let Some(listed) = listed(sought, checks) else { return };
    change(&mut listed.all);
    match sought.kind {
        Kind::Text => change(&mut listed.exact),
        Kind::Beginning => listed.beginnings.change(sought.bytes.len(), &change),
        Kind::End => listed.ends.change(sought.bytes.len(), &change),
        Kind::Present => change(&mut listed.present),
        Kind::Lead | Kind::Always => {}
    }
}
