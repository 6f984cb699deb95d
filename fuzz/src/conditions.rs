//! What a rule says and what it is held against: a pattern, an expression, a path and a payload, all from
//! the same bytes, parted by lines.
//!
//! Held: nothing panics or runs away; what is refused does not compile, and what is taken does.

use std::borrow::Cow;

use matching::{CompiledRule, Facts, check_rule};
use model::{
    Condition, Duration, EndpointId, Field, Op, Rule, Signal, SignalId, SubscriberId, Target,
    Trigger,
};

const TEXTS: [&str; 4] = [
    "time.?out\nsummary.contains('a') && payload.a.b[0] > 1\na.b\n{\"a\":{\"b\":[1,2.5,\"\\u00e9\"]}}",
    "^(a|b)+$\nlabels.exists(k, k == 'team') || severity_rank <= 1\na.0\n[[\"x\"],{\"0\":null}]",
    "[[:alpha:]]{2}\npayload.list.all(x, x.size() < 9)\nlist\n{\"list\":[\"a\",\"b\"]}",
    "\\d\n!(component.startsWith('db-'))\n\n\"text\"",
];

/// Patterns, expressions, paths and payloads.
pub fn seeds() -> Vec<Vec<u8>> {
    TEXTS.map(|text| text.as_bytes().to_vec()).into()
}

/// Checks a rule, compiles it, and holds it against a signal.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (pattern, expression, path, payload) = (next(), next(), next(), next());
    let path = if path.is_empty() { "a" } else { path };
    let rule = rule(pattern, expression, path);
    let errors = check_rule(&rule);
    let compiled = CompiledRule::compile(&rule);
    assert_eq!(errors.is_empty(), compiled.is_ok(), "{errors:?}");
    let Ok(compiled) = compiled else { return };
    let mut signal = Signal::new(SignalId(1), "db-1", "prod");
    signal.summary = Cow::Borrowed(pattern);
    signal.labels = vec![(Cow::Borrowed("team"), Cow::Borrowed(path))];
    signal.payload = Cow::Borrowed(payload.as_bytes());
    let facts = Facts::of_signal(&signal);
    assert_eq!(compiled.fits(&facts), compiled.fits(&facts));
}

fn rule(pattern: &str, expression: &str, path: &str) -> Rule {
    let condition = |field, op, values| Condition { field, op, values, negate: false };
    Rule {
        subscriber: SubscriberId(1),
        on: vec![Trigger::Signal],
        conditions: vec![
            condition(Field::Summary, Op::Regex, vec![pattern.to_owned()]),
            condition(Field::Payload(path.to_owned()), Op::Present, Vec::new()),
        ],
        match_all: false,
        cel: expression.to_owned(),
        targets: vec![Target::Endpoint(EndpointId(1))],
        escalation: None,
        muted_by: Vec::new(),
        at_most: None,
        deadline: Duration::from_secs(60),
        enabled: true,
    }
}
