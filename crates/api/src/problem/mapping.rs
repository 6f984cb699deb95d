//! What the road, the store, the lake and the engine refuse, as problems.

use model::{Denied, Refusal, Status};
use serde_json::Value;

use super::{Code, Problem};
use crate::ports::RoadError;

impl From<RoadError> for Problem {
    fn from(error: RoadError) -> Self {
        let code = match error {
            RoadError::Full => Code::JournalFull,
            RoadError::Disk => Code::DiskFull,
            RoadError::Closed => Code::ShuttingDown,
            RoadError::TimedOut => Code::OutcomeUnknown,
        };
        Self::new(code, error.to_string())
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error.kind() {
            store::ErrorKind::NotFound => Self::new(Code::NotFound, error.to_string()),
            store::ErrorKind::Conflict => Self::new(Code::StaleVersion, error.to_string()),
            store::ErrorKind::Disk => {
                tracing::error!(cause = %error, "the store's disk refuses");
                Self::new(Code::DiskFull, "the store cannot write")
            }
            store::ErrorKind::Fenced | store::ErrorKind::Corrupt | store::ErrorKind::Database => {
                Self::internal(&error)
            }
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Unknown => Code::UnknownKey,
            Denied::Revoked => Code::RevokedKey,
            Denied::Expired => Code::ExpiredKey,
        };
        Self::new(code, denied.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => {
                Self::new(Code::NotFound, "there is no such thing in this project")
            }
            Refusal::IllegalTransition { from, to, legal } => illegal_transition(from, to, &legal),
            Refusal::RcaRequired => Self::new(
                Code::RcaRequired,
                "an incident is closed by submitting its root cause analysis: POST …/rca",
            ),
            Refusal::RcaInvalid(fields) => Self::fields(Code::RcaInvalid, &fields),
            Refusal::PersonRequired => Self::new(
                Code::PersonRequired,
                "the key acts for an agent; this takes one with the scope `manage`",
            ),
            Refusal::ReasonRequired => {
                Self::new(Code::ReasonRequired, "say in `reason` why the incident is open again")
            }
            Refusal::FollowsParent(parent) => Self::new(
                Code::FollowsParent,
                format!("the incident was merged into {parent} and moves with it"),
            )
            .with("parent", parent.to_string()),
            Refusal::NotMergeable(why) => Self::new(Code::NotMergeable, why),
            Refusal::NotSplittable(why) => Self::new(Code::NotSplittable, why),
            Refusal::StaleVersion { current } => stale_version(current),
            Refusal::DirectiveInvalid(fields) => Self::fields(Code::InvalidFields, &fields),
            Refusal::Limit(which) => Self::new(Code::LimitReached, which),
            Refusal::IdempotencyMismatch => Self::new(
                Code::IdempotencyKeyReused,
                "the same Idempotency-Key came before with another body; use a new one",
            ),
        }
    }
}

/// The move is not legal; says from where to where, and what is.
pub(crate) fn illegal_transition(from: Status, to: Status, legal: &[Status]) -> Problem {
    let words: Vec<&str> = legal.iter().map(|status| status.as_str()).collect();
    let detail = if words.is_empty() {
        format!("an incident that is {from} cannot become {to}; nothing is legal from there")
    } else {
        format!("an incident that is {from} cannot become {to}; legal now: {}", words.join(", "))
    };
    Problem::new(Code::IllegalTransition, detail)
        .with("from", from.as_str())
        .with("to", to.as_str())
        .with("legal", words.into_iter().map(Value::from).collect::<Vec<_>>())
}

/// The caller saw another version than the one there is.
pub(crate) fn stale_version(current: u64) -> Problem {
    Problem::new(Code::StaleVersion, format!("it has version {current} by now; read it again"))
        .with("current", current)
}
