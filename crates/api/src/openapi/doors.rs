//! The doors of the crate `ingest`, written by hand so that the document is complete. Nothing here is
//! ever called: the server answers these routes before it asks this router.

#![allow(dead_code, reason = "documents routes and shapes that another crate serves and reads")]

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::words;

/// A signal as it is sent. Only `component` is needed. Unknown fields are kept in the payload.
#[derive(Serialize, ToSchema)]
pub(super) struct NewSignal {
    /// The id; minted where not given. Given, it is an idempotency key. Also `signal_id`.
    #[schema(format = "uuid")]
    id: Option<String>,
    /// What it is about. Also `component_id`, `service`.
    component: String,
    /// `OTHER` where not said.
    component_type: Option<words::ComponentType>,
    /// `failure` where not said.
    kind: Option<words::Kind>,
    /// `P2` where not said; the words of other tools (`critical`, `error`, `warning`, `info`) are read too.
    severity: Option<words::Severity>,
    /// Who says so.
    source: Option<String>,
    /// `prod`, `staging`, …; `unknown` where not said.
    environment: Option<String>,
    /// `firing` where not said.
    status: Option<words::SignalStatus>,
    /// One line for a person. Also `message`.
    summary: Option<String>,
    /// Names and values; at most 64.
    labels: Option<BTreeMap<String, String>>,
    /// Any JSON, kept byte for byte; at most 256 KiB.
    payload: Option<serde_json::Value>,
    /// When it happened; at most 5 minutes ahead. Also `timestamp`.
    #[schema(format = DateTime)]
    occurred_at: Option<String>,
    /// Trace it belongs to.
    trace_id: Option<String>,
    /// Error code.
    error_code: Option<String>,
    /// The incident to join.
    #[schema(format = "uuid")]
    incident_id: Option<String>,
    /// Links for a person; at most 16.
    links: Option<Vec<String>>,
}

/// One signal, or up to 65 536 of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum NewSignals {
    /// One.
    One(Box<NewSignal>),
    /// Many.
    Many(Vec<NewSignal>),
}

/// Verdicts on a batch that is durable now.
#[derive(ToSchema)]
pub(super) struct Accepted {
    /// Signals taken, duplicates not counted.
    accepted: u64,
    /// Signals whose id was applied already.
    duplicates: u64,
    /// Signals that were refused, and why.
    rejected: Vec<Rejected>,
    /// The ids, in order.
    ids: Vec<String>,
}

/// A signal that was refused.
#[derive(ToSchema)]
pub(super) struct Rejected {
    /// Its place in the batch.
    index: u64,
    /// Its id, where it gave one.
    id: Option<String>,
    /// Why, as a word: see the errors of the doors.
    code: String,
    /// Why, as a sentence.
    message: String,
}

/// An alert as Prometheus and amtool send it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct PostableAlert {
    labels: BTreeMap<String, String>,
    annotations: Option<BTreeMap<String, String>>,
    /// Now where not said.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// When it is over, unless it is sent again before; five minutes from now where not said.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
    #[schema(rename = "generatorURL")]
    generator_url: Option<String>,
}

/// Send signals
///
/// One JSON object, an array, or one object per line; `Content-Encoding` may be `gzip` or `zstd`. 202 means
/// durable. With `Prefer: return=minimal` only the counts come back. The same over gRPC: `stormbell.v1.Ingest/Stream`.
#[utoipa::path(
    post, path = "/v1/signals", tag = "signals",
    request_body(content((NewSignals = "application/json"), (NewSignal = "application/x-ndjson")), description = "At most 16 MiB, and 1 MiB for a single object"),
    responses(
        (status = 202, description = "Durable; with a verdict on every signal", body = Accepted),
        (status = 400, description = "Not parseable, or every signal refused"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Content type or encoding not spoken"),
        (status = 429, description = "The token bucket is empty; `Retry-After` says when to come back"),
    ),
)]
pub(super) fn signals() {}

/// Send alerts, as Prometheus does
///
/// The same alert again renews its lease and costs nothing.
#[utoipa::path(
    post, path = "/api/v2/alerts", tag = "alertmanager",
    request_body = Vec<PostableAlert>,
    responses(
        (status = 200, description = "Durable"),
        (status = 400, description = "Not parseable, or an alert was refused; the others were taken"),
        (status = 429, description = "The token bucket is empty"),
    ),
)]
pub(super) fn alertmanager_alerts() {}

/// Alertmanager's webhook
///
/// Payload version 4. Every alert of the group, resolved ones too.
#[utoipa::path(
    post, path = "/v1/webhooks/alertmanager", tag = "signals",
    request_body(content = serde_json::Value, description = "What Alertmanager sends"),
    responses(
        (status = 202, description = "Durable; with a verdict on every alert", body = Accepted),
        (status = 400, description = "Not parseable, or every alert refused"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Content type or encoding not spoken"),
        (status = 429, description = "The token bucket is empty"),
    ),
)]
pub(super) fn alertmanager_webhook() {}

/// Grafana's webhook
///
/// What a contact point of the type webhook sends.
#[utoipa::path(
    post, path = "/v1/webhooks/grafana", tag = "signals",
    request_body(content = serde_json::Value, description = "What Grafana sends"),
    responses(
        (status = 202, description = "Durable; with a verdict on every alert", body = Accepted),
        (status = 400, description = "Not parseable, or every alert refused"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Content type or encoding not spoken"),
        (status = 429, description = "The token bucket is empty"),
    ),
)]
pub(super) fn grafana_webhook() {}
