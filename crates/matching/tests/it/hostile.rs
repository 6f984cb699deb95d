//! Expressions that want to break what reads them.

use matching::{CompiledRule, Facts, Glob};
use model::limits;

use crate::samples::{rule, signal};

/// A stack half as large as that of any thread that may come to compile a rule.
#[allow(
    clippy::disallowed_methods,
    reason = "only a thread of its own has a stack of a known size"
)]
fn in_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
    let ended = thread.map(std::thread::JoinHandle::join);
    assert!(matches!(ended, Ok(Ok(()))), "see above for what failed in the thread");
}

/// Compiles it if it may be, runs it if it compiles.
fn survive(expression: &str) -> bool {
    let signal = signal();
    let compiled = CompiledRule::compile(&rule(&[], expression));
    compiled.is_ok_and(|rule| {
        // Whatever it says, it says it.
        let _fit = rule.fits(&Facts::of_signal(&signal));
        true
    })
}

#[test]
fn no_nesting_that_is_let_through_overflows_a_stack() {
    in_a_small_stack(|| {
        let wrap = |open: &str, inside: &str, close: &str, times: usize| {
            format!("{}{inside}{}", open.repeat(times), close.repeat(times))
        };
        type Shape = Box<dyn Fn(usize) -> String>;
        let shapes: Vec<(&str, Shape)> = vec![
            ("brackets", Box::new(move |n| wrap("(", "true", ")", n))),
            ("lists", Box::new(move |n| wrap("[", "1", "]", n) + " == []")),
            ("not", Box::new(|n| "!".repeat(n) + "true")),
            ("minus", Box::new(|n| "-".repeat(n) + "1 == 1")),
            ("sums", Box::new(|n| vec!["1"; n + 1].join("+") + " == 1")),
            ("fields", Box::new(|n| format!("payload{} == 1", ".a".repeat(n)))),
            ("indices", Box::new(|n| format!("payload{} == 1", "[0]".repeat(n)))),
            ("calls", Box::new(move |n| wrap("string(", "severity", ")", n) + " == ''")),
            ("choices", Box::new(|n| "true ? true : ".repeat(n) + "true")),
            ("choices inside", Box::new(move |n| wrap("true ? (", "true", ") : true", n))),
            ("relations", Box::new(|n| vec!["1"; n + 1].join(" in "))),
            ("equations", Box::new(|n| vec!["true"; n + 1].join("=="))),
            ("macros", Box::new(move |n| wrap("[1].all(x, ", "true", ")", n))),
            ("mixed", Box::new(move |n| wrap("(1+", "1", ")", n) + " == 1")),
        ];
        for (name, shape) in &shapes {
            let deepest = (1..=40).filter(|&n| survive(&shape(n))).max();
            assert!(
                deepest.is_some_and(|deepest| (2..=25).contains(&deepest)),
                "{name}: {deepest:?}"
            );
            for n in [100, 1_000, 4_000] {
                let text: String = shape(n).chars().take(4_096).collect();
                assert!(!survive(&text), "{name} {n}");
            }
        }
    });
}

#[test]
fn long_expressions_without_depth_are_let_through() {
    in_a_small_stack(|| {
        let all = vec!["component == 'a1'"; 190].join(" || ");
        assert!(survive(&all), "alternatives");
        let list = format!("component in ['{}']", vec!["some-name"; 300].join("','"));
        assert!(survive(&list), "a list");
    });
}

#[test]
fn text_that_is_nearly_an_expression_is_refused_without_harm() {
    in_a_small_stack(|| {
        let pieces = [
            "'", "\"", "\\", "(", ")", "[", "]", "{", "}", "+", ",", "&&", "||", "?", ":", ".",
            "r'", "r'\\'", "b'", "in", "//", "\n", "1", "1u", "0x", "1e", "severity", "all(", "`",
            "@", "$", "\u{0}", "é", "=", "==", "&", "|", "//\n", "''", "'''", "has(", "payload.",
        ];
        // Numbers that look like chance and are the same each time.
        let mut state = 1_u64;
        for _ in 0..400 {
            let mut text = String::new();
            for _ in 0..24 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text += pieces[(state >> 33) as usize % pieces.len()];
            }
            survive(&text);
        }
    });
}

#[test]
fn commas_that_the_parser_steps_over_do_not_hide_depth() {
    in_a_small_stack(|| {
        for piece in ["+1,", "+1;", "+1,,", "-1 ,+ ", "+1 $", "+1#"] {
            let text: String = format!("1{}", piece.repeat(2_000)).chars().take(4_090).collect();
            assert!(!survive(&text), "{piece}");
        }
    });
}

#[test]
fn no_glob_looks_at_a_text_over_and_over() {
    let pattern = |begin: &str, piece: &str, end: &str| {
        let times = (limits::CONDITION_VALUE_BYTES - begin.len() - end.len()) / piece.len();
        format!("{begin}{}{end}", piece.repeat(times))
    };
    for (glob, words) in [
        (pattern("*", "a", "b*"), 1),
        (pattern("*", "a", "b"), 1),
        (pattern("*", "aa*", "b*"), 1),
        (pattern("", "a*", "c*"), 1),
        (pattern("*", "ab", "c*"), 1),
        (pattern("*", "a?", "b*"), 32),
        (pattern("*", "?", "c*"), 32),
        (pattern("", "*?a", "c*"), 1),
        (pattern("", "*a????????????????????????????????????????????????????b", "c*"), 1),
    ] {
        for text in ["a".repeat(40_000), "ab".repeat(20_000)] {
            let compiled = Glob::new(&glob);
            let most = text.len() * words + glob.len();
            let work = compiled.work(&text);
            assert!(work <= most as u64, "{work} of {most}: {}", &glob[..9]);
            assert!(!compiled.matches(&text), "{}", &glob[..9]);
        }
    }
}
