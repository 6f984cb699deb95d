//! Lists beside a plain map that follows the same changes.

use std::collections::BTreeMap;

use model::{PolicyId, Reason, SignalId};
use proptest::prelude::*;

use super::*;

fn alert(project: u32, identity: u128, fingerprint: u64) -> Alert {
    let at = Timestamp::from_micros(10);
    Alert {
        project: ProjectId(project),
        identity: IdentityKey(identity),
        lease: AlertLease { fingerprint, starts_at: at, ends_at: at },
        updated_at: at,
        incident: None,
        signal: Signal::new(SignalId(identity), "db", "prod"),
    }
}

fn firing(alert: Alert) -> Effects {
    Effects(vec![Effect::AlertFiring(Box::new(alert))])
}

fn renewed(project: u32, identity: u128, fingerprint: u64, ends_at: i64) -> Effects {
    let at = Timestamp::from_micros(20);
    Effects(vec![Effect::AlertRenewed {
        project: ProjectId(project),
        identity: IdentityKey(identity),
        lease: AlertLease {
            fingerprint,
            starts_at: Timestamp::from_micros(10),
            ends_at: Timestamp::from_micros(ends_at),
        },
        at,
    }])
}

fn joined(project: u32, identity: u128, incident: u128) -> Effects {
    Effects(vec![Effect::AlertJoined {
        project: ProjectId(project),
        identity: IdentityKey(identity),
        incident: IncidentId(incident),
    }])
}

fn resolved(project: u32, identity: u128) -> Effects {
    Effects(vec![Effect::AlertResolved {
        project: ProjectId(project),
        identity: IdentityKey(identity),
        reason: Reason::AllResolved,
        at: Timestamp::from_micros(30),
    }])
}

fn nth(list: &AlertList, index: usize) -> ActiveAlert<'_> {
    list.alerts.iter().nth(index).expect("there are that many")
}

fn fingerprints(list: &AlertList) -> Vec<u64> {
    list.alerts.iter().map(|alert| alert.lease.fingerprint).collect()
}

#[test]
fn a_list_is_sorted_by_fingerprint_and_belongs_to_one_project() {
    let alerts = ActiveAlerts::new(vec![alert(1, 3, 30), alert(1, 1, 10), alert(2, 9, 5)]);
    alerts.apply(&firing(alert(1, 2, 20)));
    assert_eq!(fingerprints(&alerts.snapshot(ProjectId(1))), [10, 20, 30]);
    assert_eq!(fingerprints(&alerts.snapshot(ProjectId(2))), [5]);
    assert!(alerts.snapshot(ProjectId(3)).alerts.is_empty());
    assert_eq!(alerts.count(), 4);
}

#[test]
fn a_list_is_built_once_for_each_version_and_never_changes() {
    let alerts = ActiveAlerts::new(vec![alert(1, 1, 10), alert(1, 2, 20)]);
    let before = alerts.snapshot(ProjectId(1));
    assert!(Arc::ptr_eq(&before, &alerts.snapshot(ProjectId(1))));
    alerts.apply(&resolved(1, 1));
    let after = alerts.snapshot(ProjectId(1));
    assert_ne!(before.version, after.version);
    assert!(!after.alerts.differs_by_renewals(&before.alerts));
    assert_eq!(fingerprints(&before), [10, 20]);
    assert_eq!(fingerprints(&after), [20]);
    assert!(
        Arc::ptr_eq(nth(&before, 1).body, nth(&after, 0).body),
        "the unchanged entry is shared"
    );
}

#[test]
fn a_renewal_moves_the_lease_and_keeps_what_was_rendered() {
    let alerts = ActiveAlerts::new(vec![alert(1, 1, 10)]);
    let before = alerts.snapshot(ProjectId(1));
    nth(&before, 0).body.rendered.get_or_init(|| Bytes::from_static(b"labels"));
    alerts.apply(&renewed(1, 1, 10, 99));
    let after = alerts.snapshot(ProjectId(1));
    assert_ne!(before.version, after.version);
    assert!(after.alerts.differs_by_renewals(&before.alerts));
    assert_eq!(nth(&after, 0).lease.ends_at, Timestamp::from_micros(99));
    assert_eq!(nth(&after, 0).updated_at, Timestamp::from_micros(20));
    assert_eq!(nth(&after, 0).body.rendered.get(), Some(&Bytes::from_static(b"labels")));
}

#[test]
fn firing_anew_forgets_what_was_rendered() {
    let alerts = ActiveAlerts::new(vec![alert(1, 1, 10)]);
    let before = alerts.snapshot(ProjectId(1));
    nth(&before, 0).body.rendered.get_or_init(|| Bytes::from_static(b"labels"));
    alerts.apply(&firing(alert(1, 1, 10)));
    let after = alerts.snapshot(ProjectId(1));
    assert_eq!(after.alerts.len(), 1);
    assert!(nth(&after, 0).body.rendered.get().is_none());
}

#[test]
fn joining_shows_the_incident_keeps_the_lease_and_forgets_what_was_rendered() {
    let alerts = ActiveAlerts::new(vec![alert(1, 1, 10), alert(1, 2, 20)]);
    alerts.apply(&renewed(1, 1, 10, 99));
    let before = alerts.snapshot(ProjectId(1));
    nth(&before, 0).body.rendered.get_or_init(|| Bytes::from_static(b"unprocessed"));
    alerts.apply(&joined(1, 1, 7));
    let after = alerts.snapshot(ProjectId(1));
    assert_ne!(before.version, after.version);
    assert_eq!(nth(&after, 0).body.incident, Some(IncidentId(7)));
    assert!(nth(&after, 0).body.rendered.get().is_none());
    assert_eq!(nth(&after, 0).body.signal, nth(&before, 0).body.signal);
    assert_eq!(nth(&after, 0).lease, nth(&before, 0).lease);
    assert_eq!(nth(&after, 0).updated_at, nth(&before, 0).updated_at);
    assert_eq!(nth(&before, 0).body.incident, None, "a list never changes");
    assert!(
        Arc::ptr_eq(nth(&before, 1).body, nth(&after, 1).body),
        "the unchanged entry is shared"
    );
}

#[test]
fn what_is_not_known_to_fire_joins_nothing_and_is_neither_renewed_nor_resolved() {
    let alerts = ActiveAlerts::new(vec![alert(1, 1, 10)]);
    let version = alerts.snapshot(ProjectId(1)).version;
    alerts.apply(&renewed(1, 7, 70, 99));
    alerts.apply(&renewed(2, 1, 10, 99));
    alerts.apply(&joined(1, 7, 7));
    alerts.apply(&joined(2, 1, 7));
    alerts.apply(&resolved(1, 7));
    alerts.apply(&resolved(2, 1));
    assert_eq!(alerts.snapshot(ProjectId(1)).version, version);
}

#[test]
fn a_renewal_that_says_another_start_forgets_what_was_rendered() {
    let alerts = ActiveAlerts::new(vec![alert(1, 1, 10)]);
    let before = alerts.snapshot(ProjectId(1));
    nth(&before, 0).body.rendered.get_or_init(|| Bytes::from_static(b"labels"));
    let lease = AlertLease { starts_at: Timestamp::from_micros(5), ..nth(&before, 0).lease };
    let (project, identity, at) = (ProjectId(1), IdentityKey(1), Timestamp::from_micros(20));
    alerts.apply(&Effects(vec![Effect::AlertRenewed { project, identity, lease, at }]));
    let after = alerts.snapshot(ProjectId(1));
    assert!(!after.alerts.differs_by_renewals(&before.alerts));
    assert_eq!(nth(&after, 0).lease, lease);
    assert!(nth(&after, 0).body.rendered.get().is_none());
}

#[test]
fn a_change_of_a_policy_is_counted_and_leaves_the_alerts() {
    let alerts = ActiveAlerts::new(vec![alert(1, 1, 10)]);
    let before = alerts.snapshot(ProjectId(1));
    let removed = |project| Effect::PolicyRemoved { project, id: PolicyId(1) };
    alerts.apply(&Effects(vec![removed(ProjectId(1)), removed(ProjectId(2))]));
    let after = alerts.snapshot(ProjectId(1));
    assert_ne!((before.version, before.policies), (after.version, after.policies));
    assert!(after.alerts.differs_by_renewals(&before.alerts));
    assert_ne!(alerts.snapshot(ProjectId(2)).policies, 0);
    assert!(alerts.snapshot(ProjectId(2)).alerts.is_empty());
}

/// What the plain map remembers of an alert, by fingerprint and identity.
type Plain = BTreeMap<(u64, u128), (AlertTerm, Option<IncidentId>)>;

/// What happens to one of a few alerts, some of which share a fingerprint.
#[derive(Debug, Clone)]
enum Happening {
    Fires,
    Renewed(i64),
    Joined(u128),
    Resolved,
    Looked,
}

fn happenings() -> impl Strategy<Value = Vec<(u128, Happening)>> {
    let happening = prop_oneof![
        3 => Just(Happening::Fires),
        4 => (11_i64..99).prop_map(Happening::Renewed),
        1 => (1_u128..4).prop_map(Happening::Joined),
        2 => Just(Happening::Resolved),
        2 => Just(Happening::Looked),
    ];
    prop::collection::vec((0_u128..8, happening), 0..80)
}

/// Does it to both.
fn follow(alerts: &ActiveAlerts, plain: &mut Plain, identity: u128, happening: &Happening) {
    let fingerprint = (identity % 5) as u64;
    let key = (fingerprint, identity);
    let at = Timestamp::from_micros(10);
    match *happening {
        Happening::Fires => {
            alerts.apply(&firing(alert(1, identity, fingerprint)));
            plain.insert(key, (AlertTerm { ends_at: at, updated_at: at }, None));
        }
        Happening::Renewed(ends_at) => {
            alerts.apply(&renewed(1, identity, fingerprint, ends_at));
            let ends_at = Timestamp::from_micros(ends_at);
            let term = AlertTerm { ends_at, updated_at: Timestamp::from_micros(20) };
            plain.entry(key).and_modify(|(before, _)| *before = term);
        }
        Happening::Joined(incident) => {
            alerts.apply(&joined(1, identity, incident));
            plain.entry(key).and_modify(|(_, before)| *before = Some(IncidentId(incident)));
        }
        Happening::Resolved => {
            alerts.apply(&resolved(1, identity));
            plain.remove(&key);
        }
        Happening::Looked => drop(alerts.snapshot(ProjectId(1))),
    }
}

proptest! {
    #[test]
    fn a_list_is_what_a_plain_map_says(happenings in happenings()) {
        let (alerts, mut plain) = (ActiveAlerts::default(), Plain::new());
        for (identity, happening) in &happenings {
            follow(&alerts, &mut plain, *identity, happening);
        }
        let list = alerts.snapshot(ProjectId(1));
        let found = list.alerts.iter().zip(list.alerts.terms()).map(|(alert, &term)| {
            let key = (alert.lease.fingerprint, alert.body.identity.0);
            (key, (term, alert.body.incident))
        });
        prop_assert_eq!(found.collect::<Vec<_>>(), plain.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(list.alerts.len(), alerts.count());
    }
}
