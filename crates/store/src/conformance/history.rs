//! Audit, analyses, moved signals, policies, alerts.

use std::sync::Arc;

use model::effect::AuditAction;
use model::{
    Actor, Alert, AuditRow, Effect, GroupingPolicy, Incident, IncidentId, PolicyId, Reason, Seq,
    Severity, Status,
};

use super::fixtures::{
    HERE, Road, alert, audit, audited, bare_incident, firing, incident_id, opened, person, policy,
    rca, rca_accepted, time,
};
use crate::{RcaView, SignalMoves, Store};

const READS: &str = "the store can be read";

pub(super) async fn a_timeline_is_paged_oldest_first(store: Arc<dyn Store>) {
    let (one, other) = (incident_id(HERE, 1), incident_id(HERE, 2));
    let mut rows: Vec<AuditRow> = Vec::new();
    for seq in [300, 2, 10, 9] {
        rows.extend((0..5).map(|index| audit(HERE, seq, index, Some(one))));
    }
    let mut written: Vec<Effect> = rows.iter().map(audited).collect();
    written.push(audited(&audit(HERE, 2, 5, Some(other))));
    written.push(audited(&audit(HERE, 2, 6, None)));
    Road::new(&store).commit(written).await;
    rows.sort_by_key(|row| (row.seq, row.index));
    for limit in [1, 3, 7, 19, 20, 0] {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = store.timeline(HERE, one, after, limit).await.expect(READS);
            assert_eq!(page.total, 20);
            read.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read, rows, "pages of {limit}");
    }
    let nothing = store.timeline(HERE, incident_id(HERE, 3), None, 10).await.expect(READS);
    assert_eq!((nothing.items.len(), nothing.next, nothing.total), (0, None, 0));
}

pub(super) async fn every_action_of_the_audit_reads_back(store: Arc<dyn Store>) {
    let other = IncidentId(u128::MAX);
    let actions = [
        AuditAction::Opened,
        AuditAction::Moved { from: Status::Resolved, to: Status::Closed },
        AuditAction::SeverityChanged { from: Severity::P3, to: Severity::P0 },
        AuditAction::Assigned { to: Some("a \"b\"".to_owned()) },
        AuditAction::Assigned { to: None },
        AuditAction::Commented,
        AuditAction::Linked { url: "https://example.com/ü".to_owned() },
        AuditAction::MergedInto { parent: other },
        AuditAction::Split { other, signals: 10_000 },
        AuditAction::PolicySaved { policy: PolicyId(1), version: 3 },
        AuditAction::PolicyRemoved { policy: PolicyId(0) },
    ];
    let id = incident_id(HERE, 1);
    let rows: Vec<AuditRow> = actions
        .into_iter()
        .zip(0..)
        .map(|(action, index)| AuditRow {
            action,
            actor: Actor::system(),
            reason: Reason::FollowsParent,
            text: String::new(),
            ..audit(HERE, 4, index, Some(id))
        })
        .collect();
    Road::new(&store).commit(rows.iter().map(audited).collect()).await;
    assert_eq!(store.timeline(HERE, id, None, 100).await.expect(READS).items, rows);
}

pub(super) async fn an_audit_row_once_written_stays(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let first = audit(HERE, 4, 0, Some(incident_id(HERE, 1)));
    let changed = AuditRow { text: "something else".to_owned(), ..first.clone() };
    road.commit(vec![audited(&first)]).await;
    road.commit(vec![audited(&changed)]).await;
    let page = store.timeline(HERE, incident_id(HERE, 1), None, 10).await.expect(READS);
    assert_eq!((page.items, page.total), (vec![first], 1));
}

pub(super) async fn children_are_listed_and_cite_the_analysis_of_their_parent(
    store: Arc<dyn Store>,
) {
    let parent = bare_incident(HERE, 2);
    let merged = |number, into: &Incident| Incident {
        merged_into: Some(into.id),
        ..bare_incident(HERE, number)
    };
    let (late, early) = (merged(3, &parent), merged(1, &parent));
    let grandchild = merged(4, &late);
    let own = merged(5, &parent);
    let all = [&parent, &late, &early, &grandchild, &own];
    let mut road = Road::new(&store);
    road.commit(all.map(opened).into()).await;
    for incident in all {
        assert_eq!(view_of(&store, incident.id).await.1, None);
    }
    road.commit(vec![
        rca_accepted(HERE, parent.id, "first"),
        rca_accepted(HERE, parent.id, "last"),
        rca_accepted(HERE, own.id, "own"),
    ])
    .await;
    let accepted = |incident, cause: &str| RcaView {
        incident,
        rca: rca(cause),
        submitted_by: person("ada"),
        submitted_at: time(99),
    };
    let (of_parent, of_own) = (accepted(parent.id, "last"), accepted(own.id, "own"));
    let family = vec![early.id, late.id, own.id];
    assert_eq!(view_of(&store, parent.id).await, (family, Some(of_parent.clone())));
    assert_eq!(view_of(&store, late.id).await, (vec![grandchild.id], Some(of_parent.clone())));
    assert_eq!(view_of(&store, grandchild.id).await, (Vec::new(), Some(of_parent)));
    assert_eq!(view_of(&store, own.id).await, (Vec::new(), Some(of_own)));
}

pub(super) async fn a_moved_signal_is_out_of_one_incident_and_in_another(store: Arc<dyn Store>) {
    let [a, b, c] = [1, 2, 3].map(|number| incident_id(HERE, number));
    let moved = |seq, from, to| Effect::Moved { signal_seq: Seq(seq), project: HERE, from, to };
    let mut road = Road::new(&store);
    // 10 was filed nowhere; 11 goes on to another; 12 returns; 13 and 9 only leave.
    road.commit(vec![
        moved(10, None, a),
        moved(13, Some(a), b),
        moved(9, Some(a), b),
        moved(11, Some(a), b),
        moved(11, Some(b), c),
        moved(12, Some(a), b),
    ])
    .await;
    road.commit(vec![moved(12, Some(b), a)]).await;
    let moves = |moved_in: &[u64], moved_out: &[u64]| SignalMoves {
        moved_in: moved_in.iter().copied().map(Seq).collect(),
        moved_out: moved_out.iter().copied().map(Seq).collect(),
    };
    let cases = [
        (vec![a], moves(&[10], &[9, 11, 13])),
        (vec![b], moves(&[9, 13], &[])),
        (vec![c], moves(&[11], &[])),
        (vec![a, b], moves(&[10], &[11])),
        (vec![b, c, b], moves(&[9, 11, 13], &[])),
        (vec![a, b, c], moves(&[10], &[])),
        (vec![], moves(&[], &[])),
    ];
    for (incidents, expected) in cases {
        assert_eq!(store.signal_moves(HERE, &incidents).await.expect(READS), expected);
    }
}

pub(super) async fn policies_are_in_order_and_leave_when_removed(store: Arc<dyn Store>) {
    let policies =
        [policy(HERE, 9, 1), policy(HERE, 3, 2), policy(HERE, 4, 2), policy(HERE, 1, -5)];
    let saved = |policy: &GroupingPolicy| Effect::PolicySaved(Box::new(policy.clone()));
    let removed = |id| Effect::PolicyRemoved { project: HERE, id: PolicyId(id) };
    let mut road = Road::new(&store);
    road.commit(policies.iter().map(saved).collect()).await;
    let [nine, three, four, one] = policies;
    let read = store.policies(HERE).await.expect(READS);
    assert_eq!(read, [one, nine.clone(), three.clone(), four]);
    let built_in = GroupingPolicy { position: i64::MAX, ..GroupingPolicy::built_in(HERE) };
    let changed = GroupingPolicy { version: 3, position: 7, ..nine };
    road.commit(vec![removed(1), removed(4), removed(77), saved(&changed), saved(&built_in)]).await;
    let read = store.policies(HERE).await.expect(READS);
    assert_eq!(read, [three.clone(), changed, built_in]);
    road.commit(vec![removed(3), saved(&three), removed(9), saved(&three), removed(0)]).await;
    assert_eq!(store.policies(HERE).await.expect(READS), [three]);
}

pub(super) async fn alerts_stay_from_firing_to_resolved(store: Arc<dyn Store>) {
    let resolved = |number| Effect::AlertResolved {
        project: HERE,
        identity: alert(HERE, number).identity,
        reason: Reason::LeaseExpired,
        at: time(50),
    };
    let renewed = |number| Effect::AlertRenewed {
        project: HERE,
        identity: alert(HERE, number).identity,
        lease: alert(HERE, number + 50).lease,
        at: time(60),
    };
    let mut road = Road::new(&store);
    road.commit((1..=4).map(|number| firing(&alert(HERE, number))).collect()).await;
    let read = store.firing_alerts().await.expect(READS);
    assert_eq!(read, [1, 2, 3, 4].map(|number| alert(HERE, number)));
    let mut again = alert(HERE, 3);
    again.incident = None;
    again.updated_at = time(70);
    road.commit(vec![resolved(1), renewed(2), firing(&again), resolved(77)]).await;
    road.commit(vec![resolved(4), firing(&alert(HERE, 4)), firing(&alert(HERE, 5)), resolved(5)])
        .await;
    let read = store.firing_alerts().await.expect(READS);
    assert_eq!(read, [alert(HERE, 2), again, alert(HERE, 4)]);
}

pub(super) async fn an_alert_that_waited_belongs_to_the_incident_it_joined(store: Arc<dyn Store>) {
    let waiting = |number| Alert { incident: None, ..alert(HERE, number) };
    let joined = |number, incident| Effect::AlertJoined {
        project: HERE,
        identity: alert(HERE, number).identity,
        incident: incident_id(HERE, incident),
    };
    let resolved = |number| Effect::AlertResolved {
        project: HERE,
        identity: alert(HERE, number).identity,
        reason: Reason::LeaseExpired,
        at: time(50),
    };
    let fires = |number| firing(&waiting(number));
    let of = |number, incident| Alert {
        incident: Some(incident_id(HERE, incident)),
        ..alert(HERE, number)
    };
    let mut road = Road::new(&store);
    // Of the batch before, and of the same batch.
    road.commit((1..=4).map(fires).collect()).await;
    road.commit(vec![joined(1, 70), fires(5), joined(5, 71), joined(77, 71)]).await;
    let read = store.firing_alerts().await.expect(READS);
    assert_eq!(read, [of(1, 70), waiting(2), waiting(3), waiting(4), of(5, 71)]);
    // What comes last counts: another incident, nothing at all, firing anew.
    road.commit(vec![
        joined(2, 72),
        joined(2, 73),
        joined(3, 72),
        resolved(3),
        joined(3, 73),
        joined(4, 72),
        fires(4),
    ])
    .await;
    road.commit(vec![resolved(5), joined(5, 74)]).await;
    let read = store.firing_alerts().await.expect(READS);
    assert_eq!(read, [of(1, 70), of(2, 73), waiting(4)]);
}

async fn view_of(store: &Arc<dyn Store>, id: IncidentId) -> (Vec<IncidentId>, Option<RcaView>) {
    let view = store.incident(HERE, id).await.expect(READS).expect("the incident was written");
    (view.children, view.rca)
}
