//! Messages that nobody is owed: a test that somebody asked for, and a preview of a message there was.
//!
//! Invariant: a test says that it is one, and nothing of either is kept.

use async_trait::async_trait;
use model::{FieldError, Notification, Timestamp};

use super::{Channels, Preview, known};
use crate::channel::{Endpoint, Message, Sent};
use crate::courier::Sender;
use crate::rendering::sample;

impl Channels {
    /// Sends a made-up message that says that it is a test, and waits for what becomes of it.
    pub async fn test(&self, endpoint: &Endpoint, subscriber: &str, now: Timestamp) -> Sent {
        let notification = sample::notification(endpoint.project);
        let (others, thread) = (&[][..], "");
        let notification = &notification;
        let message = Message { notification, subscriber, others, thread, test: true, now };
        self.send(endpoint, &message).await
    }

    /// What an endpoint would be sent about a notification.
    ///
    /// # Errors
    /// Every field of its configuration that is wrong.
    pub fn preview_of(
        &self,
        endpoint: &Endpoint,
        subscriber: &str,
        notification: &Notification,
    ) -> Result<Preview, Vec<FieldError>> {
        let channel = known(&endpoint.channel)?;
        let settings = self
            .settings(channel, endpoint)
            .map_err(|why| vec![FieldError::new("", "configuration", why.answer)])?;
        let (others, thread, now) = (&[][..], "", notification.at);
        let message = Message { notification, subscriber, others, thread, test: false, now };
        self.preview_settings(channel, &settings, &message, endpoint)
    }
}

#[async_trait]
impl Sender for Channels {
    async fn send(&self, endpoint: &Endpoint, message: &Message<'_>) -> Sent {
        Channels::send(self, endpoint, message).await
    }

    fn told_at_once(&self, channel: &str) -> u32 {
        Channels::told_at_once(channel)
    }
}
