//! Delivery, wired: the channels as the API and the courier ask for them, the calendars of the store, and
//! the courier between them.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context, ensure};
use api::{AskedConfig, Challenged, CheckedConfig, Claim, Tested, TokenError};
use async_trait::async_trait;
use delivery::channel::{Sent, SentOutcome};
use delivery::courier::{CalendarError, Calendars, Courier, Dice, News, Options, Ports};
use delivery::{ChannelOptions, Channels, Console, Seal};
use journal::SystemClock;
use model::{Duration, FieldError, Notification, ProjectId, ScheduleId, SubscriberId, Timestamp};
use oncall::{Calendar, Schedule};
use pipeline::Handle;
use serde_json::{Map, Value, json};
use store::sqlite::SqliteStore;
use store::{Directory, DocumentKind, EndpointRow};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::adapters::now;
use super::open::Storage;
use super::sealed::is_mark;
use crate::config::Config;

/// The file of further root certificates, if one is named, proven to hold such.
pub(super) fn roots(config: &Config) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(path) = &config.delivery.roots else { return Ok(None) };
    let shown = path.display();
    let pem =
        std::fs::read(path).with_context(|| format!("delivery.roots: cannot read {shown}"))?;
    let mut found = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let added = certificate.map_err(anyhow::Error::new).and_then(|it| Ok(found.add(it)?));
        added.with_context(|| {
            format!("delivery.roots: what is in {shown} is not all root certificates")
        })?;
    }
    ensure!(!found.is_empty(), "delivery.roots: {shown} holds no certificate");
    Ok(Some(pem))
}

/// The channels, with secrets sealed by this key; `own_address` is where this server answers, `roots` what it
/// trusts besides the machine's.
pub(super) fn channels(
    config: &Config,
    seal: Seal,
    own_address: String,
    roots: Option<Vec<u8>>,
) -> anyhow::Result<Arc<Channels>> {
    let console: Console = Arc::new(Mutex::new(Stdout));
    let options = ChannelOptions {
        allow_private: config.delivery.allow_private_endpoints,
        link_base: config.delivery.link_base.clone(),
        own_address: Some(own_address),
        console: Some(console),
        extra_roots: roots.into_iter().collect(),
        ..ChannelOptions::default()
    };
    Ok(Arc::new(Channels::new(options, seal).context("cannot set the channels up")?))
}

/// A courier over what is open, which does nothing until it runs.
pub(super) fn courier(
    storage: &Storage,
    handle: &Arc<Handle>,
    channels: &Arc<Channels>,
) -> Courier {
    let store = &storage.store;
    let ports = Ports {
        outbox: store.clone(),
        directory: store.clone(),
        incidents: store.clone(),
        calendars: Arc::new(Rota(store.clone())),
        journal: storage.journal.clone(),
        sender: channels.clone(),
        clock: Arc::new(SystemClock),
        chance: Box::new(Dice::new(uuid::Uuid::new_v4().as_u64_pair().0)),
        news: News { due: handle.due.clone(), applied: handle.follow_applied() },
    };
    let owner = uuid::Uuid::new_v4().as_u128();
    // The data folder belongs to one process at a time, so whoever leased before is gone.
    Courier::new(ports, Options { owner, alone: true, ..Options::default() })
}

/// Standard output, whatever it is when a line is written.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::stdout().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stdout().flush()
    }
}

/// Schedules and calendars, as the store keeps them.
struct Rota(Arc<SqliteStore>);

impl Rota {
    async fn document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: ScheduleId,
    ) -> Result<String, CalendarError> {
        let row = self.0.document(project, kind, id.0).await?;
        let missing =
            || CalendarError::Unreadable(format!("there is no schedule or calendar {id}"));
        Ok(row.ok_or_else(missing)?.body)
    }
}

#[async_trait]
impl Calendars for Rota {
    async fn on_call(
        &self,
        project: ProjectId,
        schedule: ScheduleId,
        now: Timestamp,
    ) -> Result<Vec<SubscriberId>, CalendarError> {
        let body = self.document(project, DocumentKind::Schedule, schedule).await?;
        let schedule = Schedule::from_json(&body).map_err(|errors| unreadable(&errors))?;
        Ok(schedule.on_call(instant(now)?).into_iter().collect())
    }

    async fn mutes(
        &self,
        project: ProjectId,
        calendar: ScheduleId,
        now: Timestamp,
    ) -> Result<Option<String>, CalendarError> {
        let body = self.document(project, DocumentKind::Calendar, calendar).await?;
        let calendar = Calendar::from_json(&body).map_err(|errors| unreadable(&errors))?;
        Ok(calendar.is_in_force(instant(now)?).then(|| calendar.name().to_owned()))
    }
}

/// The same point in time, for calendars.
fn instant(at: Timestamp) -> Result<jiff::Timestamp, CalendarError> {
    jiff::Timestamp::from_microsecond(at.micros())
        .map_err(|error| CalendarError::Unreadable(error.to_string()))
}

fn unreadable(errors: &[FieldError]) -> CalendarError {
    let first = errors.first().map_or("", |error| error.message.as_str());
    CalendarError::Unreadable(first.to_owned())
}

/// The channels, as the API asks for them.
pub(super) struct Outlet(pub(super) Arc<Channels>);

#[async_trait]
impl api::Channels for Outlet {
    fn names(&self) -> &[&'static str] {
        Channels::names()
    }

    fn check(&self, asked: &AskedConfig<'_>) -> Result<CheckedConfig, Vec<FieldError>> {
        let config = without_marks(asked.config);
        let AskedConfig { channel, project, endpoint, before, .. } = *asked;
        let checked = self.0.check(project, endpoint, channel, &config, before)?;
        let shown = with_marks(&checked.config);
        let errors = stand_for_nothing(asked.config, &shown);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(CheckedConfig { config: shown, secrets: checked.secrets })
    }

    async fn test(&self, endpoint: &EndpointRow, subscriber: &str) -> Tested {
        let began = Instant::now();
        tested(self.0.test(endpoint, subscriber, now()).await, began)
    }

    async fn challenge(
        &self,
        endpoint: &EndpointRow,
        subscriber: &str,
        now: Timestamp,
    ) -> Challenged {
        let began = Instant::now();
        let delivery::Challenged { sent, confirmed, expires_at } =
            self.0.challenge(endpoint, subscriber, now).await;
        Challenged { tested: tested(sent, began), confirmed, expires_at }
    }

    fn claim(&self, token: &str, now: Timestamp) -> Result<Claim, TokenError> {
        let claim = self.0.claim(token, now).map_err(|error| match error {
            delivery::TokenError::Unknown => TokenError::Unknown,
            delivery::TokenError::Expired => TokenError::Expired,
        })?;
        let delivery::Claim { project, endpoint, address } = claim;
        Ok(Claim { project, endpoint, address: address.0 })
    }

    fn address(&self, endpoint: &EndpointRow) -> Option<[u8; 16]> {
        self.0.address(endpoint).map(|address| address.0)
    }

    fn preview(
        &self,
        endpoint: &EndpointRow,
        subscriber: &str,
        notification: Option<&Notification>,
    ) -> Result<String, Vec<FieldError>> {
        let preview = match notification {
            Some(notification) => self.0.preview_of(endpoint, subscriber, notification)?,
            None => self.0.preview(endpoint)?,
        };
        Ok(preview.text)
    }
}

/// What came of a message that was sent since `began`.
fn tested(sent: Sent, began: Instant) -> Tested {
    Tested {
        delivered: sent.outcome == SentOutcome::Delivered,
        status: sent.status,
        answer: sent.answer,
        took: Duration::from_micros(u64::try_from(began.elapsed().as_micros()).unwrap_or(0)),
    }
}

/// A configuration in which each secret that is set says only that.
fn with_marks(config: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(config) else {
        return config.to_owned();
    };
    if let Some(Value::Array(sealed)) = fields.remove("sealed") {
        let names = sealed.iter().filter_map(Value::as_str);
        fields.extend(names.map(|name| (name.to_owned(), json!({ "set": true }))));
    }
    Value::Object(fields).to_string()
}

/// An error for each secret that is said to be set and is not stored: an endpoint that came from another server's
/// export would send without it, and nobody would know.
fn stand_for_nothing(asked: &Value, shown: &str) -> Vec<FieldError> {
    let shown: Map<String, Value> = serde_json::from_str(shown).unwrap_or_default();
    let fields = asked.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| is_mark(value) && !shown.contains_key(*name))
        .map(|(name, _)| {
            let message = "no secret is stored here that this could stand for: give it";
            FieldError::new(name.as_str(), "give_again", message)
        })
        .collect()
}

/// A configuration without what only says that a secret is set, or was: it stays as it is.
fn without_marks(config: &Value) -> Value {
    let mut config = config.clone();
    if let Value::Object(fields) = &mut config {
        fields.retain(|_, value| !is_mark(value));
    }
    config
}
