//! Offsets, incidents and their counters, lists.

use std::sync::Arc;

use model::{Effects, Incident, ProjectId, Seq, Severity, Status, limits};

use super::fixtures::{
    Chance, HERE, Road, audit, audited, bare_incident, filed, firing, incident, incident_id,
    opened, policy, rca_accepted, time,
};
use crate::{Commit, ErrorKind, IncidentFilter, PageCursor, PartitionId, Store};

const P0: PartitionId = PartitionId(0);
const READS: &str = "the store can be read";

pub(super) async fn a_new_store_stands_before_everything(store: Arc<dyn Store>) {
    assert_eq!(store.offset(P0).await.expect(READS), Seq(0));
    let page = store.incidents(HERE, &IncidentFilter::default()).await.expect(READS);
    assert_eq!((page.items.len(), page.next, page.total), (0, None, 0));
    assert!(store.counts().await.expect(READS).0.is_empty());
    assert!(store.firing_alerts().await.expect(READS).is_empty());
    assert!(store.policies(HERE).await.expect(READS).is_empty());
    store.ping().await.expect("the store answers");
    store.sync().await.expect("there is nothing to sync");
}

pub(super) async fn a_commit_from_anywhere_else_is_fenced_and_changes_nothing(
    store: Arc<dyn Store>,
) {
    Road::new(&store).commit(vec![opened(&bare_incident(HERE, 1))]).await;
    let effects = Effects(vec![opened(&bare_incident(HERE, 2))]);
    for (expected, through) in [(0, 1), (0, 2), (2, 3), (7, 8)] {
        let (expected, through) = (Seq(expected), Seq(through));
        let commit = Commit { partition: P0, expected, through, at: time(1), effects: &effects };
        let error = store.commit(commit).await.expect_err("the store stands at 1");
        assert_eq!(error.kind(), ErrorKind::Fenced);
    }
    assert_eq!(store.offset(P0).await.expect(READS), Seq(1));
    assert_eq!(store.incident(HERE, incident_id(HERE, 2)).await.expect(READS), None);
    let commit =
        Commit { partition: P0, expected: Seq(1), through: Seq(9), at: time(1), effects: &effects };
    store.commit(commit).await.expect("the store stands at 1");
    assert_eq!(store.offset(P0).await.expect(READS), Seq(9));
}

pub(super) async fn partitions_stand_each_where_they_are(store: Arc<dyn Store>) {
    let effects = Effects::default();
    for (partition, through) in [(0, 5), (1, 7), (u32::MAX, 9)] {
        let partition = PartitionId(partition);
        let (expected, through) = (Seq(0), Seq(through));
        let commit = Commit { partition, expected, through, at: time(1), effects: &effects };
        store.commit(commit).await.expect("the partition stands at 0");
    }
    for (partition, through) in [(0, 5), (1, 7), (u32::MAX, 9), (2, 0)] {
        assert_eq!(store.offset(PartitionId(partition)).await.expect(READS), Seq(through));
    }
}

pub(super) async fn a_commit_without_effects_moves_the_offset(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    road.commit(Vec::new()).await;
    road.commit(Vec::new()).await;
    assert_eq!(store.offset(P0).await.expect(READS), Seq(2));
}

pub(super) async fn every_field_of_an_incident_reads_back(store: Arc<dyn Store>) {
    let full = incident(HERE, 1);
    let bare = bare_incident(HERE, 2);
    let odd = Incident {
        title: String::new(),
        component: "a'b\"c\\d%_\n\u{1f514}".to_owned(),
        assignee: Some(String::new()),
        status: Status::Closed,
        severity: Severity::P3,
        ..incident(HERE, 3)
    };
    Road::new(&store).commit([&full, &bare, &odd].map(opened).into()).await;
    for written in [full, bare, odd] {
        let view = store.incident(HERE, written.id).await.expect(READS);
        assert_eq!(view.map(|view| view.incident), Some(written));
    }
}

pub(super) async fn counters_are_those_of_the_last_signal(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let (one, other) = (bare_incident(HERE, 1), bare_incident(HERE, 2));
    road.commit(vec![opened(&one), opened(&other)]).await;
    road.commit((2..=1_001).map(|count| filed(count, &one, count)).collect()).await;
    let counted = Incident { signal_count: 1_001, last_signal_at: time(1_001), ..one.clone() };
    assert_eq!(read(&store, &one).await, counted);
    assert_eq!(read(&store, &other).await, other);
}

pub(super) async fn counters_before_and_after_a_whole_row_fall_into_place(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let one = bare_incident(HERE, 1);
    let escalated = Incident {
        severity: Severity::P0,
        signal_count: 3,
        last_signal_at: time(30),
        ..one.clone()
    };
    road.commit(vec![opened(&one), filed(20, &one, 2), opened(&escalated)]).await;
    assert_eq!(read(&store, &one).await, escalated);
    road.commit(vec![filed(40, &one, 4), opened(&escalated), filed(50, &one, 5)]).await;
    let counted = Incident { signal_count: 5, last_signal_at: time(50), ..escalated.clone() };
    assert_eq!(read(&store, &one).await, counted);
    road.commit(vec![filed(60, &one, 6), opened(&escalated)]).await;
    assert_eq!(read(&store, &one).await, escalated);
}

pub(super) async fn ten_thousand_incidents_fit_one_commit(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let incidents: Vec<Incident> = (1..=10_000).map(|number| bare_incident(HERE, number)).collect();
    road.commit(incidents.iter().map(opened).collect()).await;
    road.commit(incidents.iter().map(|incident| filed(20_000, incident, 2)).collect()).await;
    let filter = IncidentFilter { limit: usize::MAX, ..IncidentFilter::default() };
    let page = store.incidents(HERE, &filter).await.expect(READS);
    assert_eq!((page.total, page.items.len()), (10_000, limits::PAGE));
    assert!(page.items.iter().all(|incident| incident.signal_count == 2));
    assert_eq!(page.items[0].number, 10_000);
    assert_eq!(read(&store, &incidents[0]).await.last_signal_at, time(20_000));
}

pub(super) async fn the_same_effects_again_change_nothing(store: Arc<dyn Store>) {
    let one = bare_incident(HERE, 1);
    let closed = Incident { status: Status::Closed, ..bare_incident(HERE, 2) };
    let effects = vec![
        opened(&one),
        opened(&closed),
        filed(3, &one, 2),
        audited(&audit(HERE, 3, 0, Some(one.id))),
        rca_accepted(HERE, closed.id, "once"),
        model::Effect::PolicySaved(Box::new(policy(HERE, 5, 1))),
        firing(&super::fixtures::alert(HERE, 4)),
        model::Effect::Moved {
            signal_seq: Seq(3),
            project: HERE,
            from: Some(one.id),
            to: closed.id,
        },
    ];
    let mut road = Road::new(&store);
    road.commit(effects.clone()).await;
    let before = everything(&store).await;
    road.commit(effects).await;
    assert_eq!(everything(&store).await, before);
}

pub(super) async fn a_list_is_in_order_under_every_filter_and_page(store: Arc<dyn Store>) {
    let mut chance = Chance::new(11);
    let all: Vec<Incident> = (1..=400).map(|number| random_incident(&mut chance, number)).collect();
    let mut road = Road::new(&store);
    for some in all.chunks(90) {
        road.commit(some.iter().map(opened).collect()).await;
    }
    for _ in 0..120 {
        let filter = random_filter(&mut chance);
        let mut expected: Vec<&Incident> = all.iter().filter(|one| fits(one, &filter)).collect();
        expected
            .sort_by_key(|one| (one.severity, std::cmp::Reverse((one.last_signal_at, one.number))));
        let expected: Vec<u64> = expected.into_iter().map(|one| one.number).collect();
        assert_eq!(all_pages(&store, &filter, expected.len()).await, expected, "{filter:?}");
    }
}

pub(super) async fn a_page_is_never_longer_than_the_limit(store: Arc<dyn Store>) {
    let many = (1..=1_100).map(|number| opened(&bare_incident(HERE, number)));
    Road::new(&store).commit(many.collect()).await;
    for (asked, given) in
        [(0, limits::PAGE_DEFAULT), (1, 1), (1_000, limits::PAGE), (1_001, limits::PAGE)]
    {
        let filter = IncidentFilter { limit: asked, ..IncidentFilter::default() };
        let page = store.incidents(HERE, &filter).await.expect(READS);
        assert_eq!((page.items.len(), page.total), (given, 1_100));
        assert_eq!(page.next, page.items.last().map(PageCursor::of_incident));
    }
}

pub(super) async fn wildcards_in_a_search_mean_themselves(store: Arc<dyn Store>) {
    let titles = ["100% lost", "a_b", r"back\slash", "it's", "plain", "GROß"];
    let incidents = titles.iter().zip(1..).map(|(title, number)| Incident {
        title: (*title).to_owned(),
        component: "c".to_owned(),
        grouping_key: "k".to_owned(),
        ..bare_incident(HERE, number)
    });
    Road::new(&store).commit(incidents.map(|incident| opened(&incident)).collect()).await;
    let found = [
        ("%", vec!["100% lost"]),
        ("_", vec!["a_b"]),
        (r"\", vec![r"back\slash"]),
        ("'", vec!["it's"]),
        ("PLAIN", vec!["plain"]),
        ("groß", vec!["GROß"]),
        ("nowhere", vec![]),
    ];
    for (text, expected) in found {
        let filter = IncidentFilter { text: Some(text.to_owned()), ..IncidentFilter::default() };
        let page = store.incidents(HERE, &filter).await.expect(READS);
        let titles: Vec<&str> = page.items.iter().map(|incident| incident.title.as_str()).collect();
        assert_eq!((titles, page.total), (expected.clone(), expected.len() as u64), "{text}");
    }
}

pub(super) async fn incidents_are_found_by_number(store: Arc<dyn Store>) {
    Road::new(&store).commit(vec![opened(&bare_incident(HERE, 7))]).await;
    assert_eq!(store.incident_id(HERE, 7).await.expect(READS), Some(incident_id(HERE, 7)));
    assert_eq!(store.incident_id(HERE, 8).await.expect(READS), None);
}

pub(super) async fn incidents_are_counted_by_status_and_severity(store: Arc<dyn Store>) {
    let with = |project: u32, number, status, severity| Incident {
        status,
        severity,
        ..bare_incident(ProjectId(project), number)
    };
    let mut road = Road::new(&store);
    let first = [
        with(1, 1, Status::Open, Severity::P0),
        with(1, 2, Status::Open, Severity::P3),
        with(2, 1, Status::Open, Severity::P3),
        with(2, 2, Status::Closed, Severity::P1),
    ];
    road.commit(first.iter().map(opened).collect()).await;
    let counts = store.counts().await.expect(READS).0;
    let open = [(Status::Open, Severity::P0, 1), (Status::Open, Severity::P3, 2)];
    assert_eq!(counts, [open[0], open[1], (Status::Closed, Severity::P1, 1)]);
    let moved =
        [with(1, 1, Status::Resolved, Severity::P0), with(1, 2, Status::Open, Severity::P3)];
    road.commit(moved.iter().map(opened).collect()).await;
    let counts = store.counts().await.expect(READS).0;
    let resolved = (Status::Resolved, Severity::P0, 1);
    assert_eq!(counts, [open[1], resolved, (Status::Closed, Severity::P1, 1)]);
}

async fn read(store: &Arc<dyn Store>, incident: &Incident) -> Incident {
    let view = store.incident(incident.project, incident.id).await.expect(READS);
    view.expect("the incident was written").incident
}

/// All that can be read of the first project, as text.
pub(super) async fn everything(store: &Arc<dyn Store>) -> String {
    let filter = IncidentFilter { statuses: Status::ALL.to_vec(), ..IncidentFilter::default() };
    let page = store.incidents(HERE, &filter).await.expect(READS);
    let ids: Vec<_> = page.items.iter().map(|incident| incident.id).collect();
    let mut text = format!("{page:?}\n{:?}\n", store.counts().await.expect(READS));
    for id in ids {
        let view = store.incident(HERE, id).await.expect(READS);
        let timeline = store.timeline(HERE, id, None, 1_000).await.expect(READS);
        let moves = store.signal_moves(HERE, &[id]).await.expect(READS);
        text.push_str(&format!("{view:?}\n{timeline:?}\n{moves:?}\n"));
    }
    let policies = store.policies(HERE).await.expect(READS);
    let alerts = store.firing_alerts().await.expect(READS);
    text.push_str(&format!("{policies:?}\n{alerts:?}"));
    text
}

const COMPONENTS: [&str; 3] = ["db", "DB-cache", "api"];
const ENVIRONMENTS: [&str; 2] = ["prod", "staging"];
const PEOPLE: [&str; 2] = ["ada", "grace"];

pub(super) fn random_incident(chance: &mut Chance, number: u64) -> Incident {
    let component = chance.of(&COMPONENTS).to_string();
    Incident {
        title: format!("{component} is down"),
        status: *chance.of(Status::ALL),
        severity: *chance.of(&Severity::ALL),
        grouping_key: format!("component={component}"),
        environment: chance.of(&ENVIRONMENTS).to_string(),
        assignee: chance.once_in(2).then(|| chance.of(&PEOPLE).to_string()),
        // Few distinct times, so that the number has to decide.
        last_signal_at: time(chance.below(20)),
        component,
        ..bare_incident(HERE, number)
    }
}

pub(super) fn random_filter(chance: &mut Chance) -> IncidentFilter {
    let subset = |chance: &mut Chance| chance.below(16);
    let (statuses, severities) = (subset(chance), subset(chance));
    IncidentFilter {
        statuses: Status::ALL.iter().copied().filter(|s| statuses & (1 << s.code()) != 0).collect(),
        severities: Severity::ALL
            .into_iter()
            .filter(|s| severities & (1 << s.rank()) != 0)
            .collect(),
        component: chance.once_in(3).then(|| chance.of(&COMPONENTS).to_string()),
        environment: chance.once_in(3).then(|| chance.of(&ENVIRONMENTS).to_string()),
        assignee: chance.once_in(4).then(|| chance.of(&PEOPLE).to_string()),
        text: chance.once_in(3).then(|| chance.of(&["DB", "db-c", "COMPONENT=api"]).to_string()),
        limit: usize::try_from(1 + chance.below(60)).expect("a small number"),
        after: None,
    }
}

fn fits(incident: &Incident, filter: &IncidentFilter) -> bool {
    let has = |wanted: &Option<String>, value: Option<&String>| {
        wanted.is_none() || wanted.as_ref() == value
    };
    let status = match filter.statuses.as_slice() {
        [] => incident.status != Status::Closed,
        statuses => statuses.contains(&incident.status),
    };
    let text = filter.text.as_ref().map(|text| text.to_lowercase());
    let fields = [&incident.title, &incident.component, &incident.grouping_key];
    status
        && (filter.severities.is_empty() || filter.severities.contains(&incident.severity))
        && has(&filter.component, Some(&incident.component))
        && has(&filter.environment, Some(&incident.environment))
        && has(&filter.assignee, incident.assignee.as_ref())
        && text.is_none_or(|text| fields.iter().any(|field| field.to_lowercase().contains(&text)))
}

/// The numbers on all pages of a list, each page checked for its length and total.
async fn all_pages(store: &Arc<dyn Store>, filter: &IncidentFilter, total: usize) -> Vec<u64> {
    let mut filter = filter.clone();
    let mut numbers = Vec::new();
    loop {
        let page = store.incidents(HERE, &filter).await.expect(READS);
        assert_eq!(page.total, total as u64);
        assert!(page.items.len() == filter.limit || page.next.is_none());
        numbers.extend(page.items.iter().map(|incident| incident.number));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return numbers,
        }
    }
}
