//! The channels: one folder each, all with the same files. `config` reads what an endpoint says, `render` is a
//! pure function to what is sent, `send` sends it and says what the answer means.
//!
//! Refuses to know: the outbox, retries, schedules. Invariants: sending never panics and is bounded in time; no
//! secret leaves in what is said about an attempt.

mod alertmanager;
mod challenge;
mod console;
mod discord;
mod email;
mod fields;
mod mattermost;
mod ntfy;
mod opsgenie;
mod outside;
mod pagerduty;
mod registry;
#[cfg(test)]
mod renderings;
mod slack;
mod strike;
mod teams;
mod telegram;
mod trial;
mod webhook;

use std::future::Future;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use model::{EndpointId, FieldError, ProjectId, limits};
use serde_json::{Map, Value};

use crate::channel::{Endpoint, Message, Sent};
use crate::client::ClientError;
use crate::client::answer::kept;
use crate::courier::DIGEST_MESSAGES;
use crate::rendering::brief::OTHERS_SHOWN;
use crate::rendering::{Telling, sample};
use crate::seal::{Seal, SealError};
use fields::Fields;
use outside::Outside;
pub(crate) use registry::NAMES;
use registry::{CHANNELS, Dispatch};
use strike::Struck;

pub use challenge::Challenged;

/// Where the console writes its lines.
pub type Console = Arc<Mutex<dyn Write + Send>>;

/// How many times the time of one request the sending of one message may take in all: a redirect is a request more,
/// and the bot of Slack asks up to three times.
const TIMEOUTS: u32 = 4;
/// [`Channel::TOLD_AT_ONCE`] of a channel where each notification opens or ends something of its own.
const ALONE: u32 = 1;
/// The same where people read a list of bounded length.
const LISTED: u32 = OTHERS_SHOWN + 1;
/// The same where there is room for all.
const ALL: u32 = DIGEST_MESSAGES;
/// The field that lists which secrets are set. It is written, and passed over when read.
const SEALED: &str = "sealed";
/// What is to be done about secrets that do not open.
const GIVE_AGAIN: &str = "put secret.key back, or give the secrets of the endpoint again";

/// How messages leave.
#[derive(Clone)]
pub struct ChannelOptions {
    /// Whether they may go to loopback and private addresses; never to link-local ones.
    pub allow_private: bool,
    /// What the HTTP client calls itself.
    pub user_agent: String,
    /// What links to this server begin with: `https://stormbell.example`; incidents are under `/incidents/`.
    pub link_base: Option<String>,
    /// Where this server itself answers: links to confirm an endpoint begin with it where `link_base` says nothing.
    pub own_address: Option<String>,
    /// Where the console writes; an endpoint of that channel is refused where there is none.
    pub console: Option<Console>,
    /// How long one request may take.
    pub timeout: Duration,
    /// Root certificates believed besides the machine's, in PEM.
    pub extra_roots: Vec<Vec<u8>>,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self {
            allow_private: false,
            user_agent: concat!("Stormbell/", env!("CARGO_PKG_VERSION")).to_owned(),
            link_base: None,
            own_address: None,
            console: None,
            timeout: Duration::from_secs(10),
            extra_roots: Vec::new(),
        }
    }
}

/// Why there are no channels.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The way out cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What links begin with is no address.
    #[error("the base of links is not an address of http or https: {0}")]
    LinkBase(String),
}

/// A configuration that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What may be shown: JSON without secrets; `sealed` lists which secrets are set.
    pub config: String,
    /// The secrets, sealed; empty where there are none.
    pub secrets: Vec<u8>,
}

/// What an endpoint would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The message as it would go out: JSON, text, or a whole e-mail.
    pub text: String,
    /// What is not wrong, but probably not meant: a template that asks for something that is not there.
    pub remarks: Vec<String>,
}

/// What one channel is.
pub(crate) trait Channel: Send + Sync + 'static {
    /// Its name in configurations.
    const NAME: &'static str;
    /// Fields that are sealed.
    const SECRETS: &'static [&'static str];
    /// Fields that say where it goes. When one changes, secrets have to be given again, so that nobody can send
    /// a secret they never knew to a place of their own.
    const PLACE: &'static [&'static str];
    /// Fields that say who gets to read it. When one changes, what the owner of the endpoint confirmed holds no
    /// longer, and has to be confirmed again.
    const ADDRESS: &'static [&'static str];
    /// How many notifications one message tells of at most, each of them shown; 1 where it takes no digests.
    const TOLD_AT_ONCE: u32;
    /// Its configuration.
    type Config: Send + Sync;

    /// Reads a configuration.
    fn read(fields: &mut Fields<'_>) -> Self::Config;

    /// Renders a message without sending it.
    fn preview(config: &Self::Config, telling: &Telling<'_>) -> Preview;

    /// Sends a message once. What it says of the answer may be long and hold secrets: whoever calls this strikes them
    /// out and cuts it.
    fn send(
        config: &Self::Config,
        telling: &Telling<'_>,
        outside: &Outside,
    ) -> impl Future<Output = Sent> + Send;
}

/// All channels.
#[derive(Debug)]
pub struct Channels {
    outside: Outside,
    seal: Seal,
    link_base: Option<String>,
    /// What links to confirm an endpoint begin with.
    confirm_base: Option<String>,
}

impl Channels {
    /// Sets the way out up.
    ///
    /// # Errors
    /// A root is not a certificate, the base of links is not an address, or TLS cannot be set up.
    pub fn new(options: ChannelOptions, seal: Seal) -> Result<Self, Error> {
        let link_base = options.link_base.as_deref().map(link_base).transpose()?;
        let own_address = options.own_address.as_deref().map(self::link_base).transpose()?;
        let confirm_base = link_base.clone().or(own_address);
        Ok(Self { outside: Outside::new(&options)?, seal, link_base, confirm_base })
    }

    /// The names of all channels, in order.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// How many notifications one message of a channel tells of at most, each of them shown; 1 where the channel takes
    /// no digests, or is none.
    #[must_use]
    pub fn told_at_once(channel: &str) -> u32 {
        find(channel).map_or(1, Dispatch::told_at_once)
    }

    /// Sends a message once. Never panics; takes at most four times `ChannelOptions::timeout`, and one of it
    /// where the channel sends one request a message.
    pub async fn send(&self, endpoint: &Endpoint, message: &Message<'_>) -> Sent {
        let Some(channel) = find(&endpoint.channel) else {
            return Sent::refused(format!("there is no channel `{}`", endpoint.channel));
        };
        let settings = match self.settings(channel, endpoint) {
            Ok(settings) => settings,
            Err(unsettled) => return unsettled,
        };
        if message.others.len() >= channel.told_at_once() as usize {
            // Whoever sends does not know the channel yet as it is now; nobody is told of a part only.
            return Sent::later("these are more than one message of this channel tells of");
        }
        let link_base = self.link_base.as_deref();
        let telling = Telling { message, endpoint, link_base, challenge: None };
        self.hand_over(channel, &settings, &telling).await
    }

    /// Sends whatever it is, within a bound of time, strikes secrets out of the answer, and only then cuts it.
    async fn hand_over(
        &self,
        channel: &dyn Dispatch,
        settings: &Map<String, Value>,
        telling: &Telling<'_>,
    ) -> Sent {
        let mut fields = Fields::new(settings);
        let sending = channel.send(&mut fields, telling, &self.outside);
        let guarded = AssertUnwindSafe(sending).catch_unwind();
        let whole = self.outside.client.timeout() * TIMEOUTS;
        let mut sent = match tokio::time::timeout(whole, guarded).await {
            Ok(Ok(sent)) => sent,
            Ok(Err(_)) => Sent::refused("the message cannot be made"),
            Err(_) => Sent::later("no answer in time"),
        };
        let mut struck = Struck::of(channel.secrets(), settings);
        if let Some(challenge) = telling.challenge {
            struck.add(&challenge.token);
        }
        sent.answer = kept(&struck.strike(&sent.answer));
        sent
    }

    /// Splits a configuration into what may be shown and what is sealed for the endpoint `id` of `project`. A
    /// secret that is left out stays as it is in `before`, `null` removes it.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(
        &self,
        project: ProjectId,
        id: EndpointId,
        channel: &str,
        config: &Value,
        before: Option<&Endpoint>,
    ) -> Result<Checked, Vec<FieldError>> {
        let channel = known(channel)?;
        let (whole, mut errors) = self.merge(channel, config, before)?;
        let mut fields = Fields::trying(&whole);
        channel.check(&mut fields);
        fields.sending(channel.told_at_once() > 1);
        // A secret that has to be given again is not missing besides.
        let again: Vec<_> = errors.iter().map(|error| error.field.clone()).collect();
        errors.extend(fields.finish().into_iter().filter(|error| !again.contains(&error.field)));
        if !errors.is_empty() {
            return Err(errors);
        }
        let (secret, mut shown): (Map<_, _>, Map<_, _>) =
            whole.into_iter().partition(|(name, _)| channel.secrets().contains(&name.as_str()));
        if secret.is_empty() {
            return Ok(Checked { config: Value::Object(shown).to_string(), secrets: Vec::new() });
        }
        shown.insert(SEALED.to_owned(), secret.keys().cloned().collect());
        let same = before.filter(|before| (before.project, before.id) == (project, id));
        let secrets = self.sealed(secret, (project, id), same);
        let secrets = secrets
            .map_err(|error| vec![FieldError::new("config", "sealing", error.to_string())])?;
        Ok(Checked { config: Value::Object(shown).to_string(), secrets })
    }

    /// Secrets, sealed for an endpoint; as they are in `before` where they are the same, so that what was not
    /// changed looks unchanged.
    fn sealed(
        &self,
        secret: Map<String, Value>,
        (project, id): (ProjectId, EndpointId),
        before: Option<&Endpoint>,
    ) -> Result<Vec<u8>, SealError> {
        let is_same = |before: &&Endpoint| self.secrets(before).is_ok_and(|it| it == secret);
        if let Some(before) = before.filter(is_same) {
            return Ok(before.secrets.clone());
        }
        let plain = Value::Object(secret).to_string();
        self.seal.seal(plain.as_bytes(), &place(project, id))
    }

    /// What an endpoint would be sent about a sample incident.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn preview(&self, endpoint: &Endpoint) -> Result<Preview, Vec<FieldError>> {
        let channel = known(&endpoint.channel)?;
        let settings = self
            .settings(channel, endpoint)
            .map_err(|why| vec![FieldError::new("config", "configuration", why.answer)])?;
        sample::with_message(Some(endpoint), |message, endpoint| {
            self.preview_settings(channel, &settings, message, endpoint)
        })
    }

    /// What an endpoint with this configuration would be sent about a sample incident; secrets may be left out.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn preview_config(
        &self,
        channel: &str,
        config: &Value,
    ) -> Result<Preview, Vec<FieldError>> {
        let dispatch = known(channel)?;
        let (settings, _) = self.merge(dispatch, config, None)?;
        sample::with_message(None, |message, endpoint| {
            self.preview_settings(dispatch, &settings, message, endpoint)
        })
    }

    fn preview_settings(
        &self,
        channel: &dyn Dispatch,
        settings: &Map<String, Value>,
        message: &Message<'_>,
        endpoint: &Endpoint,
    ) -> Result<Preview, Vec<FieldError>> {
        let link_base = self.link_base.as_deref();
        let telling = Telling { message, endpoint, link_base, challenge: None };
        let mut fields = Fields::trying(settings);
        let preview = channel.preview(&mut fields, &telling);
        fields.sending(channel.told_at_once() > 1);
        let mut errors = fields.finish();
        // What is rendered does not depend on secrets, so a preview does without them.
        errors.retain(|error| {
            error.code != "missing" || !channel.secrets().contains(&error.field.as_str())
        });
        if errors.is_empty() { Ok(preview) } else { Err(errors) }
    }

    /// The whole configuration of an endpoint, secrets included; or what comes of every message to it instead. While
    /// a secret is lost, messages wait for somebody to give it again.
    fn settings(
        &self,
        channel: &dyn Dispatch,
        endpoint: &Endpoint,
    ) -> Result<Map<String, Value>, Sent> {
        let mut settings = serde_json::from_str::<Map<String, Value>>(&endpoint.config)
            .map_err(|_| Sent::refused("the configuration is not an object of JSON"))?;
        let opened = self.secrets(endpoint);
        let opened = opened.map_err(|error| Sent::later(format!("{error}; {GIVE_AGAIN}")))?;
        let lost = lost(channel, &settings, &opened);
        if !lost.is_empty() {
            let names = lost.join(", ");
            return Err(Sent::later(format!("secrets are lost ({names}); {GIVE_AGAIN}")));
        }
        settings.remove(SEALED);
        for (name, value) in opened {
            if channel.secrets().contains(&name.as_str()) {
                settings.insert(name, value);
            }
        }
        Ok(settings)
    }

    fn secrets(&self, endpoint: &Endpoint) -> Result<Map<String, Value>, SealError> {
        let place = place(endpoint.project, endpoint.id);
        let plain = self.seal.open(&endpoint.secrets, &place)?;
        if plain.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_slice(&plain).map_err(|_| SealError::Broken)
    }

    /// What is asked for, with the secrets of before where they were left out.
    fn merge(
        &self,
        channel: &dyn Dispatch,
        config: &Value,
        before: Option<&Endpoint>,
    ) -> Result<Merged, Vec<FieldError>> {
        let wrong = |code, message: &str| vec![FieldError::new("config", code, message)];
        let Value::Object(config) = config else {
            return Err(wrong("wrong_type", "the configuration is an object"));
        };
        if Value::Object(config.clone()).to_string().len() > limits::DOCUMENT_BYTES {
            return Err(wrong("too_long", "the configuration is too long"));
        }
        let mut whole = config.clone();
        whole.remove(SEALED);
        let mut errors = Vec::new();
        if let Some(before) = before.filter(|before| before.channel == channel.name()) {
            let stored = self.secrets(before).unwrap_or_default();
            let shown: Map<String, Value> =
                serde_json::from_str(&before.config).unwrap_or_default();
            for name in lost(channel, &shown, &stored) {
                if !whole.contains_key(name) {
                    let message = "this has to be given again: what is stored does not open";
                    errors.push(FieldError::new(name, "give_again", message));
                }
            }
            let moved = moved(channel, &whole, &shown);
            for (name, value) in stored {
                if whole.contains_key(&name) {
                    continue;
                }
                if let Some(place) = moved {
                    let message = format!("this has to be given again, because `{place}` changed");
                    errors.push(FieldError::new(name, "give_again", message));
                } else {
                    whole.insert(name, value);
                }
            }
        }
        whole.retain(|_, value| !value.is_null());
        Ok((whole, errors))
    }
}

/// A whole configuration, and what is wrong with how it came about.
type Merged = (Map<String, Value>, Vec<FieldError>);

/// The field that says that messages now go elsewhere, if they do.
fn moved(
    channel: &dyn Dispatch,
    whole: &Map<String, Value>,
    shown: &Map<String, Value>,
) -> Option<&'static str> {
    channel
        .place()
        .iter()
        .copied()
        .find(|name| !channel.secrets().contains(name) && shown.get(*name) != whole.get(*name))
}

/// The secrets that a configuration says are set, and that are not among those that open.
fn lost(
    channel: &dyn Dispatch,
    shown: &Map<String, Value>,
    opened: &Map<String, Value>,
) -> Vec<&'static str> {
    let sealed = shown.get(SEALED).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_set = |name: &str| shown.contains_key(name) || sealed.iter().any(|it| it == name);
    let secrets = channel.secrets().iter().copied();
    secrets.filter(|name| is_set(name) && !opened.contains_key(*name)).collect()
}

/// Whether what was sealed for an endpoint opens with this key; what is empty does.
#[must_use]
pub fn opens(seal: &Seal, project: ProjectId, endpoint: EndpointId, sealed: &[u8]) -> bool {
    seal.open(sealed, &place(project, endpoint)).is_ok()
}

fn find(name: &str) -> Option<&'static dyn Dispatch> {
    CHANNELS.iter().copied().find(|channel| channel.name() == name)
}

fn known(name: &str) -> Result<&'static dyn Dispatch, Vec<FieldError>> {
    let message = || format!("there is no channel `{name}`; there are {}", NAMES.join(", "));
    find(name).ok_or_else(|| vec![FieldError::new("channel", "unknown_value", message())])
}

/// What secrets are bound to.
fn place(project: ProjectId, id: EndpointId) -> Vec<u8> {
    format!("endpoint/{project}/{id}").into_bytes()
}

fn link_base(text: &str) -> Result<String, Error> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| Error::LinkBase(text.to_owned()))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
