//! Writes the file.

use model::{Directive, DirectiveBody, DirectiveKind, ProjectId, Rule, SubscriberId, Target};
use serde_json::{Map, Value, json};
use store::{EndpointRow, SubscriberRow};

use super::names::Names;
use crate::Api;
use crate::directives::{self, documents};
use crate::endpoints::shown_config;
use crate::problem::{Code, Problem};
use crate::references::Referent;

/// Rules of one file at most, so that an answer stays within some megabytes.
const RULES: usize = 10_000;

/// Everything of a project, or of one subscriber of it.
pub(super) async fn file(
    api: &Api,
    project: ProjectId,
    owner: Option<SubscriberId>,
) -> Result<Value, Problem> {
    let names = Names::load(api, project).await?;
    if let Some(owner) = owner
        && !names.subscribers.iter().any(|row| row.id == owner)
    {
        return Err(Problem::not_found("subscriber", &owner.to_string()));
    }
    let first = api.ports().store.directives(project, DirectiveKind::Rule, owner, None, 1).await?;
    if first.total > RULES as u64 {
        let detail = format!("there are {} rules; a file holds {RULES}", first.total);
        return Err(Problem::new(Code::LimitReached, detail));
    }
    let rules = directives::all(api, project, DirectiveKind::Rule, owner).await?;
    let wanted = |id: SubscriberId| owner.is_none_or(|owner| owner == id);
    let subscribers = names.subscribers.iter().filter(|row| wanted(row.id));
    let endpoints = names.endpoints.iter().filter(|row| wanted(row.subscriber));
    Ok(json!({
        "version": 1,
        "subscribers": subscribers.map(|row| subscriber(&names, row)).collect::<Vec<_>>(),
        "endpoints": endpoints.map(|row| endpoint(&names, row)).collect::<Vec<_>>(),
        "rules": rules.iter().filter_map(|directive| rule(&names, directive)).collect::<Vec<_>>(),
    }))
}

fn subscriber(names: &Names, row: &SubscriberRow) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), json!(row.name));
    let contacts: Vec<Value> = row
        .contacts
        .iter()
        .map(|contact| {
            let endpoint = names.refer(Referent::Endpoint, contact.endpoint.0);
            json!({"endpoint": endpoint, "after": contact.after.to_string()})
        })
        .collect();
    if !contacts.is_empty() {
        map.insert("contacts".to_owned(), contacts.into());
    }
    map.into()
}

fn endpoint(names: &Names, row: &EndpointRow) -> Value {
    let mut document = json!({
        "name": row.name,
        "subscriber": names.refer(Referent::Subscriber, row.subscriber.0),
        "channel": row.channel,
        "config": shown_config(row),
    });
    if row.owner_confirms {
        document["verify"] = json!(true);
    }
    document
}

/// What is as it would be where nothing is said is left out.
fn rule(names: &Names, directive: &Directive) -> Option<Value> {
    let DirectiveBody::Rule(rule) = &directive.body else { return None };
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
    put("name", json!(directive.name));
    put("subscriber", json!(names.refer(Referent::Subscriber, rule.subscriber.0)));
    put("on", json!(rule.on.iter().map(ToString::to_string).collect::<Vec<_>>()));
    if rule.match_all {
        put("match_all", json!(true));
    }
    if !rule.conditions.is_empty() {
        put("match", json!(documents(&rule.conditions)));
    }
    if !rule.cel.is_empty() {
        put("cel", json!(rule.cel));
    }
    put_targets(names, rule, &mut put);
    if let Some(at_most) = rule.at_most {
        let within = at_most.within.to_string();
        put("at_most", json!({"count": at_most.count, "within": within}));
    }
    put("deadline", json!(rule.deadline.to_string()));
    if !rule.enabled {
        put("enabled", json!(false));
    }
    Some(map.into())
}

fn put_targets(names: &Names, rule: &Rule, put: &mut impl FnMut(&str, Value) -> Option<Value>) {
    let (mut endpoints, mut on_call, mut people) = (Vec::new(), Vec::new(), Vec::new());
    for target in &rule.targets {
        match target {
            Target::Endpoint(id) => endpoints.push(names.refer(Referent::Endpoint, id.0)),
            Target::OnCall(id) => on_call.push(names.refer(Referent::Schedule, id.0)),
            Target::Person(id) => people.push(names.refer(Referent::Subscriber, id.0)),
        }
    }
    let muted = rule.muted_by.iter().map(|id| names.refer(Referent::Calendar, id.0)).collect();
    let lists =
        [("endpoints", endpoints), ("on_call", on_call), ("people", people), ("muted_by", muted)];
    for (name, list) in lists {
        if !list.is_empty() {
            put(name, json!(list));
        }
    }
    if let Some(id) = rule.escalation {
        put("escalation", json!(names.refer(Referent::Escalation, id.0)));
    }
}
