//! What only the inside of the SQLite backend can show: full disks, abandoned writes, damaged rows,
//! schemas of other versions, plans of its statements.

use std::path::Path;

use model::{Effect, Effects, ProjectId, Severity, Status, Timestamp};
use sqlx::{Execute, Row};

use super::*;
use crate::conformance::fixtures::{
    HERE, Road, bare_incident, filed, incident_id, key, opened, person, time,
};
use crate::{Admin, Directory, DocumentKind, IncidentFilter};

const P0: PartitionId = PartitionId(0);

async fn store_at(path: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(Options::new(path)).await.unwrap())
}

pub(super) async fn fresh() -> (tempfile::TempDir, Arc<SqliteStore>) {
    let folder = tempfile::tempdir().unwrap();
    let store = store_at(&folder.path().join("store.sqlite")).await;
    (folder, store)
}

pub(super) fn road(store: &Arc<SqliteStore>) -> Road {
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    Road::new(&store)
}

/// Runs a statement beside the store, as an operator might.
pub(super) async fn execute(store: &SqliteStore, sql: &'static str) {
    let mut connection = store.shared.options.connect_writer().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn limit_pages(store: &SqliteStore, sql: &'static str) {
    let mut slot = store.shared.writer.lock().await;
    let connection = slot.as_mut().unwrap();
    sqlx::query(sql).fetch_one(connection).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_store_stands_where_it_stood() {
    let (_folder, store) = fresh().await;
    let mut road = road(&store);
    road.commit(vec![opened(&bare_incident(HERE, 1))]).await;
    limit_pages(&store, "PRAGMA max_page_count = 1").await;
    let many = (2..=2_000).map(|number| opened(&bare_incident(HERE, number)));
    let many = Effects(many.collect());
    let error = road.try_commit(&many).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disk);
    assert_eq!(store.offset(P0).await.unwrap(), Seq(1));
    let page = store.incidents(HERE, &IncidentFilter::default()).await.unwrap();
    assert_eq!(page.total, 1);
    // The connection and its limit are gone: as if there were room again.
    road.try_commit(&many).await.unwrap();
    assert_eq!(store.offset(P0).await.unwrap(), Seq(2));
}

#[tokio::test]
async fn an_abandoned_write_is_undone_and_the_next_one_goes_on() {
    let (_folder, store) = fresh().await;
    let mut road = road(&store);
    road.commit(vec![opened(&bare_incident(HERE, 1))]).await;
    let mut write = store.begin().await.unwrap();
    sqlx::query("DELETE FROM incident_counters").execute(&mut write.connection).await.unwrap();
    drop(write);
    road.commit(vec![filed(2, &bare_incident(HERE, 1), 2)]).await;
    let view = store.incident(HERE, incident_id(HERE, 1)).await.unwrap().unwrap();
    assert_eq!(view.incident.signal_count, 2);
}

#[tokio::test]
async fn readers_and_the_writer_do_not_wait_for_each_other() {
    let (_folder, store) = fresh().await;
    let mut road = road(&store);
    road.commit(vec![opened(&bare_incident(HERE, 1))]).await;
    let mut snapshot = store.shared.snapshot().await.unwrap();
    let filter = IncidentFilter::default();
    assert_eq!(list::incidents(&mut snapshot, HERE, &filter).await.unwrap().total, 1);
    road.commit(vec![opened(&bare_incident(HERE, 2))]).await;
    assert_eq!(list::incidents(&mut snapshot, HERE, &filter).await.unwrap().total, 1);
    let mut write = store.begin().await.unwrap();
    sqlx::query("DELETE FROM incident_counters").execute(&mut write.connection).await.unwrap();
    assert_eq!(store.incidents(HERE, &filter).await.unwrap().total, 2);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let (_folder, store) = fresh().await;
    road(&store).commit(vec![opened(&bare_incident(HERE, 1))]).await;
    let damages = [
        ("UPDATE incidents SET status = 9", "status is not a known code, but 9"),
        ("UPDATE incidents SET status = 0, severity = 300", "severity is not a known code"),
        ("UPDATE incidents SET severity = 0, links = '{'", "links is not the JSON it should be"),
        ("UPDATE incidents SET links = '[]', policy = x'00'", "policy is not 16 bytes"),
        ("UPDATE incidents SET policy = zeroblob(16), project = -1", "project is not a number"),
    ];
    const SQL: &str = "SELECT incidents.*, signal_count, last_signal_at
        FROM incidents JOIN incident_counters";
    for (damage, said) in damages {
        execute(&store, damage).await;
        let mut connection = store.shared.reader().await.unwrap();
        let row = sqlx::query(SQL).fetch_one(&mut *connection).await.unwrap();
        let error = rows::incident::read(&row).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let text = error.to_string();
        let id = incident_id(HERE, 1).to_string().replace('-', "");
        assert!(text.contains(said) && text.starts_with("incidents row project="), "{text}");
        assert!(text.contains(&id), "{text}");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    let (folder, store) = fresh().await;
    execute(&store, "INSERT INTO schema_versions VALUES (9, 'later', x'00', 0)").await;
    store.close().await.unwrap();
    let options = Options::new(folder.path().join("store.sqlite"));
    let Err(error) = SqliteStore::open(options).await else { panic!("it opened") };
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let text = error.to_string();
    assert!(text.contains("schema version 9") && text.contains("knows up to 6"), "{text}");
}

#[tokio::test]
async fn a_store_with_another_schema_under_the_same_number_is_refused() {
    let (folder, store) = fresh().await;
    execute(&store, "UPDATE schema_versions SET checksum = x'00'").await;
    store.close().await.unwrap();
    let options = Options::new(folder.path().join("store.sqlite"));
    let Err(error) = SqliteStore::open(options).await else { panic!("it opened") };
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("step 1 of the store's schema"), "{error}");
}

#[tokio::test]
async fn administration_leaves_who_did_what_and_when() {
    let (_folder, store) = fresh().await;
    let by = person("root");
    store.create_project("acme", "shop", time(1), &by).await.unwrap();
    store.create_project("acme", "shop", time(2), &by).await.unwrap_err();
    store.create_key(&key(HERE, 3), &by).await.unwrap();
    store.revoke_key(HERE, key(HERE, 3).id, time(4), &by).await.unwrap();
    change_the_directory(&store).await;
    let mut connection = store.shared.reader().await.unwrap();
    let rows = sqlx::query("SELECT * FROM admin_audit ORDER BY id");
    let rows = rows.fetch_all(&mut *connection).await.unwrap();
    let read = |row: &sqlx::sqlite::SqliteRow| {
        let at = Timestamp::from_micros(row.get("at"));
        let name: String = row.get("actor_name");
        let (action, detail): (String, String) = (row.get("action"), row.get("detail"));
        assert_eq!(name, "root");
        (at, row.get::<i64, _>("project"), action, detail)
    };
    let rows: Vec<_> = rows.iter().map(read).collect();
    let expected = [
        (time(1), 2, "project_created".to_owned(), String::new()),
        (time(3), 1, "key_created".to_owned(), "ingest,manage".to_owned()),
        (time(4), 1, "key_revoked".to_owned(), String::new()),
        (time(5), 1, "subscriber_saved".to_owned(), "1".to_owned()),
        (time(6), 1, "document_saved".to_owned(), "1".to_owned()),
        (time(7), 1, "document_saved".to_owned(), "2".to_owned()),
        (time(8), 1, "document_removed".to_owned(), String::new()),
        (time(9), 1, "subscriber_removed".to_owned(), String::new()),
    ];
    assert_eq!(rows, expected);
}

/// Changes, and some that are refused.
async fn change_the_directory(store: &SqliteStore) {
    let by = person("root");
    let team = crate::SubscriberRow {
        project: HERE,
        id: model::SubscriberId(1),
        name: "team".to_owned(),
        contacts: Vec::new(),
        version: 0,
        created_at: time(0),
    };
    let nights = crate::DocumentRow {
        project: HERE,
        kind: DocumentKind::Schedule,
        id: 1,
        name: "nights".to_owned(),
        body: "{}".to_owned(),
        version: 0,
        updated_at: time(0),
    };
    store.put_subscriber(&team, None, &by, time(5)).await.unwrap();
    store.put_subscriber(&team, None, &by, time(5)).await.unwrap_err();
    store.put_document(&nights, None, &by, time(6)).await.unwrap();
    store.put_document(&nights, Some(1), &by, time(7)).await.unwrap();
    store.put_document(&nights, Some(1), &by, time(7)).await.unwrap_err();
    store.delete_document(HERE, nights.kind, 1, Some(2), &by, time(8)).await.unwrap();
    store.delete_subscriber(HERE, team.id, None, &by, time(9)).await.unwrap();
}

#[tokio::test]
async fn the_log_is_copied_and_starts_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let options = Options { wal_bytes: 1 << 40, ..Options::new(&path) };
    let store = Arc::new(SqliteStore::open(options).await.unwrap());
    let mut road = road(&store);
    for step in 0..20 {
        let some = (1..=200).map(|number| opened(&bare_incident(HERE, step * 200 + number)));
        road.commit(some.collect()).await;
    }
    assert!(checkpoint::copy(&store.shared).await.unwrap(), "the whole log went into the file");
    let copied = std::fs::metadata(&path).unwrap().len();
    assert!(copied > 1 << 20, "{copied}");
    let before = std::fs::metadata(folder.path().join("store.sqlite-wal")).unwrap().len();
    road.commit(vec![opened(&bare_incident(HERE, 9_999))]).await;
    let after = std::fs::metadata(folder.path().join("store.sqlite-wal")).unwrap().len();
    assert_eq!(before, after, "the log is written from its beginning again");
    assert_eq!(store.incidents(HERE, &IncidentFilter::default()).await.unwrap().total, 4_001);
}

#[tokio::test]
async fn lists_and_counters_use_their_indexes() {
    let (_folder, store) = fresh().await;
    let mut connection = store.shared.reader().await.unwrap();
    let component =
        IncidentFilter { component: Some("db".to_owned()), ..IncidentFilter::default() };
    let closed = IncidentFilter { statuses: vec![Status::Closed], ..IncidentFilter::default() };
    let open = IncidentFilter { statuses: vec![Status::Open], ..IncidentFilter::default() };
    let plans = [
        (
            IncidentFilter::default(),
            "incident_counters_active (project=? AND severity=? AND (last_signal_at,number)<(?,?))",
        ),
        (open, "incident_counters_active (project=? AND severity=?"),
        (closed, "incident_counters_closed (project=? AND severity=?"),
        (component, "incidents_component (project=? AND component=?)"),
    ];
    for (filter, index) in plans {
        let shelf = &list::shelves(&filter)[0];
        let mut sql = list::select(ProjectId(1), &filter, shelf, Severity::P0, Some((0, 0)), 1);
        let plan = plan(&mut connection, sql.build().sql().as_str()).await;
        assert!(plan.contains(index), "{plan}");
        assert!(filter.component.is_some() || !plan.contains("B-TREE"), "{plan}");
    }
    let children = plan(&mut connection, read::CHILDREN).await;
    assert!(children.contains("incidents_merged (project=? AND merged_into=?)"), "{children}");
    let statements = &*write::STATEMENTS;
    let updates = [
        (&statements.counters, "(project=? AND incident=?)"),
        (&statements.alerts_joined, "(project=? AND identity=?)"),
    ];
    for (update, key) in updates {
        let plan = plan(&mut connection, &update.texts[0]).await;
        assert!(plan.contains("SEARCH old USING") && plan.contains(key), "{plan}");
    }
}

pub(super) async fn plan(connection: &mut SqliteConnection, sql: &str) -> String {
    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    lines.join("\n")
}

#[tokio::test]
async fn counters_of_an_incident_that_is_not_there_change_nothing() {
    let (_folder, store) = fresh().await;
    let mut road = road(&store);
    let effects: Vec<Effect> = vec![filed(2, &bare_incident(HERE, 1), 2)];
    road.commit(effects).await;
    assert_eq!(store.offset(P0).await.unwrap(), Seq(1));
    assert!(store.incident(HERE, incident_id(HERE, 1)).await.unwrap().is_none());
}
