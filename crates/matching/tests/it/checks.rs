//! What is said about rules that are not well formed.

use expect_test::{Expect, expect};
use matching::{Binding, CompiledRule, check_conditions, check_rule};
use model::{AtMost, Condition, Duration, Field, Op, Rule, Trigger};

use crate::samples::{condition, lines, rule};

fn check(rule: &Rule, expect: Expect) {
    expect.assert_eq(&lines(&check_rule(rule)));
}

#[test]
fn a_good_rule_has_no_errors() {
    check(
        &rule(&["component equals db", "severity at_least high"], "labels.x == 'y'"),
        expect![""],
    );
    check(&rule(&[], ""), expect![""]);
}

#[test]
fn every_bad_field_is_named_at_once() {
    let mut bad = rule(
        &[
            "component at_least P1",
            "severity at_least awful",
            "severity one_of P1,worse,high,worst",
            "component_type equals BIG",
            "kind one_of failure,success",
            "status equals gone",
            "summary regex (unclosed",
            "summary equals",
            "summary one_of",
            "labels.x present yes",
        ],
        "severity = 'P1'",
    );
    bad.conditions[7].values.clear();
    bad.match_all = true;
    bad.on.clear();
    bad.targets.clear();
    bad.at_most = Some(AtMost { count: 0, within: Duration::ZERO });
    check(
        &bad,
        expect![[r#"
        on: missing: must name at least one of opened, escalated, acknowledged, resolved, reopened, closed, unacknowledged_for(5m), signal, signal_resolved
        match_all: contradiction: a rule with conditions or a CEL expression does not match everything
        match[0].op: unsuitable: at_least compares severities; component is none
        match[1].value: unknown_value: `awful` is not a severity; use P0, P1, P2 or P3, or a word such as critical, high, warning, info
        match[2].value[1]: unknown_value: `worse` is not a severity; use P0, P1, P2 or P3, or a word such as critical, high, warning, info
        match[2].value[3]: unknown_value: `worst` is not a severity; use P0, P1, P2 or P3, or a word such as critical, high, warning, info
        match[3].value: unknown_value: `BIG` is none of API, MCP_HOST, CACHE, QUEUE, RDBMS, NOSQL, SERVICE, HOST, OTHER
        match[4].value[1]: unknown_value: `success` is none of failure, alert, runtime, healthcheck, dependency, config
        match[5].value: unknown_value: `gone` is none of firing, resolved, OPEN, INVESTIGATING, RESOLVED, CLOSED
        match[6].value: invalid_regex: not a regular expression: unclosed group
        match[7].value: missing: equals takes a value
        match[8].value: missing: one_of takes a value
        match[9].value: too_many: present takes no value
        cel: invalid_expression: line 1, column 11: Syntax error: mismatched input '=' expecting <EOF>
        targets: missing: name a target or an escalation policy
        at_most.count: too_small: must be at least 1
        at_most.within: too_small: must be longer than nothing
    "#]],
    );
}

#[test]
fn a_rule_says_what_it_matches() {
    let mut nothing = rule(&[], "");
    nothing.match_all = false;
    check(
        &nothing,
        expect![[r#"
        match: missing: a rule needs a condition or a CEL expression; one for everything says "match_all": true
    "#]],
    );
    let mut both = rule(&[], "severity == 'P0'");
    both.match_all = true;
    check(
        &both,
        expect![[r#"
        match_all: contradiction: a rule with conditions or a CEL expression does not match everything
    "#]],
    );
}

#[test]
fn triggers_are_named_once() {
    let mut twice = rule(&[], "");
    let five = Trigger::Unacknowledged(Duration::from_secs(300));
    twice.on = vec![Trigger::Opened, five, Trigger::Opened, five];
    check(
        &twice,
        expect![[r#"
        on[2]: duplicate: opened is named twice
        on[3]: duplicate: unacknowledged_for(300s) is named twice
    "#]],
    );
    twice.on = (1..=33).map(|secs| Trigger::Unacknowledged(Duration::from_secs(secs))).collect();
    check(
        &twice,
        expect![[r#"
        on: too_many: at most 32
    "#]],
    );
}

#[test]
fn limits_are_kept() {
    let long = "x".repeat(2_049);
    let mut big = rule(&["component equals x"], &"x".repeat(4_097));
    big.conditions = vec![condition("component equals x"); 33];
    big.conditions[0].values = vec![long.clone()];
    big.conditions[1] = Condition {
        field: Field::Label("x".repeat(129)),
        op: Op::OneOf,
        values: vec!["x".to_owned(); 1_025],
        negate: false,
    };
    big.conditions[2].values = vec!["a".to_owned(), "b".to_owned()];
    big.conditions[3] = condition("summary regex (\\w{500}){500}");
    big.conditions[4] = condition(&format!("summary regex {}", "(".repeat(40) + &")".repeat(40)));
    big.targets = vec![big.targets[0]; 65];
    check(
        &big,
        expect![[r#"
        match: too_many: at most 32 conditions
        match[0].value: too_long: at most 2048 bytes
        match[1].field: too_long: a label's name has at most 128 bytes
        match[1].value: too_many: at most 1024 values
        match[2].value: too_many: equals takes one value; use one_of
        match[3].value: too_large: the regular expression takes more than 262144 bytes compiled
        match[4].value: invalid_regex: not a regular expression: exceed the maximum number of nested parentheses/brackets (32)
        cel: too_long: at most 4096 bytes
        targets: too_many: at most 64
    "#]],
    );
}

/// Each expression with the one thing that is said about it.
fn refused(expressions: &[&str], expect: Expect) {
    let mut shown = String::new();
    for expression in expressions {
        let errors = check_rule(&rule(&[], expression));
        let start: String = expression.replace('\n', " ").chars().take(40).collect();
        shown += &format!("{start}\n    {}", lines(&errors));
        assert_eq!(errors.len(), 1, "{expression}");
    }
    expect.assert_eq(&shown);
}

#[test]
fn expressions_that_cannot_be_read_or_name_what_is_not_there_are_refused_with_the_reason() {
    refused(
        &[
            "severity ==",
            "severity == 'P1' &&\n && true",
            "nobody == 'x'",
            "labels.all(k, v == k)",
            "severity.reverse() == ''",
            "cel.bind(x, 1, x > 0)",
            "type(severity) == string",
            "Message{x: 1} == null",
            "{'a': 1}.a == 1",
            "summary.matches(component)",
            "summary.matches('(')",
            "summary.matches('(\\\\w{500}){500}')",
            "'''x''' == summary",
            "x'y' == summary",
            "'unclosed",
            "'\\q' == summary",
            "summary | component",
        ],
        expect![[r#"
        severity ==
            cel: invalid_expression: line 1, column 13: Syntax error: mismatched input '<EOF>' expecting expression
        severity == 'P1' &&  && true
            cel: invalid_expression: line 2, column 3: unexpected token
        nobody == 'x'
            cel: unknown_variable: no variable `nobody`; there are severity, severity_rank, source, component, component_type, environment, kind, status, summary, labels, payload
        labels.all(k, v == k)
            cel: unknown_variable: no variable `v`; there are severity, severity_rank, source, component, component_type, environment, kind, status, summary, labels, payload
        severity.reverse() == ''
            cel: unknown_function: no function `reverse`
        cel.bind(x, 1, x > 0)
            cel: unknown_variable: no variable `cel`; there are severity, severity_rank, source, component, component_type, environment, kind, status, summary, labels, payload
        type(severity) == string
            cel: unknown_function: no function `type`
        Message{x: 1} == null
            cel: unsupported: structures cannot be written
        {'a': 1}.a == 1
            cel: unsupported: maps cannot be written
        summary.matches(component)
            cel: invalid_expression: matches takes a pattern that is written out: summary.matches('time.?out')
        summary.matches('(')
            cel: invalid_regex: not a regular expression: unclosed group
        summary.matches('(\\w{500}){500}')
            cel: too_large: the regular expression takes more than 262144 bytes compiled
        '''x''' == summary
            cel: invalid_expression: strings in three quotes cannot be used
        x'y' == summary
            cel: invalid_expression: a string cannot follow a name
        'unclosed
            cel: invalid_expression: a string is not closed
        '\q' == summary
            cel: invalid_expression: unknown escape in a string; write r'…' to take backslashes as they are
        summary | component
            cel: invalid_expression: write && and ||
    "#]],
    );
}

#[test]
fn expressions_that_may_cost_too_much_are_refused() {
    refused(
        &[
            "((((((((((((((((((((((((((((((((((true))))))))))))))))))))))))))))))))))",
            "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!true",
            "1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1 == 36",
            "payload.a.all(x, payload.b.all(y, x == y))",
            "payload.a.map(x, payload).size() == 1",
            "[payload].map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).size() == 1",
            "[1].map(x, [x, x, x, x]).map(x, [x, x, x, x]).map(x, [x, x, x, x]).map(x, [x, x, x, x])\
         .map(x, [x, x, x, x]).map(x, [x, x, x, x]).map(x, [x, x, x, x]).map(x, [x, x, x, x]) == []",
            "[1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, true)))))",
            "payload.a.all(x, payload == payload)",
        ],
        expect![[r#"
        ((((((((((((((((((((((((((((((((((true))
            cel: too_complex: nests too deep: at most 24 brackets, choices and operators in a row
        !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
            cel: too_complex: nests too deep: at most 24 brackets, choices and operators in a row
        1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+
            cel: too_complex: nests too deep: at most 24 brackets, choices and operators in a row
        payload.a.all(x, payload.b.all(y, x == y
            cel: too_costly: may cost 9186566, at most 100000 is allowed
        payload.a.map(x, payload).size() == 1
            cel: too_costly: may build a value of more than 4194304 bytes
        [payload].map(x, x + x).map(x, x + x).ma
            cel: too_costly: may build a value of more than 4194304 bytes
        [1].map(x, [x, x, x, x]).map(x, [x, x, x
            cel: too_costly: may build a value of more than 4194304 bytes
        [1].all(a, [1].all(b, [1].all(c, [1].all
            cel: too_costly: at most 4 macros within each other
        payload.a.all(x, payload == payload)
            cel: too_costly: may cost 532742, at most 100000 is allowed
    "#]],
    );
}

#[test]
fn a_rule_that_is_refused_does_not_compile_and_conditions_keep_their_prefix() {
    let bad = rule(&["severity equals awful", "summary regex ["], "nobody == 1");
    let errors = CompiledRule::compile(&bad).unwrap_err();
    expect![[r#"
        match[0].value: unknown_value: `awful` is not a severity; use P0, P1, P2 or P3, or a word such as critical, high, warning, info
        match[1].value: invalid_regex: not a regular expression: unclosed character class
        cel: unknown_variable: no variable `nobody`; there are severity, severity_rank, source, component, component_type, environment, kind, status, summary, labels, payload
    "#]].assert_eq(&lines(&errors));
    let source = [condition("summary regex a(")];
    expect![[r#"
        source[0].value: invalid_regex: not a regular expression: unclosed group
    "#]]
    .assert_eq(&lines(&check_conditions("source", &source, Binding::Whole)));
}
