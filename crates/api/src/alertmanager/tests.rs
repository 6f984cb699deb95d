//! Pages that follow random changes, beside pages that are made from nothing in the plainest way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use model::directive::{
    Condition, Directive, DirectiveBody, DirectiveKind, Field, Inhibition, Op, Silence,
};
use model::{
    Alert, AlertLease, DirectiveId, Effect, Effects, IdentityKey, IncidentId, ProjectId, Reason,
    Signal, SignalId, Timestamp,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use store::{ActiveAlerts, AlertList};

use super::groups::Grouping;
use super::page::{Page, Writer};
use super::rendering;
use super::suppression::Suppression;
use super::view::View;
use crate::instant;

const PROJECT: ProjectId = ProjectId(1);

/// What happens to one of a few alerts, or to whoever looks.
#[derive(Debug, Clone)]
enum Happening {
    Fires { incident: Option<u128>, fill: String },
    Renewed { ends_at: i64, at: i64 },
    Joined(u128),
    Resolved,
    PolicyNames(bool),
    Looked { is_still_sent: bool },
}

fn happenings() -> impl Strategy<Value = Vec<(u128, Happening)>> {
    let incident = || prop::option::weighted(0.8, 1_u128..5);
    let moment = || prop_oneof![4 => 0_i64..4_000_000_000_000_000, 1 => any::<i64>()];
    let happening = prop_oneof![
        4 => (incident(), ".{0,6}").prop_map(|(incident, fill)| Happening::Fires { incident, fill }),
        6 => (moment(), moment()).prop_map(|(ends_at, at)| Happening::Renewed { ends_at, at }),
        1 => (1_u128..5).prop_map(Happening::Joined),
        2 => Just(Happening::Resolved),
        1 => any::<bool>().prop_map(Happening::PolicyNames),
        6 => any::<bool>().prop_map(|is_still_sent| Happening::Looked { is_still_sent }),
    ];
    prop::collection::vec((0_u128..9, happening), 0..60)
}

fn fires(identity: u128, incident: Option<u128>, fill: &str) -> Effect {
    let mut signal = Signal::new(SignalId(identity), "db-1", "prod");
    let team = format!("team {}", identity % 2);
    let labels = [("alertname", "Down"), ("env", "prod"), ("fill", fill), ("team", &team)];
    let owned = |text: &str| text.to_owned().into();
    signal.labels = labels.iter().map(|(name, value)| (owned(name), owned(value))).collect();
    let payload = json!({ "annotations": { "summary": fill }, "generatorURL": fill });
    signal.payload = payload.to_string().into_bytes().into();
    Effect::AlertFiring(Box::new(Alert {
        project: PROJECT,
        identity: IdentityKey(identity),
        lease: lease(identity, 0),
        updated_at: Timestamp::from_micros(1_000),
        incident: incident.map(IncidentId),
        signal,
    }))
}

fn lease(identity: u128, ends_at: i64) -> AlertLease {
    AlertLease {
        fingerprint: (identity as u64 % 6) * 17,
        starts_at: Timestamp::from_micros(1_700_000_000_123_456),
        ends_at: Timestamp::from_micros(ends_at),
    }
}

/// The effect of what happens to an alert.
fn effect(identity: u128, happening: &Happening) -> Option<Effect> {
    let (project, number) = (PROJECT, identity);
    let identity = IdentityKey(identity);
    match *happening {
        Happening::Fires { incident, ref fill } => Some(fires(number, incident, fill)),
        Happening::Renewed { ends_at, at } => {
            let (lease, at) = (lease(number, ends_at), Timestamp::from_micros(at));
            Some(Effect::AlertRenewed { project, identity, lease, at })
        }
        Happening::Joined(incident) => {
            let incident = IncidentId(incident);
            Some(Effect::AlertJoined { project, identity, incident })
        }
        Happening::Resolved => {
            let (reason, at) = (Reason::AllResolved, Timestamp::from_micros(0));
            Some(Effect::AlertResolved { project, identity, reason, at })
        }
        Happening::PolicyNames(_) | Happening::Looked { .. } => None,
    }
}

fn alert(list: &AlertList, index: usize) -> Value {
    let alert = list.alerts.iter().nth(index).expect("it is on the list");
    let signal = &alert.body.signal;
    let moment = |at: Timestamp| {
        let (first, last) = (-62_167_219_200_000_000, 253_402_214_399_999_000);
        // Beyond what jiff converts, the last moment of the last day is what is written.
        let text = instant::write_millis(Timestamp::from_micros(at.micros().clamp(first, last)));
        if text.starts_with("9999-12-30T2") { "9999-12-30T23:59:59.999Z".to_owned() } else { text }
    };
    let sent: Value = serde_json::from_slice(&signal.payload).expect("it was JSON");
    let labels: BTreeMap<&str, &str> =
        signal.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
    let state = if alert.body.incident.is_some() { "active" } else { "unprocessed" };
    let mut expected = json!({
        "fingerprint": format!("{:016x}", alert.lease.fingerprint),
        "startsAt": moment(alert.lease.starts_at), "endsAt": moment(alert.lease.ends_at),
        "updatedAt": moment(alert.updated_at), "annotations": sent["annotations"],
        "receivers": [{ "name": "stormbell" }], "labels": labels,
        "status": { "inhibitedBy": [], "silencedBy": [], "state": state },
    });
    if sent["generatorURL"] != "" {
        expected["generatorURL"] = sent["generatorURL"].clone();
    }
    expected
}

fn groups(list: &AlertList, names: &BTreeSet<String>) -> Value {
    let mut incidents: BTreeMap<IncidentId, Vec<usize>> = BTreeMap::new();
    for (index, body) in list.alerts.bodies().iter().enumerate() {
        if let Some(incident) = body.incident {
            incidents.entry(incident).or_default().push(index);
        }
    }
    let groups = incidents.into_values().map(|members| {
        let has = |index: usize, name: &str, value: &str| {
            list.alerts.bodies()[index].signal.label(name) == Some(value)
        };
        let labels = &list.alerts.bodies()[members[0]].signal.labels;
        let shared: BTreeMap<&str, &str> = labels
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .filter(|(name, value)| names.contains(*name) || ["db-1", "prod"].contains(value))
            .filter(|(name, value)| members.iter().all(|&index| has(index, name, value)))
            .collect();
        let alerts: Vec<Value> = members.iter().map(|&index| alert(list, index)).collect();
        json!({ "alerts": alerts, "labels": shared, "receiver": { "name": "stormbell" } })
    });
    groups.collect()
}

fn view(list: &Arc<AlertList>) -> View {
    View { list: Arc::clone(list), suppressed: Arc::default() }
}

fn parse(body: &Bytes) -> Value {
    serde_json::from_slice(body).expect("a page is JSON")
}

/// Whoever polls: the pages it had last, and those that are still being sent to slow readers.
#[derive(Default)]
struct Poller {
    alerts: Option<Page>,
    groups: Option<Page>,
    grouping: Grouping,
    names: BTreeSet<String>,
    sent: Vec<(Bytes, Vec<u8>)>,
}

impl Poller {
    fn look(&mut self, list: &Arc<AlertList>, is_still_sent: bool) {
        if self.grouping.names_become(self.names.clone()) {
            self.groups = None;
        }
        let kept = |page: Option<Page>| page.filter(|page| page.differs_by_renewals(&view(list)));
        let all = match kept(self.alerts.take()) {
            Some(page) => page.renewed(view(list)),
            None => rendering::alerts_page(view(list)),
        };
        let grouped = match kept(self.groups.take()) {
            Some(page) => page.renewed(view(list)),
            None => self.grouping.update(list).page(view(list)),
        };
        for body in [all.body(), grouped.body()] {
            if is_still_sent {
                self.sent.push((body.clone(), body.to_vec()));
            }
        }
        (self.alerts, self.groups) = (Some(all), Some(grouped));
    }
}

proptest! {
    #[test]
    fn a_page_is_what_a_page_made_from_nothing_would_be(happenings in happenings()) {
        let (alerts, mut poller) = (ActiveAlerts::default(), Poller::default());
        for (identity, happening) in &happenings {
            alerts.apply(&Effects(effect(*identity, happening).into_iter().collect()));
            match *happening {
                Happening::PolicyNames(false) => poller.names.clear(),
                Happening::PolicyNames(true) => {
                    poller.names.extend(["team".to_owned(), "fill".to_owned()]);
                }
                Happening::Looked { is_still_sent } => {
                    let list = alerts.snapshot(PROJECT);
                    poller.look(&list, is_still_sent);
                    let [all, grouped] = [&poller.alerts, &poller.groups]
                        .map(|page| page.as_ref().expect("it was looked").body());
                    let expected: Value = (0..list.alerts.len()).map(|at| alert(&list, at)).collect();
                    prop_assert_eq!(parse(&all), expected);
                    prop_assert_eq!(parse(&grouped), groups(&list, &poller.names));
                    prop_assert_eq!(&all, &rendering::alerts_page(view(&list)).body());
                }
                _ => {}
            }
        }
        for (bytes, before) in &poller.sent {
            prop_assert_eq!(&bytes[..], &before[..], "what is being sent does not change");
        }
    }
}

#[test]
fn room_for_a_page_is_made_once() {
    let alerts = ActiveAlerts::default();
    let effects = (0..9).map(|number| fires(number, Some(number % 4 + 1), "x")).collect();
    alerts.apply(&Effects(effects));
    let list = alerts.snapshot(PROJECT);
    let mut grouping = Grouping::default();
    for page in [rendering::alerts_page(view(&list)), grouping.update(&list).page(view(&list))] {
        let body = page.body();
        drop(page);
        let length = body.len();
        let room = Vec::from(body).capacity();
        assert!((length..length + 16).contains(&room), "{room} bytes for {length}");
    }
}

#[test]
fn a_page_that_nobody_is_sent_is_renewed_in_place() {
    let alerts = ActiveAlerts::default();
    alerts.apply(&Effects(vec![fires(1, Some(1), "x")]));
    let mut page = rendering::alerts_page(view(&alerts.snapshot(PROJECT)));
    let renew = |ends_at: i64| {
        let (project, identity, at) = (PROJECT, IdentityKey(1), Timestamp::from_micros(ends_at));
        let lease = lease(1, ends_at);
        alerts.apply(&Effects(vec![Effect::AlertRenewed { project, identity, lease, at }]));
        alerts.snapshot(PROJECT)
    };
    for ends_at in [1, 2, 3] {
        let before = page.body().as_ptr();
        page = page.renewed(view(&renew(ends_at * 1_000_000)));
        assert_eq!(page.body().as_ptr(), before);
    }
    let sent = page.body();
    page = page.renewed(view(&renew(4_000_000)));
    assert_ne!(page.body().as_ptr(), sent.as_ptr());
    assert_ne!(page.body(), sent);
}

#[test]
fn a_page_of_nothing_is_an_empty_array() {
    let list = Arc::new(AlertList::default());
    let grouping = Grouping::default().update(&list);
    assert_eq!(rendering::alerts_page(view(&list)).body(), "[]\n");
    assert_eq!(grouping.page(view(&list)).body(), "[]\n");
    let empty = view(&list);
    let mut writer = Writer::new(&empty, 0);
    rendering::write_alerts(&mut writer, std::iter::empty());
    assert_eq!(writer.finish(), "[]\n");
}

fn team(number: u64) -> Vec<Condition> {
    let (field, values) = (Field::Label("team".to_owned()), vec![format!("team {number}")]);
    vec![Condition { field, op: Op::Equals, values, negate: false }]
}

/// Silences of two teams at times of their own, and an inhibition between the teams where the fill is the same.
fn directives(spans: &[(u64, i64, i64)]) -> (Vec<Directive>, Vec<Directive>) {
    let directive = |id: u128, body: DirectiveBody| Directive {
        id: DirectiveId(id),
        project: PROJECT,
        name: String::new(),
        version: 1,
        body,
    };
    let silence = |(id, &(number, starts_at, length)): (usize, &(u64, i64, i64))| {
        let silence = Silence {
            conditions: team(number),
            starts_at: Timestamp::from_micros(starts_at),
            ends_at: Timestamp::from_micros(starts_at + length),
            created_by: String::new(),
            comment: String::new(),
            maintenance: false,
            updated_at: Timestamp::from_micros(0),
        };
        directive(id as u128, DirectiveBody::Silence(silence))
    };
    let (source, target) = (team(0), [team(0), team(1)]);
    let inhibitions = target.into_iter().enumerate().map(|(id, target)| {
        let equal = vec![Field::Label("fill".to_owned())];
        let inhibition = Inhibition { source: source.clone(), target, equal, enabled: true };
        directive(id as u128 + 100, DirectiveBody::Inhibition(inhibition))
    });
    (spans.iter().enumerate().map(silence).collect(), inhibitions.collect())
}

/// What is held back, as found in the plainest way: silences in force, and the first fingerprint that inhibits.
fn held(
    list: &AlertList,
    index: usize,
    spans: &[(u64, i64, i64)],
    now: i64,
) -> (Vec<u128>, Vec<u64>) {
    let bodies = list.alerts.bodies();
    let label = |index: usize, name: &str| bodies[index].signal.label(name).unwrap_or_default();
    let is_of = |index: usize, number: u64| label(index, "team") == format!("team {number}");
    let silences = (0_u128..).zip(spans).filter(|(_, (number, starts_at, length))| {
        is_of(index, *number) && *starts_at <= now && now < starts_at + length
    });
    // Only the other team is inhibited: of the inhibition of a team by itself both sides fit both.
    let inhibitor = (0..bodies.len())
        .find(|&other| is_of(other, 0) && label(other, "fill") == label(index, "fill"));
    let inhibitor = inhibitor.filter(|_| is_of(index, 1));
    let inhibitors = inhibitor.map(|other| bodies[other].fingerprint);
    (silences.map(|(id, _)| id).collect(), inhibitors.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_held_back_is_what_would_be_found_anew(
        happenings in happenings(),
        spans in prop::collection::vec((0_u64..2, 0_i64..60, 1_i64..30), 0..5),
        steps in prop::collection::vec(-1_i64..6, 60),
    ) {
        let (alerts, mut kept, mut now) = (ActiveAlerts::default(), Suppression::default(), 0);
        let (silences, inhibitions) = directives(&spans);
        kept.obey(0, &silences, &inhibitions);
        for ((identity, happening), step) in happenings.iter().zip(&steps) {
            alerts.apply(&Effects(effect(*identity, happening).into_iter().collect()));
            now += step;
            let list = alerts.snapshot(PROJECT);
            let suppressed = kept.update(&list, Timestamp::from_micros(now));
            for index in 0..list.alerts.len() {
                let found = suppressed.at(index).map(|held| {
                    let silenced_by = held.silenced_by.iter().map(|id| id.0).collect::<Vec<_>>();
                    (silenced_by, held.inhibited_by.clone())
                });
                let expected = held(&list, index, &spans, now);
                prop_assert_eq!(found.unwrap_or_default(), expected, "{} at {}", index, now);
            }
        }
    }
}

#[test]
fn the_kinds_of_directives_that_suppress_are_counted_apart() {
    let alerts = ActiveAlerts::default();
    let (silences, _) = directives(&[(0, 0, 1)]);
    let number = || alerts.snapshot(PROJECT).directives;
    let before = number();
    alerts.apply(&Effects(vec![Effect::DirectiveSaved(Box::new(silences[0].clone()))]));
    let saved = number();
    let (project, id) = (PROJECT, DirectiveId(0));
    for kind in [DirectiveKind::Rule, DirectiveKind::Escalation] {
        alerts.apply(&Effects(vec![Effect::DirectiveRemoved { project, kind, id }]));
    }
    assert_eq!((before, number()), (0, saved));
    let kind = DirectiveKind::Inhibition;
    alerts.apply(&Effects(vec![Effect::DirectiveRemoved { project, kind, id }]));
    assert_ne!(number(), saved);
}
