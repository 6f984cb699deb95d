//! What became of each element of a configuration.

use serde::Serialize;
use utoipa::ToSchema;

/// What became of one element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportedElement)]
pub(crate) struct Element {
    /// Where it stands: `route.routes[0].group_by`.
    pub(crate) element: String,
    /// Its line.
    pub(crate) line: usize,
    /// What became of it.
    pub(crate) verdict: Verdict,
    /// What it became, as `rule NAME`; empty where nothing.
    pub(crate) into: Vec<String>,
    /// What there is to say about it; empty where nothing.
    pub(crate) note: String,
}

/// How well an element is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportVerdict)]
pub(crate) enum Verdict {
    /// It does the same.
    Mapped,
    /// It does nearly the same; the note says what differs.
    Approximated,
    /// Stormbell has nothing for it; the note says why.
    NotSupported,
    /// It had no effect in Alertmanager either, or has none to map.
    WithoutEffect,
}

/// A report as it grows.
#[derive(Debug, Default)]
pub(crate) struct Report(pub(crate) Vec<Element>);

impl Report {
    pub(super) fn add(
        &mut self,
        element: impl Into<String>,
        line: usize,
        verdict: Verdict,
        into: Vec<String>,
        note: impl Into<String>,
    ) {
        let (element, note) = (element.into(), note.into());
        self.0.push(Element { element, line, verdict, into, note });
    }

    /// Nothing became of it.
    pub(super) fn unsupported(
        &mut self,
        element: impl Into<String>,
        line: usize,
        note: impl Into<String>,
    ) {
        self.add(element, line, Verdict::NotSupported, Vec::new(), note);
    }
}
