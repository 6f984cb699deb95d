//! How a command ends, as the auditor says it and as an outcome is read.

use std::collections::BTreeSet;

use model::{DirectiveId, IncidentId, Outcome, PolicyId, Refusal, Status};

/// How a command ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done to this incident.
    Incident(IncidentId),
    /// Done to this policy, which now has this version.
    Policy(PolicyId, u64),
    /// Done to this directive, which now has this version.
    Directive(DirectiveId, u64),
    /// So many dead letters are sent again.
    Replayed(u64),
    /// Not done.
    Refused(Refused),
}

/// Why a command is not done; without the words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There is no such incident or policy here.
    NotFound,
    /// The move is not legal from there.
    Illegal(Status),
    /// Closing takes a root cause analysis.
    RcaRequired,
    /// These fields are not as they must be.
    RcaInvalid(BTreeSet<String>),
    /// Only a person may.
    PersonRequired,
    /// Reopening takes a reason.
    ReasonRequired,
    /// It follows this one.
    FollowsParent(IncidentId),
    /// These cannot be merged.
    NotMergeable,
    /// These cannot be split off.
    NotSplittable,
    /// The policy has this version.
    Stale(u64),
    /// These fields of a directive are not as they must be.
    DirectiveInvalid(BTreeSet<String>),
    /// A limit.
    Limit,
    /// The idempotency key was used for something else.
    Mismatch,
}

impl Refused {
    /// A word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Illegal(_) => "illegal_transition",
            Self::RcaRequired => "rca_required",
            Self::RcaInvalid(_) => "rca_invalid",
            Self::PersonRequired => "person_required",
            Self::ReasonRequired => "reason_required",
            Self::FollowsParent(_) => "follows_parent",
            Self::NotMergeable => "not_mergeable",
            Self::NotSplittable => "not_splittable",
            Self::Stale(_) => "stale_version",
            Self::DirectiveInvalid(_) => "directive_invalid",
            Self::Limit => "limit",
            Self::Mismatch => "idempotency_mismatch",
        }
    }
}

impl From<&Outcome> for Answer {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Incident(id) => Self::Incident(*id),
            Outcome::Policy { id, version } => Self::Policy(*id, *version),
            Outcome::Directive { id, version } => Self::Directive(*id, *version),
            Outcome::Replayed(letters) => Self::Replayed(*letters),
            Outcome::Refused(refusal) => Self::Refused(Refused::from(refusal)),
        }
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::NotFound,
            Refusal::IllegalTransition { from, to: _, legal: _ } => Self::Illegal(*from),
            Refusal::RcaRequired => Self::RcaRequired,
            Refusal::RcaInvalid(errors) => {
                Self::RcaInvalid(errors.iter().map(|error| error.field.clone()).collect())
            }
            Refusal::PersonRequired => Self::PersonRequired,
            Refusal::ReasonRequired => Self::ReasonRequired,
            Refusal::FollowsParent(id) => Self::FollowsParent(*id),
            Refusal::NotMergeable(_) => Self::NotMergeable,
            Refusal::NotSplittable(_) => Self::NotSplittable,
            Refusal::StaleVersion { current } => Self::Stale(*current),
            Refusal::DirectiveInvalid(errors) => {
                Self::DirectiveInvalid(errors.iter().map(|error| error.field.clone()).collect())
            }
            Refusal::Limit(_) => Self::Limit,
            Refusal::IdempotencyMismatch => Self::Mismatch,
        }
    }
}
