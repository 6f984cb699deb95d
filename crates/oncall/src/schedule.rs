//! A schedule: who is on call at an instant, and the shifts of a span of time.
//!
//! Refuses to know what the time is now and how a person is reached.
//! Invariant: the shifts of a span are ascending and apart; in each of them [`Schedule::on_call`] is its
//! person, and between them nobody is on call.

use jiff::{SignedDuration, Timestamp};
use model::{FieldError, SubscriberId};

use crate::complaints;
use crate::document::ScheduleDocument;
use crate::layer::Layer;
use crate::limits;
use crate::restriction::Span;
use crate::schedule_check;
use crate::timeline::{joined, overlay};
use crate::zone::Zone;

/// Who is on call when: a checked [`ScheduleDocument`].
#[derive(Debug, Clone)]
pub struct Schedule {
    pub(crate) name: String,
    pub(crate) zone: Zone,
    pub(crate) layers: Vec<Layer>,
    pub(crate) overrides: Vec<Override>,
}

/// One person for one span of time.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    pub(crate) person: SubscriberId,
    pub(crate) span: Span,
}

/// Who is on call at an instant, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnCall {
    /// Who.
    pub person: SubscriberId,
    /// By what.
    pub origin: Origin,
}

/// What puts somebody on call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The layer of that index.
    Layer(usize),
    /// The override of that index.
    Override(usize),
}

/// A span of time in which one person is on call by one layer or override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// From, inclusive.
    pub start: Timestamp,
    /// To, exclusive; after `start`.
    pub end: Timestamp,
    /// Who.
    pub person: SubscriberId,
    /// By what.
    pub origin: Origin,
}

impl Shift {
    /// Whether it is the same person by the same layer or override.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.person, self.origin) == (other.person, other.origin)
    }
}

/// Why a question is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The span ends before it begins.
    #[error("the span ends before it begins")]
    Backwards,
    /// The span is longer than [`limits::SPAN_DAYS`].
    #[error("the span is longer than {} days", limits::SPAN_DAYS)]
    SpanTooLong,
    /// There are more shifts in it than [`limits::SHIFTS`].
    #[error("there are more than {} shifts in the span", limits::SHIFTS)]
    TooManyShifts,
}

impl Schedule {
    /// Checks a document.
    ///
    /// # Errors
    /// Every field that is not as it must be.
    pub fn new(document: &ScheduleDocument) -> Result<Self, Vec<FieldError>> {
        schedule_check::check(document)
    }

    /// Reads and checks the JSON of a document.
    ///
    /// # Errors
    /// As [`Schedule::new`]; one error of the whole document, its field empty, where it is no such JSON.
    pub fn from_json(json: &str) -> Result<Self, Vec<FieldError>> {
        Self::new(&complaints::from_json(json)?)
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the layer of that index, if there is one.
    #[must_use]
    pub fn layer_name(&self, index: usize) -> Option<&str> {
        self.layers.get(index).map(|layer| layer.name.as_str())
    }

    /// Everybody it names, ascending, each once.
    #[must_use]
    pub fn people(&self) -> Vec<SubscriberId> {
        let layers = self.layers.iter().flat_map(|layer| layer.people.iter().copied());
        let mut people: Vec<_> =
            layers.chain(self.overrides.iter().map(|one| one.person)).collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// Who is on call at that instant, if anybody.
    #[must_use]
    pub fn on_call(&self, at: Timestamp) -> Option<SubscriberId> {
        self.on_call_by(at).map(|found| found.person)
    }

    /// Who is on call at that instant and by what, if anybody.
    #[must_use]
    pub fn on_call_by(&self, at: Timestamp) -> Option<OnCall> {
        let covers = |one: &Override| one.span.start <= at && at < one.span.end;
        if let Some(index) = self.overrides.iter().rposition(covers) {
            let person = self.overrides[index].person;
            return Some(OnCall { person, origin: Origin::Override(index) });
        }
        self.layers.iter().enumerate().rev().find_map(|(index, layer)| {
            let person = layer.on_call(at, &self.zone)?;
            Some(OnCall { person, origin: Origin::Layer(index) })
        })
    }

    /// The shifts from `from` to before `until`, the first and last cut to it. Between them nobody is on
    /// call. Two that touch differ in their person, or in the layer or override that says so.
    ///
    /// # Errors
    /// The span is backwards or too long, or has too many shifts in it.
    pub fn shifts(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Shift>, Error> {
        check_span(from, until)?;
        self.timeline(Span { start: from, end: until })
    }

    /// As [`Schedule::shifts`], for a span that the caller has bounded.
    pub(crate) fn timeline(&self, within: Span) -> Result<Vec<Shift>, Error> {
        let mut timeline = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let shifts = layer.shifts(Origin::Layer(index), within, &self.zone);
            timeline = overlay(&timeline, &shifts);
        }
        let shifts = joined(overlay(&timeline, &self.override_shifts(within)));
        if shifts.len() > limits::SHIFTS {
            return Err(Error::TooManyShifts);
        }
        Ok(shifts)
    }

    /// The overrides alone, laid over each other first: there are few of them.
    fn override_shifts(&self, within: Span) -> Vec<Shift> {
        let mut result = Vec::new();
        for (index, one) in self.overrides.iter().enumerate() {
            let (start, end) = (one.span.start.max(within.start), one.span.end.min(within.end));
            if start < end {
                let origin = Origin::Override(index);
                result = overlay(&result, &[Shift { start, end, person: one.person, origin }]);
            }
        }
        result
    }
}

/// Whether a question may span from one to the other.
pub(crate) fn check_span(from: Timestamp, until: Timestamp) -> Result<(), Error> {
    if until < from {
        return Err(Error::Backwards);
    }
    if until.duration_since(from) > SignedDuration::from_hours(24 * limits::SPAN_DAYS) {
        return Err(Error::SpanTooLong);
    }
    Ok(())
}
