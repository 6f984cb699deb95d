//! The columns of version 1, in order, as they are written and as they are read.
//!
//! A file of version 1 has exactly these; a column more is a new version.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub(crate) const SEQ: usize = 0;
pub(crate) const RECEIVED_AT: usize = 1;
pub(crate) const OCCURRED_AT: usize = 2;
pub(crate) const ID: usize = 3;
pub(crate) const INCIDENT_ID: usize = 4;
pub(crate) const REASON: usize = 5;
pub(crate) const IDENTITY: usize = 6;
pub(crate) const COMPONENT: usize = 7;
pub(crate) const COMPONENT_TYPE: usize = 8;
pub(crate) const ENVIRONMENT: usize = 9;
pub(crate) const KIND: usize = 10;
pub(crate) const SEVERITY: usize = 11;
pub(crate) const STATUS: usize = 12;
pub(crate) const SOURCE: usize = 13;
pub(crate) const ERROR_CODE: usize = 14;
pub(crate) const TRACE_ID: usize = 15;
pub(crate) const SUMMARY: usize = 16;
pub(crate) const LABELS: usize = 17;
pub(crate) const LINKS: usize = 18;
pub(crate) const PAYLOAD: usize = 19;
pub(crate) const PAYLOAD_BYTES: usize = 20;
pub(crate) const NAMED_INCIDENT_ID: usize = 21;
pub(crate) const ID_GIVEN: usize = 22;

/// Name, and whether it may be null.
pub(crate) const NAMES: [(&str, bool); 23] = [
    ("seq", false),
    ("received_at", false),
    ("occurred_at", false),
    ("id", false),
    ("incident_id", true),
    ("reason", false),
    ("identity", false),
    ("component", false),
    ("component_type", false),
    ("environment", false),
    ("kind", false),
    ("severity", false),
    ("status", false),
    ("source", false),
    ("error_code", false),
    ("trace_id", false),
    ("summary", false),
    ("labels", false),
    ("links", false),
    ("payload", true),
    ("payload_bytes", true),
    ("named_incident_id", true),
    ("id_given", false),
];

/// The time zone of every timestamp.
pub(crate) const ZONE: &str = "UTC";

/// The columns as other engines see them.
pub(crate) static WRITTEN: LazyLock<SchemaRef> =
    LazyLock::new(|| schema(&DataType::Utf8, &DataType::Binary, &DataType::Utf8));

/// The columns as this crate reads them: texts as views, which are not copied, and incidents as
/// references into a dictionary, so that a filter compares each incident once.
pub(crate) static READ: LazyLock<SchemaRef> = LazyLock::new(|| {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    schema(&DataType::Utf8View, &DataType::BinaryView, &dictionary)
});

fn schema(text: &DataType, bytes: &DataType, incident: &DataType) -> SchemaRef {
    let fields = NAMES.iter().enumerate().map(|(column, &(name, nullable))| {
        let data_type = match column {
            SEQ => DataType::UInt64,
            RECEIVED_AT | OCCURRED_AT => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into()))
            }
            INCIDENT_ID => incident.clone(),
            PAYLOAD_BYTES => bytes.clone(),
            ID_GIVEN => DataType::Boolean,
            _ => text.clone(),
        };
        Field::new(name, data_type, nullable)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
