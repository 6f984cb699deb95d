//! Alerts by incident: what Alertmanager calls groups.
//!
//! The labels of a group are those that its grouping key stands for: labels that a policy of the
//! project names, and labels whose value is the component or the environment of the incident, as far as all
//! alerts of the group share them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use model::{IncidentId, KeyField, ProjectId, Signal};
use serde_json::json;
use store::{AlertBody, AlertList};

use super::page::{Page, Writer};
use super::rendering::{Reached, Turn};
use super::view::View;
use super::{RECEIVER, blocking, fragment};
use crate::Api;
use crate::problem::Problem;

/// How the alerts of a project are grouped, as of the last time somebody asked.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    /// The number of the policies that were read, once they were.
    policies: Option<u64>,
    /// Labels that they name. What was made with other ones is gone.
    names: BTreeSet<String>,
    groups: Option<Arc<Groups>>,
}

/// The groups of all lists that differ by renewals.
#[derive(Debug)]
pub(super) struct Groups {
    list: Arc<AlertList>,
    /// By incident.
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    incident: IncidentId,
    /// Its alerts, by their place in the list.
    members: Vec<usize>,
    /// `"labels":{…},"receiver":{…}`
    tail: Bytes,
}

/// The page of all groups.
pub(super) async fn page(api: &Api, project: ProjectId) -> Result<Bytes, Problem> {
    let kept = api.renderings().of(project);
    match kept.groups.page(|| api.ports().alerts.snapshot(project)).await {
        Reached::Page(body) => Ok(body),
        Reached::Turn(mut turn) => {
            read_policies(api, project, &mut turn).await?;
            let suppressed = kept.suppressed(api, project, turn.list()).await?;
            turn.render(suppressed, |grouping, view| grouping.update(&view.list).page(view)).await
        }
    }
}

/// The groups of the alerts that `shown` lets through; without those that are left empty.
pub(super) async fn shown(
    api: &Api,
    project: ProjectId,
    shown: impl Fn(&View, usize) -> bool + Send + 'static,
) -> Result<Bytes, Problem> {
    let kept = api.renderings().of(project);
    let mut turn = kept.groups.turn(|| api.ports().alerts.snapshot(project)).await;
    read_policies(api, project, &mut turn).await?;
    let suppressed = kept.suppressed(api, project, turn.list()).await?;
    blocking(move || {
        let view = View { list: Arc::clone(turn.list()), suppressed };
        let groups = turn.basis().update(&view.list);
        drop(turn);
        let mut writer = Writer::new(&view, 0);
        groups.write(&mut writer, |index| shown(&view, index));
        writer.finish()
    })
    .await
}

/// Reads the policies when one has changed. Where they name other labels now, nothing is kept.
async fn read_policies(
    api: &Api,
    project: ProjectId,
    turn: &mut Turn<Grouping>,
) -> Result<(), Problem> {
    let policies = turn.list().policies;
    if turn.basis().policies == Some(policies) {
        return Ok(());
    }
    let read = api.ports().store.policies(project).await?;
    let names = read.into_iter().flat_map(|policy| policy.key).filter_map(label).collect();
    if turn.basis().names_become(names) {
        turn.discard();
    }
    turn.basis().policies = Some(policies);
    Ok(())
}

fn label(field: KeyField) -> Option<String> {
    match field {
        KeyField::Label(name) => Some(name),
        KeyField::Component
        | KeyField::ComponentType
        | KeyField::Environment
        | KeyField::Kind
        | KeyField::Severity
        | KeyField::Source
        | KeyField::ErrorCode
        | KeyField::TraceId
        | KeyField::Summary => None,
    }
}

impl Grouping {
    /// Whether these are other names than before; the groups are gone then.
    pub(super) fn names_become(&mut self, names: BTreeSet<String>) -> bool {
        let are_others = self.names != names;
        if are_others {
            *self = Self { names, ..Self::default() };
        }
        are_others
    }

    /// The groups of a list: the last ones where nothing but renewals lies between.
    pub(super) fn update(&mut self, list: &Arc<AlertList>) -> Arc<Groups> {
        let groups = match self.groups.take() {
            Some(last) if last.list.alerts.differs_by_renewals(&list.alerts) => last,
            last => Arc::new(Groups::new(list, &self.names, last.as_deref())),
        };
        self.groups = Some(Arc::clone(&groups));
        groups
    }
}

impl Groups {
    /// Takes over the labels of groups that are as they were in `last`.
    fn new(list: &Arc<AlertList>, names: &BTreeSet<String>, last: Option<&Self>) -> Self {
        let bodies = list.alerts.bodies();
        let mut seats: Vec<(IncidentId, usize)> = (bodies.iter().enumerate())
            .filter_map(|(index, body)| body.incident.map(|incident| (incident, index)))
            .collect();
        seats.sort_unstable();
        let mut old = last.map_or(&[][..], |last| &last.groups).iter().peekable();
        let groups = seats.chunk_by(|(one, _), (other, _)| one == other).map(|seats| {
            let (incident, _) = seats[0];
            let members: Vec<usize> = seats.iter().map(|&(_, index)| index).collect();
            while old.next_if(|old| old.incident < incident).is_some() {}
            let same = old.next_if(|old| old.incident == incident).zip(last);
            let same = same.filter(|(old, last)| old.has(&last.list, bodies, &members));
            let tail = match same {
                Some((old, _)) => old.tail.clone(),
                None => tail(bodies, &members, names),
            };
            Group { incident, members, tail }
        });
        let groups = groups.collect();
        Self { list: Arc::clone(list), groups }
    }

    /// The page of all groups of a view, whose list is that of the groups or differs by renewals.
    pub(super) fn page(&self, view: View) -> Page {
        let around = "{\"alerts\":[],}".len() + 1;
        let tails: usize = self.groups.iter().map(|group| around + group.tail.len()).sum();
        let bytes = view.bytes() + tails;
        Page::new(view, bytes, |writer| self.write(writer, |_| true))
    }

    fn write(&self, writer: &mut Writer<'_>, shown: impl Fn(usize) -> bool) {
        let mut before: &[u8] = b"[";
        for group in &self.groups {
            let mut members =
                group.members.iter().copied().filter(|&index| shown(index)).peekable();
            if members.peek().is_none() {
                continue;
            }
            writer.raw(before);
            writer.raw(b"{\"alerts\":");
            writer.alerts(members);
            writer.raw(b",");
            writer.raw(&group.tail);
            writer.raw(b"}");
            before = b",";
        }
        writer.raw(if before == b"[" { b"[]\n" } else { b"]\n" });
    }
}

impl Group {
    /// Whether it has these members, where its own stand in `list`.
    fn has(&self, list: &AlertList, bodies: &[Arc<AlertBody>], members: &[usize]) -> bool {
        let own = self.members.iter().map(|&index| &list.alerts.bodies()[index]);
        let others = members.iter().map(|&index| &bodies[index]);
        own.len() == others.len() && own.zip(others).all(|(own, other)| Arc::ptr_eq(own, other))
    }
}

fn tail(bodies: &[Arc<AlertBody>], members: &[usize], names: &BTreeSet<String>) -> Bytes {
    let labels = shared_labels(bodies, members, names);
    let receiver = json!({ "name": RECEIVER });
    format!("\"labels\":{},\"receiver\":{receiver}", json!(labels)).into()
}

fn shared_labels<'a>(
    bodies: &'a [Arc<AlertBody>],
    members: &[usize],
    names: &BTreeSet<String>,
) -> BTreeMap<&'a str, &'a str> {
    let signal = |index: usize| -> &'a Signal<'static> { &bodies[index].signal };
    let Some((&first, others)) = members.split_first() else { return BTreeMap::new() };
    let first = signal(first);
    let mut labels = fragment::labels(first);
    labels.retain(|name, value| {
        names.contains(*name) || *value == first.component || *value == first.environment
    });
    labels
        .retain(|name, value| others.iter().all(|&other| signal(other).label(name) == Some(value)));
    labels
}
