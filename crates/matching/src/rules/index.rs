//! Groups of rules that ask for exactly the same, and where they are filed.
//!
//! A group is filed once, under the one of its conditions that the fewest others are filed under; if
//! that condition allows several texts, once under each. What else it asks is checked where it is found.
//!
//! Invariant: each group that fits a fact is found exactly once for it.

use model::{DirectiveId, Field};

use super::checks::{Check, Checks, Question};
use super::ids::Ids;
use super::lists::{Entry, Key, Lists, answered_by_keys, keys};
use super::slab::Slab;
use super::table::Table;
use super::{NONE, mask};
use crate::facts::Facts;

/// Of an entry: its group has several ids.
const MANY: u64 = 1 << 62;
/// Of an entry: its group asks more than the entry says.
const MORE: u64 = 1 << 63;

const _: () = assert!(mask::FREE <= 62, "the bits of values and the flags share a word");

/// Rules that ask for exactly the same.
#[derive(Debug, Default)]
struct Group {
    mask: u64,
    /// Everything asked beyond the bits, in order.
    checks: Box<[u32]>,
    /// The one that holds wherever the group is found, or none.
    key: u32,
    ids: Ids,
    /// List and position in it.
    filed: Vec<(u32, u32)>,
    hash: u64,
}

#[derive(Debug, Default)]
pub(super) struct Index {
    groups: Slab<Group>,
    table: Table,
    lists: Lists,
    /// Lists found for the current fact.
    found: Vec<u32>,
}

impl Index {
    /// Adds a rule that asks this; takes over one use of each check. The number of its group.
    pub(super) fn join(
        &mut self,
        id: DirectiveId,
        mask: u64,
        asks: Vec<u32>,
        checks: &mut Checks,
    ) -> u32 {
        let hash = self.table.hash((mask, asks.as_slice()));
        let found = self.table.find(hash, |number| {
            let group = &self.groups[number];
            group.mask == mask && *group.checks == *asks
        });
        if let Some(number) = found {
            asks.iter().for_each(|&check| checks.give_back(check));
            self.groups[number].ids.insert(id);
            self.renew(number);
            return number;
        }
        let (key, under) = self.choose(&asks, checks);
        let mut group = Group { mask, checks: asks.into(), key, hash, ..Group::default() };
        group.ids.insert(id);
        let number = self.groups.insert(group);
        self.table.insert(hash, number);
        let entry = self.entry(number);
        let filed =
            under.iter().map(|key| self.lists.push(key, entry, &mut checks.places)).collect();
        self.groups[number].filed = filed;
        number
    }

    /// Removes a rule from its group; with the last one the group goes.
    pub(super) fn leave(&mut self, id: DirectiveId, number: u32, checks: &mut Checks) {
        self.groups[number].ids.remove(id);
        if !self.groups[number].ids.is_empty() {
            self.renew(number);
            return;
        }
        let group = self.groups.remove(number);
        self.table.remove(group.hash, number);
        for at in group.filed {
            let moved = self.lists.take(at, &mut checks.places);
            let Some((other, from)) = moved else { continue };
            let places = &mut self.groups[other].filed;
            if let Some(place) = places.iter_mut().find(|place| **place == (at.0, from)) {
                *place = at;
            }
        }
        group.checks.iter().for_each(|&check| checks.give_back(check));
    }

    /// Writes what lists know of a group anew.
    fn renew(&mut self, number: u32) {
        let entry = self.entry(number);
        for position in 0..self.groups[number].filed.len() {
            let at = self.groups[number].filed[position];
            if let Some(place) = self.lists.entry(at) {
                *place = entry;
            }
        }
    }

    fn entry(&self, number: u32) -> Entry {
        let group = &self.groups[number];
        let mut left = group.checks.iter().filter(|&&check| check != group.key);
        let check = left.next().copied().unwrap_or(NONE);
        let more = if left.next().is_some() { MORE } else { 0 };
        let (id, many) = match group.ids.only() {
            Some(id) => (id, 0),
            None => (DirectiveId(0), MANY),
        };
        Entry { mask: group.mask | more | many, id, group: number, check }
    }

    /// What a group that asks this is filed under, and the check that finding it there answers.
    fn choose(&self, asks: &[u32], checks: &Checks) -> (u32, Vec<Key>) {
        let mut best: Option<(usize, u32, Vec<Key>)> = None;
        let mut lead: Option<(u8, u32)> = None;
        for &check in asks {
            let effort = match checks.check(check) {
                Check::Condition(predicate, place) => {
                    let requirement = predicate.requirement();
                    let under = keys(*place, requirement);
                    if !under.is_empty() {
                        let crowd = self.crowd(&under, &predicate.field);
                        if best.as_ref().is_none_or(|(least, ..)| crowd < *least) {
                            let whole = answered_by_keys(requirement);
                            best = Some((crowd, if whole { check } else { NONE }, under));
                        }
                    }
                    predicate.effort()
                }
                Check::Waits(_) => 0,
                Check::Cel(_) | Check::Nothing => u8::MAX,
            };
            if lead.is_none_or(|(least, _)| effort < least) {
                lead = Some((effort, check));
            }
        }
        match (best, lead) {
            (Some((_, key, under)), _) => (key, under),
            (None, Some((_, check))) => (check, vec![Key::Lead(check)]),
            (None, None) => (NONE, vec![Key::Always]),
        }
    }

    /// How many are looked at where something is filed under these; what stands alike is told apart by
    /// how many texts the field is likely to have.
    fn crowd(&self, under: &[Key], field: &Field) -> usize {
        let there: usize = under.iter().map(|key| self.lists.length(key) + 1).sum();
        let wide = match under {
            [Key::Beginning(..) | Key::End(..)] => 4,
            [Key::Present(_)] => 32,
            _ => 0,
        };
        let field = match field {
            Field::Component => 0,
            Field::Label(_) => 1,
            Field::Source => 2,
            Field::Environment => 3,
            Field::Summary => 4,
            // It costs reading the payload of every fact.
            Field::Payload(_) => 512,
            Field::Severity | Field::ComponentType | Field::Kind | Field::Status => 0,
        };
        (there + wide) * 8 + field
    }

    /// Appends the ids of all groups that fit, in no order.
    pub(super) fn search(
        &mut self,
        question: &Question<'_, '_>,
        checks: &mut Checks,
        out: &mut Vec<DirectiveId>,
    ) {
        let need = mask::of_facts(question.trigger, question.facts);
        self.found.clear();
        look_up(question.facts, checks, &self.lists, &mut self.found);
        for &list in &self.found {
            scan(self.lists.entries(list), need, &self.groups, question, checks, out);
        }
        for &list in self.lists.leads() {
            let entries = self.lists.entries(list);
            if entries.len() <= FEW && !entries.iter().any(|entry| entry.mask & need == need) {
                continue;
            }
            if self.lists.lead(list).is_none_or(|check| checks.holds(check, question)) {
                scan(entries, need, &self.groups, question, checks, out);
            }
        }
    }
}

/// Entries whose bits are looked at before a check is made for them.
const FEW: usize = 8;

fn look_up(facts: &Facts<'_>, checks: &mut Checks, lists: &Lists, found: &mut Vec<u32>) {
    // In the order of `places::PLAIN`.
    let plain = [facts.component, facts.source, facts.environment, facts.summary];
    for (place, text) in (0..).zip(plain) {
        lists.look_up(place, &checks.places[place].lists, text, found);
    }
    let mut before = None;
    for (name, text) in facts.labels {
        // Of a name that comes twice the first counts.
        if before.replace(name) == Some(name) || text.is_empty() {
            continue;
        }
        if let Some(place) = checks.places.label(name) {
            lists.look_up(place, &checks.places[place].lists, text, found);
        }
    }
    for position in 0..checks.places.paths().len() {
        let place = checks.places.paths()[position];
        let listed = checks.places[place].lists;
        if listed.all > 0 {
            let text = checks.text(place, facts);
            lists.look_up(place, &listed, text, found);
        }
    }
}

fn scan(
    entries: &[Entry],
    need: u64,
    groups: &Slab<Group>,
    question: &Question<'_, '_>,
    checks: &mut Checks,
    out: &mut Vec<DirectiveId>,
) {
    for entry in entries {
        if entry.mask & need != need {
            continue;
        }
        if entry.check != NONE && !checks.holds(entry.check, question) {
            continue;
        }
        if entry.mask & (MORE | MANY) == 0 {
            out.push(entry.id);
            continue;
        }
        let group = &groups[entry.group];
        let mut asks = group.checks.iter().filter(|&&check| check != group.key);
        if entry.mask & MORE != 0 && !asks.all(|&check| checks.holds(check, question)) {
            continue;
        }
        group.ids.append_to(out);
    }
}
