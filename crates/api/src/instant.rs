//! Points in time as text: RFC 3339, UTC.
//!
//! Refuses to know what time it is now.

use model::Timestamp;

/// `2026-11-20T13:25:16.139000Z`, with microseconds.
pub(crate) fn write(at: Timestamp) -> String {
    format!("{:.6}", stamp(at))
}

/// `2026-11-20T13:25:16.139Z`, with milliseconds, as Alertmanager writes it.
pub(crate) fn write_millis(at: Timestamp) -> String {
    format!("{:.3}", stamp(at))
}

/// Reads RFC 3339 with any offset.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    Some(of(text.trim().parse().ok()?))
}

/// A point in time of the calendars.
pub(crate) fn of(stamp: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(stamp.as_microsecond())
}

/// As the calendars count time. What lies beyond the years that can be written is the last that can.
pub(crate) fn stamp(at: Timestamp) -> jiff::Timestamp {
    let bound = if at.micros() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_with_microseconds_and_read_back() {
        let at = Timestamp::from_micros(1_700_000_000_000_001);
        assert_eq!(write(at), "2023-11-14T22:13:20.000001Z");
        assert_eq!(write_millis(at), "2023-11-14T22:13:20.000Z");
        assert_eq!(parse(&write(at)), Some(at));
        assert_eq!(parse("2023-11-14T23:13:20.000001+01:00"), Some(at));
        assert_eq!(parse("yesterday"), None);
        assert!(write(Timestamp::from_micros(i64::MAX)).starts_with("9999-"));
    }
}
