//! What a channel is to the rest: a message goes in, an answer comes out. How each speaks stands in
//! [`crate::channels`], one folder a channel.

use model::{Notification, Timestamp};
use sha2::{Digest, Sha256};
use store::EndpointRow;

/// What is to be sent to one endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    /// What is told.
    pub notification: &'m Notification,
    /// The name of the subscriber who is told.
    pub subscriber: &'m str,
    /// Further notifications told with it as one digest; usually none.
    pub others: &'m [Notification],
    /// What the other side called the first message about this incident; empty where there was none.
    pub thread: &'m str,
    /// Whether it is a test that somebody asked for.
    pub test: bool,
    /// When it is sent.
    pub now: Timestamp,
}

impl Message<'_> {
    /// What the other side knows a repeated message by: the id of the notification that is told alone; of a digest
    /// another UUID (of version 8), the same for the same notifications in any order, and another for others. What
    /// is due changes between two tries of a digest, and whoever knows the first must not pass over the second.
    #[must_use]
    pub fn key(&self) -> String {
        if self.others.is_empty() {
            return self.notification.id.to_string();
        }
        let all = std::iter::once(self.notification).chain(self.others);
        let mut ids: Vec<_> = all.map(|one| one.id.0.to_be_bytes()).collect();
        ids.sort_unstable();
        let mut digest = Sha256::new();
        digest.update(b"digest");
        ids.iter().for_each(|id| digest.update(id));
        let whole: [u8; 32] = digest.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        uuid::Builder::from_custom_bytes(half).into_uuid().to_string()
    }
}

/// What came of sending a message once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// How it ended.
    pub outcome: SentOutcome,
    /// The status of the protocol: HTTP's, or the reply code of SMTP; 0 where there was none.
    pub status: u16,
    /// What was answered or what went wrong, at most `limits::ANSWER_BYTES`, never a secret.
    pub answer: String,
    /// What the other side calls the message; may be empty.
    pub reference: String,
}

/// How sending ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentOutcome {
    /// The other side took it.
    Delivered,
    /// It may work later: time-out, connection failure, 408, 425, 429, 5xx; not before so long where the other side said so.
    Retry {
        /// What `Retry-After` said.
        after: Option<model::Duration>,
    },
    /// It will never work: any other 4xx, a configuration that cannot be, a forbidden address.
    Refused,
}

/// An endpoint as the channels need it.
pub type Endpoint = EndpointRow;
