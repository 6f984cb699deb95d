//! What a complete root cause analysis is, written a second time from the domain page.

use std::collections::BTreeSet;

use model::{Rca, RootCauseCategory, Timestamp, limits};

/// The fields that are not as they must be; none means complete.
pub(super) fn bad_fields(
    rca: &Rca,
    first_signal_at: Timestamp,
    now: Timestamp,
) -> BTreeSet<String> {
    let mut bad = BTreeSet::new();
    if RootCauseCategory::parse(&rca.root_cause_category).is_none() {
        bad.insert("root_cause_category".to_owned());
    }
    for (field, text) in
        [("fix_applied", &rca.fix_applied), ("prevention_steps", &rca.prevention_steps)]
    {
        if text.trim().chars().count() < 20 || text.len() > limits::TEXT_BYTES {
            bad.insert(field.to_owned());
        }
    }
    for (index, item) in rca.action_items.iter().enumerate() {
        for (name, is_good) in [
            ("title", !item.title.trim().is_empty()),
            ("owner", !item.owner.trim().is_empty()),
            ("due", is_date(&item.due)),
        ] {
            if !is_good {
                bad.insert(format!("action_items[{index}].{name}"));
            }
        }
    }
    let (start, end) = span(rca, first_signal_at, now);
    let latest = now + limits::OCCURRED_AHEAD;
    if end < start || end > latest {
        bad.insert("incident_end".to_owned());
    }
    if start > latest {
        bad.insert("incident_start".to_owned());
    }
    bad
}

/// Whether an accepted analysis is complete.
pub(crate) fn complete(rca: &Rca, first_signal_at: Timestamp, submitted_at: Timestamp) -> bool {
    bad_fields(rca, first_signal_at, submitted_at).is_empty()
}

/// Start and end with what they default to.
pub(super) fn span(
    rca: &Rca,
    first_signal_at: Timestamp,
    now: Timestamp,
) -> (Timestamp, Timestamp) {
    (rca.incident_start.unwrap_or(first_signal_at), rca.incident_end.unwrap_or(now))
}

/// `YYYY-MM-DD` with a month and a day that there is.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return false;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let last = month.checked_sub(1).and_then(|index| days.get(index as usize)).copied();
    last.is_some_and(|last| day >= 1 && day <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_one_of_the_calendar() {
        for (text, is) in [("2024-02-29", true), ("2026-02-29", false), ("soon", false)] {
            assert_eq!(is_date(text), is, "{text}");
        }
    }
}
