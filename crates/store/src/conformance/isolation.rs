//! I6: nothing crosses a tenant. Two projects hold rows with the same ids; neither sees the other's.

use std::sync::Arc;

use model::{
    Alert, AuditRow, Effect, GroupingPolicy, Incident, IncidentId, ProjectId, Rca, Seq, Status,
};

use super::fixtures::{
    HERE, Road, alert, audit, audited, bare_incident, firing, incident_id, key, opened, person,
    policy, rca, rca_accepted, time,
};
use crate::{IncidentFilter, KeyRow, RcaDraft, Store};

const THERE: ProjectId = ProjectId(2);
const NOWHERE: ProjectId = ProjectId(3);
const READS: &str = "the store can be read";
const WRITES: &str = "the store takes it";

/// Everything a project has, under ids that are the same in every project.
fn rows_of(project: ProjectId) -> Vec<Effect> {
    let own = |number| Incident {
        id: shared_id(number),
        title: format!("of {project}"),
        merged_into: (number == 2).then(|| shared_id(1)),
        ..bare_incident(project, number)
    };
    let policy = GroupingPolicy { name: format!("of {project}"), ..policy(project, 5, 1) };
    let moved = Effect::Moved {
        signal_seq: Seq(100 + u64::from(project.0)),
        project,
        from: Some(shared_id(1)),
        to: shared_id(2),
    };
    vec![
        opened(&own(1)),
        opened(&own(2)),
        opened(&Incident { status: Status::Closed, ..own(3) }),
        audited(&audit_of(project)),
        rca_accepted(project, shared_id(1), &format!("of {project}")),
        Effect::PolicySaved(Box::new(policy)),
        firing(&alert_of(project)),
        moved,
    ]
}

pub(super) async fn nothing_of_a_project_is_read_from_another(store: Arc<dyn Store>) {
    let by = person("root");
    let mut road = Road::new(&store);
    for (project, name) in [(THERE, "there"), (NOWHERE, "nowhere")] {
        let row = store.create_project("default", name, time(1), &by).await.expect(WRITES);
        assert_eq!(row.id, project);
    }
    for project in [HERE, THERE] {
        road.commit(rows_of(project)).await;
        store.create_key(&key_of(project), &by).await.expect(WRITES);
        store.save_draft(project, &draft_of(project), None).await.expect(WRITES);
    }
    for project in [HERE, THERE] {
        only_its_own(&store, project).await;
    }
    nothing_at_all(&store).await;
    gone_from_one_stays_in_the_other(&store, &mut road).await;
}

async fn only_its_own(store: &Arc<dyn Store>, project: ProjectId) {
    let all = IncidentFilter { statuses: Status::ALL.to_vec(), ..IncidentFilter::default() };
    let searched = IncidentFilter { text: Some("of ".to_owned()), ..IncidentFilter::default() };
    let component =
        IncidentFilter { component: Some("component-1".to_owned()), ..IncidentFilter::default() };
    for (filter, total) in [(all, 3), (IncidentFilter::default(), 2), (searched, 2), (component, 1)]
    {
        let page = store.incidents(project, &filter).await.expect(READS);
        assert_eq!((page.total, page.items.len()), (total, page.total as usize));
        assert!(page.items.iter().all(|row| row.project == project));
        assert!(page.items.iter().all(|row| row.title == format!("of {project}")));
    }
    let view = store.incident(project, shared_id(1)).await.expect(READS).expect("it was written");
    assert_eq!(view.incident.project, project);
    assert_eq!(view.children, [shared_id(2)]);
    let cause = format!("of {project}");
    assert_eq!(view.rca.map(|view| view.rca), Some(rca(&cause)));
    let child = store.incident(project, shared_id(2)).await.expect(READS).expect("it was written");
    assert_eq!(child.rca.map(|view| view.rca), Some(rca(&cause)));
    assert_eq!(store.incident_id(project, 1).await.expect(READS), Some(shared_id(1)));
    let timeline = store.timeline(project, shared_id(1), None, 10).await.expect(READS);
    assert_eq!((timeline.items, timeline.total), (vec![audit_of(project)], 1));
    let moves = store.signal_moves(project, &[shared_id(2)]).await.expect(READS);
    assert_eq!(moves.moved_in, [Seq(100 + u64::from(project.0))]);
    let policies = store.policies(project).await.expect(READS);
    assert_eq!(policies.iter().map(|policy| policy.project).collect::<Vec<_>>(), [project]);
    assert_eq!(store.keys(Some(project)).await.expect(READS), [key_of(project)]);
    let draft = store.draft(project, shared_id(1)).await.expect(READS).expect("it was saved");
    assert_eq!(draft.edited_by, person(&cause));
    let alerts = store.firing_alerts().await.expect(READS);
    assert!(alerts.contains(&alert_of(project)));
}

async fn nothing_at_all(store: &Arc<dyn Store>) {
    let all = IncidentFilter { statuses: Status::ALL.to_vec(), ..IncidentFilter::default() };
    let page = store.incidents(NOWHERE, &all).await.expect(READS);
    assert_eq!((page.items.len(), page.total), (0, 0));
    assert_eq!(store.incident(NOWHERE, shared_id(1)).await.expect(READS), None);
    assert_eq!(store.incident_id(NOWHERE, 1).await.expect(READS), None);
    assert_eq!(store.timeline(NOWHERE, shared_id(1), None, 10).await.expect(READS).total, 0);
    let moves = store.signal_moves(NOWHERE, &[shared_id(1), shared_id(2)]).await.expect(READS);
    assert!(moves.moved_in.is_empty() && moves.moved_out.is_empty());
    assert!(store.policies(NOWHERE).await.expect(READS).is_empty());
    assert!(store.keys(Some(NOWHERE)).await.expect(READS).is_empty());
    assert_eq!(store.draft(NOWHERE, shared_id(1)).await.expect(READS), None);
    let stolen = store.save_draft(NOWHERE, &draft_of(HERE), None).await;
    assert!(stolen.is_err(), "the incident is of another project");
    let by = person("eve");
    assert!(store.revoke_key(NOWHERE, key_of(HERE).id, time(9), &by).await.is_err());
}

async fn gone_from_one_stays_in_the_other(store: &Arc<dyn Store>, road: &mut Road) {
    road.commit(vec![Effect::AlertJoined {
        project: HERE,
        identity: alert_of(HERE).identity,
        incident: shared_id(2),
    }])
    .await;
    let alerts = store.firing_alerts().await.expect(READS);
    let joined = Alert { incident: Some(shared_id(2)), ..alert_of(HERE) };
    assert_eq!(alerts, [joined, alert_of(THERE)]);
    road.commit(vec![
        Effect::PolicyRemoved { project: HERE, id: model::PolicyId(5) },
        Effect::AlertResolved {
            project: HERE,
            identity: alert_of(HERE).identity,
            reason: model::Reason::AllResolved,
            at: time(9),
        },
    ])
    .await;
    assert!(store.policies(HERE).await.expect(READS).is_empty());
    assert_eq!(store.policies(THERE).await.expect(READS).len(), 1);
    assert_eq!(store.firing_alerts().await.expect(READS), [alert_of(THERE)]);
}

fn shared_id(number: u64) -> IncidentId {
    incident_id(HERE, number)
}

fn audit_of(project: ProjectId) -> AuditRow {
    AuditRow { text: format!("of {project}"), ..audit(project, 7, 0, Some(shared_id(1))) }
}

fn alert_of(project: ProjectId) -> Alert {
    Alert { project, ..alert(HERE, 4) }
}

fn key_of(project: ProjectId) -> KeyRow {
    key(project, 1)
}

fn draft_of(project: ProjectId) -> RcaDraft {
    RcaDraft {
        incident: shared_id(1),
        rca: Rca::default(),
        edited_by: person(&format!("of {project}")),
        edited_at: time(1),
        version: 0,
    }
}
