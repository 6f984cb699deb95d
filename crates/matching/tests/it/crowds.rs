//! So many rules, texts and labels that the parts of the index split, are full and are used again.

use matching::{CompiledRule, Facts, Fit, Rules};
use model::{DirectiveId, Severity, Signal, SignalId, Trigger};

use crate::index::{Kept, apply, compare};
use crate::samples::rule;

/// Numbers below `below` in an order that no clock hands out, each once; `below` is no multiple of 7 919.
fn scattered(below: u32) -> impl Iterator<Item = u16> {
    (0..below).map(move |number| (number * 7_919 % below) as u16)
}

fn signal(component: &str, summary: &str) -> Signal<'static> {
    let mut signal = Signal::new(SignalId(1), component.to_owned(), "prod");
    signal.summary = summary.to_owned().into();
    signal
}

#[test]
fn thousands_of_rules_under_one_text_are_found_whatever_else_they_ask() {
    let (mut rules, mut kept) = (Rules::default(), Kept::new());
    let mut signals = vec![signal("db", "time is out"), signal("db", "7 times"), signal("api", "")];
    signals[0].severity = Severity::P0;
    signals[1].severity = Severity::P2;
    let severities = ["P0", "P1", "P2", "P3"];
    let summaries = ["summary regex time", "not summary glob *7*", "summary present"];
    for number in scattered(2_600) {
        let severity = format!("severity at_least {}", severities[usize::from(number) % 4]);
        let mut conditions = vec!["component equals db", severity.as_str()];
        conditions.extend(&summaries[usize::from(number / 4) % 4..]);
        apply(&mut rules, &mut kept, &(number, Some(rule(&conditions, ""))));
    }
    compare(&mut rules, &kept, &signals);
    for number in scattered(2_600).filter(|number| number % 5 != 0) {
        let moved = rule(&["component one_of db,api", "not summary regex out"], "");
        apply(&mut rules, &mut kept, &(number, (number % 3 == 0).then_some(moved)));
    }
    compare(&mut rules, &kept, &signals);
}

#[test]
fn answers_are_of_the_text_at_hand_however_many_patterns_and_texts_there_are() {
    let (mut rules, mut kept) = (Rules::default(), Kept::new());
    let pattern = |number: u16| format!("summary regex ^{:x}|{}$", number % 16, number % 97);
    let texts: Vec<String> = (0..800_u32).map(|number| format!("{:x}", number * 40_503)).collect();
    // More patterns than answers are remembered of.
    for number in 0..600 {
        apply(&mut rules, &mut kept, &(number, Some(rule(&[&pattern(number)], ""))));
    }
    for (round, turn) in texts.chunks(40).enumerate() {
        for text in turn.iter().chain(&texts[..4]) {
            compare_once(&mut rules, &kept, &signal("db", text));
        }
        // What one pattern left is taken by another.
        for number in (round as u16 * 31..).step_by(7).take(20) {
            let other = number.wrapping_mul(31) % 1_000;
            let put = (number % 3 != 0).then(|| rule(&[&pattern(other)], ""));
            apply(&mut rules, &mut kept, &(number % 600, put));
        }
    }
}

/// As `compare`, of one signal and the trigger that the rules here ask for.
fn compare_once(rules: &mut Rules, kept: &Kept, signal: &Signal<'_>) {
    let (facts, mut found) = (Facts::of_signal(signal), Vec::new());
    rules.matching(Trigger::Signal, &facts, &mut found);
    let fits = |it: &CompiledRule| it.fits(&facts) == Fit::Matches;
    let expected: Vec<_> = kept.iter().filter(|(_, (_, it))| fits(it)).map(|(&id, _)| id).collect();
    assert_eq!(found, expected, "{}", signal.summary);
}

#[test]
fn a_signal_with_more_labels_than_are_looked_up_at_once_finds_what_each_asks() {
    let (mut rules, mut kept) = (Rules::default(), Kept::new());
    let mut signal = signal("db", "");
    let name = |number: u16| format!("label{number:02}");
    let labels = (0..60).map(|number| (name(number).into(), format!("v{}", number % 3).into()));
    signal.labels = labels.collect();
    for number in 0..60 {
        let name = name(number);
        let texts = [
            format!("labels.{name} equals v{}", number % 2),
            format!("labels.{name} glob v*"),
            format!("labels.{name} glob *{}", number % 4),
            format!("labels.{name} present"),
        ];
        for (text, position) in texts.iter().zip(0..) {
            apply(&mut rules, &mut kept, &(number * 4 + position, Some(rule(&[text], ""))));
        }
    }
    compare(&mut rules, &kept, &[signal]);
}

#[test]
fn a_label_that_comes_again_under_another_name_is_not_taken_for_the_first() {
    let (mut rules, mut kept) = (Rules::default(), Kept::new());
    let mut signal = signal("db", "");
    signal.labels = vec![("a".into(), "x1".into()), ("b".into(), "y".into())];
    let signals = [signal];
    for text in
        ["labels.a regex ^x", "labels.b regex ^x", "not labels.a regex 2", "labels.c regex ^"]
    {
        // The last condition on a label goes, and with it the label.
        apply(&mut rules, &mut kept, &(1, Some(rule(&[text], ""))));
        compare(&mut rules, &kept, &signals);
        apply(&mut rules, &mut kept, &(1, None));
        compare(&mut rules, &kept, &signals);
    }
}

#[test]
fn ids_come_in_order_however_they_are_spread() {
    let signal = signal("db", "");
    let spread: [fn(u128) -> u128; 5] = [
        |number| number,
        |number| number << 110,
        |number| u128::MAX - number,
        |number| if number % 3 == 0 { u128::MAX - number } else { number },
        |number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
    ];
    for (spread, count) in spread.into_iter().flat_map(|it| [(it, 20), (it, 300), (it, 9_000)]) {
        let (mut rules, mut ids) = (Rules::default(), Vec::new());
        for number in 0..count {
            let rank = number as usize * 7 % 11 % 4;
            let severity = format!("severity at_least P{rank}");
            let id = DirectiveId(spread(number));
            rules.put(id, &rule(&["component equals db", &severity], "")).unwrap();
            ids.push((id, rank >= usize::from(signal.severity.rank())));
        }
        for all in [true, false] {
            // The least and the greatest go, and with them what was known of the range.
            ids.sort_unstable();
            let gone = if all { Vec::new() } else { vec![ids.pop(), Some(ids.remove(0))] };
            gone.into_iter().flatten().for_each(|(id, _)| rules.remove(id));
            let mut found = vec![DirectiveId(7)];
            let facts = Facts::of_signal(&signal);
            rules.matching(Trigger::Signal, &facts, &mut found);
            let expected: Vec<_> =
                ids.iter().filter(|(_, fits)| *fits).map(|(id, _)| *id).collect();
            assert_eq!(found[1..], expected);
        }
    }
}
