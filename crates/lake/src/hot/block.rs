//! A run of rows in memory: the columns that scans look at side by side, everything of variable length
//! in one run of bytes. Adding a row allocates nothing once the block has grown.

use std::borrow::Cow;

use model::{
    ComponentType, IdentityKey, IncidentId, Kind, ProjectId, Reason, Seq, Severity, Signal,
    SignalId, SignalStatus, Timestamp,
};

use crate::{Row, StoredSignal};

/// Rows in ascending order of position.
#[derive(Default)]
pub(crate) struct Block {
    seqs: Vec<u64>,
    projects: Vec<ProjectId>,
    received: Vec<Timestamp>,
    incidents: Vec<Option<IncidentId>>,
    ids: Vec<SignalId>,
    rest: Vec<Rest>,
    texts: Vec<u8>,
}

/// What scans do not look at.
struct Rest {
    identity: IdentityKey,
    named: Option<IncidentId>,
    occurred_at: Timestamp,
    text_at: usize,
    id_given: bool,
    component_type: ComponentType,
    kind: Kind,
    severity: Severity,
    status: SignalStatus,
    reason: Reason,
}

/// Bytes of a row beside its texts.
const FIXED_BYTES: usize = size_of::<u64>()
    + size_of::<ProjectId>()
    + size_of::<Timestamp>()
    + size_of::<Option<IncidentId>>()
    + size_of::<SignalId>()
    + size_of::<Rest>();

impl Block {
    /// An empty block with room for what another holds: blocks of one stream are alike, and growing
    /// column by column would copy and clear every page several times.
    pub(crate) fn with_room_of(other: &Self) -> Self {
        let rows = other.len();
        Self {
            seqs: Vec::with_capacity(rows),
            projects: Vec::with_capacity(rows),
            received: Vec::with_capacity(rows),
            incidents: Vec::with_capacity(rows),
            ids: Vec::with_capacity(rows),
            rest: Vec::with_capacity(rows),
            texts: Vec::with_capacity(other.texts.len()),
        }
    }

    pub(crate) fn push(&mut self, row: &Row<'_>) {
        let signal = row.signal;
        self.seqs.push(row.seq.0);
        self.projects.push(row.project);
        self.received.push(row.received_at);
        self.incidents.push(row.incident);
        self.ids.push(signal.id);
        self.rest.push(Rest {
            identity: row.identity,
            named: signal.incident_id,
            occurred_at: signal.occurred_at,
            text_at: self.texts.len(),
            id_given: signal.id_given,
            component_type: signal.component_type,
            kind: signal.kind,
            severity: signal.severity,
            status: signal.status,
            reason: row.reason,
        });
        self.push_texts(signal);
    }

    pub(crate) fn len(&self) -> usize {
        self.seqs.len()
    }

    /// Memory that the rows take.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * FIXED_BYTES + self.texts.len()
    }

    pub(crate) fn seq(&self, row: usize) -> u64 {
        self.seqs[row]
    }

    pub(crate) fn project(&self, row: usize) -> ProjectId {
        self.projects[row]
    }

    pub(crate) fn received_at(&self, row: usize) -> Timestamp {
        self.received[row]
    }

    pub(crate) fn incident(&self, row: usize) -> Option<IncidentId> {
        self.incidents[row]
    }

    pub(crate) fn id(&self, row: usize) -> SignalId {
        self.ids[row]
    }

    pub(crate) fn occurred_at(&self, row: usize) -> Timestamp {
        self.rest[row].occurred_at
    }

    /// The signal of a row, borrowed from the block.
    pub(crate) fn signal(&self, row: usize) -> Signal<'_> {
        let rest = &self.rest[row];
        let mut texts = Texts(&self.texts[rest.text_at..]);
        Signal {
            id: self.ids[row],
            id_given: rest.id_given,
            component: texts.text(),
            environment: texts.text(),
            source: texts.text(),
            error_code: texts.text(),
            trace_id: texts.text(),
            summary: texts.text(),
            labels: (0..texts.length()).map(|_| (texts.text(), texts.text())).collect(),
            links: (0..texts.length()).map(|_| texts.text()).collect(),
            payload: Cow::Borrowed(texts.bytes()),
            component_type: rest.component_type,
            kind: rest.kind,
            severity: rest.severity,
            status: rest.status,
            occurred_at: rest.occurred_at,
            incident_id: rest.named,
        }
    }

    /// The row as it was pushed; `signal` is what [`Block::signal`] answered for it.
    pub(crate) fn row<'a>(&self, row: usize, signal: &'a Signal<'a>) -> Row<'a> {
        Row {
            seq: Seq(self.seqs[row]),
            project: self.projects[row],
            received_at: self.received[row],
            signal,
            identity: self.rest[row].identity,
            incident: self.incidents[row],
            reason: self.rest[row].reason,
        }
    }

    /// A copy of a row for a page.
    pub(crate) fn stored(&self, row: usize) -> StoredSignal {
        StoredSignal {
            seq: Seq(self.seqs[row]),
            received_at: self.received[row],
            signal: self.signal(row).to_owned_signal(),
            identity: self.rest[row].identity,
            incident: self.incidents[row],
            reason: self.rest[row].reason,
        }
    }

    fn push_texts(&mut self, signal: &Signal<'_>) {
        self.push_bytes(signal.component.as_bytes());
        self.push_bytes(signal.environment.as_bytes());
        self.push_bytes(signal.source.as_bytes());
        self.push_bytes(signal.error_code.as_bytes());
        self.push_bytes(signal.trace_id.as_bytes());
        self.push_bytes(signal.summary.as_bytes());
        self.push_length(signal.labels.len());
        for (name, value) in &signal.labels {
            self.push_bytes(name.as_bytes());
            self.push_bytes(value.as_bytes());
        }
        self.push_length(signal.links.len());
        for link in &signal.links {
            self.push_bytes(link.as_bytes());
        }
        self.push_bytes(&signal.payload);
    }

    fn push_length(&mut self, length: usize) {
        let length = u32::try_from(length).expect("doors let nothing in that is longer than 1 MiB");
        self.texts.extend_from_slice(&length.to_le_bytes());
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        self.push_length(bytes.len());
        self.texts.extend_from_slice(bytes);
    }
}

/// Reads back what `push_texts` wrote, in the same order.
struct Texts<'b>(&'b [u8]);

impl<'b> Texts<'b> {
    fn length(&mut self) -> usize {
        let (length, rest) =
            self.0.split_first_chunk().expect("every text has its length before it");
        self.0 = rest;
        u32::from_le_bytes(*length) as usize
    }

    fn bytes(&mut self) -> &'b [u8] {
        let length = self.length();
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    fn text(&mut self) -> Cow<'b, str> {
        Cow::Borrowed(std::str::from_utf8(self.bytes()).expect("it was text when it was pushed"))
    }
}
