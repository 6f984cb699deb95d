//! Instants and persons as tests write them.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use model::SubscriberId;

/// The person called by one letter from `a` to `f`.
pub(crate) fn person(letter: &str) -> SubscriberId {
    SubscriberId(u128::from_str_radix(letter, 16).expect("a letter from a to f"))
}

/// The letter of a person.
pub(crate) fn letter(person: SubscriberId) -> String {
    format!("{:x}", person.0)
}

/// The zone of that name.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).expect("a time zone")
}

/// An instant from RFC 3339.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}
