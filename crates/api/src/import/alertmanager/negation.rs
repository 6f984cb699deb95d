//! What an alert must be to reach a route: matchers that hold, and lists of matchers of which not all may
//! hold (those of the routes that would take it away). Brought into the form that rules have: conditions of
//! which all must hold.
//!
//! Not all of a, b and c hold exactly where one of these holds: not a; a and not b; a and b and not c. They
//! exclude each other, so an alert fits at most one rule of a route. Where that would be too many rules,
//! the rest becomes a CEL expression.
//!
//! Invariant: what comes out holds for an alert exactly where what goes in holds, or nothing comes out and says so.

use model::directive::{Condition, Field, Op};
use model::limits;

use crate::alertmanager::{Matcher, MatcherDocument};

/// Bytes up to which patterns of one label are joined into one condition.
const JOINED_BYTES: usize = 512;

/// What an alert must be.
#[derive(Debug, Clone, Default)]
pub(super) struct Demand {
    /// All of them hold.
    pub(super) all: Vec<Matcher>,
    /// Of each list not all hold.
    pub(super) not_all: Vec<Vec<Matcher>>,
}

/// The match of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) conditions: Vec<Condition>,
    pub(super) cel: String,
}

impl Demand {
    /// Brings it into the form of rules, at most `most` of them; none where no alert can be so.
    ///
    /// # Errors
    /// It cannot be said within the limits of a rule.
    pub(super) fn matches(self, most: usize) -> Result<Vec<Match>, String> {
        let Some(simple) = self.simplified() else { return Ok(Vec::new()) };
        let mut parts = Vec::new();
        if simple.clone().part(most, &mut parts) {
            return parts.into_iter().map(|all| matched(&all, &[])).collect();
        }
        Ok(vec![matched(&simple.all, &simple.not_all)?])
    }

    /// Whether an alert with these labels is so.
    #[cfg(test)]
    pub(super) fn holds(&self, label: impl Fn(&str) -> String) -> bool {
        let fits = |matcher: &Matcher| matcher.holds(&label(&matcher.said().name));
        self.all.iter().all(fits) && !self.not_all.iter().any(|list| list.iter().all(fits))
    }

    /// The same in fewer words; nothing where it contradicts itself.
    fn simplified(mut self) -> Option<Self> {
        loop {
            self.all = tidied(self.all)?;
            let mut changed = false;
            let mut left: Vec<Vec<Matcher>> = Vec::new();
            for list in std::mem::take(&mut self.not_all) {
                let Some(mut list) = open_of(&list, &self.all) else { continue };
                match list.len() {
                    0 => return None,
                    1 => {
                        self.all.extend(list.pop().map(|only| opposite(&only)));
                        changed = true;
                    }
                    _ if left.iter().any(|known| same(known, &list)) => {}
                    _ => left.push(list),
                }
            }
            self.not_all = left;
            if !changed {
                return Some(self);
            }
        }
    }

    /// Parts it into lists that exclude each other; false where there would be more than `most`.
    fn part(mut self, most: usize, parts: &mut Vec<Vec<Matcher>>) -> bool {
        let shortest = (0..self.not_all.len()).min_by_key(|&at| self.not_all[at].len());
        let Some(shortest) = shortest else {
            parts.push(self.all);
            return parts.len() <= most;
        };
        let list = self.not_all.swap_remove(shortest);
        for (at, matcher) in list.iter().enumerate() {
            let mut branch = self.clone();
            branch.all.extend(list[..at].iter().cloned());
            branch.all.push(opposite(matcher));
            if let Some(branch) = branch.simplified()
                && !branch.part(most, parts)
            {
                return false;
            }
        }
        true
    }
}

/// The text that a matcher demands, where it demands one.
fn demanded(matcher: &Matcher) -> Option<&str> {
    let said = matcher.said();
    (said.is_equal && !said.is_regex).then_some(said.value.as_str())
}

/// Each once, and none that a demanded text implies; nothing where one contradicts another.
fn tidied(all: Vec<Matcher>) -> Option<Vec<Matcher>> {
    let mut kept: Vec<Matcher> = Vec::new();
    for matcher in &all {
        let said = matcher.said();
        let text = all
            .iter()
            .find(|other| other.said().name == said.name && demanded(other).is_some())
            .and_then(demanded);
        match text {
            Some(text) if !matcher.holds(text) => return None,
            Some(_) if demanded(matcher).is_none() => continue,
            Some(_) | None => {}
        }
        if all.iter().any(|other| is_opposite(other, matcher)) {
            return None;
        }
        if !kept.iter().any(|other| other.said() == said) {
            kept.push(matcher.clone());
        }
    }
    Some(kept)
}

/// What of a list is left open by what holds; nothing where one of the list cannot hold anyway.
fn open_of(list: &[Matcher], all: &[Matcher]) -> Option<Vec<Matcher>> {
    let mut open: Vec<Matcher> = Vec::new();
    for matcher in list {
        let said = matcher.said();
        let known = all.iter().find(|it| it.said().name == said.name && demanded(it).is_some());
        match known.and_then(demanded) {
            Some(text) if matcher.holds(text) => continue,
            Some(_) => return None,
            None => {}
        }
        if all.iter().any(|other| is_opposite(other, matcher)) {
            return None;
        }
        let is_known = all.iter().chain(&open).any(|other| other.said() == said);
        if !is_known {
            open.push(matcher.clone());
        }
    }
    Some(open)
}

fn is_opposite(one: &Matcher, other: &Matcher) -> bool {
    let (one, other) = (one.said(), other.said());
    one.is_equal != other.is_equal
        && (&one.name, &one.value, one.is_regex) == (&other.name, &other.value, other.is_regex)
}

fn opposite(matcher: &Matcher) -> Matcher {
    matcher.negated()
}

fn same(one: &[Matcher], other: &[Matcher]) -> bool {
    one.len() == other.len() && one.iter().all(|a| other.iter().any(|b| a.said() == b.said()))
}

fn matched(all: &[Matcher], not_all: &[Vec<Matcher>]) -> Result<Match, String> {
    let said: Vec<&MatcherDocument> = all.iter().map(Matcher::said).collect();
    let mut conditions = conditions(&said);
    let mut terms: Vec<String> = not_all.iter().map(|list| negated_cel(list)).collect();
    if conditions.len() > limits::CONDITIONS {
        // All of them as an expression: conditions that were joined can no longer be told apart.
        terms.extend(all.iter().map(cel));
        conditions.clear();
    }
    let cel = terms.join(" && ");
    if cel.len() > limits::CEL_BYTES {
        let (bytes, most) = (cel.len(), limits::CEL_BYTES);
        return Err(format!("it takes an expression of {bytes} bytes, and {most} are allowed"));
    }
    Ok(Match { conditions, cel })
}

/// Matchers that become one condition.
struct Joined<'m> {
    first: &'m MatcherDocument,
    values: Vec<&'m str>,
}

/// Conditions of which all hold where all the matchers do: of one label, texts that must not be are joined, and
/// so are patterns that must not fit.
fn conditions(all: &[&MatcherDocument]) -> Vec<Condition> {
    let mut joined: Vec<Joined<'_>> = Vec::new();
    for said in all {
        match joined.iter_mut().find(|group| group.takes(said)) {
            Some(group) => group.values.push(&said.value),
            None => joined.push(Joined { first: said, values: vec![&said.value] }),
        }
    }
    joined.iter().map(Joined::condition).collect()
}

impl Joined<'_> {
    fn takes(&self, said: &MatcherDocument) -> bool {
        let first = self.first;
        let is_alike = first.name == said.name && first.is_regex == said.is_regex;
        let has_room = if said.is_regex {
            let bytes: usize = self.values.iter().map(|value| value.len()).sum();
            bytes + said.value.len() <= JOINED_BYTES
        } else {
            self.values.len() < limits::CONDITION_VALUES
        };
        is_alike && !first.is_equal && !said.is_equal && has_room
    }

    fn condition(&self) -> Condition {
        let owned = || self.values.iter().map(|&value| value.to_owned());
        let (op, values) = match (self.first.is_regex, self.values.as_slice()) {
            (true, [only]) => (Op::Regex, vec![whole(only)]),
            (true, several) => {
                let groups: Vec<String> = several.iter().map(|it| format!("(?:{it})")).collect();
                (Op::Regex, vec![whole(&groups.join("|"))])
            }
            (false, [_]) => (Op::Equals, owned().collect()),
            (false, _) => (Op::OneOf, owned().collect()),
        };
        let field = Field::Label(self.first.name.clone());
        Condition { field, op, values, negate: !self.first.is_equal }
    }
}

/// A pattern that fits whole texts, for rules, whose patterns are found anywhere.
fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

fn negated_cel(list: &[Matcher]) -> String {
    format!("!({})", list.iter().map(cel).collect::<Vec<_>>().join(" && "))
}

/// One matcher as an expression. A label that is not there is an error to CEL, so it is asked for first.
fn cel(matcher: &Matcher) -> String {
    let said = matcher.said();
    let name = literal(&said.name);
    let positive = MatcherDocument { is_equal: true, ..said.clone() };
    let fits_empty = matcher.holds("") == said.is_equal;
    let test = if positive.is_regex {
        format!("labels[{name}].matches({})", literal(&whole(&said.value)))
    } else {
        format!("labels[{name}] == {}", literal(&said.value))
    };
    let term = match (fits_empty, said.is_regex) {
        (true, false) => format!("!({name} in labels)"),
        (true, true) => format!("(!({name} in labels) || {test})"),
        (false, _) => format!("({name} in labels && {test})"),
    };
    if said.is_equal { term } else { format!("!{term}") }
}

/// A text as CEL writes it.
fn literal(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            other if other.is_control() => {
                written.push_str(&format!("\\u{:04x}", u32::from(other)))
            }
            other => written.push(other),
        }
    }
    written.push('"');
    written
}
