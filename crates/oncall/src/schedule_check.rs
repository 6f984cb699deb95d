//! The check of a schedule's document: complains of every bad field at once, by its path.
//!
//! Refuses to know whether the people exist; who stores the document does.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use model::{FieldError, SubscriberId};

use crate::complaints::Complaints;
use crate::document::{
    LayerDocument, OverrideDocument, RestrictionDocument, RotationDocument, ScheduleDocument,
};
use crate::layer::Layer;
use crate::limits;
use crate::restriction::{Restriction, Span};
use crate::rotation::{Every, Rotation};
use crate::schedule::{Override, Schedule};
use crate::zone::{MINUTES_OF_DAY, Zone, is_in_range, read_local, read_minutes, time_of_day};

/// The schedule that the document describes.
pub(crate) fn check(document: &ScheduleDocument) -> Result<Schedule, Vec<FieldError>> {
    let mut complaints = Complaints::default();
    complaints.name("name", &document.name);
    let zone = read_zone(&mut complaints, "time_zone", &document.time_zone);
    // The other fields are looked at also where the zone is not known.
    let reading = zone.clone().unwrap_or(Zone::utc());
    let mut layers = Vec::new();
    if complaints.fits("layers", document.layers.len(), limits::LAYERS) {
        for (index, layer) in document.layers.iter().enumerate() {
            layers.extend(check_layer(
                &mut complaints,
                &format!("layers[{index}]"),
                layer,
                &reading,
            ));
        }
    }
    let mut overrides = Vec::new();
    if complaints.fits("overrides", document.overrides.len(), limits::OVERRIDES) {
        for (index, one) in document.overrides.iter().enumerate() {
            let path = format!("overrides[{index}]");
            overrides.extend(check_override(&mut complaints, &path, one, &reading));
        }
    }
    let name = document.name.clone();
    complaints.or(zone.map(|zone| Schedule { name, zone, layers, overrides }))
}

/// The zone of that name.
pub(crate) fn read_zone(complaints: &mut Complaints, field: &str, name: &str) -> Option<Zone> {
    let zone = Zone::named(name);
    if zone.is_none() && !name.is_empty() {
        let message =
            format!("must be the IANA name of a time zone, such as Europe/Berlin, not {name:?}");
        complaints.add(field, "unknown_value", message);
        return None;
    }
    complaints.take(zone, field, name, "the IANA name of a time zone, such as Europe/Berlin")
}

fn check_layer(
    complaints: &mut Complaints,
    path: &str,
    layer: &LayerDocument,
    zone: &Zone,
) -> Option<Layer> {
    complaints.name(format!("{path}.name"), &layer.name);
    let people = check_people(complaints, &format!("{path}.people"), &layer.people);
    let every = check_rotation(complaints, &format!("{path}.rotation"), &layer.rotation);
    let start = complaints.take(
        read_local(&layer.start),
        format!("{path}.start"),
        &layer.start,
        "a local date and time, such as 2026-03-02T09:00",
    );
    let hand_over = check_hand_over(complaints, &format!("{path}.hand_over"), layer, every, start);
    let mut restrictions = Vec::new();
    let field = format!("{path}.restrictions");
    if complaints.fits(field.as_str(), layer.restrictions.len(), limits::RESTRICTIONS) {
        for (index, one) in layer.restrictions.iter().enumerate() {
            restrictions.extend(check_restriction(complaints, &format!("{field}[{index}]"), one));
        }
    }
    let rotation = Rotation::new(every?, start?, hand_over?, zone);
    Some(Layer { name: layer.name.clone(), people: people?, rotation, restrictions })
}

fn check_people(
    complaints: &mut Complaints,
    path: &str,
    people: &[String],
) -> Option<Vec<SubscriberId>> {
    if people.is_empty() {
        complaints.add(path, "missing", "must name at least one person");
        return None;
    }
    if !complaints.fits(path, people.len(), limits::PEOPLE) {
        return None;
    }
    let ids = people
        .iter()
        .enumerate()
        .map(|(index, text)| check_person(complaints, format!("{path}[{index}]"), text));
    // All of them are looked at before the first that is none decides.
    let ids: Vec<_> = ids.collect();
    ids.into_iter().collect()
}

fn check_person(complaints: &mut Complaints, field: String, text: &str) -> Option<SubscriberId> {
    complaints.take(SubscriberId::parse(text), field, text, "the id of a subscriber, a UUID")
}

fn check_rotation(
    complaints: &mut Complaints,
    path: &str,
    rotation: &RotationDocument,
) -> Option<Every> {
    let every = Every::read(&rotation.every);
    let wanted = format!(
        "a number of weeks, days or hours, such as 1w, 1d, 12h, of at most {} days",
        limits::TURN_DAYS
    );
    complaints.take(every, format!("{path}.every"), &rotation.every, &wanted)
}

fn check_hand_over(
    complaints: &mut Complaints,
    path: &str,
    layer: &LayerDocument,
    every: Option<Every>,
    start: Option<DateTime>,
) -> Option<Time> {
    let Some(text) = &layer.hand_over else { return start.map(DateTime::time) };
    let read = read_minutes(text).filter(|minutes| *minutes < MINUTES_OF_DAY).map(time_of_day);
    let hand_over = complaints.take(read, path, text, "a time of day, such as 09:00")?;
    if matches!(every, Some(Every::Hours(_)))
        && start.is_some_and(|start| start.time() != hand_over)
    {
        let message = "a rotation that counts hours begins at `start`; leave `hand_over` out";
        complaints.add(path, "conflict", message);
    }
    Some(hand_over)
}

fn check_restriction(
    complaints: &mut Complaints,
    path: &str,
    restriction: &RestrictionDocument,
) -> Option<Restriction> {
    let mut days = [restriction.days.is_empty(); 7];
    if complaints.fits(format!("{path}.days"), restriction.days.len(), days.len()) {
        for (index, name) in restriction.days.iter().enumerate() {
            let day = DAYS.iter().position(|day| day == name);
            let field = format!("{path}.days[{index}]");
            if let Some(day) =
                complaints.take(day, field, name, "one of mon tue wed thu fri sat sun")
            {
                days[day] = true;
            }
        }
    }
    let from = read_minutes(&restriction.from).filter(|minutes| *minutes < MINUTES_OF_DAY);
    let field = format!("{path}.from");
    let from = complaints.take(from, field, &restriction.from, "a time of day, such as 09:00");
    let to = read_minutes(&restriction.to);
    let field = format!("{path}.to");
    let to = complaints.take(to, field, &restriction.to, "a time of day, such as 17:00 or 24:00");
    let (from, to) = (from?, to?);
    if from == to {
        let message = "must differ from `from`; a whole day is from 00:00 to 24:00";
        complaints.add(format!("{path}.to"), "conflict", message);
    }
    Some(Restriction { days, from, to })
}

/// The days of the week as a restriction names them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn check_override(
    complaints: &mut Complaints,
    path: &str,
    one: &OverrideDocument,
    zone: &Zone,
) -> Option<Override> {
    const WANTED: &str =
        "whole seconds, with an offset (2026-03-02T09:00:00Z) or local (2026-03-02T09:00)";
    let person = check_person(complaints, format!("{path}.person"), &one.person);
    let start = read_instant(&one.start, zone);
    let start = complaints.take(start, format!("{path}.start"), &one.start, WANTED);
    let end =
        complaints.take(read_instant(&one.end, zone), format!("{path}.end"), &one.end, WANTED);
    let span = Span { start: start?, end: end? };
    if span.end <= span.start {
        complaints.add(format!("{path}.end"), "before_start", "must be after `start`");
    }
    Some(Override { person: person?, span })
}

/// An instant of whole seconds, with an offset or local.
fn read_instant(text: &str, zone: &Zone) -> Option<Timestamp> {
    if let Some(local) = read_local(text) {
        return Some(zone.first_at(local));
    }
    let at: Timestamp = text.parse().ok()?;
    (at.subsec_nanosecond() == 0 && is_in_range(zone.local(at).year())).then_some(at)
}
