//! What only the inside can show: that no statement of the outbox walks a table, that the key in the
//! database refuses a duplicate, that a damaged row stands in nobody's way, that lists have limits.

use model::{NotificationId, ProjectId, Seq, limits};
use sqlx::{Connection, Execute};

use super::*;
use crate::conformance::fixtures::{HERE, Road, person, time};
use crate::conformance::notices::{about_incident, endpoint, notified, subscriber_id};
use crate::sqlite::directory::directives;
use crate::sqlite::tests::{execute, fresh, plan, road};
use crate::{Directory, ErrorKind, Store, SubscriberRow};

#[tokio::test]
async fn leases_walk_indexes_of_what_can_be_handed_out() {
    let (_folder, store) = fresh().await;
    let mut connection = store.shared.reader().await.unwrap();
    let of_target = "deliveries_ready (project=? AND target_kind=? AND target=? AND due_at<?)";
    let later = "deliveries_ready (project=? AND target_kind=? AND target=? AND due_at>?)";
    let next_target = "deliveries_ready (project=? AND target_kind=? AND target>?)";
    let line = "deliveries_line (project=? AND target_kind=? AND target=? AND line=? AND blocked=?";
    let delivery = "(project=? AND notification=? AND target_kind=? AND target=?)";
    let row = "USING INTEGER PRIMARY KEY (rowid=?)";
    let thread = "(project=? AND target_kind=? AND target=? AND incident=?)";
    let statements: [(&str, &[&str]); 14] = [
        (&take::KEYS[0], &[of_target]),
        (&take::MESSAGES.texts[0], &["SEARCH delivery", row, "(project=? AND id=?)", thread]),
        (&take::NOTICES.texts[0], &["(project=? AND hash=?)"]),
        (lease::DUE_TARGETS, &[of_target, next_target]),
        (lease::NEXT, &[later, next_target]),
        (lease::OLDEST, &[next_target]),
        (&line::BLOCK.texts[0], &[line, "(seq,notification)<(?,?)", delivery]),
        (&line::UNBLOCK.texts[0], &[line, delivery]),
        (&line::JOIN.texts[0], &["SEARCH old", row]),
        (&tries::STANDINGS.texts[0], &["(project=? AND id=?)", "(project=? AND notification=?)"]),
        (&tries::MOVES.texts[0], &["SEARCH old", row]),
        (&tries::REPLAYS.texts[0], &["SEARCH old", row]),
        (&tries::MISSING.texts[0], &["(project=? AND id=?)", "(project=? AND notification=?)"]),
        (&tries::STATUSES.texts[0], &["SEARCH old", row]),
    ];
    for (sql, indexes) in statements {
        let plan = plan(&mut connection, sql).await;
        for index in indexes {
            assert!(plan.contains(index), "{index} is not in\n{plan}");
        }
        let sorted = plan.contains("B-TREE FOR ORDER BY") && sql != lease::DUE_TARGETS;
        assert!(!walks(&plan) && !sorted, "{plan}");
    }
}

/// A plan does not say how many entries of an index are passed over, so they are counted: the steps that
/// SQLite's machine takes are the same for ten times as many rows.
#[tokio::test]
async fn a_target_with_many_rows_costs_what_one_with_few_costs() {
    let (_folder, store) = fresh().await;
    let mut road = road(&store);
    let others = (1..=100).map(|number| about_incident(HERE, number, 1, &[endpoint(number)]));
    road.commit(others.map(|other| notified(&other)).collect()).await;
    let mut steps = Vec::new();
    for (from, to) in [(1_000, 2_999), (3_000, 21_000)] {
        let stuck = (from..to).map(|number| about_incident(HERE, number, number, &[endpoint(50)]));
        let one_incident = (from..to).map(|seq| about_incident(HERE, 7, seq, &[endpoint(60)]));
        road.commit(stuck.chain(one_incident).map(|due| notified(&due)).collect()).await;
        steps.push(steps_of_leasing(&store).await);
    }
    let [few, many] = [&steps[0], &steps[1]];
    for ((name, few), (_, many)) in few.iter().zip(many) {
        assert!(
            *many < few + few / 4,
            "{name} takes {few} steps among few rows, {many} among many"
        );
    }
}

async fn steps_of_leasing(store: &SqliteStore) -> Vec<(&'static str, u64)> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let mut connection = store.shared.options.connect_writer().await.unwrap();
    let steps = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&steps);
    let mut handle = connection.lock_handle().await.unwrap();
    handle.set_progress_handler(1, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    });
    drop(handle);
    let mut taken = Vec::new();
    let mut note = |name| taken.push((name, steps.swap(0, Ordering::Relaxed)));
    let (now, until) = (time(100_000), time(200_000));
    let mut leases = Leases::default();
    lease::due_targets(&mut connection, &leases, now, 10).await.unwrap();
    note("due_targets");
    lease::next_due(&mut connection, &leases, now).await.unwrap();
    note("next_due");
    lease::counts(&mut connection).await.unwrap();
    note("outbox_counts");
    for target in [endpoint(50), endpoint(60), endpoint(70)] {
        let of = [LeaseOf { project: HERE, target, most: 5 }];
        take::take(&mut connection, &mut leases, (1, now, until), &of).await.unwrap();
        note("lease");
    }
    let first = about_incident(HERE, 7, 1_000, &[endpoint(60)]);
    line::put_in_order(&mut connection, &[(HERE, first.id, endpoint(60))]).await.unwrap();
    note("put_in_order");
    connection.close().await.unwrap();
    taken
}

/// Whether a table is walked from one end to the other. The first entry of the index of what is ready is
/// not: its statement stops there.
fn walks(plan: &str) -> bool {
    let tables =
        ["deliveries", "delivery", "notifications", "told", "attempts", "notices", "threads"];
    let starts = |line: &str, table| line.starts_with(&format!("SCAN {table}"));
    plan.lines()
        .filter(|line| *line != "SCAN deliveries USING COVERING INDEX deliveries_ready")
        .any(|line| tables.iter().any(|table| starts(line, table)))
}

#[tokio::test]
async fn lists_are_read_from_the_index_of_their_filter() {
    let (_folder, store) = fresh().await;
    let mut connection = store.shared.reader().await.unwrap();
    let after = Some(crate::PageCursor(1, 2, 3));
    let shelves = [
        (list::Shelf::Signal, "notifications_signal (project=? AND subject=? AND seq<?)"),
        (list::Shelf::Incident, "notifications_incident (project=? AND incident=? AND seq<?)"),
        (list::Shelf::Subscriber, "notifications_key (project=? AND subscriber=? AND seq<?)"),
        (
            list::Shelf::Status(crate::NotificationStatus::Dead),
            "notifications_status (project=? AND status=? AND (seq,id)<(?,?))",
        ),
    ];
    let id = 7;
    for (shelf, index) in shelves {
        let filter = NotificationFilter {
            subscriber: Some(model::SubscriberId(id)),
            incident: Some(model::IncidentId(id)),
            signal: Some(model::SignalId(id)),
            after,
            ..NotificationFilter::default()
        };
        let mut query = list::select(HERE, &filter, shelf, 9);
        let plan = plan(&mut connection, query.build().sql().as_str()).await;
        assert!(plan.contains(index) && !walks(&plan), "{plan}");
        assert!(!plan.contains("B-TREE FOR ORDER BY"), "{plan}");
    }
    let any = LetterFilter { after, ..LetterFilter::default() };
    let notification = Some(NotificationId(id));
    let letters = [
        (any.clone(), "deliveries_dead (project=? AND (seq,notification)<(?,?))"),
        (
            LetterFilter { endpoint: Some(EndpointId(id)), ..any.clone() },
            "deliveries_dead_target (project=? AND target_kind=? AND target=? AND (seq,notification)<(?,?))",
        ),
        (
            LetterFilter { subscriber: Some(model::SubscriberId(id)), ..any.clone() },
            "deliveries_dead_subscriber (project=? AND subscriber=? AND (seq,notification)<(?,?))",
        ),
        (
            LetterFilter { incident: Some(model::IncidentId(id)), ..any.clone() },
            "notifications_incident (project=? AND incident=? AND seq<?)",
        ),
        (LetterFilter { notification, ..any }, "(project=? AND notification=?"),
    ];
    for (filter, index) in letters {
        let mut query = letters::select(HERE, &filter, 9);
        let plan = plan(&mut connection, query.build().sql().as_str()).await;
        assert!(plan.contains(index) && !walks(&plan), "{plan}");
        assert!(!plan.contains("B-TREE FOR ORDER BY"), "{plan}");
    }
    let pages = [
        (directives::PAGE, "(project=? AND kind=? AND id>?)"),
        (directives::PAGE_OF_SUBSCRIBER, "(project=? AND subscriber=? AND kind=? AND id>?)"),
    ];
    for (sql, index) in pages {
        let plan = plan(&mut connection, sql).await;
        assert!(plan.contains(index) && !plan.contains("B-TREE"), "{plan}");
    }
    for statement in [&*list::DELIVERIES, &*list::ATTEMPTS] {
        let plan = plan(&mut connection, &statement.texts[0]).await;
        assert!(plan.contains("(project=? AND notification=?)") && !walks(&plan), "{plan}");
    }
}

#[tokio::test]
async fn the_key_refuses_the_same_under_another_id() {
    let (_folder, store) = fresh().await;
    let first = about_incident(HERE, 1, 3, &[endpoint(1)]);
    let forged = model::Notification { id: NotificationId(1), ..first.clone() };
    let mut road = road(&store);
    road.commit(vec![notified(&first), notified(&forged)]).await;
    road.commit(vec![notified(&forged)]).await;
    let page = store.notifications(HERE, &NotificationFilter::default()).await.unwrap();
    assert_eq!(page.total, 1);
    assert_eq!(store.outbox_counts().await.unwrap().due, 1);
}

#[tokio::test]
async fn many_notifications_of_one_entry_share_one_notice() {
    let (_folder, store) = fresh().await;
    let first = about_incident(HERE, 1, 3, &[endpoint(1)]);
    let others = (2..=50).map(|number| crate::conformance::notices::told_to(number, &first));
    let mut effects = vec![notified(&first)];
    effects.extend(others.map(|other| notified(&other)));
    road(&store).commit(effects).await;
    let mut connection = store.shared.reader().await.unwrap();
    let sql = "SELECT count(*) FROM notices";
    let notices: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
    assert_eq!(notices, 1);
}

/// As many as there are targets are asked for in few statements, and each gets its own.
#[tokio::test]
async fn many_targets_are_handed_out_at_once() {
    let (_folder, store) = fresh().await;
    let all: Vec<_> = (1..=150).map(|n| about_incident(HERE, n, n, &[endpoint(n)])).collect();
    road(&store).commit(all.iter().map(notified).collect()).await;
    let of = |n| LeaseOf { project: HERE, target: endpoint(n), most: 2 };
    let wanted: Vec<_> = (1..=150).rev().chain([7, 7]).map(of).collect();
    let leased = store.lease(1, time(500), time(900), &wanted).await.unwrap();
    let told: Vec<_> = leased.iter().map(|one| (one.target, &one.notification)).collect();
    let expected: Vec<_> = all.iter().rev().map(|one| (one.targets[0], one)).collect();
    assert_eq!(told, expected);
    assert!(store.lease(1, time(500), time(900), &wanted).await.unwrap().is_empty());
}

/// Counts are kept by whoever moves rows, so they are held against the rows.
#[tokio::test]
async fn counts_are_those_of_the_rows() {
    let (_folder, store) = fresh().await;
    let mut road = road(&store);
    let person = crate::conformance::notices::on_call_person(1);
    let due: Vec<_> = (1..=9)
        .map(|n| about_incident(HERE, n % 3, n, &[endpoint(n % 2), endpoint(n % 2), person]))
        .collect();
    road.commit(due.iter().map(notified).collect()).await;
    let verdicts = model::Verdict::ALL.iter().cycle();
    let tried = due.iter().zip(verdicts).map(|(due, verdict)| {
        let receipt = crate::conformance::notices::receipt(due, due.targets[0], 1, *verdict);
        crate::conformance::notices::attempted(time(20), &receipt)
    });
    road.commit(tried.collect()).await;
    let letters: Vec<_> = due.iter().map(|due| (due, due.targets[0])).collect();
    road.commit(vec![crate::conformance::notices::replayed(time(30), &letters[..5])]).await;
    for due in &due[..4] {
        let over = [(EndpointId(77), time(40)), (EndpointId(78), time(40))];
        store.spread(HERE, due.id, person, &over, time(40)).await.unwrap();
    }
    let mut connection = store.shared.reader().await.unwrap();
    for (counts, count, rows) in [
        ("delivery_counts", "deliveries", "deliveries"),
        ("notification_counts", "notifications", "notifications"),
    ] {
        let kept = format!("SELECT project, status, {count} FROM {counts} WHERE {count} <> 0");
        let sql = format!(
            "SELECT count(*) FROM (SELECT * FROM ({kept})
            EXCEPT SELECT project, status, count(*) FROM {rows} GROUP BY 1, 2)
            UNION ALL SELECT count(*) FROM (SELECT project, status, count(*) FROM {rows} GROUP BY 1, 2
            EXCEPT {kept})"
        );
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        let differ: Vec<i64> = query.fetch_all(&mut *connection).await.unwrap();
        assert_eq!(differ, [0, 0], "{counts}");
    }
}

#[tokio::test]
async fn a_damaged_notification_stands_in_nobodys_way() {
    let (_folder, store) = fresh().await;
    let damaged = about_incident(HERE, 1, 3, &[endpoint(1)]);
    let whole = about_incident(HERE, 2, 4, &[endpoint(1)]);
    road(&store).commit(vec![notified(&damaged), notified(&whole)]).await;
    execute(&store, "UPDATE notifications SET document = x'00' WHERE seq = 3").await;
    let of = [LeaseOf { project: HERE, target: endpoint(1), most: 9 }];
    let leased = store.lease(1, time(9), time(50), &of).await.unwrap();
    assert_eq!(leased.iter().map(|leased| leased.notification.id).collect::<Vec<_>>(), [whole.id]);
    assert_eq!(store.next_due(time(9)).await.unwrap(), Some(time(50)));
    let error = store.notification(HERE, damaged.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().starts_with("notifications row project=1, id="), "{error}");
}

#[tokio::test]
async fn a_project_has_so_many_subscribers_and_no_more() {
    let (_folder, store) = fresh().await;
    let sql = "WITH RECURSIVE number (n) AS (VALUES (2) UNION ALL SELECT n + 1 FROM number WHERE n < 10000)
        INSERT INTO subscribers SELECT 1, unhex(printf('%032x', n)), 'name ' || n, '[]', 1, 0 FROM number";
    execute(&store, sql).await;
    let subscriber = |number: u64| SubscriberRow {
        project: HERE,
        id: subscriber_id(number),
        name: format!("team {number}"),
        contacts: Vec::new(),
        version: 0,
        created_at: time(0),
    };
    assert_eq!(limits::SUBSCRIBERS, 10_000);
    let by = person("root");
    store.put_subscriber(&subscriber(1), None, &by, time(1)).await.unwrap();
    let error = store.put_subscriber(&subscriber(2), None, &by, time(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.current_version()), (ErrorKind::Conflict, None));
    assert!(error.to_string().contains("at most 10000"), "{error}");
    store.put_subscriber(&subscriber(1), Some(1), &by, time(1)).await.unwrap();
    let elsewhere = SubscriberRow { project: ProjectId(2), ..subscriber(2) };
    store.put_subscriber(&elsewhere, None, &by, time(1)).await.unwrap();
}

#[tokio::test]
async fn what_delivery_writes_leaves_the_position_alone() {
    let (_folder, store) = fresh().await;
    let due = about_incident(HERE, 1, 3, &[endpoint(1)]);
    let shared: std::sync::Arc<dyn Store> = store.clone();
    Road::new(&shared).commit(vec![notified(&due)]).await;
    let of = [LeaseOf { project: HERE, target: endpoint(1), most: 9 }];
    store.lease(1, time(9), time(50), &of).await.unwrap();
    store.return_unused(&[(HERE, due.id, endpoint(1))]).await.unwrap();
    store.lease(1, time(9), time(50), &of).await.unwrap();
    store.give_back(HERE, due.id, endpoint(1), time(9)).await.unwrap();
    store.spread(HERE, due.id, endpoint(1), &[], time(9)).await.unwrap();
    store.release(None).await.unwrap();
    assert_eq!(store.offset(crate::PartitionId(0)).await.unwrap(), Seq(1));
}

/// Before schema 5 what was due about alerts stood in no line.
#[tokio::test]
async fn what_stands_in_no_line_takes_its_place_before_it_is_handed_out() {
    use crate::conformance::notices::{about_alert, about_signal, attempted, receipt};
    use model::{SignalStatus, Verdict};
    let (_folder, store) = fresh().await;
    let mut road = road(&store);
    let fires = about_alert(HERE, (1, SignalStatus::Firing), 3, &[endpoint(1)]);
    let over = about_alert(HERE, (1, SignalStatus::Resolved), 4, &[endpoint(1)]);
    let plain = about_signal(HERE, 1, None, 5, &[endpoint(1)]);
    road.commit([&fires, &over, &plain].map(notified).to_vec()).await;
    execute(&store, "UPDATE deliveries SET line = NULL, blocked = 0").await;
    let of = [LeaseOf { project: HERE, target: endpoint(1), most: 9 }];
    let due = |leased: Vec<Leased>| -> Vec<_> {
        leased.into_iter().map(|one| one.notification.id).collect()
    };
    let leased = store.lease(1, time(9), time(90_000), &of).await.unwrap();
    assert_eq!(due(leased), [fires.id, plain.id]);
    let told = receipt(&fires, endpoint(1), 1, Verdict::Delivered);
    road.commit(vec![attempted(time(10), &told)]).await;
    let leased = store.lease(1, time(10), time(90_000), &of).await.unwrap();
    assert_eq!(due(leased), [over.id]);
}
