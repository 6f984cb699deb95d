//! Points and spans of time for people: how long ago, and the exact second in UTC.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// `3m 12s ago`, `just now` below a second; a dash where there is none.
pub(crate) fn ago(at: Option<&str>, now: Timestamp) -> String {
    match at.and_then(read) {
        Some(at) => {
            let seconds = since(at, now);
            if seconds == 0 { "just now".to_owned() } else { format!("{} ago", span(seconds)) }
        }
        None => "–".to_owned(),
    }
}

/// The age in its largest unit alone, for tables: `3m`.
pub(crate) fn age(at: &str, now: Timestamp) -> String {
    let coarse = |at| span(since(at, now)).split(' ').next().unwrap_or_default().to_owned();
    read(at).map_or_else(|| "–".to_owned(), coarse)
}

/// `2026-11-20 13:25:16Z`; the text itself where it is no time.
pub(crate) fn exact(at: &str) -> String {
    read(at).map_or_else(|| at.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// `13:25:16` of the day.
pub(crate) fn clock(at: &str) -> String {
    read(at).map_or_else(|| at.to_owned(), |at| at.strftime("%H:%M:%S").to_string())
}

/// `2026-11-20`.
pub(crate) fn day(at: &str) -> String {
    read(at).map_or_else(|| at.to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// Seconds as the two largest units that say something: `45s`, `3m 12s`, `2h 5m`, `3d 4h`.
pub(crate) fn span(seconds: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let first = UNITS.iter().position(|&(_, length)| seconds >= length).unwrap_or(3);
    let (name, length) = UNITS[first];
    let mut text = format!("{}{name}", seconds / length);
    if let Some(&(name, smaller)) = UNITS.get(first + 1) {
        let rest = seconds % length / smaller;
        if rest > 0 {
            text.push_str(&format!(" {rest}{name}"));
        }
    }
    text
}

/// A span as the API writes it, such as `300s`, for people: `5m`; the text itself where it is none.
pub(crate) fn lasting(text: &str) -> String {
    let seconds = |span: model::Duration| span.micros() / 1_000_000;
    model::Duration::parse(text).map_or_else(|_| text.to_owned(), |read| span(seconds(read)))
}

/// How long until a moment that lies ahead: `2h 5m`; `0s` where it does not.
pub(crate) fn until(at: &str, now: Timestamp) -> String {
    read(at).map_or_else(|| "–".to_owned(), |at| span(since(now, at)))
}

/// How long something took: `250 µs`, `41 ms`, `1.9 s`, `3m 12s`.
pub(crate) fn brief(took: Duration) -> String {
    let micros = took.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{:.1} s", took.as_secs_f64()),
        _ => span(took.as_secs()),
    }
}

/// A moment that lies `ahead` of now, as RFC 3339.
pub(crate) fn ahead(ahead: model::Duration) -> Option<String> {
    let ahead = SignedDuration::from_micros(i64::try_from(ahead.micros()).ok()?);
    Some(Timestamp::now().checked_add(ahead).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A whole number with its thousands apart: `12,345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 signal`, `12,345 signals`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn read(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Whole seconds; none where the server's clock is ahead of this one.
fn since(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(at).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_shows_its_two_largest_units() {
        let cases = [
            (0, "0s"),
            (45, "45s"),
            (60, "1m"),
            (192, "3m 12s"),
            (7_500, "2h 5m"),
            (7_205, "2h"),
            (273_600, "3d 4h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
            assert_eq!(lasting(&format!("{seconds}s")), text);
        }
        assert_eq!(lasting("for ever"), "for ever");
    }

    #[test]
    fn ages_are_relative_and_never_negative() {
        let now: Timestamp = "2026-11-20T13:25:16Z".parse().expect("a time");
        assert_eq!(ago(Some("2026-11-20T13:22:04.5Z"), now), "3m 11s ago");
        assert_eq!(ago(Some("2026-11-20T13:30:00Z"), now), "just now");
        assert_eq!(ago(None, now), "–");
        assert_eq!(age("2026-11-20T13:22:04.5Z", now), "3m");
        assert_eq!(exact("2026-11-20T13:22:04.5Z"), "2026-11-20 13:22:04Z");
        assert_eq!(exact("soon"), "soon");
        assert_eq!(until("2026-11-20T15:30:16Z", now), "2h 5m");
        assert_eq!(until("2026-11-20T13:00:00Z", now), "0s");
    }

    #[test]
    fn what_took_long_is_said_in_the_unit_that_fits() {
        let said =
            [7, 41_999, 1_940_000, 192_000_000].map(|micros| brief(Duration::from_micros(micros)));
        assert_eq!(said, ["7 µs", "41 ms", "1.9 s", "3m 12s"]);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(counted(1, "rule"), "1 rule");
        assert_eq!(counted(1_200, "rule"), "1,200 rules");
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(12_345), "12,345");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
