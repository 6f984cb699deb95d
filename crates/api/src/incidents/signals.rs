//! `GET /v1/incidents/{id}/signals`: every raw signal of an incident, newest first.
//!
//! The lake knows where a signal was filed; the store knows what moved later. Both together say what
//! belongs to an incident now, its merged children included.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use lake::{SignalPage, SignalQuery, StoredSignal};
use model::{Incident, IncidentId, ProjectId, Scope, Seq, Signal, SignalId, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use store::PageCursor;
use utoipa::ToSchema;

use super::find;
use crate::problem::Problem;
use crate::request::{Call, CursorKind, Id, Parameters};
use crate::{Api, instant, words};

/// A signal as its sender wrote it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceivedSignal {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// When its sender says it happened.
    #[schema(format = DateTime)]
    pub(crate) occurred_at: String,
    /// What it is about.
    pub(crate) component: String,
    /// The type of what it is about.
    pub(crate) component_type: words::ComponentType,
    /// The kind of observation.
    pub(crate) kind: words::Kind,
    /// How bad.
    pub(crate) severity: words::Severity,
    /// Who says so.
    pub(crate) source: String,
    /// Its environment.
    pub(crate) environment: String,
    /// Firing or resolved.
    pub(crate) status: words::SignalStatus,
    /// One line for a person.
    pub(crate) summary: String,
    /// Names and values.
    pub(crate) labels: BTreeMap<String, String>,
    /// The sender's JSON, byte for byte; a string where it was no JSON.
    #[schema(value_type = Option<serde_json::Value>, required)]
    pub(crate) payload: Option<Box<RawValue>>,
    /// Trace it belongs to.
    #[schema(required)]
    pub(crate) trace_id: Option<String>,
    /// Error code.
    #[schema(required)]
    pub(crate) error_code: Option<String>,
    /// Links for a person.
    pub(crate) links: Vec<String>,
}

/// A signal as it was received, and where it was filed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignalItem {
    /// Its position in the journal.
    pub(crate) seq: u64,
    /// When it was made durable here.
    #[schema(format = DateTime)]
    pub(crate) received_at: String,
    /// The signal.
    #[serde(flatten)]
    pub(crate) signal: ReceivedSignal,
    /// The incident it was filed under when it came.
    #[schema(required, format = "uuid")]
    pub(crate) incident_id: Option<String>,
    /// Why there: `new_key`, `open_incident`, `fired_again`, …
    pub(crate) reason: String,
}

/// A page of signals.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignalPage)]
pub(crate) struct SignalItems {
    /// The signals, newest first.
    pub(crate) items: Vec<SignalItem>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// How many belong to the incident in all.
    pub(crate) total: u64,
}

/// List the signals of an incident
///
/// Every raw signal, newest first, those of merged children included.
#[utoipa::path(
    get, path = "/v1/incidents/{id}/signals", tag = "incidents",
    params(
        ("id" = String, Path, description = "id or number"),
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of signals", body = SignalItems), (status = 404, description = "No such incident in the project")),
)]
pub(super) async fn list_signals(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Json<SignalItems>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["limit", "cursor"])?;
    let limit = parameters.limit()?;
    let view = find(&api, call.project(), &id).await?;
    let list = CursorKind::Signals(view.incident.id);
    let cursor =
        parameters.one("cursor")?.map(|text| list.read(call.project(), text)).transpose()?;
    let mut incidents = vec![view.incident.id];
    incidents.extend(&view.children);
    let mut query = query(&api, call.project(), incidents).await?;
    query.limit = limit;
    query.before = cursor.map(|PageCursor(seq, ..)| Seq(u64::try_from(seq).unwrap_or(0)));
    let page = read(&api, query).await?;
    let next = page.next.and_then(|seq| i64::try_from(seq.0).ok());
    Ok(Json(SignalItems {
        next_cursor: next.map(|seq| list.write(call.project(), PageCursor(seq, 0, 0))),
        total: page.total,
        items: page.items.into_iter().map(SignalItem::from).collect(),
    }))
}

/// The journal positions of `ids` among the signals of one incident, and the ids that are not there.
pub(super) async fn locate(
    api: &Api,
    project: ProjectId,
    incident: IncidentId,
    ids: &[SignalId],
) -> Result<(Vec<Seq>, Vec<SignalId>), Problem> {
    let mut query = query(api, project, vec![incident]).await?;
    query.ids = ids.to_vec();
    query.limit = ids.len();
    let mut found: BTreeMap<SignalId, Seq> = BTreeMap::new();
    // A page ends early when its signals are large, so it may take more than one.
    loop {
        let page = read(api, query.clone()).await?;
        found.extend(page.items.iter().map(|row| (row.signal.id, row.seq)));
        match page.next {
            Some(next) if !page.items.is_empty() => query.before = Some(next),
            _ => break,
        }
    }
    let unknown = ids.iter().filter(|id| !found.contains_key(id)).copied().collect();
    let mut seqs: Vec<Seq> = found.into_values().collect();
    seqs.sort_unstable();
    Ok((seqs, unknown))
}

/// The signal that opened an incident; none where it was split off another, or the lake lost it.
pub(crate) async fn opening_signal(
    api: &Api,
    incident: &Incident,
) -> Result<Option<Signal<'static>>, Problem> {
    let mut query = query(api, incident.project, vec![incident.id]).await?;
    query.from = Some(incident.opened_at);
    query.until = Some(Timestamp::from_micros(incident.opened_at.micros().saturating_add(1)));
    query.limit = lake::PAGE_ROWS;
    // The oldest of those received in that moment.
    Ok(read(api, query).await?.items.pop().map(|row| row.signal))
}

/// A signal of the project by its id, as it was received.
pub(crate) async fn signal_by_id(
    api: &Api,
    project: ProjectId,
    id: SignalId,
) -> Result<Option<StoredSignal>, Problem> {
    let query = SignalQuery {
        project,
        incidents: None,
        moved_in: Vec::new(),
        moved_out: Vec::new(),
        ids: vec![id],
        from: None,
        until: None,
        limit: 1,
        before: None,
    };
    Ok(read(api, query).await?.items.pop())
}

async fn query(
    api: &Api,
    project: ProjectId,
    incidents: Vec<IncidentId>,
) -> Result<SignalQuery, Problem> {
    let moves = api.ports().store.signal_moves(project, &incidents).await?;
    Ok(SignalQuery {
        project,
        incidents: Some(incidents),
        moved_in: moves.moved_in,
        moved_out: moves.moved_out,
        ids: Vec::new(),
        from: None,
        until: None,
        limit: 0,
        before: None,
    })
}

/// Asks the lake on a thread that may block: it reads files.
async fn read(api: &Api, query: SignalQuery) -> Result<SignalPage, Problem> {
    let lake = api.ports().lake.clone();
    let page = tokio::task::spawn_blocking(move || lake.signals(&query)).await;
    page.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))
}

impl From<StoredSignal> for SignalItem {
    fn from(row: StoredSignal) -> Self {
        Self {
            seq: row.seq.0,
            received_at: instant::write(row.received_at),
            signal: (&row.signal).into(),
            incident_id: row.incident.map(|id| id.to_string()),
            reason: row.reason.as_str().to_owned(),
        }
    }
}

impl From<&Signal<'_>> for ReceivedSignal {
    fn from(signal: &Signal<'_>) -> Self {
        let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let labels = signal.labels.iter();
        Self {
            id: signal.id.to_string(),
            occurred_at: instant::write(signal.occurred_at),
            component: signal.component.to_string(),
            component_type: signal.component_type.into(),
            kind: signal.kind.into(),
            severity: signal.severity.into(),
            source: signal.source.to_string(),
            environment: signal.environment.to_string(),
            status: signal.status.into(),
            summary: signal.summary.to_string(),
            labels: labels.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            payload: raw(&signal.payload),
            trace_id: present(&signal.trace_id),
            error_code: present(&signal.error_code),
            links: signal.links.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The payload as it is where it is JSON, as a string where it is not, and nothing where there is none.
fn raw(payload: &[u8]) -> Option<Box<RawValue>> {
    if payload.is_empty() {
        return None;
    }
    serde_json::from_slice::<Box<RawValue>>(payload)
        .or_else(|_| serde_json::value::to_raw_value(&String::from_utf8_lossy(payload)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_kept_byte_for_byte_and_a_string_where_it_is_no_json() {
        let text = |bytes: &[u8]| raw(bytes).map(|value| value.get().to_owned());
        assert_eq!(text(b"{\"a\":  1.10}").as_deref(), Some("{\"a\":  1.10}"));
        assert_eq!(text(b"not \"json\"").as_deref(), Some("\"not \\\"json\\\"\""));
        assert_eq!(text(b""), None);
    }
}
