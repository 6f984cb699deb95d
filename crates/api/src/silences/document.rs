//! A silence as the API writes it, and as it reads it.

use matching::Binding;
use model::{Directive, DirectiveBody, DirectiveKind, Silence, Timestamp, limits};
use serde::Serialize;
use utoipa::ToSchema;

use crate::directives::{ConditionDocument, Shown, documents, read_conditions};
use crate::request::Fields;
use crate::{Api, instant};

/// What nobody is told for a while.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Silence)]
pub(crate) struct SilenceDocument {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// A name for people; may be empty.
    name: String,
    /// All of them must hold. Regular expressions are bound to both ends.
    r#match: Vec<ConditionDocument>,
    /// From when.
    #[schema(format = DateTime)]
    starts_at: String,
    /// Until when.
    #[schema(format = DateTime)]
    ends_at: String,
    /// Who wants it.
    created_by: String,
    /// Why.
    comment: String,
    /// Whether it is planned work rather than a person's wish for quiet.
    maintenance: bool,
    /// `pending`, `active` or `expired`.
    state: &'static str,
    /// When it was changed last.
    #[schema(format = DateTime)]
    updated_at: String,
    /// 1 when created, one more with each change; the `ETag`.
    version: u64,
}

/// A page of silences.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SilencePage {
    /// The silences, by creation.
    pub(super) items: Vec<SilenceDocument>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(super) next_cursor: Option<String>,
    /// How many there are in all.
    pub(super) total: u64,
}

/// A silence to create or to put in another's place.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewSilence {
    /// Conditions that must all hold; at least one. Regular expressions are bound to both ends.
    r#match: Vec<ConditionDocument>,
    /// From when; now where not said.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// Until when; must lie ahead.
    #[schema(format = DateTime)]
    ends_at: String,
    /// Who wants it; the name of the key where not said.
    created_by: Option<String>,
    /// Why.
    comment: String,
    /// Whether it is planned work; `false` where not said.
    maintenance: Option<bool>,
    /// A name for people; none where not said.
    name: Option<String>,
    /// The version that was read: 409 when it is another by now. For PUT only.
    version: Option<u64>,
}

/// Reads everything of a silence but `id` and `version`, its name first.
pub(super) fn read(fields: &mut Fields, now: Timestamp, author: String) -> (String, Silence) {
    let name = fields.bounded_text("name", limits::NAME_CHARS).unwrap_or_default();
    let conditions = read_wanted(fields);
    let starts_at = fields.instant("starts_at").unwrap_or(now);
    let ends_at = fields.instant("ends_at");
    match ends_at {
        None if !fields.is_refused("ends_at") => {
            fields.refuse("ends_at", "missing", "it must be given");
        }
        Some(at) if at <= now => fields.refuse("ends_at", "in_the_past", "it must lie ahead"),
        Some(at) if at <= starts_at => {
            fields.refuse("ends_at", "before_start", "it must lie after `starts_at`");
        }
        Some(_) | None => {}
    }
    let created_by = fields.bounded_text("created_by", limits::NAME_CHARS);
    let silence = Silence {
        conditions,
        starts_at,
        ends_at: ends_at.unwrap_or(now),
        created_by: created_by.filter(|name| !name.trim().is_empty()).unwrap_or(author),
        comment: fields.required_text("comment", limits::TEXT_BYTES),
        maintenance: fields.flag("maintenance").unwrap_or(false),
        updated_at: now,
    };
    (name, silence)
}

/// Reads `match`, which a silence must have.
pub(super) fn read_wanted(fields: &mut Fields) -> Vec<model::Condition> {
    let conditions = read_conditions(fields, "match", Binding::Whole).unwrap_or_default();
    if conditions.is_empty() && !fields.is_refused_within("match") {
        fields.refuse("match", "missing", "it needs a condition: nothing silences everything");
    }
    conditions
}

fn state(silence: &Silence, now: Timestamp) -> &'static str {
    match now {
        now if silence.ends_at <= now => "expired",
        now if silence.starts_at > now => "pending",
        _ => "active",
    }
}

impl Shown for SilenceDocument {
    const KIND: DirectiveKind = DirectiveKind::Silence;
    const WORD: &'static str = "silence";
    const ROUTE: &'static str = "/v1/silences";

    fn show(api: &Api, directive: &Directive) -> Option<Self> {
        let DirectiveBody::Silence(silence) = &directive.body else { return None };
        Some(Self {
            id: directive.id.to_string(),
            name: directive.name.clone(),
            r#match: documents(&silence.conditions),
            starts_at: instant::write(silence.starts_at),
            ends_at: instant::write(silence.ends_at),
            created_by: silence.created_by.clone(),
            comment: silence.comment.clone(),
            maintenance: silence.maintenance,
            state: state(silence, api.ports().clock.now()),
            updated_at: instant::write(silence.updated_at),
            version: directive.version,
        })
    }
}
