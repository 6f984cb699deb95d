//! Names of what there is in a project, and of what a file adds to it.

use std::collections::BTreeMap;

use model::{DirectiveKind, EndpointId, ProjectId, SubscriberId};
use store::{DocumentKind, EndpointRow, SubscriberRow};

use crate::problem::Problem;
use crate::references::Referent;
use crate::{Api, directives};

/// Everything that can be referred to, by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Subscribers as they are.
    pub(super) subscribers: Vec<SubscriberRow>,
    /// Endpoints as they are.
    pub(super) endpoints: Vec<EndpointRow>,
    indexes: BTreeMap<Referent, Index>,
    /// By owner and name.
    owned: BTreeMap<(SubscriberId, String), EndpointId>,
    owners: BTreeMap<EndpointId, SubscriberId>,
}

/// Names and ids of one kind, both ways.
#[derive(Debug, Default)]
struct Index {
    ids: BTreeMap<String, Vec<u128>>,
    names: BTreeMap<u128, String>,
}

impl Index {
    fn add(&mut self, name: &str, id: u128) {
        self.ids.entry(name.to_owned()).or_default().push(id);
        self.names.insert(id, name.to_owned());
    }

    /// The one of this name; `None` where there are several.
    fn only(&self, name: &str) -> Option<u128> {
        match self.ids.get(name).map(Vec::as_slice) {
            Some([only]) => Some(*only),
            _ => None,
        }
    }
}

impl Names {
    /// What there is.
    pub(super) async fn load(api: &Api, project: ProjectId) -> Result<Self, Problem> {
        let store = &api.ports().store;
        let mut names = Self {
            subscribers: store.subscribers(project).await?,
            endpoints: store.endpoints(project).await?,
            ..Self::default()
        };
        let mut subscribers = Index::default();
        names.subscribers.iter().for_each(|row| subscribers.add(&row.name, row.id.0));
        names.indexes.insert(Referent::Subscriber, subscribers);
        for row in std::mem::take(&mut names.endpoints) {
            names.index_endpoint(row.subscriber, &row.name, row.id);
            names.endpoints.push(row);
        }
        let documents = [
            (Referent::Schedule, DocumentKind::Schedule),
            (Referent::Calendar, DocumentKind::Calendar),
        ];
        for (referent, kind) in documents {
            let index = names.indexes.entry(referent).or_default();
            let rows = store.documents(project, kind).await?;
            rows.iter().for_each(|row| index.add(&row.name, row.id));
        }
        let escalations = directives::all(api, project, DirectiveKind::Escalation, None).await?;
        let index = names.indexes.entry(Referent::Escalation).or_default();
        escalations.iter().for_each(|directive| index.add(&directive.name, directive.id.0));
        Ok(names)
    }

    /// The id of the subscriber of this name, a new one where there is none.
    pub(super) fn add_subscriber(&mut self, name: &str) -> SubscriberId {
        if let Some(known) = self.subscriber(name) {
            return known;
        }
        let id = uuid::Uuid::now_v7().as_u128();
        self.indexes.entry(Referent::Subscriber).or_default().add(name, id);
        SubscriberId(id)
    }

    /// The id of the endpoint of this name, a new one where there is none.
    pub(super) fn add_endpoint(&mut self, owner: SubscriberId, name: &str) -> EndpointId {
        if let Some(known) = self.owned.get(&(owner, name.to_owned())) {
            return *known;
        }
        let id = EndpointId(uuid::Uuid::now_v7().as_u128());
        self.index_endpoint(owner, name, id);
        id
    }

    /// The id of a subscriber.
    pub(super) fn subscriber(&self, name: &str) -> Option<SubscriberId> {
        self.indexes.get(&Referent::Subscriber)?.only(name).map(SubscriberId)
    }

    /// The id of what a file refers to: by name, an endpoint also as `SUBSCRIBER/NAME`; by id where
    /// there is one.
    pub(super) fn resolve(&self, referent: Referent, text: &str) -> Option<u128> {
        let text = text.trim();
        let index = self.indexes.get(&referent)?;
        let by_name = index.only(text).or_else(|| match referent {
            Referent::Endpoint => self.owned_endpoint(text),
            Referent::Subscriber
            | Referent::Schedule
            | Referent::Calendar
            | Referent::Escalation => None,
        });
        by_name.or_else(|| {
            let id = uuid::Uuid::try_parse(text).ok()?.as_u128();
            index.names.contains_key(&id).then_some(id)
        })
    }

    /// How a file refers to something: by name where that leads back to it, else by id.
    pub(super) fn refer(&self, referent: Referent, id: u128) -> String {
        let name = self.indexes.get(&referent).and_then(|index| index.names.get(&id));
        let owner = self.owners.get(&EndpointId(id)).filter(|_| referent == Referent::Endpoint);
        let owned = owner.zip(name).and_then(|(owner, name)| {
            let owner = self.indexes.get(&Referent::Subscriber)?.names.get(&owner.0)?;
            Some(format!("{owner}/{name}"))
        });
        let leads_back = |text: &String| self.resolve(referent, text) == Some(id);
        let spelled = name.cloned().filter(leads_back).or_else(|| owned.filter(leads_back));
        spelled.unwrap_or_else(|| uuid::Uuid::from_u128(id).to_string())
    }

    fn index_endpoint(&mut self, owner: SubscriberId, name: &str, id: EndpointId) {
        self.indexes.entry(Referent::Endpoint).or_default().add(name, id.0);
        // Of two with one owner and name the older is meant.
        self.owned.entry((owner, name.to_owned())).or_insert(id);
        self.owners.insert(id, owner);
    }

    /// The endpoint `SUBSCRIBER/NAME`, either of which may hold a slash itself.
    fn owned_endpoint(&self, text: &str) -> Option<u128> {
        text.match_indices('/').find_map(|(at, _)| {
            let owner = self.subscriber(&text[..at])?;
            self.owned.get(&(owner, text[at + 1..].to_owned())).map(|id| id.0)
        })
    }
}
