//! The gate before CLOSED: the one function that decides whether a root cause analysis is complete.
//!
//! [`Complete`] cannot be made in any other way, and closing takes one. There is no waiver.

use model::{FieldError, Rca, RootCauseCategory, Timestamp, limits};

/// A root cause analysis that passed the gate.
#[derive(Debug)]
pub(crate) struct Complete {
    rca: Rca,
    start: Timestamp,
    end: Timestamp,
}

impl Complete {
    /// Whole seconds from start to end.
    pub(crate) fn mttr_seconds(&self) -> u64 {
        self.end.since(self.start).secs()
    }

    pub(crate) fn into_rca(self) -> Rca {
        self.rca
    }
}

/// Decides whether `rca` is complete for an incident whose first signal came at `first_signal_at`.
///
/// # Errors
/// Every bad field at once.
pub(crate) fn check(
    rca: &Rca,
    first_signal_at: Timestamp,
    now: Timestamp,
) -> Result<Complete, Vec<FieldError>> {
    let mut errors = Vec::new();
    category(&rca.root_cause_category, &mut errors);
    long_text("fix_applied", &rca.fix_applied, &mut errors);
    long_text("prevention_steps", &rca.prevention_steps, &mut errors);
    bounded("timeline_note", &rca.timeline_note, &mut errors);
    action_items(rca, &mut errors);
    let start = rca.incident_start.unwrap_or(first_signal_at);
    let end = rca.incident_end.unwrap_or(now);
    span(start, end, now, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let category = RootCauseCategory::parse(&rca.root_cause_category);
    let rca = Rca {
        root_cause_category: category.map_or("", RootCauseCategory::as_str).to_owned(),
        incident_start: Some(start),
        incident_end: Some(end),
        ..rca.clone()
    };
    Ok(Complete { rca, start, end })
}

fn category(text: &str, errors: &mut Vec<FieldError>) {
    let legal = || RootCauseCategory::ALL.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(", ");
    if text.trim().is_empty() {
        errors.push(FieldError::new(
            "root_cause_category",
            "missing",
            format!("must be one of {}", legal()),
        ));
    } else if RootCauseCategory::parse(text).is_none() {
        errors.push(FieldError::new(
            "root_cause_category",
            "unknown_value",
            format!("must be one of {}", legal()),
        ));
    }
}

fn long_text(field: &str, text: &str, errors: &mut Vec<FieldError>) {
    let chars = text.trim().chars().count();
    let least = limits::RCA_TEXT_CHARS;
    if chars == 0 {
        errors.push(FieldError::new(
            field,
            "missing",
            format!("must have at least {least} characters"),
        ));
    } else if chars < least {
        let message = format!("must have at least {least} characters after trimming, has {chars}");
        errors.push(FieldError::new(field, "too_short", message));
    }
    bounded(field, text, errors);
}

fn bounded(field: &str, text: &str, errors: &mut Vec<FieldError>) {
    if text.len() > limits::TEXT_BYTES {
        let message = format!("must have at most {} bytes, has {}", limits::TEXT_BYTES, text.len());
        errors.push(FieldError::new(field, "too_long", message));
    }
}

fn action_items(rca: &Rca, errors: &mut Vec<FieldError>) {
    if rca.action_items.len() > limits::ACTION_ITEMS {
        let message = format!("must have at most {} items", limits::ACTION_ITEMS);
        errors.push(FieldError::new("action_items", "too_many", message));
    }
    for (index, item) in rca.action_items.iter().enumerate().take(limits::ACTION_ITEMS) {
        for (name, text) in [("title", &item.title), ("owner", &item.owner), ("due", &item.due)] {
            let field = format!("action_items[{index}].{name}");
            if text.trim().is_empty() {
                errors.push(FieldError::new(field, "missing", "must not be empty"));
            } else if name == "due" && !is_date(text) {
                errors.push(FieldError::new(field, "invalid_date", "must be a date, YYYY-MM-DD"));
            } else {
                bounded(&field, text, errors);
            }
        }
    }
}

fn span(start: Timestamp, end: Timestamp, now: Timestamp, errors: &mut Vec<FieldError>) {
    if end < start {
        errors.push(FieldError::new(
            "incident_end",
            "before_start",
            "must not lie before incident_start",
        ));
    }
    if end > now + limits::OCCURRED_AHEAD {
        errors.push(FieldError::new("incident_end", "in_future", "must not lie in the future"));
    }
    if start > now + limits::OCCURRED_AHEAD {
        errors.push(FieldError::new("incident_start", "in_future", "must not lie in the future"));
    }
}

/// Whether the text is a date of the proleptic Gregorian calendar in the form `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return false;
    }
    let number = |part: &str| {
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u32>().unwrap_or(0))
    };
    let (Some(year), Some(month), Some(day)) = (number(year), number(month), number(day)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ActionItem;

    fn complete() -> Rca {
        Rca {
            root_cause_category: "CODE_DEFECT".into(),
            fix_applied: "Rolled back the release of 14:00.".into(),
            prevention_steps: "A canary stage before each release.".into(),
            ..Rca::default()
        }
    }

    fn codes(rca: &Rca) -> Vec<(String, &'static str)> {
        let (first, now) = (Timestamp::from_micros(1_000_000), Timestamp::from_micros(61_000_000));
        match check(rca, first, now) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| (error.field, error.code)).collect(),
        }
    }

    #[test]
    fn a_complete_analysis_passes_and_defaults_to_first_signal_and_now() {
        let now = Timestamp::from_micros(61_900_000);
        let passed =
            check(&complete(), Timestamp::from_micros(1_000_000), now).expect("it is complete");
        assert_eq!(passed.mttr_seconds(), 60);
        assert_eq!(passed.into_rca().incident_end, Some(now));
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let rca = Rca {
            root_cause_category: "GREMLINS".into(),
            fix_applied: "  short  ".into(),
            incident_start: Some(Timestamp::from_micros(9)),
            incident_end: Some(Timestamp::from_micros(8)),
            action_items: vec![ActionItem {
                title: "x".into(),
                owner: String::new(),
                due: "2026-02-30".into(),
            }],
            ..Rca::default()
        };
        let expected = [
            ("root_cause_category", "unknown_value"),
            ("fix_applied", "too_short"),
            ("prevention_steps", "missing"),
            ("action_items[0].owner", "missing"),
            ("action_items[0].due", "invalid_date"),
            ("incident_end", "before_start"),
        ];
        let expected: Vec<_> = expected.into_iter().map(|(f, c)| (f.to_owned(), c)).collect();
        assert_eq!(codes(&rca), expected);
    }

    #[test]
    fn twenty_characters_are_counted_not_bytes() {
        let twenty = "ü".repeat(20);
        assert_eq!(codes(&Rca { fix_applied: twenty, ..complete() }), []);
        let nineteen = format!("  {}  ", "ü".repeat(19));
        assert_eq!(
            codes(&Rca { fix_applied: nineteen, ..complete() }),
            [("fix_applied".to_owned(), "too_short")]
        );
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, is) in [
            ("2024-02-29", true),
            ("2026-02-29", false),
            ("1900-02-29", false),
            ("2026-13-01", false),
            ("26-1-1", false),
        ] {
            assert_eq!(is_date(text), is, "{text}");
        }
    }
}
