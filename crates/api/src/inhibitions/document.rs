//! An inhibition as the API writes it, and as it reads it.

use matching::Binding;
use model::{Directive, DirectiveBody, DirectiveKind, Field, Inhibition, limits};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::directives::{ConditionDocument, Shown, documents, read_conditions};
use crate::request::Fields;

/// What nobody is told while something worse is known.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Inhibition)]
pub(crate) struct InhibitionDocument {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// A name for people.
    name: String,
    /// What must fire. Regular expressions are bound to both ends.
    source: Vec<ConditionDocument>,
    /// What is then not told.
    target: Vec<ConditionDocument>,
    /// Fields that must be the same on both.
    equal: Vec<String>,
    /// Whether it is in force.
    enabled: bool,
    /// 1 when created, one more with each change; the `ETag`.
    version: u64,
}

/// A page of inhibitions.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct InhibitionPage {
    /// The inhibitions, by creation.
    pub(super) items: Vec<InhibitionDocument>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(super) next_cursor: Option<String>,
    /// How many there are in all.
    pub(super) total: u64,
}

/// An inhibition to create or to put in another's place.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewInhibition {
    /// A name for people.
    name: String,
    /// What must fire; at least one condition. Regular expressions are bound to both ends.
    source: Vec<ConditionDocument>,
    /// What is then not told; at least one condition.
    target: Vec<ConditionDocument>,
    /// Fields that must be the same on both, as conditions name them; none where not said.
    equal: Option<Vec<String>>,
    /// `true` where not said.
    enabled: Option<bool>,
    /// The version that was read: 409 when it is another by now. For PUT only.
    version: Option<u64>,
}

/// Reads everything of an inhibition but `id` and `version`, its name first.
pub(super) fn read(fields: &mut Fields) -> (String, Inhibition) {
    let name = fields.required_name("name");
    let mut side = |name: &str| {
        let conditions = read_conditions(fields, name, Binding::Whole).unwrap_or_default();
        if conditions.is_empty() && !fields.is_refused_within(name) {
            fields.refuse(name, "missing", "it needs a condition");
        }
        conditions
    };
    let (source, target) = (side("source"), side("target"));
    let equal = equal(fields);
    let enabled = fields.flag("enabled").unwrap_or(true);
    (name, Inhibition { source, target, equal, enabled })
}

fn equal(fields: &mut Fields) -> Vec<Field> {
    let texts = fields.texts("equal", limits::KEY_FIELDS).unwrap_or_default();
    let mut equal = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match Field::parse(text) {
            Some(field) if equal.contains(&field) => {
                fields.refuse(format!("equal[{index}]"), "duplicate", "it is listed twice");
            }
            Some(field) => equal.push(field),
            None => {
                let message =
                    "it must be a field as conditions name them: component, labels.NAME, …";
                fields.refuse(format!("equal[{index}]"), "unknown_value", message);
            }
        }
    }
    equal
}

impl Shown for InhibitionDocument {
    const KIND: DirectiveKind = DirectiveKind::Inhibition;
    const WORD: &'static str = "inhibition";
    const ROUTE: &'static str = "/v1/inhibitions";

    fn show(_: &Api, directive: &Directive) -> Option<Self> {
        let DirectiveBody::Inhibition(inhibition) = &directive.body else { return None };
        Some(Self {
            id: directive.id.to_string(),
            name: directive.name.clone(),
            source: documents(&inhibition.source),
            target: documents(&inhibition.target),
            equal: inhibition.equal.iter().map(ToString::to_string).collect(),
            enabled: inhibition.enabled,
            version: directive.version,
        })
    }
}
