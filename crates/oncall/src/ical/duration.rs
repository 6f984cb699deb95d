//! Durations of iCalendar: `P1W`, `P1DT12H30M`.
//!
//! Refuses to know when they begin. Days and weeks are those of the calendar, the rest is what passes.

/// How long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Duration {
    /// Calendar days.
    pub(super) days: i64,
    /// Seconds that pass.
    pub(super) seconds: i64,
}

/// Reads a duration that is not negative (RFC 5545, 3.3.6).
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim().to_ascii_uppercase();
    let text = text.strip_prefix('+').unwrap_or(&text).strip_prefix('P')?;
    let (dates, times) = text.split_once('T').map_or((text, None), |(a, b)| (a, Some(b)));
    let days = sum(dates, &[('W', 7), ('D', 1)])?;
    let seconds = match times {
        Some("") => return None,
        Some(times) => sum(times, &[('H', 3_600), ('M', 60), ('S', 1)])?,
        None => 0,
    };
    (!text.is_empty()).then_some(Duration { days, seconds })
}

/// Numbers, each followed by its unit, in the order of the units.
fn sum(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut total = 0;
    for (unit, size) in units {
        if let Some((digits, rest)) = text.split_once(*unit) {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let count: i64 = digits.parse().ok().filter(|count| is_number && *count <= MOST)?;
            total += count * size;
            text = rest;
        }
    }
    text.is_empty().then_some(total)
}

/// The largest number in a duration; a century in seconds fits.
const MOST: i64 = 4_000_000_000;
