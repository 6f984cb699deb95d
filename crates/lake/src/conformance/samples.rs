//! Rows to put a lake through its paces with: every field differs from its neighbour's.

use std::borrow::Cow;

use model::{
    ComponentType, IncidentId, Kind, ProjectId, Reason, Seq, Severity, Signal, SignalId,
    SignalStatus, Timestamp,
};

use crate::{Lake, Row, SignalQuery, StoredSignal};

/// A row and whose it is.
pub type Sample = (ProjectId, StoredSignal);

/// When sample 0 was received: 2024-02-29 12:00 UTC.
const START_US: i64 = 1_709_208_000_000_000;

// Lists of their own: the golden lake holds samples, so a sample never changes.
const REASONS: [Reason; 4] =
    [Reason::NewKey, Reason::OpenIncident, Reason::CurrentWindow, Reason::OpenWhenPending];
const COMPONENT_TYPES: [ComponentType; 9] = [
    ComponentType::Api,
    ComponentType::McpHost,
    ComponentType::Cache,
    ComponentType::Queue,
    ComponentType::Rdbms,
    ComponentType::Nosql,
    ComponentType::Service,
    ComponentType::Host,
    ComponentType::Other,
];
const KINDS: [Kind; 6] =
    [Kind::Failure, Kind::Alert, Kind::Runtime, Kind::Healthcheck, Kind::Dependency, Kind::Config];
const STATUSES: [SignalStatus; 2] = [SignalStatus::Firing, SignalStatus::Resolved];

/// The row at `seq`, received and occurred `seq` seconds after the first, under `incident`.
#[must_use]
pub fn sample(project: u32, seq: u64, incident: Option<u128>) -> Sample {
    let project = ProjectId(project);
    let at = Timestamp::from_micros(START_US + i64::try_from(seq).unwrap_or(0) * 1_000_000);
    let signal = signal(seq, at);
    let row = StoredSignal {
        seq: Seq(seq),
        received_at: at,
        identity: signal.identity(project),
        signal,
        incident: incident.map(IncidentId),
        reason: pick(&REASONS, seq),
    };
    (project, row)
}

/// Appends samples as one batch.
///
/// # Panics
/// The lake refuses them.
pub fn append(lake: &dyn Lake, samples: &[Sample]) {
    let rows: Vec<_> = samples.iter().map(|(project, row)| borrowed(*project, row)).collect();
    lake.append(&rows).expect("the lake takes the rows");
}

/// Everything under `incidents`, or everything of the project without.
#[must_use]
pub fn query(project: u32, incidents: Option<&[u128]>) -> SignalQuery {
    SignalQuery {
        project: ProjectId(project),
        incidents: incidents.map(|ids| ids.iter().copied().map(IncidentId).collect()),
        moved_in: Vec::new(),
        moved_out: Vec::new(),
        ids: Vec::new(),
        from: None,
        until: None,
        limit: 1_000,
        before: None,
    }
}

fn borrowed(project: ProjectId, row: &StoredSignal) -> Row<'_> {
    Row {
        seq: row.seq,
        project,
        received_at: row.received_at,
        signal: &row.signal,
        identity: row.identity,
        incident: row.incident,
        reason: row.reason,
    }
}

fn signal(seq: u64, at: Timestamp) -> Signal<'static> {
    let id = SignalId(u128::from(seq).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let mut signal = Signal::new(id, format!("component-{}", seq % 7), "prod");
    signal.id_given = seq.is_multiple_of(2);
    signal.component_type = pick(&COMPONENT_TYPES, seq);
    signal.kind = pick(&KINDS, seq);
    signal.severity = pick(&Severity::ALL, seq);
    signal.status = pick(&STATUSES, seq);
    signal.source =
        Cow::Owned(if seq.is_multiple_of(3) { String::new() } else { "probe ünï".to_owned() });
    signal.summary = Cow::Owned(format!("row {seq} says \"no\"\n\u{0}"));
    signal.labels = (0..seq % 3)
        .map(|label| (format!("label{label}\\").into(), format!("\"{seq}\" \u{1f514}").into()))
        .collect();
    signal.payload = match seq % 3 {
        0 => Cow::Borrowed(&[]),
        1 => Cow::Owned(format!("{{\"row\": {seq}}}").into_bytes()),
        _ => Cow::Borrowed(b"\xff\x00not text"),
    };
    signal.occurred_at = at;
    signal.trace_id = Cow::Owned(format!("{seq:032x}"));
    signal.error_code =
        Cow::Owned(if seq.is_multiple_of(5) { "E42".to_owned() } else { String::new() });
    signal.incident_id = (seq.is_multiple_of(4)).then_some(IncidentId(77));
    signal.links = (0..seq % 2).map(|_| format!("https://example.org/{seq}").into()).collect();
    signal
}

fn pick<T: Copy>(values: &[T], seq: u64) -> T {
    values[usize::try_from(seq).unwrap_or(0) % values.len()]
}

/// What a case expects to see of a page.
pub(super) fn seqs(lake: &dyn Lake, query: &SignalQuery) -> (Vec<u64>, u64) {
    let page = lake.signals(query).expect("the lake answers");
    (page.items.iter().map(|row| row.seq.0).collect(), page.total)
}
