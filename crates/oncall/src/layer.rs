//! A layer: people who take turns, while it is in force.
//!
//! Refuses to know other layers and overrides.

use jiff::Timestamp;
use model::SubscriberId;

use crate::restriction::{self, Restriction, Span};
use crate::rotation::Rotation;
use crate::schedule::{Origin, Shift};
use crate::zone::Zone;

/// One rotation of people.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) name: String,
    /// Never empty.
    pub(crate) people: Vec<SubscriberId>,
    pub(crate) rotation: Rotation,
    pub(crate) restrictions: Vec<Restriction>,
}

impl Layer {
    /// Who is on call by this layer alone, if it is in force.
    pub(crate) fn on_call(&self, at: Timestamp, zone: &Zone) -> Option<SubscriberId> {
        let turn = self.rotation.turn(at, zone)?;
        restriction::hold(&self.restrictions, at, zone).then(|| self.person(turn))
    }

    /// The shifts of this layer alone within `within`: ascending, apart from each other, never empty.
    pub(crate) fn shifts(&self, origin: Origin, within: Span, zone: &Zone) -> Vec<Shift> {
        let first = self.rotation.begins(0, zone).max(within.start);
        let Some(mut turn) = self.rotation.turn(first, zone).filter(|_| first < within.end) else {
            return Vec::new();
        };
        let spans = restriction::spans(&self.restrictions, within, zone);
        let mut spans = spans.iter().peekable();
        let mut result = Vec::new();
        let mut start = first;
        while start < within.end {
            let end = self.rotation.begins(turn + 1, zone).min(within.end);
            let person = self.person(turn);
            while let Some(span) = spans.peek() {
                let (from, to) = (span.start.max(start), span.end.min(end));
                if from < to {
                    result.push(Shift { start: from, end: to, person, origin });
                }
                if span.end > end {
                    break;
                }
                spans.next();
            }
            (start, turn) = (end, turn + 1);
        }
        result
    }

    fn person(&self, turn: i64) -> SubscriberId {
        let count = i64::try_from(self.people.len()).unwrap_or(1);
        let index = usize::try_from(turn.rem_euclid(count)).unwrap_or(0);
        self.people[index]
    }
}
