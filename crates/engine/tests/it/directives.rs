//! Directives in the language of timelines.
//!
//! `at 0s rule ana NAME of=SUBSCRIBER on=opened,resolved to=E1,E2 if.component=db-* …`, `silence`, `inhibition
//! … source.FIELD= target.FIELD= equal=FIELD`, `escalation … steps=0s:E1,5m:E2`; `drop KIND WHO NAME`. A value is
//! text, `a|b` one of, with `*` a glob, `/…/` a regular expression, `>=P1` at least, `?` present; `!` before negates.

use model::{
    AtMost, Condition, Directive, DirectiveBody, DirectiveId, DirectiveKind, EndpointId,
    Escalation, Field, Inhibition, Op, Operation, ProjectId, Rule, Silence, Step, SubscriberId,
    Target, Timestamp, Trigger, limits,
};

use crate::script::{Words, number_of};
use crate::timeline::{START, span};

/// Reads `KIND WHO NAME …`.
pub(crate) fn put(words: &Words, project: ProjectId, first: usize) -> Operation {
    let name = words.at(first + 2);
    let body = match words.at(first) {
        "rule" => DirectiveBody::Rule(rule(words)),
        "default_route" => DirectiveBody::DefaultRoute(rule(words)),
        "silence" => DirectiveBody::Silence(silence(words)),
        "inhibition" => DirectiveBody::Inhibition(inhibition(words)),
        _ => DirectiveBody::Escalation(escalation(words)),
    };
    let directive = Directive { id: id(name), project, name: name.to_owned(), version: 0, body };
    let expected_version = words.option("version").map(number_of);
    Operation::PutDirective { directive: Box::new(directive), expected_version }
}

/// Reads `drop WHO KIND NAME`.
pub(crate) fn delete(words: &Words, first: usize) -> Operation {
    Operation::DeleteDirective {
        kind: DirectiveKind::parse(words.at(first + 2)).expect("a kind of directive"),
        id: id(words.at(first + 3)),
        expected_version: words.option("version").map(number_of),
    }
}

/// The id behind a name: its bytes, so that a test can print the name again.
pub(crate) fn id(name: &str) -> DirectiveId {
    DirectiveId(packed(name))
}

/// The name behind an id.
pub(crate) fn name(id: u128) -> String {
    id.to_be_bytes().iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

fn packed(name: &str) -> u128 {
    assert!(name.len() <= 16, "a short name");
    name.bytes().fold(0, |packed, byte| packed << 8 | u128::from(byte))
}

fn rule(words: &Words) -> Rule {
    let conditions = conditions(words, "if.");
    Rule {
        subscriber: SubscriberId(packed(words.option("of").unwrap_or("ops"))),
        on: triggers(words.option("on").unwrap_or("opened")),
        match_all: conditions.is_empty() && words.option("cel").is_none(),
        conditions,
        cel: words.option("cel").unwrap_or_default().to_owned(),
        targets: words.option("to").map(targets).unwrap_or_default(),
        escalation: words.option("escalation").map(id),
        muted_by: Vec::new(),
        at_most: words.option("at_most").map(|text| {
            let (count, within) = text.split_once('/').expect("count/within");
            AtMost { count: number_of(count), within: span(within) }
        }),
        deadline: limits::DELIVERY_DEADLINE,
        enabled: !words.has("disabled"),
    }
}

fn triggers(text: &str) -> Vec<Trigger> {
    let mut triggers: Vec<Trigger> =
        text.split(',').map(|word| Trigger::parse(word).expect("a trigger")).collect();
    triggers.sort_unstable();
    triggers
}

fn targets(text: &str) -> Vec<Target> {
    text.split(',').map(|name| Target::Endpoint(EndpointId(packed(name)))).collect()
}

fn silence(words: &Words) -> Silence {
    Silence {
        conditions: conditions(words, "if."),
        starts_at: words.time("from").unwrap_or(START),
        ends_at: words.time("until").expect("an end"),
        created_by: words.option("by").unwrap_or_default().to_owned(),
        comment: String::new(),
        maintenance: words.has("maintenance"),
        updated_at: Timestamp::default(),
    }
}

fn inhibition(words: &Words) -> Inhibition {
    let fields = |text: &str| {
        text.split(',').map(|name| Field::parse(name).expect("a field")).collect::<Vec<Field>>()
    };
    Inhibition {
        source: conditions(words, "source."),
        target: conditions(words, "target."),
        equal: words.option("equal").map(fields).unwrap_or_default(),
        enabled: !words.has("disabled"),
    }
}

fn escalation(words: &Words) -> Escalation {
    let step = |text: &str| {
        let (after, to) = text.split_once(':').expect("after:endpoint");
        Step { after: span(after), targets: to.split('+').flat_map(targets).collect() }
    };
    Escalation {
        steps: words.option("steps").expect("steps").split(',').map(step).collect(),
        repeat: words.option("repeat").map_or(0, number_of),
    }
}

fn conditions(words: &Words, prefix: &str) -> Vec<Condition> {
    words.starting(prefix).map(|(field, text)| condition(field, text)).collect()
}

fn condition(field: &str, text: &str) -> Condition {
    let field = Field::parse(field).expect("a field");
    let (negate, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let regex = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let (op, values) = if text == "?" {
        (Op::Present, Vec::new())
    } else if let Some(severity) = text.strip_prefix(">=") {
        (Op::AtLeast, vec![severity.to_owned()])
    } else if let Some(regex) = regex {
        (Op::Regex, vec![regex.to_owned()])
    } else if text.contains('|') {
        (Op::OneOf, text.split('|').map(str::to_owned).collect())
    } else if text.contains('*') {
        (Op::Glob, vec![text.to_owned()])
    } else {
        (Op::Equals, vec![text.to_owned()])
    };
    Condition { field, op, values, negate }
}
