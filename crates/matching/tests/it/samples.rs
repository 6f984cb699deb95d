//! Rules and signals written shortly.

use model::{
    Condition, DirectiveId, Duration, EndpointId, Field, Op, Rule, Signal, SignalId, SubscriberId,
    Target, Trigger,
};

/// `"component equals db"`, `"not labels.team one_of a,b"`, `"summary present"`,
/// `"source equals <nothing>"`: a condition.
pub(crate) fn condition(text: &str) -> Condition {
    let (negate, text) = match text.strip_prefix("not ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut parts = text.splitn(3, ' ');
    let field = parts.next().and_then(Field::parse).unwrap_or_else(|| panic!("{text}"));
    let op = parts.next().and_then(Op::parse).unwrap_or_else(|| panic!("{text}"));
    let values = match (op, parts.next()) {
        (_, None) => Vec::new(),
        (Op::OneOf, Some(rest)) => rest.split(',').map(str::to_owned).collect(),
        (_, Some("<nothing>")) => vec![String::new()],
        (_, Some(value)) => vec![value.to_owned()],
    };
    Condition { field, op, values, negate }
}

/// A rule in force for signals, with these conditions.
pub(crate) fn rule(conditions: &[&str], cel: &str) -> Rule {
    Rule {
        subscriber: SubscriberId(1),
        on: vec![Trigger::Signal],
        conditions: conditions.iter().map(|text| condition(text)).collect(),
        match_all: conditions.is_empty() && cel.is_empty(),
        cel: cel.to_owned(),
        targets: vec![Target::Endpoint(EndpointId(1))],
        escalation: None,
        muted_by: Vec::new(),
        at_most: None,
        deadline: Duration::from_secs(60),
        enabled: true,
    }
}

/// A signal with labels and a payload.
pub(crate) fn signal() -> Signal<'static> {
    let mut signal = Signal::new(SignalId(1), "payments-db", "prod");
    signal.summary = "connection timed out".into();
    signal.source = "prometheus".into();
    signal.labels = [("empty", ""), ("region", "eu-1"), ("team", "payments")]
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec();
    signal.payload = PAYLOAD.as_bytes().into();
    signal
}

/// The payload of [`signal`].
pub(crate) const PAYLOAD: &str = r#"{
  "code": 503, "ratio": 0.25, "ok": false, "nothing": null, "name": "db \"one\"\n",
  "host": {"name": "a1", "tags": ["x", "y"]}, "host.name": "whole",
  "items": [{"level": "low", "n": 1}, {"level": "high", "n": 7}]
}"#;

/// An id.
pub(crate) const fn id(number: u128) -> DirectiveId {
    DirectiveId(number)
}

/// Errors, one a line.
pub(crate) fn lines(errors: &[model::FieldError]) -> String {
    let line =
        |error: &model::FieldError| format!("{}: {}: {}\n", error.field, error.code, error.message);
    errors.iter().map(line).collect()
}
