//! Rules and signals for the row `matching`: what subscribers of a large installation might ask for.
//!
//! Everything is a function of a number, so that each run has the same rules. Invariant: a rule, and the
//! routes of Alertmanager that are written of it, ask for the same.

use model::{
    ComponentType, Condition, Duration, EndpointId, Field, Kind, Op, Rule, Severity, Signal,
    SignalId, SubscriberId, Target, Trigger,
};
use serde_json::{Value, json};

use crate::bodies::mix;

/// Components there are.
pub(crate) const COMPONENTS: u64 = 10_000;
/// Each component belongs to one of so many teams.
const TEAMS: u64 = 1_500;
const SUMMARIES: [&str; 8] = [
    "connection refused",
    "connection timed out",
    "latency above 900 ms",
    "disk is 91 % full",
    "replica lags by 40 s",
    "certificate expires in 3 days",
    "out of memory",
    "health check failed",
];
const PATTERNS: [&str; 12] = [
    "refused|timed out",
    "time.?d? ?out",
    "latency above [0-9]+ ms",
    "^disk is (8|9)[0-9] %",
    "lags by [0-9]+ s$",
    "expires in [0-9]+ days?",
    "out of memory|oom",
    "(?i)FAILED",
    "connection",
    "^replica",
    "full$",
    "memory|disk",
];
const SOURCES: [&str; 5] = ["prometheus", "probe", "kubernetes", "collector", "cloudwatch"];

/// A signal of the data set.
pub(crate) fn signal(number: u64) -> Signal<'static> {
    let chance = Chance(mix(number ^ 0x5169_6e61_6c00));
    let component = chance.of(0, COMPONENTS);
    let environment = ["prod", "prod", "prod", "staging", "dev"][chance.of(1, 5) as usize];
    let mut signal =
        Signal::new(SignalId(u128::from(number)), component_name(component), environment);
    signal.component_type = ComponentType::ALL[component as usize % ComponentType::ALL.len()];
    signal.kind = Kind::ALL[chance.of(2, Kind::ALL.len() as u64) as usize];
    signal.severity = Severity::ALL[chance.of(3, 4) as usize];
    signal.source = SOURCES[chance.of(4, 5) as usize].into();
    signal.summary = SUMMARIES[chance.of(5, 8) as usize].into();
    signal.labels = vec![
        ("pod".into(), pod(component, chance.of(6, 3)).into()),
        ("team".into(), team(component % TEAMS).into()),
        ("zone".into(), zone(chance.of(7, 3)).into()),
    ];
    let (latency, host) = (chance.of(8, 977), chance.of(9, 2_500));
    let payload = format!(
        "{{\"latency_ms\":{latency},\"attempt\":3,\"host\":\"{}\",\"request\":{{\"path\":\"/v1/orders\",\
         \"status\":503}}}}",
        host_name(host)
    );
    signal.payload = payload.into_bytes().into();
    signal
}

/// A rule of the typical set: most name what is the subscriber's own, in many ways.
pub(crate) fn typical(number: u64) -> Rule {
    let chance = Chance(mix(number ^ 0x5275_6c65_0000));
    let component = chance.of(0, COMPONENTS);
    let severity = || at_least(chance.of(1, 3));
    let own = || equals(Field::Component, component_name(component));
    let environment = || equals(Field::Environment, "prod".to_owned());
    let conditions = match chance.of(2, 1_000) {
        0..250 => vec![own(), severity()],
        250..470 => vec![own(), environment(), severity()],
        470..620 => vec![one_of(&chance), severity()],
        620..760 => vec![
            equals(Field::Label("team".to_owned()), team(chance.of(3, TEAMS))),
            severity(),
            condition(Field::Summary, Op::Regex, &PATTERNS[chance.of(4, 12) as usize]),
        ],
        760..840 => {
            let glob = format!("orders-db-{}*", 100 + chance.of(5, 900));
            vec![condition(Field::Component, Op::Glob, &glob), environment(), severity()]
        }
        840..900 => vec![
            equals(Field::Label("pod".to_owned()), pod(component, chance.of(6, 3))),
            equals(Field::Label("zone".to_owned()), zone(chance.of(7, 3))),
        ],
        900..950 => vec![
            equals(Field::Payload("host".to_owned()), host_name(chance.of(8, 2_500))),
            equals(Field::Kind, "failure".to_owned()),
        ],
        950..997 => vec![
            own(),
            Condition { negate: true, ..equals(Field::Environment, "dev".to_owned()) },
            equals(Field::Source, SOURCES[chance.of(9, 5) as usize].to_owned()),
        ],
        _ => {
            let one = ComponentType::ALL[chance.of(10, 9) as usize];
            vec![at_least(0), equals(Field::ComponentType, one.to_string()), environment()]
        }
    };
    rule(number, conditions)
}

/// The rule that all ask for in the worst set: nothing that could be looked up, and it fits every signal.
pub(crate) fn identical(number: u64) -> Rule {
    let conditions =
        vec![condition(Field::Component, Op::Regex, &"^orders-db-[0-9]+$"), at_least(3)];
    rule(number, conditions)
}

fn rule(number: u64, conditions: Vec<Condition>) -> Rule {
    Rule {
        subscriber: SubscriberId(u128::from(number / 300)),
        on: vec![Trigger::Signal],
        conditions,
        match_all: false,
        cel: String::new(),
        targets: vec![Target::Endpoint(EndpointId(1))],
        escalation: None,
        muted_by: Vec::new(),
        at_most: None,
        deadline: Duration::from_secs(86_400),
        enabled: true,
    }
}

/// Independent choices of one number.
struct Chance(u64);

impl Chance {
    fn of(&self, choice: u64, below: u64) -> u64 {
        mix(self.0.wrapping_add(choice.wrapping_mul(0x9e37_79b9))) % below
    }
}

fn component_name(number: u64) -> String {
    format!("orders-db-{number}")
}

fn team(number: u64) -> String {
    format!("team-{number}")
}

fn pod(component: u64, replica: u64) -> String {
    format!("orders-{component}-{replica}")
}

fn zone(number: u64) -> String {
    format!("eu-{number}")
}

fn host_name(number: u64) -> String {
    format!("10.0.{}.{}", number / 250, number % 250)
}

fn condition(field: Field, op: Op, value: &dyn ToString) -> Condition {
    Condition { field, op, values: vec![value.to_string()], negate: false }
}

fn equals(field: Field, value: String) -> Condition {
    condition(field, Op::Equals, &value)
}

fn at_least(rank: u64) -> Condition {
    condition(Field::Severity, Op::AtLeast, &Severity::ALL[rank as usize])
}

fn one_of(chance: &Chance) -> Condition {
    let values = (20..25).map(|choice| component_name(chance.of(choice, COMPONENTS))).collect();
    Condition { field: Field::Component, op: Op::OneOf, values, negate: false }
}

/// The labels of a signal for Alertmanager.
pub(crate) fn label_set(signal: &Signal<'_>) -> Value {
    let mut labels = json!({
        "component": signal.component, "environment": signal.environment, "source": signal.source,
        "severity": signal.severity.as_str(), "kind": signal.kind.as_str(),
        "component_type": signal.component_type.as_str(), "summary": signal.summary,
    });
    for (name, value) in &signal.labels {
        labels[name.as_ref()] = json!(value);
    }
    // It has no payloads: the one field that rules name is a label there.
    let payload: Value = serde_json::from_slice(&signal.payload).unwrap_or_default();
    labels["payload_host"] = payload["host"].clone();
    labels
}

/// The matchers of a rule for Alertmanager.
pub(crate) fn matchers(rule: &Rule) -> Value {
    let matcher = |condition: &Condition| {
        let (regex, value) = pattern(condition);
        let op = match (regex, condition.negate) {
            (false, false) => "=",
            (false, true) => "!=",
            (true, false) => "=~",
            (true, true) => "!~",
        };
        let name = match &condition.field {
            Field::Label(name) => name.clone(),
            Field::Payload(path) => format!("payload_{path}"),
            other => other.to_string(),
        };
        json!({ "name": name, "op": op, "value": value })
    };
    rule.conditions.iter().map(matcher).collect()
}

/// A regular expression bound to both ends or a text, whichever asks what the condition does.
fn pattern(condition: &Condition) -> (bool, String) {
    let first = condition.values.first().cloned().unwrap_or_default();
    match condition.op {
        Op::Equals => (false, first),
        Op::OneOf => (true, condition.values.join("|")),
        Op::Glob => (true, first.replace('*', ".*").replace('?', ".")),
        Op::Regex => (true, format!(".*(?:{first}).*")),
        Op::AtLeast => {
            let least = Severity::parse(&first).unwrap_or(Severity::P3);
            let bad = Severity::ALL.iter().filter(|severity| **severity <= least);
            (true, bad.map(|severity| severity.as_str()).collect::<Vec<_>>().join("|"))
        }
        Op::Present => (true, ".+".to_owned()),
    }
}
