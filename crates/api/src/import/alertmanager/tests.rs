//! The mapping beside a routing tree that is walked in the plainest way, and what is said of a configuration.

use std::collections::BTreeMap;

use matching::{CompiledRule, Facts, Fit};
use model::directive::{Rule, Target};
use model::{EndpointId, Signal, SignalId, SubscriberId, limits};
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};

use super::configuration::Configuration;
use super::negation::Match;
use super::{Plan, Told, Verdict, map, routes};

const LABELS: [&str; 3] = ["a", "b", "c"];
const VALUES: [&str; 4] = ["", "x", "y", "xy"];

fn matcher() -> impl Strategy<Value = String> {
    let equal =
        (0..LABELS.len(), 0..VALUES.len(), any::<bool>()).prop_map(|(label, value, not)| {
            format!("{}{}\"{}\"", LABELS[label], if not { "!=" } else { "=" }, VALUES[value])
        });
    let patterns = prop::sample::select(vec!["x|y", "x.*", ".*", "y?", "(?i)X", "xy$", ""]);
    let fits = (0..LABELS.len(), patterns, any::<bool>()).prop_map(|(label, pattern, not)| {
        format!("{}{}\"{pattern}\"", LABELS[label], if not { "!~" } else { "=~" })
    });
    prop_oneof![3 => equal, 2 => fits]
}

/// A route without a receiver, as the configuration has it.
fn route() -> impl Strategy<Value = Value> {
    let own = || (prop::collection::vec(matcher(), 0..4), prop::bool::weighted(0.3));
    let leaf = own().prop_map(|(matchers, go_on)| json!({"matchers": matchers, "continue": go_on}));
    leaf.prop_recursive(3, 14, 4, move |inner| {
        (own(), prop::collection::vec(inner, 0..4)).prop_map(|((matchers, go_on), routes)| {
            json!({"matchers": matchers, "continue": go_on, "routes": routes})
        })
    })
}

/// Gives every route a receiver of its own and puts a root above them.
fn configuration(mut routes: Vec<Value>) -> Value {
    fn name(routes: &mut [Value], names: &mut Vec<String>) {
        for route in routes {
            let own = format!("r{}", names.len());
            route["receiver"] = json!(own);
            names.push(own);
            if let Some(below) = route.get_mut("routes").and_then(Value::as_array_mut) {
                name(below, names);
            }
        }
    }
    let mut names = vec!["root".to_owned()];
    name(&mut routes, &mut names);
    let receivers: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "webhook_configs": [{"url": "http://sink.example/"}]}))
        .collect();
    json!({"route": {"receiver": "root", "routes": routes}, "receivers": receivers})
}

/// Alertmanager's own way: down into what fits, until one does not go on.
fn dispatched(route: &Value, labels: &BTreeMap<&str, &str>) -> Vec<String> {
    let none = Vec::new();
    let list = |name: &str| route[name].as_array().unwrap_or(&none).clone();
    if !list("matchers").iter().all(|text| fits(text.as_str().unwrap(), labels)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for child in list("routes") {
        let below = dispatched(&child, labels);
        let ends = !below.is_empty() && child["continue"] != true;
        found.extend(below);
        if ends {
            break;
        }
    }
    if found.is_empty() {
        found.push(route["receiver"].as_str().unwrap().to_owned());
    }
    found
}

fn fits(text: &str, labels: &BTreeMap<&str, &str>) -> bool {
    let (label, rest) = text.split_at(1);
    let value = labels.get(label).copied().unwrap_or_default();
    let quoted = rest.trim_start_matches(['=', '!', '~']);
    let wanted = quoted.trim_matches('"');
    let operator = &rest[..rest.len() - quoted.len()];
    let pattern = || Regex::new(&format!("^(?:{wanted})$")).unwrap();
    match operator {
        "=" => value == wanted,
        "!=" => value != wanted,
        "=~" => pattern().is_match(value),
        _ => !pattern().is_match(value),
    }
}

/// Signals with every combination of labels that tells matchers apart.
fn signals() -> Vec<(Signal<'static>, BTreeMap<&'static str, &'static str>)> {
    const CHOICES: [Option<&str>; 5] = [None, Some("x"), Some("y"), Some("xy"), Some("z")];
    let combinations = CHOICES
        .iter()
        .flat_map(|a| CHOICES.iter().flat_map(move |b| CHOICES.iter().map(move |c| [*a, *b, *c])));
    combinations
        .map(|values| {
            let labels: BTreeMap<&str, &str> = LABELS
                .into_iter()
                .zip(values)
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            let mut signal = Signal::new(SignalId(1), "db", "prod");
            signal.labels =
                labels.iter().map(|(&name, &value)| (name.into(), value.into())).collect();
            (signal, labels)
        })
        .collect()
}

fn compiled(found: &Match) -> CompiledRule {
    let rule = Rule {
        subscriber: SubscriberId(1),
        on: vec![model::Trigger::Signal],
        conditions: found.conditions.clone(),
        match_all: found.conditions.is_empty() && found.cel.is_empty(),
        cel: found.cel.clone(),
        targets: vec![Target::Endpoint(EndpointId(1))],
        escalation: None,
        muted_by: Vec::new(),
        at_most: None,
        deadline: limits::DELIVERY_DEADLINE,
        enabled: true,
    };
    CompiledRule::compile(&rule).unwrap_or_else(|errors| panic!("{errors:?}: {found:?}"))
}

fn planned(configuration: &Value) -> Plan {
    map(&configuration.to_string(), Told::Alerts).unwrap_or_else(|why| panic!("{why}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rules_tell_whom_alertmanager_would_tell(routes in prop::collection::vec(route(), 0..5)) {
        let configuration = configuration(routes);
        let plan = planned(&configuration);
        let rules: Vec<(&str, CompiledRule)> = plan.rules.iter().map(|rule| {
            let found = Match { conditions: rule.conditions.clone(), cel: rule.cel.clone() };
            (rule.receiver.as_str(), compiled(&found))
        }).collect();
        let unsaid = plan.report.0.iter().any(|it| it.verdict == Verdict::NotSupported);
        prop_assert!(!unsaid, "{:?}", plan.report);
        for (signal, labels) in signals() {
            let mut expected = dispatched(&configuration["route"], &labels);
            let facts = Facts::of_signal(&signal);
            let mut told: Vec<&str> = rules.iter()
                .filter(|(_, rule)| rule.fits(&facts) == Fit::Matches)
                .map(|(receiver, _)| *receiver)
                .collect();
            expected.sort_unstable();
            told.sort_unstable();
            prop_assert_eq!(told, expected, "{:?}", labels);
        }
    }

    #[test]
    fn a_demand_is_the_same_in_parts_and_as_an_expression(routes in prop::collection::vec(route(), 0..5)) {
        let text = configuration(routes).to_string();
        let root = crate::import::yaml::read(&text).unwrap();
        let (configuration, _) = Configuration::read(&root).unwrap();
        let signals = signals();
        for (route, demand) in routes::demands(&configuration.route) {
            for most in [1, 2, 1_000] {
                let Ok(matches) = demand.clone().matches(most) else { continue };
                prop_assert!(matches.len() <= most);
                let rules: Vec<CompiledRule> = matches.iter().map(compiled).collect();
                for (signal, _) in &signals {
                    let label = |name: &str| signal.label(name).unwrap_or_default().to_owned();
                    let facts = Facts::of_signal(signal);
                    let fitting = rules.iter().filter(|rule| rule.fits(&facts) == Fit::Matches).count();
                    let expected = usize::from(demand.holds(label));
                    prop_assert_eq!(fitting, expected, "{}: {:?} {:?}", route.path, signal.labels, matches);
                }
            }
        }
    }
}

const CONFIGURATION: &str = include_str!("example.yml");

#[test]
fn a_usual_configuration_is_mapped_and_every_element_is_told_of() {
    let plan = map(CONFIGURATION, Told::Alerts).unwrap();
    let mut said = String::new();
    for element in &plan.report.0 {
        let (verdict, into) = (json!(element.verdict), element.into.join(", "));
        said.push_str(&format!(
            "{}: {} [{into}] {}\n",
            element.element,
            verdict.as_str().unwrap(),
            element.note
        ));
    }
    for rule in &plan.rules {
        let conditions: Vec<String> = rule.conditions.iter().map(shown).collect();
        let on: Vec<String> = rule.on.iter().map(ToString::to_string).collect();
        let (conditions, on) = (conditions.join(" and "), on.join(", "));
        said.push_str(&format!(
            "{} | {on} | {conditions} | {} | {:?} | {:?}\n",
            rule.name, rule.cel, rule.endpoints, rule.muted_by
        ));
    }
    for inhibition in &plan.inhibitions {
        let side = |conditions: &[model::Condition]| -> String {
            conditions.iter().map(shown).collect::<Vec<_>>().join(" and ")
        };
        let (source, target) = (side(&inhibition.source), side(&inhibition.target));
        said.push_str(&format!(
            "{} | {source} | {target} | {:?}\n",
            inhibition.name, inhibition.equal
        ));
    }
    for receiver in &plan.receivers {
        for endpoint in &receiver.endpoints {
            let (channel, config) = (endpoint.channel, &endpoint.config);
            said.push_str(&format!("{} {} {channel} {config}\n", receiver.name, endpoint.name));
        }
    }
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    expect_test::expect_file!["example.expected"].assert_eq(&(lines.join("\n") + "\n"));
    assert!(!plan.masked.contains("hunter2") && !plan.masked.contains("T000/B000"));
}

fn shown(condition: &model::Condition) -> String {
    let negate = if condition.negate { "not " } else { "" };
    format!("{negate}{} {} {}", condition.field, condition.op, condition.values.join("|"))
}

#[test]
fn what_alertmanager_refuses_is_refused_with_its_line() {
    let cases = [
        ("", "empty"),
        ("route: [", "line 1"),
        ("receivers: []", "no routes provided"),
        ("route: {}", "root route must specify a default receiver"),
        ("route: {receiver: a}", "undefined receiver `a`"),
        (
            "route: {receiver: a, match: {b: c}}\nreceivers: [{name: a}]",
            "must not have any matchers",
        ),
        ("route: {receiver: a, continue: true}\nreceivers: [{name: a}]", "cannot have continue"),
        (
            "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]",
            "line 2: receivers[1]: the receiver name `a` is not unique",
        ),
        (
            "route: {receiver: a, routes: [{matchers: ['x']}]}\nreceivers: [{name: a}]",
            "bad matcher format: x",
        ),
        (
            "route: {receiver: a, routes: [{match_re: {b: '('}}]}\nreceivers: [{name: a}]",
            "line 1: route.routes[0]",
        ),
        (
            "route: {receiver: a, routes: [{mute_time_intervals: [n]}]}\nreceivers: [{name: a}]",
            "undefined time interval `n`",
        ),
        ("route: {receiver: a, routes: x}\nreceivers: [{name: a}]", "it must be a list"),
    ];
    for (text, expected) in cases {
        let why = map(text, Told::Alerts).err().unwrap_or_default();
        assert!(why.contains(expected), "{text}: {why}");
    }
}

#[test]
fn a_tree_that_would_become_too_many_rules_becomes_expressions() {
    let siblings: Vec<Value> = (0..20)
        .map(|number| json!({"matchers": [format!("a=\"{number}\""), format!("b!=\"{number}\"")]}))
        .collect();
    let plan = planned(&configuration(siblings));
    let of_root = |rule: &&super::PlannedRule| rule.element == "route";
    let rules: Vec<_> = plan.rules.iter().filter(of_root).collect();
    assert_eq!(rules.len(), 1);
    assert!(rules[0].cel.contains("labels[\"a\"] == \"19\""), "{}", rules[0].cel);
    let many: Vec<Value> = (0..200)
        .map(|number| json!({"matchers": [format!("a=\"{number}\""), format!("b!=\"{number}\"")]}))
        .collect();
    let plan = planned(&configuration(many));
    let unsaid = plan.report.0.iter().find(|it| it.verdict == Verdict::NotSupported).unwrap();
    assert!(unsaid.element == "route" || unsaid.element.starts_with("route.routes"), "{unsaid:?}");
    assert!(unsaid.note.contains("bytes"), "{unsaid:?}");
}

#[test]
fn a_hundred_teams_are_one_condition_of_the_route_above() {
    let teams: Vec<Value> =
        (0..100).map(|number| json!({"match": {"team": format!("t{number}")}})).collect();
    let plan = planned(&configuration(teams));
    let root = plan.rules.iter().find(|rule| rule.element == "route").unwrap();
    assert_eq!((root.conditions.len(), root.conditions[0].values.len()), (1, 100));
    let last = plan.rules.iter().find(|rule| rule.element == "route.routes[99]").unwrap();
    assert_eq!(last.conditions.len(), 1, "the others follow from its own: {:?}", last.conditions);
}
