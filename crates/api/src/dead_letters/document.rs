//! A dead letter as the API writes it.

use serde::Serialize;
use store::Letter;
use utoipa::ToSchema;

use crate::instant;
use crate::notifications::{AttemptDocument, MessageDocument, SubjectDocument, TargetDocument};

/// A message that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct LetterDocument {
    /// The notification.
    #[schema(format = "uuid")]
    notification_id: String,
    /// Who was to be told.
    #[schema(format = "uuid")]
    subscriber_id: String,
    /// About what.
    subject: SubjectDocument,
    /// What happened.
    transition: String,
    /// To whom it was to go.
    target: TargetDocument,
    /// The endpoint, where the target is one.
    #[schema(required, format = "uuid")]
    endpoint_id: Option<String>,
    /// What was answered last.
    last_answer: String,
    /// The last try.
    last_attempt: AttemptDocument,
    /// When it was given up.
    #[schema(format = DateTime)]
    dead_at: String,
    /// The whole message.
    message: MessageDocument,
}

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterPage)]
pub(crate) struct LetterPage {
    /// The letters, newest first.
    pub(crate) items: Vec<LetterDocument>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// How many fit the filter in all.
    pub(crate) total: u64,
}

impl From<&Letter> for LetterDocument {
    fn from(letter: &Letter) -> Self {
        let notification = &letter.notification;
        Self {
            notification_id: notification.id.to_string(),
            subscriber_id: notification.subscriber.to_string(),
            subject: notification.subject.into(),
            transition: notification.transition.to_string(),
            target: letter.target.into(),
            endpoint_id: TargetDocument::endpoint_id(letter.target),
            last_answer: letter.last.answer.clone(),
            last_attempt: (&letter.last).into(),
            dead_at: instant::write(letter.dead_at),
            message: MessageDocument::of(&notification.notice),
        }
    }
}
