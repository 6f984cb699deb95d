//! Lists of what is filed under a text of a place, a beginning or end of it, its being there, or, where
//! nothing of that kind can be required, under the first thing that is asked.
//!
//! Refuses to know whether what is filed fits; it finds what may. Invariant: a group is in each list at most
//! once, and in all of its lists, under texts that exclude each other.

use model::DirectiveId;

use super::places::{LONGEST, Listed, Places};
use super::slab::Slab;
use super::table::Table;
use crate::condition::Requirement;

/// One group as a list sees it: what it takes to refuse most without looking anywhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The bits of the group, and `MANY` and `MORE` of the index.
    pub(super) mask: u64,
    /// Its id, where it has one only.
    pub(super) id: DirectiveId,
    pub(super) group: u32,
    /// A check that must hold, or none.
    pub(super) check: u32,
}

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

#[derive(Debug, Default)]
struct List {
    key: Key,
    hash: u64,
    entries: Vec<Entry>,
    /// Where it is in `leads`.
    lead: u32,
}

/// All lists.
#[derive(Debug, Default)]
pub(super) struct Lists {
    slots: Slab<List>,
    table: Table,
    /// Lists that are looked at for each fact.
    leads: Vec<u32>,
}

const TEXT: u8 = 0;
const BEGINNING: u8 = 1;
const END: u8 = 2;
const PRESENT: u8 = 3;
const LEAD: u8 = 4;
const ALWAYS: u8 = 5;

impl Lists {
    fn hash(&self, key: &Key) -> u64 {
        match key {
            Key::Nothing => 0,
            Key::Text(place, text) => self.hash_of(*place, TEXT, text.as_bytes()),
            Key::Beginning(place, bytes) => self.hash_of(*place, BEGINNING, bytes),
            Key::End(place, bytes) => self.hash_of(*place, END, bytes),
            Key::Present(place) => self.hash_of(*place, PRESENT, b""),
            Key::Lead(check) => self.hash_of(*check, LEAD, b""),
            Key::Always => self.hash_of(0, ALWAYS, b""),
        }
    }

    fn hash_of(&self, place: u32, kind: u8, bytes: &[u8]) -> u64 {
        self.table.hash((u64::from(place) << 8 | u64::from(kind), bytes))
    }

    /// How many are filed under this already.
    pub(super) fn length(&self, key: &Key) -> usize {
        self.find(key).map_or(0, |number| self.slots[number].entries.len())
    }

    fn find(&self, key: &Key) -> Option<u32> {
        self.table.find(self.hash(key), |number| self.slots[number].key == *key)
    }

    /// Files an entry, and says where.
    pub(super) fn push(&mut self, key: &Key, entry: Entry, places: &mut Places) -> (u32, u32) {
        let number = self.find(key).unwrap_or_else(|| self.open(key, places));
        let entries = &mut self.slots[number].entries;
        entries.push(entry);
        (number, (entries.len() - 1) as u32)
    }

    fn open(&mut self, key: &Key, places: &mut Places) -> u32 {
        let hash = self.hash(key);
        let lead = self.leads.len() as u32;
        let number = self.slots.insert(List { key: key.clone(), hash, entries: Vec::new(), lead });
        self.table.insert(hash, number);
        match key {
            Key::Lead(_) | Key::Always => self.leads.push(number),
            other => count(other, places, |count| *count += 1),
        }
        number
    }

    pub(super) fn entry(&mut self, (list, position): (u32, u32)) -> Option<&mut Entry> {
        self.slots[list].entries.get_mut(position as usize)
    }

    /// Takes an entry out. Another may take its place: its group and where it was, if so.
    pub(super) fn take(
        &mut self,
        (list, position): (u32, u32),
        places: &mut Places,
    ) -> Option<(u32, u32)> {
        let entries = &mut self.slots[list].entries;
        entries.swap_remove(position as usize);
        let moved = entries.get(position as usize).map(|entry| (entry.group, entries.len() as u32));
        if entries.is_empty() {
            self.close(list, places);
        }
        moved
    }

    fn close(&mut self, number: u32, places: &mut Places) {
        let list = self.slots.remove(number);
        self.table.remove(list.hash, number);
        match &list.key {
            Key::Lead(_) | Key::Always => {
                self.leads.swap_remove(list.lead as usize);
                if let Some(&moved) = self.leads.get(list.lead as usize) {
                    self.slots[moved].lead = list.lead;
                }
            }
            other => count(other, places, |count| *count -= 1),
        }
    }

    pub(super) fn leads(&self) -> &[u32] {
        &self.leads
    }

    /// The check that a lead is filed under.
    pub(super) fn lead(&self, list: u32) -> Option<u32> {
        if let Key::Lead(check) = self.slots[list].key { Some(check) } else { None }
    }

    pub(super) fn entries(&self, list: u32) -> &[Entry] {
        &self.slots[list].entries
    }

    /// Appends the lists under which a text at a place is filed.
    pub(super) fn look_up(&self, place: u32, listed: &Listed, text: &str, found: &mut Vec<u32>) {
        if listed.all == 0 {
            return;
        }
        if listed.exact > 0 {
            let hash = self.hash_of(place, TEXT, text.as_bytes());
            found.extend(self.table.find(hash, |number| {
                matches!(&self.slots[number].key, Key::Text(at, other) if *at == place && **other == *text)
            }));
        }
        if listed.all == listed.exact {
            return;
        }
        let bytes = text.as_bytes();
        for length in listed.beginnings.each() {
            let Some(bytes) = bytes.get(..length) else { break };
            let hash = self.hash_of(place, BEGINNING, bytes);
            found.extend(self.table.find(hash, |number| {
                matches!(&self.slots[number].key, Key::Beginning(at, other) if *at == place && **other == *bytes)
            }));
        }
        for length in listed.ends.each() {
            let Some(from) = bytes.len().checked_sub(length) else { break };
            let bytes = &bytes[from..];
            let hash = self.hash_of(place, END, bytes);
            found.extend(self.table.find(hash, |number| {
                matches!(&self.slots[number].key, Key::End(at, other) if *at == place && **other == *bytes)
            }));
        }
        if listed.present > 0 && !text.is_empty() {
            found.extend(self.find(&Key::Present(place)));
        }
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

fn count(key: &Key, places: &mut Places, change: impl Fn(&mut u32)) {
    let (Key::Text(place, _)
    | Key::Beginning(place, ..)
    | Key::End(place, ..)
    | Key::Present(place)) = key
    else {
        return;
    };
    let listed = &mut places[*place].lists;
    change(&mut listed.all);
    match key {
        Key::Text(..) => change(&mut listed.exact),
        Key::Beginning(_, bytes) => listed.beginnings.change(bytes.len(), &change),
        Key::End(_, bytes) => listed.ends.change(bytes.len(), &change),
        Key::Present(_) => change(&mut listed.present),
        Key::Nothing | Key::Lead(_) | Key::Always => {}
    }
}
