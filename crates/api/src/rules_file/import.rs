//! Reads a file whole, and says everything that is wrong with it, before anything is saved.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Directive, DirectiveBody, DirectiveKind, EndpointId, ProjectId, SubscriberId, Timestamp, limits,
};
use serde_json::Value;
use store::{EndpointRow, SubscriberRow};

use super::names::Names;
use crate::endpoints::{read_channel, read_standing};
use crate::problem::Problem;
use crate::references::{References, Referent};
use crate::request::{Call, Fields};
use crate::rules::{Spelling, read_rule};
use crate::subscribers::read_contacts;
use crate::{Api, directives};

/// One thing of a file.
#[derive(Debug)]
pub(super) struct Planned<T> {
    /// As it is to be.
    pub(super) wanted: T,
    /// As it is, where it is there.
    pub(super) before: Option<T>,
}

/// What a file asks for, checked.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Subscribers, with their contacts.
    pub(super) subscribers: Vec<Planned<SubscriberRow>>,
    /// Endpoints.
    pub(super) endpoints: Vec<Planned<EndpointRow>>,
    /// Rules.
    pub(super) rules: Vec<Planned<Directive>>,
}

/// A file being read.
struct Reader<'r> {
    api: &'r Api,
    project: ProjectId,
    now: Timestamp,
    names: Names,
}

/// Reads a file.
pub(super) async fn read(api: &Api, call: &Call, mut fields: Fields) -> Result<Plan, Problem> {
    let (project, now) = (call.project(), api.ports().clock.now());
    let names = Names::load(api, project).await?;
    let mut reader = Reader { api, project, now, names };
    fields.whole("version", 1, 1);
    reader.introduce(&fields);
    let subscribers = reader.subscribers(&mut fields);
    let endpoints = reader.endpoints(&mut fields);
    let wanted = reader.rules(&mut fields);
    check_cost(&mut fields, &wanted);
    let rules = reader.with_present(&mut fields, wanted).await?;
    fields.finish()?;
    Ok(Plan { subscribers, endpoints, rules })
}

impl Reader<'_> {
    /// Gives everything that the file names an id, so that its parts can refer to one another.
    fn introduce(&mut self, fields: &Fields) {
        let listed = |name: &str| fields.peek(name).and_then(Value::as_array).into_iter().flatten();
        let text = |value: &Value, name: &str| value[name].as_str().map(|it| it.trim().to_owned());
        for name in listed("subscribers").filter_map(|item| text(item, "name")) {
            if !name.is_empty() {
                self.names.add_subscriber(&name);
            }
        }
        for item in listed("endpoints") {
            let owner = text(item, "subscriber").and_then(|name| self.names.subscriber(&name));
            if let (Some(owner), Some(name)) = (owner, text(item, "name")) {
                self.names.add_endpoint(owner, &name);
            }
        }
    }

    fn subscribers(&mut self, fields: &mut Fields) -> Vec<Planned<SubscriberRow>> {
        let mut seen = BTreeSet::new();
        let planned = fields.objects("subscribers", limits::SUBSCRIBERS, |inner| {
            let name = inner.required_name("name");
            let id = self.names.add_subscriber(&name);
            once(inner, seen.insert(id));
            let before = self.names.subscribers.iter().find(|row| row.id == id).cloned();
            let resolve = |referent: Referent, text: &str| self.names.resolve(referent, text);
            let contacts = read_contacts(inner, &mut References::by(&resolve), "endpoint");
            let created_at = before.as_ref().map_or(self.now, |row| row.created_at);
            let version = before.as_ref().map_or(0, |row| row.version);
            let project = self.project;
            let wanted = SubscriberRow { project, id, name, contacts, version, created_at };
            Some(Planned { wanted, before })
        });
        planned.unwrap_or_default()
    }

    fn endpoints(&mut self, fields: &mut Fields) -> Vec<Planned<EndpointRow>> {
        let mut seen = BTreeSet::new();
        let planned = fields.objects("endpoints", limits::ENDPOINTS, |inner| {
            let planned = self.endpoint(inner);
            once(inner, seen.insert(planned.wanted.id));
            Some(planned)
        });
        planned.unwrap_or_default()
    }

    fn endpoint(&mut self, fields: &mut Fields) -> Planned<EndpointRow> {
        let name = fields.required_name("name");
        let owner = self.owner(fields);
        let id = match owner {
            Some(owner) => self.names.add_endpoint(owner, &name),
            None => EndpointId(uuid::Uuid::now_v7().as_u128()),
        };
        let before = self.names.endpoints.iter().find(|row| row.id == id).cloned();
        let mut wanted = EndpointRow {
            project: self.project,
            id,
            subscriber: owner.unwrap_or(SubscriberId(0)),
            channel: String::new(),
            name,
            config: String::new(),
            secrets: Vec::new(),
            verified_at: before.as_ref().and_then(|row| row.verified_at).or(Some(self.now)),
            owner_confirms: false,
            version: before.as_ref().map_or(0, |row| row.version),
            created_at: before.as_ref().map_or(self.now, |row| row.created_at),
        };
        read_channel(self.api, fields, &mut wanted, before.as_ref());
        // What an import leaves unverified is listed in its report; nobody is sent a challenge.
        read_standing(self.api, fields, &mut wanted, before.as_ref());
        Planned { wanted, before }
    }

    fn owner(&self, fields: &mut Fields) -> Option<SubscriberId> {
        let resolve = |referent: Referent, text: &str| self.names.resolve(referent, text);
        let owner = References::by(&resolve).one(fields, "subscriber", Referent::Subscriber);
        if owner.is_none() && !fields.is_refused("subscriber") {
            fields.refuse("subscriber", "missing", "it must be given");
        }
        owner.map(SubscriberId)
    }

    fn rules(&mut self, fields: &mut Fields) -> Vec<Directive> {
        let mut seen = BTreeSet::new();
        let resolve = |referent: Referent, text: &str| self.names.resolve(referent, text);
        let wanted = fields.objects("rules", limits::RULES, |inner| {
            let mut references = References::by(&resolve);
            let (name, rule) = read_rule(inner, &mut references, Spelling::NAMES);
            once(inner, seen.insert((rule.subscriber, name.clone())));
            Some(directives::new(self.project, name, DirectiveBody::Rule(rule)))
        });
        wanted.unwrap_or_default()
    }

    /// Each rule with the one of the same subscriber and name that there is.
    async fn with_present(
        &self,
        fields: &mut Fields,
        wanted: Vec<Directive>,
    ) -> Result<Vec<Planned<Directive>>, Problem> {
        let owners: BTreeSet<SubscriberId> = wanted.iter().filter_map(owner_of).collect();
        let mut present: BTreeMap<(SubscriberId, String), Vec<Directive>> = BTreeMap::new();
        for row in self.names.subscribers.iter().filter(|row| owners.contains(&row.id)) {
            let kind = DirectiveKind::Rule;
            for rule in directives::all(self.api, self.project, kind, Some(row.id)).await? {
                present.entry((row.id, rule.name.clone())).or_default().push(rule);
            }
        }
        let mut planned = Vec::with_capacity(wanted.len());
        for (index, mut wanted) in wanted.into_iter().enumerate() {
            let key = owner_of(&wanted).map(|owner| (owner, wanted.name.clone()));
            let mut same = key.and_then(|key| present.remove(&key)).unwrap_or_default();
            if same.len() > 1 {
                let message = format!("there are {} rules of this name", same.len());
                fields.refuse(format!("rules[{index}].name"), "ambiguous", message);
            }
            let before = same.pop();
            if let Some(before) = &before {
                (wanted.id, wanted.version) = (before.id, before.version);
            }
            planned.push(Planned { wanted, before });
        }
        Ok(planned)
    }
}

/// What the engine would refuse in the middle of the file, whatever else the project has. With what it has, the
/// engine counts.
fn check_cost(fields: &mut Fields, wanted: &[Directive]) {
    let rules = wanted.iter().filter_map(|directive| directive.body.as_rule());
    let in_force = rules.filter(|rule| rule.enabled).map(|rule| rule.cel.as_str());
    let (cost, most) = (matching::cel_cost(in_force), limits::CEL_COST_OF_PROJECT);
    if cost > most {
        let message = format!(
            "the different expressions of its rules may cost {cost} together, at most {most} is allowed"
        );
        fields.refuse("rules", "too_costly", message);
    }
}

fn owner_of(directive: &Directive) -> Option<SubscriberId> {
    directive.body.as_rule().map(|rule| rule.subscriber)
}

fn once(fields: &mut Fields, new: bool) {
    if !new && !fields.is_refused("name") {
        fields.refuse("name", "duplicate", "the file has another of this name");
    }
}
