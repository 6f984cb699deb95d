//! The list of alerts as bytes, rendered once for each version however many poll it.
//!
//! Invariant: a poll that starts after a change was applied is answered with that change: what is
//! looked at for the version is a snapshot taken by the poll itself.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use model::{ProjectId, Signal};
use serde::{Deserialize, Serialize};
use store::{ActiveAlert, AlertBody, AlertList};
use tokio::sync::OnceCell;

use super::groups::Groups;
use super::{RECEIVER, blocking};
use crate::instant;
use crate::problem::Problem;

/// What was rendered last, for each project that was asked for: never more than there are projects.
#[derive(Debug, Default)]
pub(crate) struct Renderings {
    projects: Mutex<HashMap<ProjectId, Slot>>,
}

/// The rendering of one project. Whoever renders holds the lock, so that the others wait and find it.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Rendered>>>>;

/// The alerts of one version as they are sent.
#[derive(Debug)]
pub(super) struct Rendered {
    /// What was rendered.
    pub(super) list: Arc<AlertList>,
    /// The JSON array of all alerts.
    pub(super) body: Bytes,
    /// Where each alert stands in it.
    places: Vec<Range<usize>>,
    /// The same alerts by incident, once somebody has asked.
    pub(super) groups: OnceCell<Arc<Groups>>,
}

impl Renderings {
    /// The rendering of what `snapshot` shows.
    pub(super) async fn current(
        &self,
        project: ProjectId,
        snapshot: impl Fn() -> Arc<AlertList>,
    ) -> Result<Arc<Rendered>, Problem> {
        let slot = self.slot(project);
        let mut last = slot.lock().await;
        let list = snapshot();
        if let Some(rendered) = last.as_ref()
            && rendered.list.version == list.version
        {
            return Ok(Arc::clone(rendered));
        }
        let rendered = blocking(move || Arc::new(Rendered::new(list))).await?;
        *last = Some(Arc::clone(&rendered));
        Ok(rendered)
    }

    fn slot(&self, project: ProjectId) -> Slot {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(projects.entry(project).or_default())
    }
}

impl Rendered {
    fn new(list: Arc<AlertList>) -> Self {
        let mut body = Vec::with_capacity(2 + list.alerts.len() * 512);
        let mut places = Vec::with_capacity(list.alerts.len());
        body.push(b'[');
        for alert in &list.alerts {
            if !places.is_empty() {
                body.push(b',');
            }
            let start = body.len();
            write_alert(alert, &mut body);
            places.push(start..body.len());
        }
        body.extend_from_slice(b"]\n");
        Self { list, body: body.into(), places, groups: OnceCell::new() }
    }

    /// The JSON of one alert.
    pub(super) fn slice(&self, index: usize) -> &[u8] {
        &self.body[self.places[index].clone()]
    }

    /// The JSON of every alert that `shown` lets through.
    pub(super) fn slices(
        &self,
        shown: impl Fn(&AlertList, usize) -> bool,
    ) -> impl Iterator<Item = &[u8]> {
        (0..self.places.len())
            .filter(move |&index| shown(&self.list, index))
            .map(|index| self.slice(index))
    }
}

/// A JSON array of elements that are JSON already.
pub(super) fn list<'a>(elements: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut body = vec![b'['];
    for (index, element) in elements.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(element);
    }
    body.extend_from_slice(b"]\n");
    body.into()
}

/// What changes with every renewal first, then what was rendered when the alert began to fire.
fn write_alert(alert: &ActiveAlert, body: &mut Vec<u8>) {
    let lease = &alert.lease;
    let head = format!(
        "{{\"fingerprint\":\"{:016x}\",\"startsAt\":\"{}\",\"endsAt\":\"{}\",\"updatedAt\":\"{}\",",
        lease.fingerprint,
        instant::write_millis(lease.starts_at),
        instant::write_millis(lease.ends_at),
        instant::write_millis(alert.updated_at),
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(alert.body.rendered.get_or_init(|| constant_part(&alert.body)));
    body.push(b'}');
}

/// What stays as long as an alert fires.
#[derive(Serialize)]
struct ConstantPart<'a> {
    annotations: BTreeMap<String, String>,
    receivers: [Receiver; 1],
    status: State,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
    labels: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Receiver {
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    inhibited_by: [(); 0],
    silenced_by: [(); 0],
    state: &'static str,
}

/// What is taken from the alert as it was sent.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SentAlert {
    annotations: Option<BTreeMap<String, String>>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

/// The members of the JSON object, without its braces.
fn constant_part(body: &AlertBody) -> Bytes {
    let sent: SentAlert = serde_json::from_slice(&body.signal.payload).unwrap_or_default();
    let part = ConstantPart {
        annotations: sent.annotations.unwrap_or_default(),
        receivers: [Receiver { name: RECEIVER }],
        status: State {
            inhibited_by: [],
            silenced_by: [],
            state: if body.incident.is_some() { "active" } else { "unprocessed" },
        },
        generator_url: sent.generator_url.unwrap_or_default(),
        labels: labels(&body.signal),
    };
    let object = serde_json::to_vec(&part).expect("maps with text keys and values are JSON");
    let end = object.len() - 1;
    Bytes::from(object).slice(1..end)
}

/// Names and values.
pub(super) fn labels<'a>(signal: &'a Signal<'_>) -> BTreeMap<&'a str, &'a str> {
    signal.labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect()
}
