//! Paths into payloads.

use matching::payload::{Scalar, find, unescape};
use proptest::prelude::*;

fn text(payload: &str, path: &str) -> Option<String> {
    find(payload.as_bytes(), path).map(|scalar| match scalar {
        Scalar::Plain(text) => text.to_owned(),
        Scalar::Escaped(text) => {
            let mut written = String::new();
            unescape(text, &mut written);
            written
        }
    })
}

#[test]
fn a_path_leads_through_names_and_positions() {
    for (payload, path, found) in [
        (r#"{"a":1}"#, "a", Some("1")),
        (r#" { "a" : { "b" : [ 10 , "x" , true ] } } "#, "a.b.1", Some("x")),
        (r#"{"a":{"b":[10,"x",true]}}"#, "a.b.2", Some("true")),
        (r#"{"a":{"b":[10,"x",true]}}"#, "a.b.3", None),
        (r#"{"a":{"b":[10,"x",true]}}"#, "a.b.-1", None),
        (r#"{"a":{"b":[10,"x",true]}}"#, "a.b.1e0", None),
        (r#"{"a":{"b":[10,"x",true]}}"#, "a.b.x", None),
        (r#"{"a":{"b":[10,"x",true]}}"#, "a.b", Some(r#"[10,"x",true]"#)),
        (r#"{"a":{"b":1}}"#, "a", Some(r#"{"b":1}"#)),
        (r#"{"a":null}"#, "a", None),
        (r#"{"a":-1.50e+3}"#, "a", Some("-1.50e+3")),
        (r#"{"a":1}"#, "a.b", None),
        (r#"{"a":"x"}"#, "a.0", None),
        ("[[1,2],[3]]", "1.0", Some("3")),
        ("[]", "0", None),
        (r#"{"a":""}"#, "a", Some("")),
        (r#"{"a":"}]\"{["}"#, "a", Some("}]\"{[")),
        (r#"{"a":"\u00e9\ud83d\ude00\ud800x\/\n"}"#, "a", Some("é😀\u{fffd}x/\n")),
        (r#"{"\u0061\"b":5}"#, "a\"b", Some("5")),
        ("\"text\"", "a", None),
        ("7", "a", None),
    ] {
        assert_eq!(text(payload, path).as_deref(), found, "{payload} at {path}");
    }
}

#[test]
fn a_name_with_dots_is_found_longest_first_and_of_equal_names_the_last() {
    for (payload, path, found) in [
        (r#"{"a.b":1,"a":{"b":2}}"#, "a.b", Some("1")),
        (r#"{"a":{"b":2},"a.b":1}"#, "a.b", Some("1")),
        (r#"{"a":{"b":2},"a.c":1}"#, "a.b", Some("2")),
        (r#"{"kubernetes.io/name":{"x":3}}"#, "kubernetes.io/name.x", Some("3")),
        (r#"{"a.b":{"x":1},"a":{"b":{"c":2}}}"#, "a.b.c", None),
        (r#"{"a":1,"a":2}"#, "a", Some("2")),
        (r#"{"":{"x":1}}"#, ".x", Some("1")),
        (r#"{"ab":1}"#, "a", None),
    ] {
        assert_eq!(text(payload, path).as_deref(), found, "{payload} at {path}");
    }
}

#[test]
fn what_is_not_json_has_no_fields() {
    for payload in [
        "",
        " ",
        "{",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":\"x",
        "{\"a\":\"x\\",
        "}",
        "]",
        "{]",
        "{\"a\" 1}",
        "{a:1}",
        "[",
        "[1",
        "nul",
        "{\"a\":\"\\",
        "{\"b\":{\"a\":1}",
    ] {
        assert_eq!(find(payload.as_bytes(), "a"), None, "{payload}");
        assert_eq!(find(payload.as_bytes(), "b.a"), None, "{payload}");
    }
    assert_eq!(find(b"{\"a\":\"\xff\"}", "a"), None);
    assert_eq!(find(b"{\"\xff\":1,\"a\":2}", "a"), Some(Scalar::Plain("2")));
}

#[test]
fn deep_nesting_is_stepped_over_without_depth() {
    let deep = "[".repeat(100_000);
    assert_eq!(find(format!("{{\"b\":{deep},\"a\":1}}").as_bytes(), "a"), None);
    let closed = format!("{{\"b\":{deep}{},\"a\":1}}", "]".repeat(100_000));
    assert_eq!(find(closed.as_bytes(), "a"), Some(Scalar::Plain("1")));
    let path = vec!["0"; 100_000].join(".");
    assert_eq!(find(deep.as_bytes(), &path), None);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        bytes in proptest::collection::vec(proptest::sample::select(b"{}[]\",:\\u0ad8.ntf \xc3\xa9".as_slice()), 0..64),
        path in "[a0.\"é]{0,8}",
    ) {
        if let Some(Scalar::Escaped(inside)) = find(&bytes, &path) {
            unescape(inside, &mut String::new());
        }
    }
}
