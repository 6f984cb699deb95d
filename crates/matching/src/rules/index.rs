//! Where each rule is filed, and what a fact finds.
//!
//! A rule is filed under the one of its conditions whose text the fewest facts are likely to have; if
//! that condition allows several texts, under each. What else it asks is checked where it is found.
//!
//! Invariant: each rule that fits a fact is found exactly once for it.

use model::{DirectiveId, Field};

use super::checks::{Check, Checks, Question};
use super::found::Found;
use super::lists::{Key, Lists, Lookups, answered_by_keys, keys};
use super::places::Listed;
use super::postings::Ask;
use super::{NONE, mask};
use crate::condition::Predicate;
use crate::facts::Facts;

const _: () = assert!(mask::FREE <= 64, "the bits of values are one word");

/// One list where a rule is filed, and what it asks there; holds a use of the check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filing {
    mask: u64,
    check: u32,
    list: u32,
}

#[derive(Debug, Default)]
pub(super) struct Index {
    lists: Lists,
    /// Lists found for the current fact.
    found: Vec<u32>,
}

impl Index {
    /// Files a rule that asks this; takes over one use of each check.
    pub(super) fn file(
        &mut self,
        id: DirectiveId,
        mask: u64,
        mut asks: Vec<u32>,
        checks: &mut Checks,
        filed: &mut Vec<Filing>,
    ) {
        let (answered, under) = self.choose(&asks, checks);
        let before = asks.len();
        asks.retain(|&check| check != answered);
        let left = asks.len() < before;
        let ask = Ask { mask, check: checks.take_all(asks) };
        for (position, key) in under.into_iter().enumerate() {
            if position > 0 && ask.check != NONE {
                checks.use_again(ask.check);
            }
            let list = self.lists.put(&key, ask, id, checks);
            filed.push(Filing { mask, check: ask.check, list });
        }
        if left {
            checks.give_back(answered);
        }
    }

    /// Takes a rule out of where it is filed.
    pub(super) fn withdraw(&mut self, id: DirectiveId, filing: Filing, checks: &mut Checks) {
        let Filing { mask, check, list } = filing;
        self.lists.take(list, Ask { mask, check }, id, checks);
        checks.give_back(check);
    }

    /// What a rule that asks this is filed under, and the check that finding it there answers, or none.
    fn choose(&self, asks: &[u32], checks: &Checks) -> (u32, Vec<Key>) {
        let mut best: Option<(u64, u32, Vec<Key>)> = None;
        for &check in asks {
            let Check::Condition(predicate, place) = checks.check(check) else { continue };
            let requirement = predicate.requirement();
            let under = keys(*place, requirement);
            if under.is_empty() {
                continue;
            }
            let cost = self.cost(&under, predicate, &checks.places[*place].lists);
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                let whole = answered_by_keys(requirement);
                best = Some((cost, if whole { check } else { NONE }, under));
            }
        }
        let lead = || asks.iter().copied().min_by_key(|&check| checks.effort(check));
        match best {
            Some((_, answered, under)) => (answered, under),
            None => match lead() {
                Some(check) => (check, vec![Key::Lead(check)]),
                None => (NONE, vec![Key::Always]),
            },
        }
    }

    /// How many more rules are looked at for a million facts where one more is filed under these: how
    /// likely a fact has one of the texts, if facts have what rules ask for as often as rules ask for it.
    fn cost(&self, under: &[Key], predicate: &Predicate, listed: &Listed) -> u64 {
        let texts = values(&predicate.field);
        let share = |alike: usize, all: u32, texts: u64| {
            MILLION * (alike as u64 + 1) / (u64::from(all) + texts)
        };
        let each = under.iter().map(|key| {
            let alike = self.lists.length(key);
            match key {
                Key::Text(..) => share(alike, listed.under_exact, texts),
                // Several texts begin alike.
                Key::Beginning(..) | Key::End(..) => share(alike, listed.under_any, texts / 4 + 1),
                Key::Present(_) | Key::Lead(_) | Key::Always => MILLION,
            }
        });
        let reading = match &predicate.field {
            // The payload of every fact is read if one rule is filed under it, so one should not be alone.
            Field::Payload(_) => MILLION * READING / (u64::from(listed.under_any) + 1),
            Field::Source | Field::Component | Field::Environment | Field::Summary => 0,
            Field::Label(_) => 0,
            Field::Severity | Field::ComponentType | Field::Kind | Field::Status => 0,
        };
        each.sum::<u64>() + reading
    }

    /// Appends the ids of all rules that fit, list by list.
    pub(super) fn search(
        &mut self,
        question: &Question<'_, '_>,
        checks: &mut Checks,
        found: &mut Found<'_>,
    ) {
        let need = mask::of_facts(question.trigger, question.facts);
        self.found.clear();
        self.look_up(question.facts, checks);
        let ahead = self.found.iter().fold(0, |sum, &list| sum ^ self.lists.postings(list).touch());
        std::hint::black_box(ahead);
        for &list in &self.found {
            let postings = self.lists.postings(list);
            postings.append_to(need, |check| checks.holds(check, question), found);
        }
        for (lead, postings) in self.lists.leads() {
            if !postings.may_fit(need) {
                continue;
            }
            if lead.is_none_or(|check| checks.holds(check, question)) {
                postings.append_to(need, |check| checks.holds(check, question), found);
            }
        }
    }

    /// Finds the lists for the texts of a fact.
    fn look_up(&mut self, facts: &Facts<'_>, checks: &mut Checks) {
        for position in 0..checks.places.paths().len() {
            let place = checks.places.paths()[position];
            if checks.places[place].lists.all > 0 {
                checks.read(place, facts);
            }
        }
        let (places, mut lookups) = (&checks.places, Lookups::default());
        let mut note = |place: u32, text| {
            let listed = &places[place].lists;
            self.lists.note(place, listed, text, &mut lookups, &mut self.found);
        };
        // In the order of `places::PLAIN`.
        let plain = [facts.component, facts.source, facts.environment, facts.summary];
        for (place, text) in (0..).zip(plain) {
            note(place, text);
        }
        let mut before = None;
        for (name, text) in facts.labels {
            // Of a name that comes twice the first counts.
            if before.replace(name) == Some(name) {
                continue;
            }
            if let Some(place) = places.label(name) {
                note(place, text.as_ref());
            }
        }
        for &place in places.paths() {
            if places[place].lists.all > 0 {
                note(place, places.text(place, facts));
            }
        }
        self.lists.look_up(&mut lookups, &mut self.found);
    }
}

const MILLION: u64 = 1_000_000;
/// So many rules are looked at in the time that reading a small payload takes.
const READING: u64 = 64;

/// How many texts a field is taken to have before rules say so: a guess that matters for the first few.
const fn values(field: &Field) -> u64 {
    match field {
        Field::Component => 1_024,
        Field::Label(_) | Field::Payload(_) => 128,
        Field::Summary => 64,
        Field::Source => 16,
        Field::Environment => 4,
        Field::Severity | Field::ComponentType | Field::Kind | Field::Status => 1,
    }
}
