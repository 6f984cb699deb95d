//! How many incidents a list of signals will become, by the grouping policies as the server shows them.
//!
//! Written from the description of grouping, not from the engine: the first policy that fits decides,
//! its key says what belongs together, its mode and `open_when` when an incident opens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::KeyField;
use serde::Deserialize;
use wildmatch::WildMatch;

use super::signal::Simulated;

/// The policies of a project, in the order they are tried.
#[derive(Debug, Deserialize)]
pub(super) struct Policies {
    items: Vec<Policy>,
}

#[derive(Debug, Deserialize)]
struct Policy {
    name: String,
    #[serde(default)]
    matcher: BTreeMap<String, Values>,
    key: Vec<String>,
    mode: String,
    window: String,
    cap: u64,
    open_when: OpenWhen,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Any(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct OpenWhen {
    count: u64,
    within: String,
}

/// What the signals will become.
#[derive(Debug)]
pub(super) struct Prediction {
    keys: BTreeMap<(usize, Vec<String>), Key>,
    terms: Vec<Terms>,
}

/// What of a policy decides when incidents open.
#[derive(Debug, Clone)]
struct Terms {
    name: String,
    window: Option<Duration>,
    cap: u64,
    count: u64,
    within: Duration,
    /// Whether signals of another run, with another environment, may share a key.
    across_runs: bool,
}

/// The signals that belong together.
#[derive(Debug, Default)]
struct Key {
    outages: BTreeSet<usize>,
    incidents: u64,
    filed: u64,
    /// Signals that wait for `open_when`.
    waiting: u64,
    /// Signals in the current window.
    in_window: u64,
}

/// From so many to so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Range {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Prediction {
    /// The prediction for signals that arrive together.
    pub(super) fn make(policies: &Policies, signals: &[Simulated]) -> Self {
        let terms: Vec<Terms> = policies.items.iter().map(Terms::of).collect();
        let mut keys: BTreeMap<(usize, Vec<String>), Key> = BTreeMap::new();
        for signal in signals {
            let fitting = policies.items.iter().enumerate().find(|(_, policy)| policy.fits(signal));
            let Some((index, policy)) = fitting else { continue };
            let key = keys.entry((index, policy.key_of(signal))).or_default();
            key.outages.insert(signal.outage);
            key.take(&terms[index]);
        }
        Self { keys, terms }
    }

    /// Signals that will be in incidents.
    pub(super) fn filed(&self) -> u64 {
        self.keys.values().map(|key| key.filed).sum()
    }

    /// Incidents of one outage; `None` where some are shared with another outage.
    pub(super) fn of_outage(&self, outage: usize, took: Duration) -> Option<Range> {
        let touched = self.keys.iter().filter(|(_, key)| key.outages.contains(&outage));
        touched
            .map(|((policy, _), key)| {
                (key.outages.len() == 1).then(|| key.range(&self.terms[*policy], took))
            })
            .try_fold(Range::default(), |sum, range| Some(sum.plus(range?)))
    }

    /// All incidents.
    pub(super) fn total(&self, took: Duration) -> Range {
        let ranges =
            self.keys.iter().map(|((policy, _), key)| key.range(&self.terms[*policy], took));
        ranges.fold(Range::default(), Range::plus)
    }

    /// The names of the policies that decide, each once.
    pub(super) fn policies(&self) -> Vec<&str> {
        let used: BTreeSet<usize> = self.keys.keys().map(|(policy, _)| *policy).collect();
        used.into_iter().map(|policy| self.terms[policy].name.as_str()).collect()
    }

    /// A policy by which signals may join incidents of earlier runs, which nobody can predict.
    pub(super) fn across_runs(&self) -> Option<&str> {
        let used = self.keys.keys().map(|(policy, _)| &self.terms[*policy]);
        used.into_iter().find(|terms| terms.across_runs).map(|terms| terms.name.as_str())
    }
}

impl Range {
    /// Whether a number lies in it.
    pub(super) fn holds(self, number: u64) -> bool {
        (self.least..=self.most).contains(&number)
    }

    fn plus(self, other: Self) -> Self {
        Self { least: self.least + other.least, most: self.most + other.most }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.least == self.most {
            write!(f, "{}", self.least)
        } else {
            write!(f, "{}–{}", self.least, self.most)
        }
    }
}

impl Policy {
    fn fits(&self, signal: &Simulated) -> bool {
        self.matcher.iter().all(|(name, values)| {
            let Some(field) = KeyField::parse(name) else { return false };
            let value = signal.field(&field);
            let matches = |pattern: &String| {
                if pattern.contains(['*', '?']) {
                    WildMatch::new(pattern).matches(value)
                } else {
                    pattern == value
                }
            };
            match values {
                Values::One(pattern) => matches(pattern),
                Values::Any(patterns) => patterns.iter().any(matches),
            }
        })
    }

    /// The values of the key's fields; the identity where they are all empty.
    fn key_of(&self, signal: &Simulated) -> Vec<String> {
        let value =
            |name: &String| KeyField::parse(name).map(|field| signal.field(&field).to_owned());
        let values: Vec<String> =
            self.key.iter().map(|name| value(name).unwrap_or_default()).collect();
        if values.iter().all(String::is_empty) { signal.identity() } else { values }
    }
}

impl Terms {
    fn of(policy: &Policy) -> Self {
        let span = |text: &str| {
            let micros = model::Duration::parse(text).map_or(0, model::Duration::micros);
            Duration::from_micros(micros)
        };
        Self {
            name: policy.name.clone(),
            window: (policy.mode == "window").then(|| span(&policy.window)),
            cap: policy.cap.max(1),
            count: policy.open_when.count.max(1),
            within: span(&policy.open_when.within),
            across_runs: !policy.key.is_empty()
                && !policy.key.iter().any(|name| name == "environment"),
        }
    }
}

impl Key {
    /// Takes the next signal, as if all came at once.
    fn take(&mut self, terms: &Terms) {
        let open = match terms.window {
            Some(_) => self.incidents > 0 && self.in_window < terms.cap,
            None => self.incidents > 0,
        };
        if open {
            self.in_window += 1;
            self.filed += 1;
            return;
        }
        self.waiting += 1;
        if self.waiting >= terms.count {
            self.incidents += 1;
            self.in_window = self.waiting;
            self.filed += self.waiting;
            self.waiting = 0;
        }
    }

    /// The incidents, given how long it took to send everything: every window that ends meanwhile may
    /// open one more, and `open_when` may not see its signals in time.
    fn range(&self, terms: &Terms, took: Duration) -> Range {
        let ended = terms.window.filter(|window| !window.is_zero()).map_or(0, |window| {
            u64::try_from(took.as_micros() / window.as_micros()).unwrap_or(u64::MAX)
        });
        let in_time = terms.count <= 1 || took <= terms.within;
        Range { least: if in_time { self.incidents } else { 0 }, most: self.incidents + ended }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::outages;
    use super::*;

    /// Least and most in all, and of each outage, when everything took a second.
    fn check(policies: &str, expected: expect_test::Expect) {
        let built_in = r#"{"name":"default","matcher":{},"key":["environment","component"],"mode":"ongoing",
            "window":"10s","cap":100,"open_when":{"count":1,"within":"0s"}}"#;
        let text = format!("{{\"items\":[{policies}{built_in}]}}");
        let policies: Policies = serde_json::from_str(&text).expect("it can be read");
        let signals = outages::signals("sim", 1, 1, Timestamp::UNIX_EPOCH);
        let prediction = Prediction::make(&policies, &signals);
        let took = Duration::from_secs(1);
        let outages: Vec<String> = (0..outages::OUTAGES.len())
            .map(|index| {
                prediction
                    .of_outage(index, took)
                    .map_or_else(|| "shared".to_owned(), |range| range.to_string())
            })
            .collect();
        let said = format!(
            "{} = {}, {} filed, by {}",
            prediction.total(took),
            outages.join(" + "),
            prediction.filed(),
            prediction.policies().join(" and ")
        );
        expected.assert_eq(&said);
    }

    #[test]
    fn the_built_in_policy_makes_one_incident_of_each_component() {
        check("", expect_test::expect!["8 = 2 + 1 + 5, 12000 filed, by default"]);
    }

    #[test]
    fn windows_with_a_cap_split_an_outage_evenly() {
        let window = r#"{"name":"capped","matcher":{"component":["orders-*","session-cache"]},"key":["component"],
            "mode":"window","window":"10s","cap":100,"open_when":{"count":1,"within":"0s"}},"#;
        check(window, expect_test::expect!["42 = 19 + 18 + 5, 12000 filed, by capped and default"]);
    }

    #[test]
    fn a_policy_across_outages_is_predicted_together() {
        let wide = r#"{"name":"wide","matcher":{},"key":["environment"],"mode":"ongoing","window":"10s","cap":1,
            "open_when":{"count":1,"within":"0s"}},"#;
        check(wide, expect_test::expect!["1 = shared + shared + shared, 12000 filed, by wide"]);
    }

    #[test]
    fn what_open_when_never_sees_opens_nothing() {
        let rare = r#"{"name":"rare","matcher":{"component_type":"HOST"},"key":["component"],"mode":"ongoing",
            "window":"10s","cap":1,"open_when":{"count":601,"within":"30s"}},"#;
        check(rare, expect_test::expect!["7 = 2 + 1 + 4, 11400 filed, by rare and default"]);
    }
}
