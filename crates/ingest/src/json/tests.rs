//! The cursor against serde_json, which is right.

use proptest::prelude::*;

use super::*;

fn skips(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.raw().is_ok() && cursor.end("the end").is_ok()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[test]
fn what_is_json_and_what_is_not_agrees_with_serde_json() {
    for text in [
        "0",
        "-0",
        "01",
        "1.",
        ".5",
        "-",
        "1e5",
        "1e",
        "1E+5",
        "1.5e-3",
        "+1",
        "true",
        "tru",
        "null",
        "nul",
        "\"\"",
        "\"a",
        "\"\\u00e9\"",
        "\"\\u00g9\"",
        "\"\\x\"",
        "\"\t\"",
        "{}",
        "{",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "[1,2]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[[],{}]",
        "[}",
        "{]",
        " [ ] ",
        "",
        " ",
        "1 2",
        "[1]]",
        "{\"a\":[{\"b\":null}]}",
        "\"\u{7f}é\"",
        "\u{feff}1",
        "[tru]",
        "{\"a\":}",
        "{\"a\"::1}",
    ] {
        assert_eq!(skips(text), is_json(text), "{text:?}");
    }
}

#[test]
fn a_nested_bomb_is_measured_without_a_stack() {
    let depth = 1_000_000;
    let bomb = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let raw = Cursor::new(&bomb).raw().expect("balanced");
    assert_eq!((raw.depth, raw.text.len()), (depth, 2 * depth));
    let mixed = format!("{}1{}", "{\"a\":[".repeat(500), "]}".repeat(500));
    assert_eq!(Cursor::new(&mixed).raw().map(|raw| raw.depth), Ok(1_000));
    assert!(Cursor::new(&"[".repeat(depth)).raw().is_err());
}

#[test]
fn strings_are_unescaped_and_lone_surrogates_replaced() {
    let read = |text| match Cursor::new(text).value() {
        Ok(Value::Text(text)) => text.into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(read(r#""a\"\\\/\b\f\n\r\tz""#), "a\"\\/\u{8}\u{c}\n\r\tz");
    assert_eq!(read(r#""\u0041\u00e9\ud83d\ude00""#), "Aé😀");
    assert_eq!(read(r#""\ud83d!\ude00\ud83d\u0041""#), "\u{fffd}!\u{fffd}\u{fffd}A");
}

#[test]
fn a_failure_says_byte_line_and_column() {
    let text = "[1,\n 2,\n x]";
    let failure = Cursor::new(text).raw().expect_err("x is no value");
    assert_eq!(failure.describe(text), "expected a JSON value at byte 9 (line 3, column 2)");
}

/// Text close to JSON: its own alphabet, so that both valid and nearly valid texts are frequent.
fn near_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\n\"",
        "\"\\u12aF\"",
        "\"",
        "\\",
        "1",
        "-",
        "0",
        ".5",
        "e9",
        "true",
        "null",
        " ",
        "\n",
        "é",
        "{\"k\":",
        "[1,",
        "\"long enough for a word\"",
    ]);
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_judged_as_serde_json_judges_it(text in near_json()) {
        prop_assert_eq!(skips(&text), is_json(&text), "{:?}", text);
    }

    #[test]
    fn any_string_reads_back_as_serde_json_wrote_it(text in ".*") {
        let written = serde_json::to_string(&text).expect("a string");
        let read = Cursor::new(&written).value();
        prop_assert_eq!(read, Ok(Value::Text(text.into())));
    }
}
