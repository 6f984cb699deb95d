//! Lists of what is filed under a text of a place, a beginning or end of it, its being there, or, where
//! nothing of that kind can be required, under the first thing that is asked.
//!
//! Refuses to know whether what is filed fits; it finds what may. Invariant: a rule is in each list at most
//! once for each span it waits, and in all of its lists, under texts that exclude each other.

use model::DirectiveId;

use super::checks::Checks;
use super::places::{LONGEST, Listed};
use super::postings::{Ask, Postings};
use super::slab::Slab;
use super::table::Table;
use crate::condition::Requirement;

/// What a list is filed under.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A free number.
    #[default]
    Nothing,
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

/// A [`Key`] that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sought<'t> {
    Text(u32, &'t [u8]),
    Beginning(u32, &'t [u8]),
    End(u32, &'t [u8]),
    Present(u32),
    Lead(u32),
    Always,
}

#[derive(Debug, Default)]
struct List {
    key: Key,
    /// Where it is in `leads`.
    lead: u32,
    postings: Postings,
}

/// All lists.
#[derive(Debug, Default)]
pub(super) struct Lists {
    slots: Slab<List>,
    table: Table,
    /// Lists that are looked at for each fact.
    leads: Vec<u32>,
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
        Self { each: [(0, Sought::Always); AT_ONCE], count: 0 }
    }
}

impl Lists {
    fn hash(&self, sought: Sought<'_>) -> u64 {
        let (kind, number, bytes): (u64, u32, &[u8]) = match sought {
            Sought::Text(place, bytes) => (0, place, bytes),
            Sought::Beginning(place, bytes) => (1, place, bytes),
            Sought::End(place, bytes) => (2, place, bytes),
            Sought::Present(place) => (3, place, b""),
            Sought::Lead(check) => (4, check, b""),
            Sought::Always => (5, 0, b""),
        };
        self.table.hash((u64::from(number) << 8 | kind, bytes))
    }

    fn find(&self, hash: u64, sought: Sought<'_>) -> Option<u32> {
        self.table.find(hash, |number| self.slots[number].key.sought() == Some(sought))
    }

    /// How many are filed under this already.
    pub(super) fn length(&self, key: &Key) -> usize {
        let found = key.sought().and_then(|sought| self.find(self.hash(sought), sought));
        found.map_or(0, |number| self.slots[number].postings.len())
    }

    /// Files a rule under a key; the number of the list.
    pub(super) fn put(&mut self, key: Key, ask: Ask, id: DirectiveId, checks: &mut Checks) -> u32 {
        let sought = key.sought().unwrap_or(Sought::Always);
        let hash = self.hash(sought);
        let number = match self.find(hash, sought) {
            Some(number) => number,
            None => self.open(hash, key, checks),
        };
        let list = &mut self.slots[number];
        list.postings.insert(ask, id);
        count_rule(&list.key, checks, |count| *count += 1);
        number
    }

    fn open(&mut self, hash: u64, key: Key, checks: &mut Checks) -> u32 {
        count_list(&key, checks, |count| *count += 1);
        let is_lead = matches!(key, Key::Lead(_) | Key::Always);
        if let Key::Lead(check) = key {
            checks.use_again(check);
        }
        let lead = self.leads.len() as u32;
        let number = self.slots.insert(List { key, lead, postings: Postings::default() });
        self.table.insert(hash, number);
        if is_lead {
            self.leads.push(number);
        }
        number
    }

    /// Takes a rule out of a list.
    pub(super) fn take(&mut self, number: u32, ask: Ask, id: DirectiveId, checks: &mut Checks) {
        let list = &mut self.slots[number];
        list.postings.remove(ask, id);
        count_rule(&list.key, checks, |count| *count -= 1);
        if list.postings.len() == 0 {
            self.close(number, checks);
        }
    }

    fn close(&mut self, number: u32, checks: &mut Checks) {
        let list = self.slots.remove(number);
        if let Some(sought) = list.key.sought() {
            self.table.remove(self.hash(sought), number);
        }
        count_list(&list.key, checks, |count| *count -= 1);
        match list.key {
            Key::Lead(_) | Key::Always => {
                self.leads.swap_remove(list.lead as usize);
                if let Some(&moved) = self.leads.get(list.lead as usize) {
                    self.slots[moved].lead = list.lead;
                }
                if let Key::Lead(check) = list.key {
                    checks.give_back(check);
                }
            }
            Key::Text(place, _)
            | Key::Beginning(place, _)
            | Key::End(place, _)
            | Key::Present(place) => checks.places.forget_unused(place),
            Key::Nothing => {}
        }
    }

    pub(super) fn leads(&self) -> &[u32] {
        &self.leads
    }

    /// The check that a lead is filed under.
    pub(super) fn lead(&self, list: u32) -> Option<u32> {
        if let Key::Lead(check) = self.slots[list].key { Some(check) } else { None }
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
        let mut note = |sought| {
            if lookups.count == AT_ONCE {
                self.look_up(lookups, found);
            }
            lookups.each[lookups.count] = (self.hash(sought), sought);
            lookups.count += 1;
        };
        let bytes = text.as_bytes();
        if listed.exact > 0 {
            note(Sought::Text(place, bytes));
        }
        if listed.all == listed.exact {
            return;
        }
        for length in listed.beginnings.each() {
            let Some(bytes) = bytes.get(..length) else { break };
            note(Sought::Beginning(place, bytes));
        }
        for length in listed.ends.each() {
            let Some(from) = bytes.len().checked_sub(length) else { break };
            note(Sought::End(place, &bytes[from..]));
        }
        if listed.present > 0 {
            note(Sought::Present(place));
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
            if self.slots[number].key.sought() == Some(sought) {
                found.push(number);
            } else {
                // Another key has the very same hash.
                found.extend(self.find(hash, sought));
            }
        }
    }
}

impl Key {
    fn sought(&self) -> Option<Sought<'_>> {
        Some(match self {
            Self::Nothing => return None,
            Self::Text(place, text) => Sought::Text(*place, text.as_bytes()),
            Self::Beginning(place, bytes) => Sought::Beginning(*place, bytes),
            Self::End(place, bytes) => Sought::End(*place, bytes),
            Self::Present(place) => Sought::Present(*place),
            Self::Lead(check) => Sought::Lead(*check),
            Self::Always => Sought::Always,
        })
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

/// What is listed under the place of a key.
fn listed<'c>(key: &Key, checks: &'c mut Checks) -> Option<&'c mut Listed> {
    match key {
        Key::Text(place, _)
        | Key::Beginning(place, _)
        | Key::End(place, _)
        | Key::Present(place) => Some(&mut checks.places[*place].lists),
        Key::Nothing | Key::Lead(_) | Key::Always => None,
    }
}

fn count_rule(key: &Key, checks: &mut Checks, change: impl Fn(&mut u32)) {
    let Some(listed) = listed(key, checks) else { return };
    change(&mut listed.under_any);
    if let Key::Text(..) = key {
        change(&mut listed.under_exact);
    }
}

fn count_list(key: &Key, checks: &mut Checks, change: impl Fn(&mut u32)) {
    let Some(listed) = listed(key, checks) else { return };
    change(&mut listed.all);
    match key {
        Key::Text(..) => change(&mut listed.exact),
        Key::Beginning(_, bytes) => listed.beginnings.change(bytes.len(), &change),
        Key::End(_, bytes) => listed.ends.change(bytes.len(), &change),
        Key::Present(_) => change(&mut listed.present),
        Key::Nothing | Key::Lead(_) | Key::Always => {}
    }
}
