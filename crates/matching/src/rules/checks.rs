//! What rules ask beyond triggers and fields with few values, each thing once however many rules ask it.
//!
//! Invariant: a check is made at most once for each fact, and forgotten with the last rule that asks it.

use model::{Condition, Duration, FieldError, Trigger};

use super::NONE;
use super::lately::{Lately, STANDING};
use super::places::Places;
use super::slab::Slab;
use super::table::Table;
use crate::cel::{Dialect, Expression, Variables};
use crate::condition::{Binding, Predicate};
use crate::facts::Facts;

/// One thing that is asked.
#[derive(Debug, Default)]
pub(super) enum Check {
    /// A free number.
    #[default]
    Nothing,
    /// A condition on the field at a place.
    Condition(Box<Predicate>, u32),
    /// An expression.
    Cel(Box<Expression>),
    /// That nobody took an incident up for exactly so long.
    Waits(Duration),
    /// Several others at once, the cheapest first.
    All(Box<[u32]>),
}

#[derive(Debug)]
struct Slot {
    check: Check,
    hash: u64,
    /// The generation it was last made in, doubled, and whether it held. Beside the check, because a table
    /// of answers would be moved whole when it grows.
    answer: u64,
    /// Rules, lists and other checks that ask it.
    uses: u32,
    /// Where answers of dear conditions are remembered.
    seat: u16,
}

impl Default for Slot {
    fn default() -> Self {
        Self { check: Check::Nothing, hash: 0, answer: 0, uses: 0, seat: STANDING }
    }
}

/// What a check is about at the moment.
pub(super) struct Question<'q, 'f> {
    pub(super) trigger: Trigger,
    pub(super) facts: &'q Facts<'f>,
    pub(super) variables: &'q Variables<'f>,
}

/// All checks.
#[derive(Debug, Default)]
pub(super) struct Checks {
    slots: Slab<Slot>,
    table: Table,
    pub(super) places: Places,
    lately: Lately,
    /// Which fact it is, counted from the first.
    generation: u64,
    dialect: Dialect,
    /// What all expressions together may cost for one fact.
    cel_cost: u64,
}

impl Checks {
    /// The number of a condition, for one more rule; `name` is what errors call it.
    pub(super) fn take_condition(
        &mut self,
        name: impl FnOnce() -> String,
        condition: &Condition,
    ) -> Result<u32, Vec<FieldError>> {
        let hash = self.table.hash(Predicate::sameness(condition));
        let found = self.table.find(hash, |number| match &self.slots[number].check {
            Check::Condition(other, _) => other.is_same(condition),
            Check::Nothing | Check::Cel(_) | Check::Waits(_) | Check::All(_) => false,
        });
        if let Some(number) = found {
            return Ok(self.use_again(number));
        }
        let predicate = Predicate::compile(&name(), condition, Binding::Found)?;
        let place = self.places.take(&condition.field);
        Ok(self.insert(hash, Check::Condition(Box::new(predicate), place)))
    }

    /// The number of an expression, for one more rule.
    pub(super) fn take_cel(&mut self, source: &str) -> Result<u32, FieldError> {
        let hash = self.table.hash(("cel", source));
        let found = self.table.find(hash, |number| match &self.slots[number].check {
            Check::Cel(other) => other.source() == source,
            Check::Nothing | Check::Condition(..) | Check::Waits(_) | Check::All(_) => false,
        });
        if let Some(number) = found {
            return Ok(self.use_again(number));
        }
        let expression = Expression::compile("cel", source, &self.dialect)?;
        self.cel_cost += expression.cost();
        Ok(self.insert(hash, Check::Cel(Box::new(expression))))
    }

    /// The number of a span without an answer, for one more rule.
    pub(super) fn take_waits(&mut self, after: Duration) -> u32 {
        let hash = self.table.hash(("waits", after));
        let found = self.table.find(hash, |number| match &self.slots[number].check {
            Check::Waits(other) => *other == after,
            Check::Nothing | Check::Condition(..) | Check::Cel(_) | Check::All(_) => false,
        });
        match found {
            Some(number) => self.use_again(number),
            None => self.insert(hash, Check::Waits(after)),
        }
    }

    /// The number of several checks at once, for one more rule: takes over one use of each. None is none.
    pub(super) fn take_all(&mut self, mut asks: Vec<u32>) -> u32 {
        if let [] | [_] = asks.as_slice() {
            return asks.pop().unwrap_or(NONE);
        }
        asks.sort_by_key(|&check| (self.effort(check), check));
        let hash = self.table.hash(("all", asks.as_slice()));
        let found = self.table.find(hash, |number| match &self.slots[number].check {
            Check::All(other) => **other == *asks,
            Check::Nothing | Check::Condition(..) | Check::Cel(_) | Check::Waits(_) => false,
        });
        let Some(number) = found else { return self.insert(hash, Check::All(asks.into())) };
        asks.into_iter().for_each(|check| self.give_back(check));
        self.use_again(number)
    }

    /// One more asks this.
    pub(super) fn use_again(&mut self, number: u32) -> u32 {
        self.slots[number].uses += 1;
        number
    }

    fn insert(&mut self, hash: u64, check: Check) -> u32 {
        let number = self.slots.insert(Slot { check, hash, uses: 1, ..Slot::default() });
        self.table.insert(hash, number);
        number
    }

    /// One fewer asks this.
    pub(super) fn give_back(&mut self, number: u32) {
        if number == NONE {
            return;
        }
        self.slots[number].uses -= 1;
        if self.slots[number].uses > 0 {
            return;
        }
        let slot = self.slots.remove(number);
        self.table.remove(slot.hash, number);
        self.lately.rise(slot.seat);
        match slot.check {
            Check::Condition(_, place) => self.places.give_back(place),
            Check::All(asks) => asks.into_iter().for_each(|check| self.give_back(check)),
            Check::Cel(expression) => self.cel_cost -= expression.cost(),
            Check::Nothing | Check::Waits(_) => {}
        }
    }

    /// What all expressions together may cost for one fact.
    pub(super) fn cel_cost(&self) -> u64 {
        self.cel_cost
    }

    pub(super) fn check(&self, number: u32) -> &Check {
        &self.slots[number].check
    }

    /// How dear it is to ask, for choosing what is asked first.
    pub(super) fn effort(&self, number: u32) -> u8 {
        match self.check(number) {
            Check::Condition(predicate, _) => predicate.effort(),
            Check::Waits(_) | Check::Nothing => 0,
            Check::Cel(_) | Check::All(_) => u8::MAX,
        }
    }

    /// Begins with another fact.
    pub(super) fn begin(&mut self) {
        self.places.begin();
        self.lately.begin();
        self.generation += 1;
    }

    /// Reads a place of the current fact, so that its text is there.
    pub(super) fn read(&mut self, place: u32, facts: &Facts<'_>) {
        self.places.read(place, self.generation, facts);
    }

    /// Whether it holds of the current fact.
    #[inline]
    pub(super) fn holds(&mut self, number: u32, question: &Question<'_, '_>) -> bool {
        let answer = self.slots[number].answer;
        if answer >> 1 == self.generation {
            return answer & 1 == 1;
        }
        self.make(number, question)
    }

    fn make(&mut self, number: u32, question: &Question<'_, '_>) -> bool {
        let holds = match &self.slots[number].check {
            Check::Nothing | Check::Condition(_, NONE) => false,
            Check::Condition(..) => self.make_condition(number, question),
            Check::Cel(expression) => expression.holds(question.variables),
            Check::Waits(after) => question.trigger == Trigger::Unacknowledged(*after),
            Check::All(asks) => {
                let count = asks.len();
                (0..count).all(|position| self.part_holds(number, position, question))
            }
        };
        self.slots[number].answer = self.generation << 1 | u64::from(holds);
        holds
    }

    /// Whether one of several checks holds.
    fn part_holds(&mut self, all: u32, position: usize, question: &Question<'_, '_>) -> bool {
        let part = match &self.slots[all].check {
            Check::All(asks) => asks.get(position).copied(),
            Check::Nothing | Check::Condition(..) | Check::Cel(_) | Check::Waits(_) => None,
        };
        part.is_some_and(|part| self.holds(part, question))
    }

    fn make_condition(&mut self, number: u32, question: &Question<'_, '_>) -> bool {
        let slot = &mut self.slots[number];
        let Check::Condition(predicate, place) = &slot.check else { return false };
        self.places.read(*place, self.generation, question.facts);
        let text = self.places.text(*place, question.facts);
        if predicate.effort() == 0 {
            return predicate.accepts(text);
        }
        if slot.seat == STANDING {
            slot.seat = self.lately.sit();
        }
        let at = match slot.seat {
            STANDING => None,
            _ => self.lately.recall(*place, text, self.generation),
        };
        let Some(at) = at else { return predicate.accepts(text) };
        if let Some(known) = self.lately.answer(at, slot.seat) {
            return known;
        }
        let holds = predicate.accepts(text);
        self.lately.keep(at, slot.seat, holds);
        holds
    }
}
