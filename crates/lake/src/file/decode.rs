//! Columns to rows. Its counterpart is `encode`.
//!
//! A value that no version of this crate wrote is an error in words, never a panic.

use std::borrow::Cow;
use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{
    Array, BinaryViewArray, BooleanArray, DictionaryArray, RecordBatch, StringArray,
    StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use model::{
    ComponentType, IdentityKey, IncidentId, Kind, Reason, Seq, Severity, Signal, SignalId,
    SignalStatus, Timestamp,
};
use serde::de::{Deserializer as _, MapAccess, Visitor};

use super::columns;
use crate::StoredSignal;

/// What is wrong with a value, in words.
pub(super) type Wrong = String;

/// Every row of a batch with all columns.
pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<StoredSignal>, Wrong> {
    let seqs = seqs(batch, columns::SEQ)?;
    let received = times(batch, columns::RECEIVED_AT)?;
    let incidents = Incidents::of(batch, columns::INCIDENT_ID)?;
    let identities = texts(batch, columns::IDENTITY)?;
    let reasons = texts(batch, columns::REASON)?;
    let signals = Signals::of(batch)?;
    (0..batch.num_rows())
        .map(|row| {
            Ok(StoredSignal {
                seq: Seq(seqs.value(row)),
                received_at: Timestamp::from_micros(received.value(row)),
                signal: signals.get(row)?,
                identity: identity(identities.value(row))?,
                incident: incidents.get(row)?,
                reason: word(Reason::parse, reasons.value(row), "reason")?,
            })
        })
        .collect()
}

/// A column of positions.
pub(super) fn seqs(batch: &RecordBatch, column: usize) -> Result<&UInt64Array, Wrong> {
    batch.column(column).as_primitive_opt::<UInt64Type>().ok_or_else(|| wrong_type(column))
}

/// A column of timestamps.
pub(super) fn times(
    batch: &RecordBatch,
    column: usize,
) -> Result<&TimestampMicrosecondArray, Wrong> {
    let array = batch.column(column).as_primitive_opt::<TimestampMicrosecondType>();
    array.ok_or_else(|| wrong_type(column))
}

/// A column of texts.
pub(super) fn texts(batch: &RecordBatch, column: usize) -> Result<&StringViewArray, Wrong> {
    batch.column(column).as_string_view_opt().ok_or_else(|| wrong_type(column))
}

/// The column of incidents: for each row which entry of a list, and the list.
pub(super) struct Incidents<'b> {
    keys: &'b DictionaryArray<Int32Type>,
    values: &'b StringArray,
}

impl<'b> Incidents<'b> {
    pub(super) fn of(batch: &'b RecordBatch, column: usize) -> Result<Self, Wrong> {
        let wrong = || wrong_type(columns::INCIDENT_ID);
        let keys = batch.column(column).as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
        let values = keys.values().as_string_opt::<i32>().ok_or_else(wrong)?;
        Ok(Self { keys, values })
    }

    /// The list; `None` for an entry that no row can have.
    pub(super) fn list(&self) -> Result<Vec<Option<IncidentId>>, Wrong> {
        self.values
            .iter()
            .map(|text| text.map(|text| id(IncidentId::parse, text, "incident id")).transpose())
            .collect()
    }

    /// Where in the list the incident of a row is.
    pub(super) fn key(&self, row: usize) -> Option<usize> {
        self.keys.key(row)
    }

    fn get(&self, row: usize) -> Result<Option<IncidentId>, Wrong> {
        let Some(key) = self.keys.key(row) else { return Ok(None) };
        id(IncidentId::parse, self.values.value(key), "incident id").map(Some)
    }
}

pub(super) fn signal_id(text: &str) -> Result<SignalId, Wrong> {
    id(SignalId::parse, text, "id")
}

/// The columns that make up a signal.
struct Signals<'b> {
    times: &'b TimestampMicrosecondArray,
    ids: &'b StringViewArray,
    texts: Vec<Option<&'b StringViewArray>>,
    payload_bytes: &'b BinaryViewArray,
    ids_given: &'b BooleanArray,
}

impl<'b> Signals<'b> {
    fn of(batch: &'b RecordBatch) -> Result<Self, Wrong> {
        let bytes = batch.column(columns::PAYLOAD_BYTES).as_binary_view_opt();
        let given = batch.column(columns::ID_GIVEN).as_boolean_opt();
        Ok(Self {
            times: times(batch, columns::OCCURRED_AT)?,
            ids: texts(batch, columns::ID)?,
            texts: (0..batch.num_columns()).map(|c| texts(batch, c).ok()).collect(),
            payload_bytes: bytes.ok_or_else(|| wrong_type(columns::PAYLOAD_BYTES))?,
            ids_given: given.ok_or_else(|| wrong_type(columns::ID_GIVEN))?,
        })
    }

    fn get(&self, row: usize) -> Result<Signal<'static>, Wrong> {
        let named = self.optional(columns::NAMED_INCIDENT_ID, row)?;
        let kind = self.text(columns::KIND, row)?;
        let status = self.text(columns::STATUS, row)?;
        let component_type = self.text(columns::COMPONENT_TYPE, row)?;
        Ok(Signal {
            id: signal_id(self.ids.value(row))?,
            id_given: self.ids_given.value(row),
            component: self.copy(columns::COMPONENT, row)?,
            component_type: word(ComponentType::parse, component_type, "component_type")?,
            kind: word(Kind::parse, kind, "kind")?,
            severity: word(Severity::parse, self.text(columns::SEVERITY, row)?, "severity")?,
            source: self.copy(columns::SOURCE, row)?,
            environment: self.copy(columns::ENVIRONMENT, row)?,
            status: word(SignalStatus::parse, status, "status")?,
            summary: self.copy(columns::SUMMARY, row)?,
            labels: labels(self.text(columns::LABELS, row)?)?,
            payload: self.payload(row)?,
            occurred_at: Timestamp::from_micros(self.times.value(row)),
            trace_id: self.copy(columns::TRACE_ID, row)?,
            error_code: self.copy(columns::ERROR_CODE, row)?,
            incident_id: named
                .map(|text| id(IncidentId::parse, text, "named incident id"))
                .transpose()?,
            links: links(self.text(columns::LINKS, row)?)?,
        })
    }

    fn payload(&self, row: usize) -> Result<Cow<'static, [u8]>, Wrong> {
        if self.payload_bytes.is_valid(row) {
            return Ok(Cow::Owned(self.payload_bytes.value(row).to_vec()));
        }
        let text = self.optional(columns::PAYLOAD, row)?.unwrap_or("");
        Ok(Cow::Owned(text.as_bytes().to_vec()))
    }

    fn optional(&self, column: usize, row: usize) -> Result<Option<&'b str>, Wrong> {
        let texts = self.texts[column].ok_or_else(|| wrong_type(column))?;
        Ok(texts.is_valid(row).then(|| texts.value(row)))
    }

    fn text(&self, column: usize, row: usize) -> Result<&'b str, Wrong> {
        self.optional(column, row)?
            .ok_or_else(|| format!("column {} is null", columns::NAMES[column].0))
    }

    fn copy(&self, column: usize, row: usize) -> Result<Cow<'static, str>, Wrong> {
        self.text(column, row).map(|text| Cow::Owned(text.to_owned()))
    }
}

fn wrong_type(column: usize) -> Wrong {
    format!("column {} has another type than it should", columns::NAMES[column].0)
}

fn word<T>(parse: impl Fn(&str) -> Option<T>, text: &str, what: &str) -> Result<T, Wrong> {
    parse(text).ok_or_else(|| format!("`{}` is no {what}", shown(text)))
}

fn id<T>(parse: impl Fn(&str) -> Option<T>, text: &str, what: &str) -> Result<T, Wrong> {
    word(parse, text, what)
}

fn identity(text: &str) -> Result<IdentityKey, Wrong> {
    word(|text| u128::from_str_radix(text, 16).ok().map(IdentityKey), text, "identity")
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

type Labels = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// Reads a JSON object of texts and keeps its order.
fn labels(json: &str) -> Result<Labels, Wrong> {
    struct InOrder;
    impl<'de> Visitor<'de> for InOrder {
        type Value = Labels;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object of texts")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
            let mut labels = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, String>()? {
                labels.push((Cow::Owned(name), Cow::Owned(value)));
            }
            Ok(labels)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let labels = reader.deserialize_map(InOrder).map_err(|error| format!("labels: {error}"))?;
    reader.end().map_err(|error| format!("labels: {error}"))?;
    Ok(labels)
}

fn links(json: &str) -> Result<Vec<Cow<'static, str>>, Wrong> {
    let links: Vec<String> =
        serde_json::from_str(json).map_err(|error| format!("links: {error}"))?;
    Ok(links.into_iter().map(Cow::Owned).collect())
}
