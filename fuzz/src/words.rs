//! Short texts with a closed form: durations, ids, and the words for fields and degrees.
//!
//! Held: what is read is written in its own form, and that form reads as the same. A duration is
//! read as arithmetic reads it, and never above ten years.

use model::access::Scope;
use model::{
    ComponentType, Duration, IncidentId, KeyField, Kind, Mode, Severity, SignalId, SignalStatus,
};

const TEXTS: [&str; 9] = [
    "1d2h3m4s5ms",
    "250ms",
    "3660d",
    "018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7",
    "urn:uuid:018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7",
    "{018bcfe5680088d79f2aa2e8ab5f0cf7}",
    "labels.team",
    "component_id",
    "critical",
];

/// One text of every form.
pub fn seeds() -> Vec<Vec<u8>> {
    TEXTS.map(|text| text.as_bytes().to_vec()).into()
}

/// Reads the text as everything it may be.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check_duration(text);
    again(text, SignalId::parse, |id| id.to_string());
    again(text, IncidentId::parse, |id| id.to_string());
    again(text, KeyField::parse, KeyField::to_string);
    again(text, Severity::parse, |word| word.as_str().to_owned());
    again(text, ComponentType::parse, |word| word.as_str().to_owned());
    again(text, Kind::parse, |word| word.as_str().to_owned());
    again(text, SignalStatus::parse, |word| word.as_str().to_owned());
    again(text, Mode::parse, |word| word.as_str().to_owned());
    again(text, Scope::parse, |word| word.as_str().to_owned());
}

fn again<T: PartialEq + std::fmt::Debug>(
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
    write: impl Fn(&T) -> String,
) {
    if let Some(read) = parse(text) {
        assert_eq!(parse(&write(&read)), Some(read), "{text:?}");
    }
}

fn check_duration(text: &str) {
    let read = Duration::parse(text);
    assert_eq!(read.as_ref().ok().map(|span| span.micros()), micros(text.trim()), "{text:?}");
    if let Ok(span) = read {
        assert_eq!(Duration::parse(&span.to_string()), Ok(span), "{text:?}");
    }
}

/// A duration, read from the end to the front and summed in numbers that cannot overflow.
fn micros(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text, 0_u128);
    while !rest.is_empty() {
        let unit = ["ms", "s", "m", "h", "d"].into_iter().find(|unit| rest.ends_with(unit))?;
        rest = rest.strip_suffix(unit)?;
        let digits = rest.len() - rest.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (front, number) = rest.split_at(rest.len() - digits);
        let unit_micros = match unit {
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            _ => 86_400_000_000_u128,
        };
        total = total.checked_add(u128::from(number.parse::<u64>().ok()?) * unit_micros)?;
        rest = front;
    }
    let ten_years = 10 * 366 * 86_400_000_000_u128;
    (!text.is_empty() && total <= ten_years).then(|| u64::try_from(total).ok())?
}
