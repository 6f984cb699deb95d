//! What can be asked of the store, and the rows it answers with.

use model::{
    Actor, AuditRow, Incident, IncidentId, NotificationId, Rca, Seq, Severity, Status, Timestamp,
    limits,
};

/// How far a merged incident is followed upwards for the analysis it cites.
pub(crate) const MERGE_DEPTH: u32 = 16;

/// Which incidents; empty lists mean "any". The default is everything not closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentFilter {
    /// Statuses; empty means every status but CLOSED.
    pub statuses: Vec<Status>,
    /// Severities.
    pub severities: Vec<Severity>,
    /// Exact component.
    pub component: Option<String>,
    /// Exact environment.
    pub environment: Option<String>,
    /// Exact assignee.
    pub assignee: Option<String>,
    /// Text contained in title, component or grouping key; upper and lower case of ASCII are one.
    pub text: Option<String>,
    /// Rows of the page, at most `model::limits::PAGE`; 0 means `model::limits::PAGE_DEFAULT`.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<PageCursor>,
}

/// Where a page ended; opaque outside. Incidents: (severity rank, last signal µs, number); timeline: (seq, index, 0);
/// notifications and letters: (seq, first and last 8 bytes of the id).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageCursor(pub i64, pub i64, pub i64);

impl PageCursor {
    /// The place of an incident in a list.
    #[must_use]
    pub fn of_incident(incident: &Incident) -> Self {
        let rank = i64::from(incident.severity.rank());
        Self(rank, incident.last_signal_at.micros(), incident.number.cast_signed())
    }

    /// The place of an audit row in a timeline.
    #[must_use]
    pub fn of_audit(row: &AuditRow) -> Self {
        Self(row.seq.0.cast_signed(), i64::from(row.index), 0)
    }

    /// The place of a notification, and of its letters, in a list.
    #[must_use]
    pub fn of_notification(seq: Seq, id: NotificationId) -> Self {
        let [first, last] = [id.0 >> 64, id.0].map(|half| (half as u64).cast_signed());
        Self(seq.0.cast_signed(), first, last)
    }

    /// The notification at this place.
    pub(crate) fn notification(self) -> (Seq, NotificationId) {
        let [first, last] = [self.1, self.2].map(|half| u128::from(half.cast_unsigned()));
        (Seq(self.0.cast_unsigned()), NotificationId(first << 64 | last))
    }
}

/// Rows of a page, where `asked` of them were asked for.
pub(crate) fn page_rows(asked: usize) -> usize {
    if asked == 0 { limits::PAGE_DEFAULT } else { asked.min(limits::PAGE) }
}

/// A page of incidents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentPage {
    /// The incidents.
    pub items: Vec<Incident>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<PageCursor>,
    /// How many fit the filter in all.
    pub total: u64,
}

/// One incident with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentView {
    /// The incident.
    pub incident: Incident,
    /// The incidents merged into it, in order of number.
    pub children: Vec<IncidentId>,
    /// The accepted RCA: its own, or its parent's, which it then cites.
    pub rca: Option<RcaView>,
}

/// An accepted root cause analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcaView {
    /// The incident it was written for.
    pub incident: IncidentId,
    /// The analysis.
    pub rca: Rca,
    /// By whom.
    pub submitted_by: Actor,
    /// When.
    pub submitted_at: Timestamp,
}

/// A page of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimelinePage {
    /// The rows, oldest first.
    pub items: Vec<AuditRow>,
    /// Where the next page starts.
    pub next: Option<PageCursor>,
    /// How many rows there are.
    pub total: u64,
}

/// Signals that were filed outside of the given incidents and belong to one of them now, and the
/// other way round: what moved from one of them to another is in neither list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignalMoves {
    /// Positions of signals that came in, ascending.
    pub moved_in: Vec<Seq>,
    /// Positions of signals that went out, ascending.
    pub moved_out: Vec<Seq>,
}

/// Incidents by status and severity, in that order; what there is none of is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentCounts(pub Vec<(Status, Severity, u64)>);
