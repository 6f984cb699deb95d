//! Asks the owner of an endpoint to confirm it, and reads what they hand in.
//!
//! A challenge goes out as any message of the channel does, with a token in it; programs may answer with the token at
//! once. Refuses to know: what is verified, which the API decides. Invariant: a token leaves by the channel only, and
//! never in what is said about the attempt.

use model::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::registry::Dispatch;
use super::{Channels, find};
use crate::channel::{Endpoint, Message, Sent, SentOutcome};
use crate::rendering::{Challenge, Telling, challenge};
use crate::token::{self, Address, Claim, LIFETIME, TokenError};

/// What came of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenged {
    /// What came of sending it.
    pub sent: Sent,
    /// Whether the other side answered with the token, which confirms the endpoint.
    pub confirmed: bool,
    /// Until when the token is good.
    pub expires_at: Timestamp,
}

impl Channels {
    /// Sends an endpoint a challenge; never panics, and takes as long as [`Channels::send`].
    pub async fn challenge(
        &self,
        endpoint: &Endpoint,
        subscriber: &str,
        now: Timestamp,
    ) -> Challenged {
        let expires_at = now + LIFETIME;
        let failed =
            |why: String| Challenged { sent: Sent::refused(why), confirmed: false, expires_at };
        let Some(channel) = find(&endpoint.channel) else {
            return failed(format!("there is no channel `{}`", endpoint.channel));
        };
        let settings = match self.settings(channel, endpoint) {
            Ok(settings) => settings,
            Err(unsettled) => return failed(unsettled.answer),
        };
        let address = address_of(channel, &settings);
        let claim = Claim { project: endpoint.project, endpoint: endpoint.id, address };
        let token = match token::make(&self.seal, &claim, expires_at) {
            Ok(token) => token,
            Err(error) => return failed(error.to_string()),
        };
        let link = |base: &String| format!("{base}/v1/endpoints/verify?token={token}");
        let link = self.confirm_base.as_ref().map(link);
        let challenge = Challenge { token, link, expires_at };
        let sent = self.ask(channel, &settings, (endpoint, subscriber), &challenge, now).await;
        let confirmed = sent.outcome == SentOutcome::Delivered && sent.reference == challenge.token;
        Challenged { sent: Sent { reference: String::new(), ..sent }, confirmed, expires_at }
    }

    async fn ask(
        &self,
        channel: &dyn Dispatch,
        settings: &Map<String, Value>,
        (endpoint, subscriber): (&Endpoint, &str),
        challenge: &Challenge,
        now: Timestamp,
    ) -> Sent {
        let notification = challenge::notification(endpoint, endpoint.subscriber, now);
        let (notification, others, thread) = (&notification, &[][..], "");
        let message = Message { notification, subscriber, others, thread, test: false, now };
        let (message, link_base) = (&message, self.link_base.as_deref());
        let telling = Telling { message, endpoint, link_base, challenge: Some(challenge) };
        self.hand_over(channel, settings, &telling).await
    }

    /// What a token confirms.
    ///
    /// # Errors
    /// It is no token of this server, or too old.
    pub fn claim(&self, token: &str, now: Timestamp) -> Result<Claim, TokenError> {
        token::read(&self.seal, token, now)
    }

    /// A digest of where an endpoint sends to; `None` where its secrets do not open, or there is no such channel.
    #[must_use]
    pub fn address(&self, endpoint: &Endpoint) -> Option<Address> {
        let channel = find(&endpoint.channel)?;
        let settings = self.settings(channel, endpoint).ok()?;
        Some(address_of(channel, &settings))
    }
}

/// The first half of the SHA-256 of the channel and of every field that says who gets to read it.
fn address_of(channel: &dyn Dispatch, settings: &Map<String, Value>) -> Address {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(u64::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
        digest.update(bytes);
    };
    part(channel.name().as_bytes());
    for name in channel.address() {
        let value = settings.get(*name).unwrap_or(&Value::Null);
        part(value.to_string().as_bytes());
    }
    let whole: [u8; 32] = digest.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    Address(half)
}
