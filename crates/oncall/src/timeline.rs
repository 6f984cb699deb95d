//! Timelines: lists of shifts, ascending and apart from each other, laid over each other.
//!
//! Refuses to know where shifts come from.

use crate::schedule::Shift;

/// `below` where `above` has nothing, and all of `above`.
pub(crate) fn overlay(below: &[Shift], above: &[Shift]) -> Vec<Shift> {
    if above.is_empty() {
        return below.to_vec();
    }
    let mut result = Vec::with_capacity(below.len() + above.len());
    let mut passed = 0;
    for shift in below {
        while above.get(passed).is_some_and(|over| over.end <= shift.start) {
            passed += 1;
        }
        let mut start = shift.start;
        for over in above[passed..].iter().take_while(|over| over.start < shift.end) {
            if start < over.start {
                result.push(Shift { start, end: over.start, ..*shift });
            }
            start = over.end;
        }
        if start < shift.end {
            result.push(Shift { start, ..*shift });
        }
    }
    result.extend_from_slice(above);
    result.sort_by_key(|shift| shift.start);
    result
}

/// Makes one of shifts that touch, of the same person by the same layer or override.
pub(crate) fn joined(shifts: Vec<Shift>) -> Vec<Shift> {
    let mut result: Vec<Shift> = Vec::with_capacity(shifts.len());
    for shift in shifts {
        match result.last_mut() {
            Some(last) if last.end == shift.start && last.is_like(&shift) => last.end = shift.end,
            Some(_) | None => result.push(shift),
        }
    }
    result
}
