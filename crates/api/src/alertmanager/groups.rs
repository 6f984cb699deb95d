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
use store::AlertList;

use super::rendering::{self, Rendered};
use super::{RECEIVER, blocking};
use crate::Api;
use crate::problem::Problem;

/// The groups of one version, and all of them as they are sent.
#[derive(Debug)]
pub(super) struct Groups {
    groups: Vec<Group>,
    /// The JSON array of all groups.
    pub(super) body: Bytes,
}

#[derive(Debug)]
struct Group {
    /// `"labels":{…},"receiver":{…}`
    tail: Vec<u8>,
    /// Its alerts, by their place in the list.
    members: Vec<usize>,
}

/// The groups of a rendering: made once, whoever asks first.
pub(super) async fn of(
    api: &Api,
    project: ProjectId,
    rendered: &Arc<Rendered>,
) -> Result<Arc<Groups>, Problem> {
    let made = rendered.groups.get_or_try_init(|| async {
        let policies = api.ports().store.policies(project).await?;
        let names: BTreeSet<String> =
            policies.into_iter().flat_map(|policy| policy.key).filter_map(label).collect();
        let rendered = Arc::clone(rendered);
        blocking(move || Arc::new(Groups::new(&rendered, &names))).await
    });
    made.await.map(Arc::clone)
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

impl Groups {
    fn new(rendered: &Rendered, names: &BTreeSet<String>) -> Self {
        let mut members: BTreeMap<IncidentId, Vec<usize>> = BTreeMap::new();
        for (index, alert) in rendered.list.alerts.iter().enumerate() {
            if let Some(incident) = alert.body.incident {
                members.entry(incident).or_default().push(index);
            }
        }
        let groups = members.into_values().map(|members| {
            let labels = shared_labels(&rendered.list, &members, names);
            let tail = format!(
                "\"labels\":{},\"receiver\":{}",
                json!(labels),
                json!({ "name": RECEIVER })
            );
            Group { tail: tail.into_bytes(), members }
        });
        let mut groups = Self { groups: groups.collect(), body: Bytes::new() };
        groups.body = groups.render(rendered, |_, _| true);
        groups
    }

    /// The JSON array of the groups, with the alerts that `shown` lets through; without those that are left empty.
    pub(super) fn render(
        &self,
        rendered: &Rendered,
        shown: impl Fn(&AlertList, usize) -> bool,
    ) -> Bytes {
        let mut body = vec![b'['];
        for group in &self.groups {
            let alerts: Vec<&[u8]> = group
                .members
                .iter()
                .filter(|&&index| shown(&rendered.list, index))
                .map(|&index| rendered.slice(index))
                .collect();
            if alerts.is_empty() {
                continue;
            }
            if body.len() > 1 {
                body.push(b',');
            }
            body.extend_from_slice(b"{\"alerts\":");
            body.extend_from_slice(rendering::list(alerts.into_iter()).trim_ascii_end());
            body.push(b',');
            body.extend_from_slice(&group.tail);
            body.push(b'}');
        }
        body.extend_from_slice(b"]\n");
        body.into()
    }
}

fn shared_labels<'a>(
    list: &'a AlertList,
    members: &[usize],
    names: &BTreeSet<String>,
) -> BTreeMap<&'a str, &'a str> {
    let signal = |index: usize| -> &'a Signal<'static> { &list.alerts[index].body.signal };
    let Some((&first, others)) = members.split_first() else { return BTreeMap::new() };
    let first = signal(first);
    let mut labels = rendering::labels(first);
    labels.retain(|name, value| {
        names.contains(*name) || *value == first.component || *value == first.environment
    });
    labels
        .retain(|name, value| others.iter().all(|&other| signal(other).label(name) == Some(value)));
    labels
}
