//! A simulated signal: what is sent, and the same fields by the names that policies use.

use std::collections::BTreeMap;

use anyhow::Context;
use model::KeyField;
use serde::Serialize;

use crate::cli::terminal::failure::Failure;

/// A simulated signal.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Simulated {
    /// Which outage it is of.
    #[serde(skip)]
    pub(super) outage: usize,
    pub(super) id: String,
    pub(super) component: &'static str,
    pub(super) component_type: &'static str,
    pub(super) kind: &'static str,
    pub(super) severity: &'static str,
    pub(super) source: &'static str,
    pub(super) environment: String,
    pub(super) summary: String,
    pub(super) error_code: &'static str,
    pub(super) labels: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) trace_id: String,
    pub(super) occurred_at: String,
}

impl Simulated {
    /// What is sent.
    pub(super) fn json(&self) -> Result<Vec<u8>, Failure> {
        Ok(serde_json::to_vec(self).context("cannot write a signal as JSON")?)
    }

    /// A field by the name policies use.
    pub(super) fn field(&self, field: &KeyField) -> &str {
        match field {
            KeyField::Component => self.component,
            KeyField::ComponentType => self.component_type,
            KeyField::Environment => &self.environment,
            KeyField::Kind => self.kind,
            KeyField::Severity => self.severity,
            KeyField::Source => self.source,
            KeyField::ErrorCode => self.error_code,
            KeyField::TraceId => &self.trace_id,
            KeyField::Summary => &self.summary,
            KeyField::Label(name) => self.labels.get(name.as_str()).map_or("", String::as_str),
        }
    }

    /// What makes it the same thing again: a policy without a key groups by it.
    pub(super) fn identity(&self) -> Vec<String> {
        let fields = [&self.environment, self.component, self.kind, self.source, self.error_code];
        let labels =
            self.labels.iter().flat_map(|(name, value)| [(*name).to_owned(), value.clone()]);
        fields.into_iter().map(str::to_owned).chain(labels).collect()
    }
}
