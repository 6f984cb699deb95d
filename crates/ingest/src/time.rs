//! Times as senders write them, read into timestamps.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::Timestamp;

/// Numbers below this are seconds since the Unix epoch, numbers from it on milliseconds: as
/// seconds it is the year 5138, as milliseconds March 1973.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;
/// Numbers from here on are refused: as milliseconds it is the year 5138, so the sender means
/// microseconds or nanoseconds.
const FIRST_REFUSED: i64 = 100_000_000_000_000;

/// Go's zero time, which its programs send for "not set".
pub(crate) const GO_ZERO: Timestamp = Timestamp::from_micros(-62_135_596_800_000_000);

/// Reads an RFC 3339 time with offset; digits below the microsecond are cut off.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    let read: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_micros(read.as_microsecond()))
}

/// Reads an RFC 3339 time whose offset may be missing and is UTC then.
pub(crate) fn rfc3339_or_utc(text: &str) -> Option<Timestamp> {
    rfc3339(text).or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
        Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
    })
}

/// Reads a JSON number as seconds or milliseconds since the Unix epoch, with fractions and without
/// exponent; digits below the microsecond are cut off.
pub(crate) fn unix_number(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.starts_with('-') || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let (unit_micros, digits) = match whole {
        ..FIRST_MILLISECONDS => (1_000_000, 6),
        FIRST_MILLISECONDS..FIRST_REFUSED => (1_000, 3),
        _ => return None,
    };
    let places = fraction.bytes().chain(std::iter::repeat(b'0')).take(digits);
    let below = places.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
    Some(Timestamp::from_micros(whole * unit_micros + below))
}

/// From nanoseconds since the Unix epoch.
pub(crate) fn unix_nanoseconds(nanoseconds: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(nanoseconds / 1_000).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(read: Option<Timestamp>) -> Option<i64> {
        read.map(Timestamp::micros)
    }

    #[test]
    fn rfc_3339_is_read_with_its_offset() {
        let read = |text| micros(rfc3339(text));
        assert_eq!(read("2026-11-20T13:00:00Z"), Some(1_795_179_600_000_000));
        assert_eq!(read("2026-11-20T14:00:00.1234567+01:00"), Some(1_795_179_600_123_456));
        assert_eq!(read("0001-01-01T00:00:00Z"), Some(GO_ZERO.micros()));
        for text in ["", "now", "2026-11-20", "2026-11-20T13:00:00", "2026-02-30T00:00:00Z"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(micros(rfc3339_or_utc("2026-11-20T13:00:00")), Some(1_795_179_600_000_000));
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds_by_their_size() {
        let read = |text| micros(unix_number(text));
        assert_eq!(read("1795179600"), Some(1_795_179_600_000_000));
        assert_eq!(read("1795179600.5"), Some(1_795_179_600_500_000));
        assert_eq!(read("1795179600123"), Some(1_795_179_600_123_000));
        assert_eq!(read("1795179600123.4567"), Some(1_795_179_600_123_456));
        assert_eq!(read("0"), Some(0));
        for text in ["-1", "1e9", "1.5e9", "1795179600123456", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
