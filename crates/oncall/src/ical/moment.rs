//! Dates and times of iCalendar: all-day, local in a zone, or UTC.
//!
//! Refuses to know zones by their rules: a zone is one that the program knows by its IANA name.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::lines::Line;
use crate::limits;
use crate::zone::{Zone, is_in_range};

/// A date, or a date and time, in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// What the clock says; midnight of a date.
    pub(super) local: DateTime,
    /// Where.
    pub(super) zone: Zone,
    /// A date without a time of day.
    pub(super) all_day: bool,
}

impl Moment {
    /// The instant.
    pub(super) fn at(&self) -> Timestamp {
        instant(self.local, &self.zone, self.all_day)
    }
}

/// The instant of a local time; a day begins when it first does.
pub(super) fn instant(local: DateTime, zone: &Zone, all_day: bool) -> Timestamp {
    if all_day { zone.first_at(local) } else { zone.nominal_at(local) }
}

/// The zones that a file may name.
pub(super) struct Zones {
    /// Of times that name none.
    pub(super) floating: Zone,
    /// What the file's own time zones say they are called elsewhere.
    pub(super) aliases: BTreeMap<String, String>,
}

impl Zones {
    /// The zone a file calls so: an IANA name, one that ends with an IANA name after a `/`, or one that
    /// the file itself gives an IANA name.
    fn named(&self, name: &str) -> Option<Zone> {
        /// Parts of the longest IANA names: `America/Argentina/Ushuaia`.
        const PARTS: usize = 3;
        if name.len() > limits::ICAL_ZONE_BYTES {
            return None;
        }
        let known = |name: &str| {
            let ends = name.rmatch_indices('/').take(PARTS).map(|(index, _)| &name[index + 1..]);
            std::iter::once(name).chain(ends).filter(|end| !end.is_empty()).find_map(Zone::named)
        };
        known(name).or_else(|| self.aliases.get(name).and_then(|alias| known(alias)))
    }
}

/// The moments of a property, separated by commas.
pub(super) fn moments(line: &Line, zones: &Zones) -> Result<Vec<Moment>, String> {
    let zone = match line.parameter("TZID") {
        Some(name) => zones.named(name).ok_or_else(|| format!("unknown time zone {name:?}"))?,
        None => zones.floating.clone(),
    };
    line.value.split(',').map(|text| moment(text.trim(), &zone)).collect()
}

/// The one moment of a property.
pub(super) fn moment_of(line: &Line, zones: &Zones) -> Result<Moment, String> {
    let mut all = moments(line, zones)?;
    match all.pop() {
        Some(moment) if all.is_empty() => Ok(moment),
        Some(_) | None => Err(format!("{} must have one value", line.name)),
    }
}

/// `20260302`, `20260302T090000`, `20260302T080000Z`; the last is UTC whatever `zone` is.
pub(super) fn moment(text: &str, zone: &Zone) -> Result<Moment, String> {
    let bad = || format!("{text:?} is no date or time between 1970 and 2200");
    let (date, time) = text.split_once(['T', 't']).map_or((text, None), |(a, b)| (a, Some(b)));
    let date = read_date(date).ok_or_else(bad)?;
    let Some(time) = time else {
        let local = date.to_datetime(Time::midnight());
        return Ok(Moment { local, zone: zone.clone(), all_day: true });
    };
    let (time, zone) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, Zone::utc()),
        None => (time, zone.clone()),
    };
    let local = date.to_datetime(read_time(time).ok_or_else(bad)?);
    Ok(Moment { local, zone, all_day: false })
}

fn read_date(text: &str) -> Option<Date> {
    let digits = digits::<8>(text)?;
    let year = i16::try_from(digits[..4].iter().fold(0, |sum, digit| sum * 10 + i32::from(*digit)))
        .ok()?;
    let date = Date::new(year, digits[4] * 10 + digits[5], digits[6] * 10 + digits[7]).ok()?;
    is_in_range(year).then_some(date)
}

fn read_time(text: &str) -> Option<Time> {
    let [h1, h2, m1, m2, s1, s2] = digits::<6>(text)?;
    // A leap second is the last second of its minute.
    let second = if (s1, s2) == (6, 0) { 59 } else { s1 * 10 + s2 };
    Time::new(h1 * 10 + h2, m1 * 10 + m2, second, 0).ok()
}

fn digits<const COUNT: usize>(text: &str) -> Option<[i8; COUNT]> {
    let bytes: [u8; COUNT] = text.as_bytes().try_into().ok()?;
    let all = bytes.iter().all(u8::is_ascii_digit);
    all.then(|| bytes.map(|byte| i8::try_from(byte - b'0').unwrap_or(0)))
}
