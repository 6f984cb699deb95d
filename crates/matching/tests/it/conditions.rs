//! Each way of comparing, its opposite, and fields that are not there.

use expect_test::{Expect, expect};
use matching::{Binding, Conjunction, Facts, Fit};
use model::{ComponentType, Incident, Severity, Status};

use crate::samples::{condition, rule, signal};

/// Each line a condition; written with whether it holds, and whether its opposite does.
fn check(conditions: &str, expect: Expect) {
    let (signal, mut shown) = (signal(), String::new());
    let facts = Facts::of_signal(&signal);
    for line in conditions.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let holds = |text: &str| {
            Conjunction::compile(&[condition(text)], Binding::Found)
                .is_ok_and(|compiled| compiled.holds(&facts))
        };
        let (plain, opposite) = (holds(line), holds(&format!("not {line}")));
        assert_ne!(plain, opposite, "{line}");
        shown += &format!("{} {line}\n", if plain { "yes" } else { "no " });
    }
    expect.assert_eq(&shown);
}

#[test]
fn texts_are_compared_exactly_and_closed_words_in_any_case() {
    check(
        "component equals payments-db
         component equals Payments-DB
         environment one_of staging,prod
         environment one_of staging,test
         component_type equals other
         component_type one_of RDBMS,Other
         kind equals FAILURE
         status equals Firing
         status equals OPEN
         source equals prometheus
         summary equals connection timed out",
        expect![[r#"
            yes component equals payments-db
            no  component equals Payments-DB
            yes environment one_of staging,prod
            no  environment one_of staging,test
            yes component_type equals other
            yes component_type one_of RDBMS,Other
            yes kind equals FAILURE
            yes status equals Firing
            no  status equals OPEN
            yes source equals prometheus
            yes summary equals connection timed out
        "#]],
    );
}

#[test]
fn severities_are_compared_in_any_vocabulary() {
    check(
        "severity equals P2
         severity equals warning
         severity equals critical
         severity one_of critical,Medium
         severity at_least info
         severity at_least p2
         severity at_least high
         severity glob P?
         severity regex ^P[01]$",
        expect![[r#"
            yes severity equals P2
            yes severity equals warning
            no  severity equals critical
            yes severity one_of critical,Medium
            yes severity at_least info
            yes severity at_least p2
            no  severity at_least high
            yes severity glob P?
            no  severity regex ^P[01]$
        "#]],
    );
}

#[test]
fn patterns_fit_from_end_to_end_and_expressions_are_found() {
    check(
        "component glob payments-*
         component glob *-db
         component glob p*s-?b
         component glob payments
         component glob PAYMENTS*
         component glob *
         summary regex time.?d? out
         summary regex ^timed
         summary regex (?i)TIMED
         summary regex out$",
        expect![[r#"
            yes component glob payments-*
            yes component glob *-db
            yes component glob p*s-?b
            no  component glob payments
            no  component glob PAYMENTS*
            yes component glob *
            yes summary regex time.?d? out
            no  summary regex ^timed
            yes summary regex (?i)TIMED
            yes summary regex out$
        "#]],
    );
}

#[test]
fn what_is_not_there_is_as_empty_text() {
    check(
        "labels.team equals payments
         labels.team present
         labels.empty present
         labels.missing present
         labels.empty equals <nothing>
         labels.missing equals <nothing>
         labels.missing glob *
         labels.missing regex ^$
         labels.missing one_of a,,b
         payload.code equals 503
         payload.ratio equals 0.25
         payload.ok equals false
         payload.nothing present
         payload.host.tags.1 equals y
         payload.host.name equals whole
         payload.items.1.level equals high
         payload.missing.deep present
         payload.host present",
        expect![[r#"
            yes labels.team equals payments
            yes labels.team present
            no  labels.empty present
            no  labels.missing present
            yes labels.empty equals <nothing>
            yes labels.missing equals <nothing>
            yes labels.missing glob *
            yes labels.missing regex ^$
            yes labels.missing one_of a,,b
            yes payload.code equals 503
            yes payload.ratio equals 0.25
            yes payload.ok equals false
            no  payload.nothing present
            yes payload.host.tags.1 equals y
            yes payload.host.name equals whole
            yes payload.items.1.level equals high
            no  payload.missing.deep present
            yes payload.host present
        "#]],
    );
}

#[test]
fn silences_bind_expressions_to_both_ends_and_rules_do_not() {
    let signal = signal();
    let facts = Facts::of_signal(&signal);
    for (pattern, found, whole) in [
        ("payments", true, false),
        ("payments-db", true, true),
        ("payments|payments-db", true, true),
        (".*db", true, true),
        ("^pay", true, false),
        ("", true, false),
    ] {
        let text = format!("component regex {pattern}");
        for (binding, holds) in [(Binding::Found, found), (Binding::Whole, whole)] {
            let compiled = Conjunction::compile(&[condition(&text)], binding).unwrap();
            assert_eq!(compiled.holds(&facts), holds, "{pattern} {binding:?}");
        }
    }
}

#[test]
fn the_first_condition_that_fails_is_named() {
    let signal = signal();
    let facts = Facts::of_signal(&signal);
    for (conditions, cel, fit) in [
        (vec!["component equals payments-db", "environment equals prod"], "", Fit::Matches),
        (vec!["component equals payments-db", "environment equals dev"], "", Fit::Fails(1)),
        (vec!["component equals x", "environment equals dev"], "", Fit::Fails(0)),
        (vec!["component equals payments-db"], "labels.team == 'payments'", Fit::Matches),
        (vec!["component equals payments-db"], "labels.team == 'other'", Fit::FailsCel),
        (vec!["component equals payments-db"], "labels.nothing == 'other'", Fit::FailsCel),
        (vec![], "", Fit::Matches),
    ] {
        let rule = matching::CompiledRule::compile(&rule(&conditions, cel)).unwrap();
        assert_eq!(rule.fits(&facts), fit, "{conditions:?} {cel}");
    }
    let all = ["kind equals failure", "not kind equals failure"].map(condition);
    let silence = Conjunction::compile(&all, Binding::Whole).unwrap();
    assert_eq!(silence.first_failing(&facts), Some(1));
}

#[test]
fn an_incident_gives_what_it_knows_and_its_signal_the_rest() {
    let signal = signal();
    let incident = incident();
    let facts = Facts::of_incident(&incident, &signal);
    for text in [
        "severity equals P0",
        "status equals investigating",
        "component equals payments",
        "component_type equals SERVICE",
        "environment equals staging",
        "source equals prometheus",
        "labels.team equals payments",
        "payload.code equals 503",
        "kind equals failure",
    ] {
        let compiled = Conjunction::compile(&[condition(text)], Binding::Found).unwrap();
        assert!(compiled.holds(&facts), "{text}");
    }
}

/// An incident that differs from [`signal`] in all that it gives.
pub(crate) fn incident() -> Incident {
    Incident {
        id: model::IncidentId(1),
        project: model::ProjectId(1),
        number: 1,
        title: "down".to_owned(),
        status: Status::Investigating,
        severity: Severity::P0,
        severity_pinned: false,
        component: "payments".to_owned(),
        component_type: ComponentType::Service,
        environment: "staging".to_owned(),
        policy: model::PolicyId(0),
        key: model::GroupingKey(0),
        grouping_key: String::new(),
        signal_count: 1,
        first_signal_at: model::Timestamp::default(),
        last_signal_at: model::Timestamp::default(),
        opened_at: model::Timestamp::default(),
        assignee: None,
        acknowledged_at: None,
        resolved_at: None,
        closed_at: None,
        mtta_seconds: None,
        mttr_seconds: None,
        merged_into: None,
        split_from: None,
        links: Vec::new(),
        changed_seq: model::Seq(1),
    }
}
