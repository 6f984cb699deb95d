//! Expressions: what they see, and what goes wrong quietly.

use matching::{CompiledRule, Facts, Fit, Rules};
use model::{Rule, limits};

use crate::samples::{id, rule, signal};

fn holds(expression: &str) -> bool {
    let rule = CompiledRule::compile(&rule(&[], expression))
        .unwrap_or_else(|errors| panic!("{expression}: {errors:?}"));
    let signal = signal();
    match rule.fits(&Facts::of_signal(&signal)) {
        Fit::Matches => true,
        Fit::FailsCel => false,
        Fit::Fails(_) => panic!("{expression} has no conditions"),
    }
}

#[test]
fn every_variable_can_be_asked() {
    for expression in [
        "severity == 'P2'",
        "severity_rank <= 2 && severity_rank > 1",
        "source == 'prometheus'",
        "component.startsWith('payments')",
        "component_type == 'OTHER'",
        "environment in ['prod', 'staging']",
        "kind == 'failure'",
        "status == 'firing'",
        "summary.contains('timed')",
        "summary.matches('time[sd] o.t$')",
        "matches(summary, 'connection')",
        "labels.team == 'payments' && labels['region'].endsWith('-1')",
        "'team' in labels && !('other' in labels)",
        "has(labels.team) && !has(labels.other)",
        "size(labels) == 3",
        "payload.code == 503",
        "payload.code >= 500 && payload.ratio < 0.5 && !payload.ok && payload.nothing == null",
        "payload.name == 'db \"one\"\\n'",
        "payload.host.name == 'a1' && payload['host.name'] == 'whole'",
        "payload.host.tags[1] == 'y' && 'x' in payload.host.tags",
        "payload.items.exists(item, item.level == 'high' && item.n > 5)",
        "payload.items.all(item, item.n > 0)",
        "payload.items.exists_one(item, item.n == 7)",
        "payload.items.filter(item, item.n > 3).size() == 1",
        "payload.items.map(item, item.n) == [1, 7]",
        "labels.exists(name, labels[name] == 'payments')",
        "labels.map(name, name) == ['empty', 'region', 'team']",
        "payload.map(name, name)[0] == 'code'",
        "string(payload.code) + '!' == '503!'",
        "int('7') == 7 && severity == 'P0' ? false : true",
        "payload.host == payload.host",
        "summary == r'connection timed out' // a comment",
    ] {
        assert!(holds(expression), "{expression}");
    }
}

#[test]
fn what_fails_or_is_no_answer_does_not_match() {
    for expression in [
        "labels.other == 'x'",
        "payload.code == 'x'",
        "payload.code + 'x' == ''",
        "payload.items[9].n == 1",
        "1 / 0 == 1",
        "9223372036854775807 + 1 > 0",
        "-9223372036854775808 / -1 > 0",
        "5 % 0 == 1",
        "summary",
        "1",
        "null",
        "payload",
        "payload.code.all(x, true)",
        "int('x') == 1",
        "payload.host < payload.host",
        "[1] < [2]",
        "payload.items.map(item, item.nothing) == []",
        "labels[1] == ''",
        "labels[payload] == ''",
        "payload == labels",
    ] {
        assert!(!holds(expression), "{expression}");
    }
}

#[test]
fn a_payload_that_is_absent_is_an_empty_map_and_one_that_is_not_json_is_null() {
    let empty = CompiledRule::compile(&rule(&[], "!has(payload.x) && size(payload) == 0")).unwrap();
    let null = CompiledRule::compile(&rule(&[], "payload == null")).unwrap();
    let mut signal = signal();
    signal.payload = Vec::new().into();
    assert_eq!(empty.fits(&Facts::of_signal(&signal)), Fit::Matches);
    assert_eq!(null.fits(&Facts::of_signal(&signal)), Fit::FailsCel);
    for bytes in ["{", "nonsense", "\"x"] {
        signal.payload = bytes.as_bytes().to_vec().into();
        assert_eq!(null.fits(&Facts::of_signal(&signal)), Fit::Matches, "{bytes}");
    }
}

#[test]
fn lists_that_are_too_long_and_nesting_that_is_too_deep_are_null() {
    let rule = |text| CompiledRule::compile(&rule(&[], text)).unwrap();
    let (long, walks) = (rule("payload.a == null"), rule("payload.a.all(x, x > 0)"));
    let mut signal = signal();
    for (items, is_long) in [(1_024, false), (1_025, true)] {
        let list = vec!["1"; items].join(",");
        signal.payload = format!("{{\"a\":[{list}]}}").into_bytes().into();
        let facts = Facts::of_signal(&signal);
        assert_eq!(long.fits(&facts) == Fit::Matches, is_long, "{items}");
        assert_eq!(walks.fits(&facts) == Fit::Matches, !is_long, "{items}");
    }
    signal.payload = format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000)).into_bytes().into();
    let one_deep = rule("payload.size() == 1");
    assert_eq!(one_deep.fits(&Facts::of_signal(&signal)), Fit::Matches);
}

#[test]
fn what_expressions_may_cost_together_counts_each_once_while_a_rule_in_force_asks_it() {
    let mut rules = Rules::default();
    let mut put = |number, expression: &str, enabled| {
        let rule = Rule { enabled, ..rule(&[], expression) };
        rules.put(id(number), &rule).unwrap();
        rules.cel_cost()
    };
    let (cheap, dear) = ("severity == 'P1'", "labels.exists(x, labels.exists(y, x < y))");
    assert_eq!(put(1, cheap, true), 3);
    assert_eq!(put(2, cheap, true), 3, "the same is asked once");
    assert_eq!(put(3, dear, false), 3, "it is not in force");
    let all = put(3, dear, true);
    assert!((20_000..=limits::CEL_COST).contains(&all), "{all}");
    assert_eq!(matching::cel_cost([cheap, dear, "", cheap, "nonsense ="]), all);
    assert_eq!(put(1, dear, true), all);
    assert_eq!(put(2, dear, true), all - 3);
    for number in 1..=3 {
        assert!(rules.cel_cost() > 0);
        rules.remove(id(number));
    }
    assert_eq!(rules.cel_cost(), 0);
}

#[test]
fn thousands_of_expressions_as_people_write_them_cost_less_than_a_project_may() {
    let ordinary = [
        "labels.team == 'payments' && severity_rank <= 1 && environment == 'prod'",
        "component.startsWith('db-') && !(labels.region in ['eu-1', 'eu-2'])",
        "summary.contains('timed out') || summary.matches('refused|reset')",
    ];
    let mut rules = Rules::default();
    for (number, expression) in ordinary.into_iter().enumerate() {
        rules.put(id(number as u128), &rule(&[], expression)).unwrap();
    }
    let each = rules.cel_cost() / 3;
    assert!(each * 5_000 <= limits::CEL_COST_OF_PROJECT, "{each}");
    rules.put(id(9), &rule(&[], "payload.amount > 100")).unwrap();
    let reading = rules.cel_cost() - each * 3;
    assert!(reading * 1_000 <= limits::CEL_COST_OF_PROJECT, "{reading}");
}
