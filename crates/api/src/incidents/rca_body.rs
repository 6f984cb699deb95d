//! Reads a root cause analysis as leniently as it can: what has a wrong type is noted and left empty,
//! so that everything else can still be judged. Whether an analysis is complete is the engine's to say.

use model::{ActionItem, FieldError, Rca, limits};
use serde_json::{Map, Value};

use crate::request::Fields;

/// Takes the fields of an analysis out of a body.
pub(super) fn take(fields: &mut Fields) -> Rca {
    // Who submits is the credential's to say; forms that send it along are not refused for it.
    let _ = fields.value("submitted_by");
    Rca {
        root_cause_category: fields.text("root_cause_category").unwrap_or_default(),
        fix_applied: fields.text("fix_applied").unwrap_or_default(),
        prevention_steps: fields.text("prevention_steps").unwrap_or_default(),
        incident_start: fields.instant("incident_start"),
        incident_end: fields.instant("incident_end"),
        timeline_note: fields.text("timeline_note").unwrap_or_default(),
        action_items: action_items(fields),
    }
}

/// What the reader found and what the gate found, each field once: where the reader has found a
/// field unreadable, the gate has judged an empty one.
pub(super) fn merged(read: Vec<FieldError>, gate: Vec<FieldError>) -> Vec<FieldError> {
    let mut all = read;
    for error in gate {
        let covered =
            |found: &FieldError| found.field == error.field || inside(&error.field, &found.field);
        if !all.iter().any(covered) {
            all.push(error);
        }
    }
    all
}

/// Whether `field` is a part of `whole`: `action_items[0].owner` of `action_items[0]`.
fn inside(field: &str, whole: &str) -> bool {
    field.strip_prefix(whole).is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn action_items(fields: &mut Fields) -> Vec<ActionItem> {
    // One more than may be is let through: the gate says that there are too many.
    let listed = fields.list("action_items", limits::ACTION_ITEMS + 1).unwrap_or_default();
    let mut items = Vec::with_capacity(listed.len());
    for (index, value) in listed.into_iter().enumerate() {
        let prefix = format!("action_items[{index}]");
        let map = match value {
            Value::Object(map) => map,
            other => {
                let _: Option<()> = fields.wrong_type(&prefix, "an object", &other);
                Map::new()
            }
        };
        let mut item = Fields::new(map);
        items.push(ActionItem {
            title: item.text("title").unwrap_or_default(),
            owner: item.text("owner").unwrap_or_default(),
            due: item.text("due").unwrap_or_default(),
        });
        fields.absorb(&prefix, item);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_said_once_and_by_whoever_read_it_first() {
        let read = vec![
            FieldError::new("fix_applied", "wrong_type", ""),
            FieldError::new("action_items[0]", "wrong_type", ""),
        ];
        let gate = vec![
            FieldError::new("fix_applied", "missing", ""),
            FieldError::new("prevention_steps", "too_short", ""),
            FieldError::new("action_items[0].owner", "missing", ""),
            FieldError::new("action_items[01].owner", "missing", ""),
        ];
        let fields: Vec<String> = merged(read, gate)
            .into_iter()
            .map(|error| format!("{} {}", error.field, error.code))
            .collect();
        assert_eq!(
            fields,
            [
                "fix_applied wrong_type",
                "action_items[0] wrong_type",
                "prevention_steps too_short",
                "action_items[01].owner missing",
            ]
        );
    }
}
