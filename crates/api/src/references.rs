//! References from one document to another: read out of a body as ids (or names, in a file that is
//! imported), and looked up in the project before anything is saved.
//!
//! Invariant: what another project has is answered as what nobody has.

use model::{DirectiveId, DirectiveKind, EndpointId, ProjectId, SubscriberId};
use store::DocumentKind;

use crate::Api;
use crate::problem::Problem;
use crate::request::Fields;

/// What can be referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Referent {
    /// A subscriber.
    Subscriber,
    /// An endpoint.
    Endpoint,
    /// An on-call schedule.
    Schedule,
    /// A calendar during which rules are mute.
    Calendar,
    /// An escalation policy.
    Escalation,
}

impl Referent {
    /// The word for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Subscriber => "subscriber",
            Self::Endpoint => "endpoint",
            Self::Schedule => "schedule",
            Self::Calendar => "calendar",
            Self::Escalation => "escalation policy",
        }
    }
}

/// Reads the text of a reference.
pub(crate) type Resolve<'r> = &'r (dyn Fn(Referent, &str) -> Option<u128> + Send + Sync);

/// References as they are read, each with the field that it stands in.
pub(crate) struct References<'r> {
    resolve: Resolve<'r>,
    path: String,
    found: Vec<(String, Referent, u128)>,
}

impl<'r> References<'r> {
    /// References by id.
    pub(crate) fn by_id() -> References<'static> {
        References { resolve: &parse, path: String::new(), found: Vec::new() }
    }

    /// References that `resolve` reads; it knows what there is, so they need no [`References::check`].
    pub(crate) fn by(resolve: Resolve<'r>) -> Self {
        Self { resolve, path: String::new(), found: Vec::new() }
    }

    /// Says inside which field the next are read: `steps[2].`, or nothing.
    pub(crate) fn inside(&mut self, path: String) {
        self.path = path;
    }

    /// One reference.
    pub(crate) fn one(
        &mut self,
        fields: &mut Fields,
        name: &str,
        referent: Referent,
    ) -> Option<u128> {
        let text = fields.text(name)?;
        self.read(fields, name, referent, &text)
    }

    /// A list of references, each once.
    pub(crate) fn several(
        &mut self,
        fields: &mut Fields,
        name: &str,
        referent: Referent,
        max: usize,
    ) -> Vec<u128> {
        let mut ids = Vec::new();
        for (index, text) in fields.texts(name, max).unwrap_or_default().iter().enumerate() {
            let place = format!("{name}[{index}]");
            match self.read(fields, &place, referent, text) {
                Some(id) if ids.contains(&id) => {
                    fields.refuse(place, "duplicate", "it is listed twice");
                }
                found => ids.extend(found),
            }
        }
        ids
    }

    fn read(
        &mut self,
        fields: &mut Fields,
        place: &str,
        referent: Referent,
        text: &str,
    ) -> Option<u128> {
        let found = (self.resolve)(referent, text);
        match found {
            Some(id) => self.found.push((format!("{}{place}", self.path), referent, id)),
            None => fields.refuse(place, "unknown_value", unknown(referent)),
        }
        found
    }

    /// Looks every reference up and refuses the fields whose referents the project does not have.
    pub(crate) async fn check(
        self,
        api: &Api,
        project: ProjectId,
        fields: &mut Fields,
    ) -> Result<(), Problem> {
        for (place, referent, id) in self.found {
            if !exists(api, project, referent, id).await? {
                fields.refuse(place, "unknown_value", unknown(referent));
            }
        }
        Ok(())
    }
}

fn unknown(referent: Referent) -> String {
    format!("there is no such {} in this project", referent.word())
}

/// Reads an id.
fn parse(_: Referent, text: &str) -> Option<u128> {
    uuid::Uuid::try_parse(text).ok().map(|id| id.as_u128())
}

async fn exists(
    api: &Api,
    project: ProjectId,
    referent: Referent,
    id: u128,
) -> Result<bool, Problem> {
    let store = &api.ports().store;
    Ok(match referent {
        Referent::Subscriber => store.subscriber(project, SubscriberId(id)).await?.is_some(),
        Referent::Endpoint => store.endpoint(project, EndpointId(id)).await?.is_some(),
        Referent::Schedule => store.document(project, DocumentKind::Schedule, id).await?.is_some(),
        Referent::Calendar => store.document(project, DocumentKind::Calendar, id).await?.is_some(),
        Referent::Escalation => {
            let kind = DirectiveKind::Escalation;
            store.directive(project, kind, DirectiveId(id)).await?.is_some()
        }
    })
}
