//! An endpoint as the API writes it, and as it reads it.

use model::{EndpointId, FieldError, SubscriberId, limits};
use serde::Serialize;
use serde_json::{Map, Value};
use store::EndpointRow;
use utoipa::ToSchema;

use super::standing::{EndpointChallenge, settle};
use crate::ports::AskedConfig;
use crate::problem::Problem;
use crate::references::{References, Referent};
use crate::request::{Call, Fields};
use crate::{Api, instant};

/// Where notifications are sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub(crate) struct EndpointDocument {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// Who owns it.
    #[schema(format = "uuid")]
    pub(crate) subscriber_id: String,
    /// `webhook`, `slack`, …
    pub(crate) channel: String,
    /// A name for people.
    pub(crate) name: String,
    /// Its configuration; in place of a secret stands `{"set": true}`, or `{"set": false}` where it was lost with the
    /// server's key and has to be given again.
    pub(crate) config: Value,
    /// When it was verified; nothing but a test or a challenge is sent before.
    #[schema(required, format = DateTime)]
    pub(crate) verified_at: Option<String>,
    /// Whether its owner has to confirm it; otherwise whoever manages the project vouches for it.
    pub(crate) verify: bool,
    /// What came of the challenge that this request has sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verification: Option<EndpointChallenge>,
    /// 1 when created, one more with each change; the `ETag`.
    pub(crate) version: u64,
    /// When it was created.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

/// Endpoints.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EndpointList {
    /// By creation.
    pub(crate) items: Vec<EndpointDocument>,
}

/// An endpoint to create or to put in another's place.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewEndpoint {
    /// Who owns it.
    #[schema(format = "uuid")]
    subscriber_id: String,
    /// `webhook`, `slack`, …
    channel: String,
    /// A name for people.
    name: String,
    /// What the channel needs, secrets among it. For a webhook: `url`, and where wanted `secret` and `template`.
    config: Map<String, Value>,
    /// Whether its owner has to confirm it: then it is sent a challenge, and nothing else before that is answered. As it
    /// is where not said; false for a new one, unless the server asks for it.
    verify: Option<bool>,
    /// The version that was read: 409 when it is another by now. For PUT only.
    version: Option<u64>,
}

/// An endpoint that was read.
pub(super) struct Read {
    /// As it is to be.
    pub(super) row: EndpointRow,
    /// The version the sender has seen.
    pub(super) said: Option<u64>,
    /// Whether its owner is to be sent a challenge.
    pub(super) is_due: bool,
}

/// Reads an endpoint that is new, or put in the place of `before`.
pub(super) async fn read(
    api: &Api,
    call: &Call,
    mut fields: Fields,
    before: Option<&EndpointRow>,
) -> Result<Read, Problem> {
    let mut references = References::by_id();
    let now = api.ports().clock.now();
    let id = before
        .map_or_else(|| EndpointId(uuid::Uuid::now_v7().as_u128()), |row: &EndpointRow| row.id);
    let owner = references.one(&mut fields, "subscriber_id", Referent::Subscriber);
    if owner.is_none() && !fields.is_refused("subscriber_id") {
        fields.refuse("subscriber_id", "missing", "it must be given");
    }
    let mut row = EndpointRow {
        project: call.project(),
        id,
        subscriber: SubscriberId(owner.unwrap_or_default()),
        channel: String::new(),
        name: fields.required_name("name"),
        config: String::new(),
        secrets: Vec::new(),
        verified_at: Some(now),
        owner_confirms: false,
        version: 0,
        created_at: before.map_or(now, |row| row.created_at),
    };
    read_channel(api, &mut fields, &mut row, before);
    let is_due = read_standing(api, &mut fields, &mut row, before);
    let said = fields.version().filter(|_| before.is_some());
    fields.echoed(
        before.map(|row| row.id.to_string()).as_deref(),
        &["created_at", "verified_at", "verification"],
    );
    references.check(api, call.project(), &mut fields).await?;
    fields.finish()?;
    Ok(Read { row, said, is_due })
}

/// Reads `verify` into a row whose channel is read; answers whether its owner is to be sent a challenge.
pub(crate) fn read_standing(
    api: &Api,
    fields: &mut Fields,
    row: &mut EndpointRow,
    before: Option<&EndpointRow>,
) -> bool {
    let asked = fields.flag("verify");
    settle(api, asked, row, before).unwrap_or_else(|why| {
        fields.refuse("verify", "required", why);
        false
    })
}

/// Reads `channel` and `config` into a row whose id is known.
pub(crate) fn read_channel(
    api: &Api,
    fields: &mut Fields,
    row: &mut EndpointRow,
    before: Option<&EndpointRow>,
) {
    let channels = &api.ports().channels;
    row.channel = fields.required_text("channel", limits::NAME_CHARS);
    let known = channels.names().contains(&row.channel.as_str());
    if !known && !fields.is_refused("channel") {
        let message = format!("it must be one of {}", channels.names().join(", "));
        fields.refuse("channel", "unknown_value", message);
    }
    let config = fields.object("config");
    if config.is_none() && !fields.is_refused("config") {
        fields.refuse("config", "missing", "it must be given");
    }
    let (Some(config), true) = (config, known) else { return };
    let config = Value::Object(config);
    if config.to_string().len() > limits::DOCUMENT_BYTES {
        let message = format!("it may have {} bytes", limits::DOCUMENT_BYTES);
        return fields.refuse("config", "too_long", message);
    }
    let before = before.filter(|before| before.channel == row.channel);
    let (project, endpoint) = (row.project, row.id);
    let channel = row.channel.as_str();
    match channels.check(&AskedConfig { channel, project, endpoint, config: &config, before }) {
        Ok(checked) => (row.config, row.secrets) = (checked.config, checked.secrets),
        Err(errors) => fields.take_over(within_config(errors)),
    }
}

/// Errors of a configuration, named as fields of the endpoint.
pub(super) fn within_config(errors: Vec<FieldError>) -> Vec<FieldError> {
    let named = |error: FieldError| {
        let field = match error.field.as_str() {
            "" => "config".to_owned(),
            inner => format!("config.{inner}"),
        };
        FieldError { field, ..error }
    };
    errors.into_iter().map(named).collect()
}

/// The configuration as it is shown.
pub(crate) fn shown_config(row: &EndpointRow) -> Value {
    serde_json::from_str(&row.config).unwrap_or(Value::Null)
}

impl From<&EndpointRow> for EndpointDocument {
    fn from(row: &EndpointRow) -> Self {
        Self {
            id: row.id.to_string(),
            subscriber_id: row.subscriber.to_string(),
            channel: row.channel.clone(),
            name: row.name.clone(),
            config: shown_config(row),
            verified_at: row.verified_at.map(instant::write),
            verify: row.owner_confirms,
            verification: None,
            version: row.version,
            created_at: instant::write(row.created_at),
        }
    }
}
