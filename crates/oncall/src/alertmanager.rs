//! Reads what stands under `time_intervals` in Alertmanager's configuration into calendars' documents.
//!
//! Refuses to know YAML: it takes the value that a reader of YAML or JSON made. It reads shapes only; what
//! a range means and whether it is good is for the check of the document.

use model::FieldError;
use serde_json::{Map, Value};

use crate::complaints::Complaints;
use crate::document::{CalendarDocument, IntervalDocument, TimesDocument};

/// The calendars of a list `[{name, time_intervals: [{times, weekdays, …, location}]}]`, or of one such
/// object. An interval without `location` is in UTC, as there.
///
/// # Errors
/// Every field whose shape is not Alertmanager's, by its path in `value`. Of a list within an interval that
/// is there and empty too: it can never hold there, which nobody means.
pub fn from_alertmanager(value: &Value) -> Result<Vec<CalendarDocument>, Vec<FieldError>> {
    let mut complaints = Complaints::default();
    let calendars = match value {
        Value::Array(list) => {
            let list = list.iter().enumerate();
            list.filter_map(|(index, one)| calendar(&mut complaints, &format!("[{index}]"), one))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Vec::from_iter(calendar(&mut complaints, "", value))
        }
    };
    complaints.or(Some(calendars))
}

fn calendar(complaints: &mut Complaints, path: &str, value: &Value) -> Option<CalendarDocument> {
    let map = object(complaints, path, value, &["name", "time_intervals"])?;
    let name = text(complaints, &at(path, "name"), map.get("name").unwrap_or(&Value::Null));
    let intervals =
        list(complaints, &at(path, "time_intervals"), map.get("time_intervals"), interval);
    Some(CalendarDocument { name: name?, time_zone: "UTC".to_owned(), intervals })
}

fn interval(complaints: &mut Complaints, path: &str, value: &Value) -> Option<IntervalDocument> {
    const KNOWN: [&str; 6] = ["times", "weekdays", "days_of_month", "months", "years", "location"];
    let map = object(complaints, path, value, &KNOWN)?;
    let mut texts = |name: &str| list(complaints, &at(path, name), map.get(name), text);
    let (weekdays, days_of_month) = (texts("weekdays"), texts("days_of_month"));
    let (months, years) = (texts("months"), texts("years"));
    let times = list(complaints, &at(path, "times"), map.get("times"), times);
    let time_zone = match map.get("location") {
        None | Some(Value::Null) => None,
        Some(location) => text(complaints, &at(path, "location"), location),
    };
    Some(IntervalDocument { time_zone, times, weekdays, days_of_month, months, years })
}

fn times(complaints: &mut Complaints, path: &str, value: &Value) -> Option<TimesDocument> {
    let map = object(complaints, path, value, &["start_time", "end_time"])?;
    let mut read =
        |name: &str| text(complaints, &at(path, name), map.get(name).unwrap_or(&Value::Null));
    let (from, to) = (read("start_time"), read("end_time"));
    Some(TimesDocument { from: from?, to: to? })
}

/// The object at that path; complains of every key that is not known.
fn object<'a>(
    complaints: &mut Complaints,
    path: &str,
    value: &'a Value,
    known: &[&str],
) -> Option<&'a Map<String, Value>> {
    let Some(map) = value.as_object() else {
        complaints.add(path, "wrong_type", format!("must be an object with {}", known.join(", ")));
        return None;
    };
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        complaints.add(at(path, key), "unknown_field", format!("known are {}", known.join(", ")));
    }
    Some(map)
}

/// Each item of a list, read; nothing where there is no list.
fn list<T>(
    complaints: &mut Complaints,
    path: &str,
    value: Option<&Value>,
    read: fn(&mut Complaints, &str, &Value) -> Option<T>,
) -> Vec<T> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) if items.is_empty() => {
            complaints.add(
                path,
                "missing",
                "an empty list never holds; leave it out to mean everything",
            );
            Vec::new()
        }
        Some(Value::Array(items)) => {
            let items = items.iter().enumerate();
            items
                .filter_map(|(index, item)| read(complaints, &format!("{path}[{index}]"), item))
                .collect()
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            complaints.add(path, "wrong_type", "must be a list");
            Vec::new()
        }
    }
}

/// A text, or a whole number as one: YAML reads `2026` so.
fn text(complaints: &mut Complaints, path: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() => Some(number.to_string()),
        Value::Null => {
            complaints.add(path, "missing", "must be a text");
            None
        }
        Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            complaints.add(path, "wrong_type", "must be a text");
            None
        }
    }
}

/// The path of a field within an object.
fn at(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
