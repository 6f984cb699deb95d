//! What is found through the index is what a look at every rule finds, whatever came and went before.

use std::collections::BTreeMap;

use matching::{CompiledRule, Facts, Fit, Rules};
use model::{
    ComponentType, DirectiveId, Duration, Kind, Rule, Severity, Signal, SignalId, SignalStatus,
    Status, Trigger,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::conditions::incident;
use crate::samples::{id, rule, signal};

/// Conditions that overlap, exclude and shadow each other.
const CONDITIONS: &[&str] = &[
    "component equals db",
    "component equals api",
    "component one_of db,api,cache",
    "component one_of db",
    "component one_of api,<nothing>,",
    "component glob d*",
    "component glob *i",
    "component glob *a*",
    "component glob api-gateway-*",
    "component glob *-gateway-one",
    "component glob **",
    "component glob a*i",
    "component glob queue",
    "component regex ^(db|cache)$",
    "component present",
    "environment equals prod",
    "environment one_of prod,dev",
    "source equals <nothing>",
    "source present",
    "summary regex time",
    "summary glob time*",
    "summary glob *out",
    "labels.team equals a",
    "labels.team one_of a,b",
    "labels.team present",
    "labels.team glob a*",
    "labels.team equals <nothing>",
    "labels.zone equals a",
    "labels.zone regex [ab]",
    "payload.x equals a",
    "payload.x one_of a,b",
    "payload.x present",
    "payload.y.0 equals 1",
    "payload.x glob *\"*",
    "severity equals P0",
    "severity at_least high",
    "severity one_of P1,P3",
    "component_type equals RDBMS",
    "kind one_of alert,failure",
    "kind glob f*",
    "status equals firing",
    "status one_of open,resolved",
    "status regex ^[A-Z]+$",
    "severity present",
];

const EXPRESSIONS: &[&str] =
    &["labels.team == 'a'", "severity_rank < 2", "payload.x == 'a' || component == 'db'"];

fn triggers() -> Vec<Trigger> {
    let waits = |secs| Trigger::Unacknowledged(Duration::from_secs(secs));
    vec![
        Trigger::Opened,
        Trigger::Escalated,
        Trigger::Resolved,
        Trigger::Signal,
        Trigger::SignalResolved,
        waits(60),
        waits(300),
    ]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let conditions = proptest::collection::vec((select(CONDITIONS), any::<bool>()), 0..5);
    let on = proptest::sample::subsequence(triggers(), 1..4);
    let cel = prop_oneof![6 => Just(""), 1 => select(EXPRESSIONS)];
    (conditions, on, cel, prop::bool::weighted(0.9)).prop_map(|(conditions, on, cel, enabled)| {
        let texts: Vec<String> = conditions
            .into_iter()
            .map(|(text, negate)| format!("{}{text}", if negate { "not " } else { "" }))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        Rule { on, enabled, ..rule(&texts, cel) }
    })
}

fn any_signal() -> impl Strategy<Value = Signal<'static>> {
    let names = select(&["db", "api", "cache", "api-gateway-one", "queue", "d", "é"][..]);
    let texts = (
        names,
        select(&["prod", "dev", ""][..]),
        select(&["", "prometheus"][..]),
        select(&["timeout", "time", "out", ""][..]),
    );
    let closed = (
        select(&Severity::ALL[..]),
        select(ComponentType::ALL),
        select(Kind::ALL),
        select(SignalStatus::ALL),
    );
    let label = || select(&["", "a", "b", "ab"][..]);
    let payload = select(
        &[
            "",
            "{}",
            r#"{"x":"a"}"#,
            r#"{"x":"a\"b","y":[1]}"#,
            r#"{"x":null}"#,
            r#"{"x":"b"}"#,
            "{",
        ][..],
    );
    (texts, closed, label(), label(), payload).prop_map(|(texts, closed, team, zone, payload)| {
        let mut signal = Signal::new(SignalId(1), texts.0, texts.1);
        signal.source = texts.2.into();
        signal.summary = texts.3.into();
        (signal.severity, signal.component_type, signal.kind, signal.status) = closed;
        let labels = [("team", team), ("zone", zone)];
        let kept = labels.into_iter().filter(|(_, value)| *value != "ab" || team == "ab");
        signal.labels = kept.map(|(name, value)| (name.into(), value.into())).collect();
        signal.payload = payload.as_bytes().into();
        signal
    })
}

/// A change: the rule of an id comes, changes or goes.
pub(crate) type Change = (u16, Option<Rule>);

/// The rules there ought to be, as they were put and compiled.
pub(crate) type Kept = BTreeMap<DirectiveId, (Rule, CompiledRule)>;

fn linear(rules: &Kept, trigger: Trigger, facts: &Facts<'_>) -> Vec<DirectiveId> {
    let fits = |rule: &CompiledRule| rule.asks_for(trigger) && rule.fits(facts) == Fit::Matches;
    rules.iter().filter(|(_, (_, rule))| fits(rule)).map(|(&id, _)| id).collect()
}

pub(crate) fn apply(rules: &mut Rules, kept: &mut Kept, (number, rule): &Change) {
    let id = id(u128::from(*number));
    match rule {
        Some(rule) => {
            let compiled = CompiledRule::compile(rule).expect("rules of this test are well formed");
            assert_eq!(rules.put(id, rule), Ok(()));
            kept.insert(id, (rule.clone(), compiled));
        }
        None => {
            rules.remove(id);
            kept.remove(&id);
        }
    }
}

pub(crate) fn compare(rules: &mut Rules, kept: &Kept, signals: &[Signal<'_>]) {
    let mut incident = incident();
    incident.component = "db".to_owned();
    incident.status = Status::Open;
    for signal in signals {
        for facts in [Facts::of_signal(signal), Facts::of_incident(&incident, signal)] {
            for trigger in triggers() {
                let mut found = vec![id(u128::MAX)];
                rules.matching(trigger, &facts, &mut found);
                assert_eq!(found[1..], linear(kept, trigger, &facts), "{trigger} {facts:?}");
                let mut unordered = Vec::new();
                rules.matching_unordered(trigger, &facts, &mut unordered);
                unordered.sort_unstable();
                assert_eq!(found[1..], unordered, "{trigger} {facts:?}");
                let asked = kept.values().any(|(it, _)| it.enabled && it.on.contains(&trigger));
                assert_eq!(rules.has(trigger), asked, "{trigger}");
            }
        }
    }
    assert_eq!(rules.len(), kept.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_a_look_at_each_rule_finds(
        changes in proptest::collection::vec((0..24_u16, prop::option::weighted(0.8, any_rule())), 1..60),
        signals in proptest::collection::vec(any_signal(), 1..4),
    ) {
        let (mut rules, mut kept) = (Rules::default(), Kept::new());
        for (count, change) in changes.iter().enumerate() {
            apply(&mut rules, &mut kept, change);
            if count % 8 == 0 {
                compare(&mut rules, &kept, &signals[..1]);
            }
        }
        compare(&mut rules, &kept, &signals);
        // The same rules put in another order are found alike.
        let mut anew = Rules::default();
        for (&id, (rule, _)) in kept.iter().rev() {
            anew.put(id, rule).unwrap();
        }
        compare(&mut anew, &kept, &signals);
        for id in kept.keys() {
            anew.remove(*id);
        }
        prop_assert!(anew.is_empty());
        compare(&mut anew, &Kept::new(), &signals);
    }
}

#[test]
fn thousands_of_rules_that_ask_the_same_are_found_in_order() {
    let (mut rules, signal) = (Rules::default(), signal());
    let facts = Facts::of_signal(&signal);
    let same = rule(&["component equals payments-db", "summary regex timed"], "");
    let mut ids: Vec<u128> = (1..=5_000).collect();
    // From both ends and the middle, as no clock would hand them out.
    ids.sort_by_key(|number| (number % 7, number.wrapping_mul(2_654_435_761) % 1_009));
    for &number in &ids {
        rules.put(id(number), &same).unwrap();
    }
    let mut found = Vec::new();
    rules.matching(Trigger::Signal, &facts, &mut found);
    assert_eq!(found, (1..=5_000).map(id).collect::<Vec<_>>());
    for &number in ids.iter().filter(|number| *number % 3 != 0) {
        rules.remove(id(number));
    }
    found.clear();
    rules.matching(Trigger::Signal, &facts, &mut found);
    assert_eq!(found, (1..=5_000).filter(|number| number % 3 == 0).map(id).collect::<Vec<_>>());
}

#[test]
fn spans_without_an_answer_are_told_once_each_and_match_exactly() {
    let mut rules = Rules::default();
    let waits = |secs| Trigger::Unacknowledged(Duration::from_secs(secs));
    for (number, secs) in [(1, 600), (2, 60), (3, 600)] {
        let on = vec![Trigger::Opened, waits(secs)];
        rules.put(id(number), &Rule { on, ..rule(&[], "") }).unwrap();
    }
    let off = Rule { on: vec![waits(5)], enabled: false, ..rule(&[], "") };
    rules.put(id(4), &off).unwrap();
    let spans: Vec<u64> = rules.unacknowledged_after().map(Duration::secs).collect();
    assert_eq!(spans, [60, 600]);
    let signal = signal();
    let mut found = |trigger| {
        let mut found = Vec::new();
        rules.matching(trigger, &Facts::of_signal(&signal), &mut found);
        found
    };
    assert_eq!(found(waits(600)), [id(1), id(3)]);
    assert_eq!(found(waits(60)), [id(2)]);
    assert_eq!(found(waits(61)), []);
    assert_eq!(found(Trigger::Opened), [id(1), id(2), id(3)]);
    rules.remove(id(2));
    assert_eq!(rules.unacknowledged_after().map(Duration::secs).collect::<Vec<_>>(), [600]);
}

#[test]
fn a_rule_that_does_not_compile_is_kept_out_with_its_errors_and_leaves_nothing_behind() {
    let (mut rules, signal) = (Rules::default(), signal());
    rules.put(id(1), &rule(&["component equals payments-db"], "")).unwrap();
    let bad = rule(&["component equals payments-db", "labels.x regex ("], "labels.x == nobody");
    let errors = rules.put(id(1), &bad).unwrap_err();
    assert_eq!(errors, CompiledRule::compile(&bad).unwrap_err());
    assert!(rules.is_empty() && !rules.has(Trigger::Signal));
    let mut found = Vec::new();
    rules.matching(Trigger::Signal, &Facts::of_signal(&signal), &mut found);
    assert_eq!(found, []);
}

#[test]
fn of_a_label_that_comes_twice_the_first_counts() {
    let mut signal = signal();
    signal.labels = vec![("a".into(), "1".into()), ("a".into(), "2".into())];
    let mut rules = Rules::default();
    let mut kept = Kept::new();
    for change in [
        (1, Some(rule(&["labels.a equals 1"], ""))),
        (2, Some(rule(&["labels.a equals 2"], ""))),
        (3, Some(rule(&["labels.a one_of 1,2"], ""))),
        (4, Some(rule(&[], "labels.a == '1'"))),
    ] {
        apply(&mut rules, &mut kept, &change);
    }
    compare(&mut rules, &kept, &[signal]);
}

#[test]
fn everything_compiled_can_go_to_another_thread() {
    fn goes<T: Send + Sync>() {}
    goes::<Rules>();
    goes::<CompiledRule>();
    goes::<matching::Conjunction>();
}
