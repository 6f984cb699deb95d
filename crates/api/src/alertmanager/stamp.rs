//! Points in time as alerts show them: RFC 3339 in UTC with milliseconds.
//!
//! Invariant: every one has the same length, so that a later one fits in the place of an earlier one.
//! What lies outside the years 0000 to 9999, which is all that clients can read, is written as the first
//! or the last moment of them that has a date (9999-12-30).

use std::ops::Range;

use model::Timestamp;

/// Bytes of a point in time.
pub(super) const STAMP_BYTES: usize = 24;

const DATE_BYTES: usize = "2026-11-20".len();
const DAY_MILLIS: i64 = 86_400_000;
/// Days from 0000-01-01 to 9999-12-30, counted from 1970.
const DAYS: Range<i64> = -719_528..2_932_896;

/// Writes points in time. Most of them are of the same few days, so that the day before is remembered.
#[derive(Debug)]
pub(super) struct Stamper {
    day: i64,
    stamp: [u8; STAMP_BYTES],
}

impl Stamper {
    pub(super) fn new() -> Self {
        Self { day: 0, stamp: *b"1970-01-01T00:00:00.000Z" }
    }

    /// The bytes of one point in time.
    pub(super) fn write(&mut self, at: Timestamp) -> &[u8; STAMP_BYTES] {
        let first = DAYS.start * DAY_MILLIS;
        let last = DAYS.end * DAY_MILLIS - 1;
        let millis = at.micros().div_euclid(1_000).clamp(first, last);
        let (day, time) = (millis.div_euclid(DAY_MILLIS), millis.rem_euclid(DAY_MILLIS));
        if day != self.day {
            self.day = day;
            self.stamp[..DATE_BYTES].copy_from_slice(date(day).as_bytes());
        }
        let (seconds, minutes) = (time / 1_000, time / 60_000);
        self.digits(11..13, minutes / 60);
        self.digits(14..16, minutes % 60);
        self.digits(17..19, seconds % 60);
        self.digits(20..23, time % 1_000);
        &self.stamp
    }

    fn digits(&mut self, place: Range<usize>, mut number: i64) {
        for digit in self.stamp[place].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
}

fn date(day: i64) -> String {
    let moment = jiff::Timestamp::from_second(day * (DAY_MILLIS / 1_000));
    moment.expect("days are clamped to those that have a date").strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant;

    fn text(stamper: &mut Stamper, micros: i64) -> String {
        String::from_utf8(stamper.write(Timestamp::from_micros(micros)).to_vec()).unwrap()
    }

    #[test]
    fn moments_are_written_as_everywhere_else() {
        let mut stamper = Stamper::new();
        let mut micros = 1_u64;
        for _ in 0..10_000 {
            micros = micros.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // From 1970 to some time in 9772, and every millisecond digit among them.
            let at = (micros >> 16) as i64 % 246_200_000_000_000_000;
            let expected = instant::write_millis(Timestamp::from_micros(at));
            assert_eq!(text(&mut stamper, at), expected);
        }
        for at in [0, -1, 999, 1_000, 86_399_999_999, 86_400_000_000, -62_135_596_800_000_000] {
            let expected = instant::write_millis(Timestamp::from_micros(at));
            assert_eq!(text(&mut stamper, at), expected);
        }
    }

    #[test]
    fn moments_that_clients_cannot_read_are_the_nearest_that_they_can() {
        let mut stamper = Stamper::new();
        assert_eq!(text(&mut stamper, i64::MAX), "9999-12-30T23:59:59.999Z");
        assert_eq!(text(&mut stamper, i64::MIN), "0000-01-01T00:00:00.000Z");
        assert_eq!(text(&mut stamper, 0), "1970-01-01T00:00:00.000Z");
    }
}
