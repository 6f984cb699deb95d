//! Silences as Alertmanager writes them, and what it refuses of those that are sent, in its words.

use std::cmp::Reverse;

use matching::{Binding, check_conditions};
use model::directive::Silence;
use model::{DirectiveId, Timestamp, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::matcher::{Matcher, MatcherDocument};
use super::invalid;
use crate::instant;
use crate::problem::Problem;

/// A silence as it is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GettableSilence {
    id: String,
    status: SilenceStatusDocument,
    #[schema(format = DateTime)]
    updated_at: String,
    comment: String,
    created_by: String,
    #[schema(format = DateTime)]
    ends_at: String,
    matchers: Vec<MatcherDocument>,
    #[schema(format = DateTime)]
    starts_at: String,
}

/// Where a silence stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SilenceStatus)]
pub(crate) struct SilenceStatusDocument {
    /// `pending`, `active` or `expired`.
    state: &'static str,
}

/// A silence as it is sent. Fields that are not known are ignored, so that what was answered can be sent back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PostableSilence {
    /// That of the silence that is to be changed; a new one where empty.
    #[serde(default)]
    id: Option<String>,
    /// At least one, and one that an empty label does not fit.
    #[schema(required)]
    matchers: Option<Vec<MatcherDocument>>,
    /// When it begins: now, where that has passed.
    #[schema(required, format = DateTime)]
    starts_at: Option<String>,
    /// When it ends.
    #[schema(required, format = DateTime)]
    ends_at: Option<String>,
    #[schema(required)]
    created_by: Option<String>,
    #[schema(required)]
    comment: Option<String>,
}

/// The id of a silence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilenceIdDocument {
    #[serde(rename = "silenceID")]
    silence_id: String,
}

/// A silence that somebody wants, as a new one would be.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) id: Option<String>,
    pub(super) silence: Silence,
    /// The start as it was sent.
    starts_at: Timestamp,
}

/// Where a silence stands at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Active,
    Pending,
    Expired,
}

impl Phase {
    const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

/// Where a silence stands: in force from its start on, and before its end.
pub(super) fn phase(silence: &Silence, now: Timestamp) -> Phase {
    if now >= silence.ends_at {
        Phase::Expired
    } else if now < silence.starts_at {
        Phase::Pending
    } else {
        Phase::Active
    }
}

/// The order in which silences are listed.
pub(super) fn order(
    silence: &Silence,
    id: DirectiveId,
    now: Timestamp,
) -> (Phase, Timestamp, Reverse<Timestamp>, DirectiveId) {
    let phase = phase(silence, now);
    let (early, late) = (Timestamp::default(), Reverse(Timestamp::default()));
    match phase {
        Phase::Active => (phase, silence.ends_at, late, id),
        Phase::Pending => (phase, silence.starts_at, late, id),
        Phase::Expired => (phase, early, Reverse(silence.ends_at), id),
    }
}

/// The matchers of a silence.
pub(super) fn matchers(silence: &Silence) -> Vec<MatcherDocument> {
    silence.conditions.iter().map(MatcherDocument::of).collect()
}

impl GettableSilence {
    pub(super) fn new(id: DirectiveId, silence: &Silence, now: Timestamp) -> Self {
        Self {
            id: id.to_string(),
            status: SilenceStatusDocument { state: phase(silence, now).word() },
            updated_at: instant::write_millis(silence.updated_at),
            comment: silence.comment.clone(),
            created_by: silence.created_by.clone(),
            ends_at: instant::write_millis(silence.ends_at),
            matchers: matchers(silence),
            starts_at: instant::write_millis(silence.starts_at),
        }
    }
}

impl SilenceIdDocument {
    pub(super) fn new(id: DirectiveId) -> Self {
        Self { silence_id: id.to_string() }
    }
}

impl Wanted {
    /// Reads a silence and refuses what Alertmanager would.
    pub(super) fn read(posted: &PostableSilence, now: Timestamp) -> Result<Self, Problem> {
        let required = |name: &str, text: &Option<String>| {
            text.clone().ok_or_else(|| invalid(format!("{name} in body is required")))
        };
        let comment = required("comment", &posted.comment)?;
        let created_by = required("createdBy", &posted.created_by)?;
        let ends_at = moment("endsAt", &required("endsAt", &posted.ends_at)?)?;
        let starts_at = moment("startsAt", &required("startsAt", &posted.starts_at)?)?;
        let matchers = posted.matchers.as_deref().unwrap_or_default();
        if starts_at >= ends_at {
            return Err(invalid("Failed to create silence: start time must be before end time"));
        }
        if ends_at <= now {
            return Err(invalid("Failed to create silence: end time can't be in the past"));
        }
        check_text("comment", &comment, limits::TEXT_BYTES)?;
        check_text("createdBy", &created_by, limits::NAME_CHARS)?;
        check_matchers(matchers)?;
        let silence = Silence {
            conditions: matchers.iter().map(MatcherDocument::condition).collect(),
            starts_at: starts_at.max(now),
            ends_at,
            created_by,
            comment,
            maintenance: false,
            updated_at: now,
        };
        Ok(Self { id: posted.id.clone().filter(|id| !id.is_empty()), silence, starts_at })
    }

    /// What `before` becomes; nothing where that would change what was hidden already.
    pub(super) fn change(&self, before: &Silence, now: Timestamp) -> Option<Silence> {
        let same_second = |one: Timestamp, other: Timestamp| {
            one.micros().div_euclid(1_000_000) == other.micros().div_euclid(1_000_000)
        };
        let starts_at = match phase(before, now) {
            Phase::Active if same_second(self.starts_at, before.starts_at) => before.starts_at,
            Phase::Pending if self.starts_at >= now => self.starts_at,
            Phase::Active | Phase::Pending | Phase::Expired => return None,
        };
        if matchers(&self.silence) != matchers(before) {
            return None;
        }
        // Conditions of other kinds than Alertmanager's stay what they are.
        let (conditions, maintenance) = (before.conditions.clone(), before.maintenance);
        Some(Silence { conditions, maintenance, starts_at, ..self.silence.clone() })
    }
}

fn moment(name: &str, text: &str) -> Result<Timestamp, Problem> {
    instant::parse(text).ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        invalid(format!("parsing silence body failed: {name} is not an RFC 3339 time: {shown:?}"))
    })
}

fn check_text(name: &str, text: &str, max_bytes: usize) -> Result<(), Problem> {
    if text.len() > max_bytes {
        return Err(invalid(format!("silence invalid: {name} may have {max_bytes} bytes")));
    }
    if text.contains('\0') {
        return Err(invalid(format!("silence invalid: {name} may hold no NUL character")));
    }
    Ok(())
}

fn check_matchers(matchers: &[MatcherDocument]) -> Result<(), Problem> {
    if matchers.is_empty() {
        return Err(invalid("silence invalid: at least one matcher required"));
    }
    if matchers.len() > limits::CONDITIONS {
        let most = limits::CONDITIONS;
        return Err(invalid(format!("silence invalid: at most {most} matchers")));
    }
    let mut all_fit_empty = true;
    for (index, said) in matchers.iter().enumerate() {
        let matcher = check_matcher(said).map_err(|why| {
            invalid(format!("silence invalid: invalid label matcher {index}: {why}"))
        })?;
        // As Alertmanager: a negated matcher never counts as one that the empty label fits.
        all_fit_empty &= said.is_equal && matcher.holds("");
    }
    let conditions: Vec<_> = matchers.iter().map(MatcherDocument::condition).collect();
    if let Some(error) = check_conditions("matchers", &conditions, Binding::Whole).first() {
        return Err(invalid(format!("silence invalid: {}: {}", error.field, error.message)));
    }
    if all_fit_empty {
        return Err(invalid(
            "silence invalid: at least one matcher must not match the empty string",
        ));
    }
    Ok(())
}

fn check_matcher(said: &MatcherDocument) -> Result<Matcher, String> {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_name = said.name.bytes().next().is_some_and(is_letter)
        && said.name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit());
    if !is_name {
        let shown: String = said.name.chars().take(80).collect();
        return Err(format!("invalid label name {shown:?}"));
    }
    if said.name.len() > limits::LABEL_NAME_BYTES
        || said.value.len() > limits::CONDITION_VALUE_BYTES
    {
        return Err("name or value too long".to_owned());
    }
    if said.value.contains('\0') {
        return Err(format!("invalid label value {:?}", said.value));
    }
    Matcher::new(said.clone())
        .map_err(|why| format!("invalid regular expression {:?}: {why}", said.value))
}
