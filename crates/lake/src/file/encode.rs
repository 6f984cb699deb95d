//! Rows to columns. Its counterpart is `decode`.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, StringBuilder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use model::IncidentId;

use super::columns;
use crate::{Error, ErrorKind, Row};

/// Rows after which a batch is handed on.
const BATCH_ROWS: usize = 8_192;
/// Bytes of texts after which a batch is handed on: far below the 2 GiB that one column can hold.
const BATCH_BYTES: usize = 16 << 20;

/// The columns of some rows.
#[derive(Default)]
pub(crate) struct Batch {
    rows: usize,
    bytes: usize,
    seq: UInt64Builder,
    received_at: TimestampMicrosecondBuilder,
    occurred_at: TimestampMicrosecondBuilder,
    id: StringBuilder,
    incident_id: StringDictionaryBuilder<Int32Type>,
    incident: Option<(IncidentId, String)>,
    reason: StringBuilder,
    identity: StringBuilder,
    component: StringBuilder,
    component_type: StringBuilder,
    environment: StringBuilder,
    kind: StringBuilder,
    severity: StringBuilder,
    status: StringBuilder,
    source: StringBuilder,
    error_code: StringBuilder,
    trace_id: StringBuilder,
    summary: StringBuilder,
    labels: StringBuilder,
    links: StringBuilder,
    payload: StringBuilder,
    payload_bytes: BinaryBuilder,
    named_incident_id: StringBuilder,
    id_given: BooleanBuilder,
    json: String,
}

impl Batch {
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        let signal = row.signal;
        self.rows += 1;
        self.bytes += crate::text_bytes(signal);
        self.seq.append_value(row.seq.0);
        self.received_at.append_value(row.received_at.micros());
        self.occurred_at.append_value(signal.occurred_at.micros());
        self.id.append_value(signal.id.text(&mut [0; 36]));
        self.push_incident(row.incident);
        self.reason.append_value(row.reason.as_str());
        self.identity.append_value(row.identity.text(&mut [0; 32]));
        self.component.append_value(&signal.component);
        self.component_type.append_value(signal.component_type.as_str());
        self.environment.append_value(&signal.environment);
        self.kind.append_value(signal.kind.as_str());
        self.severity.append_value(signal.severity.as_str());
        self.status.append_value(signal.status.as_str());
        self.source.append_value(&signal.source);
        self.error_code.append_value(&signal.error_code);
        self.trace_id.append_value(&signal.trace_id);
        self.summary.append_value(&signal.summary);
        self.push_labels(row);
        self.push_links(row);
        self.push_payload(&signal.payload);
        match signal.incident_id {
            Some(incident) => self.named_incident_id.append_value(incident.text(&mut [0; 36])),
            None => self.named_incident_id.append_null(),
        }
        self.id_given.append_value(signal.id_given);
    }

    /// Whether it should be handed on before more is pushed.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The columns of what was pushed, and an empty batch again.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, Error> {
        self.rows = 0;
        self.bytes = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.seq.finish()),
            Arc::new(self.received_at.finish().with_timezone(columns::ZONE)),
            Arc::new(self.occurred_at.finish().with_timezone(columns::ZONE)),
            Arc::new(self.id.finish()),
            Arc::new(self.incident_id.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.identity.finish()),
            Arc::new(self.component.finish()),
            Arc::new(self.component_type.finish()),
            Arc::new(self.environment.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.severity.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.error_code.finish()),
            Arc::new(self.trace_id.finish()),
            Arc::new(self.summary.finish()),
            Arc::new(self.labels.finish()),
            Arc::new(self.links.finish()),
            Arc::new(self.payload.finish()),
            Arc::new(self.payload_bytes.finish()),
            Arc::new(self.named_incident_id.finish()),
            Arc::new(self.id_given.finish()),
        ];
        let fields = columns::WRITTEN.fields().iter().enumerate().map(|(column, field)| {
            let data_type: &DataType = columns[column].data_type();
            Field::new(field.name(), data_type.clone(), field.is_nullable())
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        RecordBatch::try_new(schema, columns).map_err(|error| {
            Error::caused(ErrorKind::Corrupt, "rows do not fit the columns", error)
        })
    }

    /// Writes an incident's text once per run of its rows.
    fn push_incident(&mut self, incident: Option<IncidentId>) {
        let Some(incident) = incident else { return self.incident_id.append_null() };
        match &self.incident {
            Some((same, text)) if *same == incident => self.incident_id.append_value(text),
            _ => {
                let text = incident.to_string();
                self.incident_id.append_value(&text);
                self.incident = Some((incident, text));
            }
        }
    }

    fn push_labels(&mut self, row: &Row<'_>) {
        self.json.clear();
        self.json.push('{');
        for (index, (name, value)) in row.signal.labels.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            push_json_text(&mut self.json, name);
            self.json.push(':');
            push_json_text(&mut self.json, value);
        }
        self.json.push('}');
        self.labels.append_value(&self.json);
    }

    fn push_links(&mut self, row: &Row<'_>) {
        self.json.clear();
        self.json.push('[');
        for (index, link) in row.signal.links.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            push_json_text(&mut self.json, link);
        }
        self.json.push(']');
        self.links.append_value(&self.json);
    }

    /// JSON is text, so a payload is text; bytes that are not go to a column of their own.
    fn push_payload(&mut self, payload: &[u8]) {
        match std::str::from_utf8(payload) {
            Ok("") => {
                self.payload.append_null();
                self.payload_bytes.append_null();
            }
            Ok(text) => {
                self.payload.append_value(text);
                self.payload_bytes.append_null();
            }
            Err(_) => {
                self.payload.append_null();
                self.payload_bytes.append_value(payload);
            }
        }
    }
}

/// Nearly no text needs escaping, and that is seen faster than it is escaped.
fn push_json_text(json: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        json.push_str(&serde_json::Value::from(text).to_string());
        return;
    }
    json.push('"');
    json.push_str(text);
    json.push('"');
}
