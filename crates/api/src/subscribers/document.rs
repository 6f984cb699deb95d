//! A subscriber as the API writes it, and as it reads it.

use model::{Duration, EndpointId, SubscriberId, limits};
use serde::Serialize;
use store::{Contact, SubscriberRow};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::references::{References, Referent};
use crate::request::{Call, Fields};
use crate::{Api, instant};

/// A subscriber.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Subscriber)]
pub(crate) struct SubscriberDocument {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// Its name, unique within the project.
    pub(crate) name: String,
    /// How a person is reached, in order; empty for a team or customer.
    pub(crate) contacts: Vec<ContactDocument>,
    /// 1 when created, one more with each change; the `ETag`.
    pub(crate) version: u64,
    /// When it was created.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

/// One contact method of a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Contact)]
pub(crate) struct ContactDocument {
    /// Where.
    #[schema(format = "uuid")]
    pub(crate) endpoint_id: String,
    /// How long after the notification was due, and only while nobody has acknowledged: `"5m"`.
    pub(crate) after: String,
}

/// Subscribers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SubscriberList {
    /// By name.
    pub(crate) items: Vec<SubscriberDocument>,
}

/// A subscriber to create or to put in another's place.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewSubscriber {
    /// Its name, unique within the project.
    name: String,
    /// How a person is reached, in order; none where not said.
    contacts: Option<Vec<NewContact>>,
    /// The version that was read: 409 when it is another by now. For PUT only.
    version: Option<u64>,
}

/// One contact method of a person.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewContact {
    /// Where.
    #[schema(format = "uuid")]
    endpoint_id: String,
    /// How long after the notification was due; `"0s"` where not said.
    after: Option<String>,
}

/// Reads a subscriber that is new, or put in the place of `before`; and the version the sender has seen.
pub(super) async fn read(
    api: &Api,
    call: &Call,
    mut fields: Fields,
    before: Option<&SubscriberRow>,
) -> Result<(SubscriberRow, Option<u64>), Problem> {
    let mut references = References::by_id();
    let mut row = SubscriberRow {
        project: call.project(),
        id: before.map_or_else(|| SubscriberId(uuid::Uuid::now_v7().as_u128()), |row| row.id),
        name: String::new(),
        contacts: Vec::new(),
        version: 0,
        created_at: before.map_or_else(|| api.ports().clock.now(), |row| row.created_at),
    };
    row.name = fields.required_name("name");
    row.contacts = read_contacts(&mut fields, &mut references, "endpoint_id");
    let said = fields.version().filter(|_| before.is_some());
    fields.echoed(before.map(|row| row.id.to_string()).as_deref(), &["created_at"]);
    references.check(api, call.project(), &mut fields).await?;
    fields.finish()?;
    Ok((row, said))
}

/// Reads contact methods, whose endpoint stands in the field `endpoint`.
pub(crate) fn read_contacts(
    fields: &mut Fields,
    references: &mut References<'_>,
    endpoint: &str,
) -> Vec<Contact> {
    let mut index = 0;
    let contacts = fields.objects("contacts", limits::TARGETS, |inner| {
        references.inside(format!("contacts[{index}]."));
        index += 1;
        let named = references.one(inner, endpoint, Referent::Endpoint);
        if named.is_none() && !inner.is_refused(endpoint) {
            inner.refuse(endpoint, "missing", "it must be given");
        }
        let after = inner.span("after").unwrap_or(Duration::ZERO);
        Some(Contact { endpoint: EndpointId(named?), after })
    });
    references.inside(String::new());
    contacts.unwrap_or_default()
}

impl From<&SubscriberRow> for SubscriberDocument {
    fn from(row: &SubscriberRow) -> Self {
        let contact = |contact: &Contact| ContactDocument {
            endpoint_id: contact.endpoint.to_string(),
            after: contact.after.to_string(),
        };
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            contacts: row.contacts.iter().map(contact).collect(),
            version: row.version,
            created_at: instant::write(row.created_at),
        }
    }
}
