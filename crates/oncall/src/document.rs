//! The documents as people write them and the store keeps them: texts that nobody has looked at yet.
//!
//! Refuses to know what they mean. A field that is left out is empty here, so that the check can
//! complain of all of them; a field that nobody knows is refused at once.

use serde::{Deserialize, Serialize};

/// Who is on call when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleDocument {
    /// A name for people.
    pub name: String,
    /// The zone of every local time in it, by its IANA name: `Europe/Berlin`.
    pub time_zone: String,
    /// Rotations; a later one beats those before it where it is in force.
    pub layers: Vec<LayerDocument>,
    /// Exceptions, which beat all layers; a later one beats those before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideDocument>,
}

/// One rotation of people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayerDocument {
    /// A name for people.
    pub name: String,
    /// The ids of subscribers in the order of their turns.
    pub people: Vec<String>,
    /// How long a turn is.
    pub rotation: RotationDocument,
    /// When the first turn begins: `2026-03-02T09:00`, local.
    pub start: String,
    /// When turns change: `09:00`, local; the time of day of `start` where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<String>,
    /// When the layer is in force; always where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<RestrictionDocument>,
}

/// How long a turn is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RotationDocument {
    /// `1w`, `2w`, `1d`: that many calendar days. `12h`: that many hours on a stopwatch.
    pub every: String,
}

/// A span of some days of the week.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestrictionDocument {
    /// The days it begins on: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`; every day where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    /// Begins at: `09:00`, local.
    pub from: String,
    /// Ends at: `17:00`, or `24:00`; on the next day where it is not after `from`.
    pub to: String,
}

/// One person for one span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OverrideDocument {
    /// The id of a subscriber.
    pub person: String,
    /// From, inclusive: `2026-03-02T09:00:00Z` or local `2026-03-02T09:00`.
    pub start: String,
    /// To, exclusive; written as `start` is.
    pub end: String,
}

/// When rules are mute: while one of its intervals holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalendarDocument {
    /// A name for people.
    pub name: String,
    /// The zone of its intervals, by its IANA name.
    pub time_zone: String,
    /// Any of them.
    pub intervals: Vec<IntervalDocument>,
}

/// Holds while every list in it has a range that fits; an empty list always fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntervalDocument {
    /// Its own zone, where it is not that of the calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Times of day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<TimesDocument>,
    /// `monday:friday`, `sunday`; the week begins with Sunday.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<String>,
    /// `1:5`, `-3:-1`, `15`; -1 is the last day of the month.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days_of_month: Vec<String>,
    /// `january:march`, `1:3`, `12`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<String>,
    /// `2026:2027`, `2026`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub years: Vec<String>,
}

/// A span within a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimesDocument {
    /// From, inclusive: `09:00`.
    pub from: String,
    /// To, exclusive: `17:00`, or `24:00`; after `from`.
    pub to: String,
}
