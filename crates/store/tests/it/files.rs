//! The files of the store on SQLite: opened again, backed up, cut short, written by other versions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{
    DirectiveKind, Duration, Effect, Effects, EndpointId, Incident, Notification, NotificationId,
    Rca, Seq, SignalStatus, Status, Timestamp, Verdict,
};
use store::conformance::fixtures::{
    Chance, HERE, Road, alert, audit, audited, bare_incident, filed, firing, incident, incident_id,
    key, opened, person, policy, rca, rca_accepted, time,
};
use store::conformance::notices::{
    about_alert, about_incident, about_signal, attempted, directed, endpoint, notified,
    on_call_person, receipt, replayed_by, rule, subscriber_id,
};
use store::{
    Admin, Commit, Contact, Directory, EndpointRow, ErrorKind, IncidentFilter, LeaseOf, Letter,
    LetterFilter, Options, Outbox, PartitionId, RcaDraft, SqliteStore, Store, SubscriberRow,
};

const P0: PartitionId = PartitionId(0);

async fn open(path: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(Options::new(path)).await.unwrap())
}

fn road(store: &Arc<SqliteStore>) -> Road {
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    Road::new(&store)
}

/// Copies the file and its log as a power cut at this moment would leave them.
fn copy_files(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
    std::fs::copy(with_log(from), with_log(to)).unwrap();
}

fn with_log(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

#[tokio::test]
async fn a_store_opened_again_stands_where_it_stood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let store = open(&path).await;
    road(&store).commit(vec![opened(&incident(HERE, 1))]).await;
    store.create_project("acme", "shop", time(1), &person("root")).await.unwrap();
    store.close().await.unwrap();
    assert!(!with_log(&path).exists(), "an orderly end leaves no log");
    let store = open(&path).await;
    assert_eq!(store.offset(P0).await.unwrap(), Seq(1));
    let view = store.incident(HERE, incident_id(HERE, 1)).await.unwrap().unwrap();
    assert_eq!(view.incident, incident(HERE, 1));
    assert_eq!(store.projects().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_lost_tail_of_the_log_leaves_the_end_of_some_commit() {
    const COMMITS: u64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let store = open(&path).await;
    let one = bare_incident(HERE, 1);
    let mut road = road(&store);
    road.commit(vec![opened(&one)]).await;
    for count in 2..=COMMITS {
        let other = opened(&bare_incident(HERE, count));
        road.commit(vec![filed(count, &one, count), other]).await;
    }
    let length = std::fs::metadata(with_log(&path)).unwrap().len();
    let mut chance = Chance::new(3);
    let mut seen = std::collections::BTreeSet::new();
    for cut in 0..30 {
        let cut_path = folder.path().join(format!("cut-{cut}.sqlite"));
        copy_files(&path, &cut_path);
        let log = std::fs::OpenOptions::new().write(true).open(with_log(&cut_path)).unwrap();
        log.set_len(if cut == 0 { length } else { chance.below(length) }).unwrap();
        let Ok(cut_store) = SqliteStore::open(Options::new(&cut_path)).await else {
            panic!("cut {cut} does not open");
        };
        let stands = cut_store.offset(P0).await.unwrap().0;
        let page = cut_store.incidents(HERE, &IncidentFilter::default()).await.unwrap();
        assert_eq!(page.total, stands, "cut {cut}: as many incidents as commits");
        let view = cut_store.incident(HERE, one.id).await.unwrap();
        assert_eq!(view.map_or(0, |view| view.incident.signal_count), stands, "cut {cut}");
        seen.insert(stands);
        cut_store.close().await.unwrap();
    }
    assert!(
        seen.contains(&COMMITS) && seen.len() > 5,
        "the cuts fell on different commits: {seen:?}"
    );
}

#[tokio::test]
async fn a_backup_is_the_store_at_one_moment_and_opens_as_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("store.sqlite"), folder.path().join("copy it.sqlite"));
    let store = open(&path).await;
    let mut road = road(&store);
    road.commit(vec![opened(&incident(HERE, 1))]).await;
    store.create_key(&key(HERE, 1), &person("root")).await.unwrap();
    let later: Vec<Effect> =
        (2..=3_000).map(|number| opened(&bare_incident(HERE, number))).collect();
    let (backed_up, ()) = tokio::join!(store.backup(&copy), road.commit(later));
    backed_up.unwrap();
    let restored = open(&copy).await;
    let stands = restored.offset(P0).await.unwrap().0;
    let total = restored.incidents(HERE, &IncidentFilter::default()).await.unwrap().total;
    assert!((stands, total) == (1, 1) || (stands, total) == (2, 3_000), "{stands} {total}");
    assert_eq!(restored.keys(None).await.unwrap(), [key(HERE, 1)]);
    let again = store.backup(&copy).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict, "a backup overwrites nothing");
    let nowhere = store.backup(&folder.path().join("missing/copy.sqlite")).await.unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::Disk);
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    std::fs::write(&path, "this is a text, and long enough to be taken for a header".repeat(99))
        .unwrap();
    let Err(error) = SqliteStore::open(Options::new(&path)).await else { panic!("it opened") };
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let missing = folder.path().join("missing/store.sqlite");
    let Err(error) = SqliteStore::open(Options::new(missing)).await else { panic!("it opened") };
    assert_eq!(error.kind(), ErrorKind::Disk);
}

/// What the golden store of version 1 was written from.
fn golden_effects() -> Vec<Effect> {
    let closed = Incident { status: Status::Closed, merged_into: None, ..incident(HERE, 2) };
    vec![
        opened(&incident(HERE, 1)),
        filed(9, &incident(HERE, 1), 5),
        opened(&closed),
        audited(&audit(HERE, 4, 1, Some(incident_id(HERE, 1)))),
        rca_accepted(HERE, incident_id(HERE, 2), "golden"),
        Effect::PolicySaved(Box::new(policy(HERE, 5, 1))),
        firing(&alert(HERE, 3)),
        Effect::Moved {
            signal_seq: Seq(9),
            project: HERE,
            from: Some(incident_id(HERE, 1)),
            to: incident_id(HERE, 2),
        },
    ]
}

fn golden_draft() -> RcaDraft {
    RcaDraft {
        incident: incident_id(HERE, 1),
        rca: Rca { action_items: Vec::new(), ..rca("draft") },
        edited_by: person("grace"),
        edited_at: time(8),
        version: 1,
    }
}

/// What the golden store of version 2 holds beside that.
fn golden_deliveries() -> Vec<Effect> {
    let [told, dead, _] = golden_notifications();
    let mut effects: Vec<Effect> = golden_notifications().iter().map(notified).collect();
    effects.push(attempted(time(9), &receipt(&told, endpoint(1), 1, Verdict::Delivered)));
    effects.push(attempted(time(9), &receipt(&dead, endpoint(2), 1, Verdict::Dead)));
    effects.push(directed(&rule(HERE, 5, subscriber_id(1))));
    effects
}

fn golden_notifications() -> [Notification; 3] {
    let told = about_incident(HERE, 1, 3, &[endpoint(1)]);
    let dead = about_signal(HERE, 7, Some(1), 4, &[endpoint(2)]);
    let waits = about_incident(HERE, 1, 5, &[endpoint(1)]);
    [
        named(0xd4a2_d3fa_7062_8c4d_8afe_235c_a291_d61f, told),
        named(0x1504_13ec_2063_8f74_a7f9_4ecb_5c43_8412, dead),
        named(0x102a_21bb_abc5_8221_807e_6225_1fdb_f30c, waits),
    ]
}

/// Under the id it had when ids did not begin with their time, as up to version 5.
fn named(id: u128, notification: Notification) -> Notification {
    Notification { id: NotificationId(id), ..notification }
}

fn golden_subscriber() -> SubscriberRow {
    let contact = Contact { endpoint: EndpointId(1), after: Duration::from_secs(60) };
    SubscriberRow {
        project: HERE,
        id: subscriber_id(1),
        name: "ada".to_owned(),
        contacts: vec![contact],
        version: 1,
        created_at: time(8),
    }
}

/// What the golden store of version 3 holds beside that: a letter that was replayed, and is dead again.
fn golden_replay() -> Vec<Effect> {
    let [_, dead, _] = golden_notifications();
    let again = attempted(time(12), &receipt(&dead, endpoint(2), 2, Verdict::Dead));
    vec![replayed_by(Seq(11), time(11), &[(&dead, endpoint(2))]), again]
}

/// What the golden stores of versions 4, 5 and 6 hold beside that: an alert that fires, and is over.
fn golden_alerts() -> [Notification; 2] {
    let about =
        |status, seq| about_alert(HERE, (1, status), seq, &[endpoint(3), on_call_person(1)]);
    [
        named(0x1366_0eda_4789_88f1_aaf2_456d_a3d9_02a9, about(SignalStatus::Firing, 6)),
        named(0xfa64_ec77_c5f8_82f0_83fc_7b51_1bf9_996f, about(SignalStatus::Resolved, 7)),
    ]
}

fn golden_endpoint() -> EndpointRow {
    EndpointRow {
        project: HERE,
        id: EndpointId(3),
        subscriber: subscriber_id(1),
        channel: "webhook".to_owned(),
        name: "pager".to_owned(),
        config: "{}".to_owned(),
        secrets: vec![1, 2, 3],
        verified_at: None,
        owner_confirms: true,
        version: 1,
        created_at: time(8),
    }
}

/// Writes `tests/golden/v6/store.sqlite` when `STORE_WRITE_GOLDEN` is set: once, before a release.
async fn write_golden(path: &Path) {
    let store = open(path).await;
    let mut road = road(&store);
    road.commit(golden_effects()).await;
    road.commit(golden_deliveries()).await;
    road.commit(golden_replay()).await;
    road.commit(golden_alerts().iter().map(notified).collect()).await;
    store.create_key(&key(HERE, 1), &person("root")).await.unwrap();
    store.save_draft(HERE, &golden_draft(), None).await.unwrap();
    store.put_subscriber(&golden_subscriber(), None, &person("root"), time(8)).await.unwrap();
    store.put_endpoint(&golden_endpoint(), None, &person("root"), time(8)).await.unwrap();
    store.close().await.unwrap();
}

async fn copy_of_golden(folder: &Path, version: u32) -> Arc<SqliteStore> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = golden.join(format!("tests/golden/v{version}/store.sqlite"));
    let path = folder.join("store.sqlite");
    std::fs::copy(&golden, &path).unwrap();
    open(&path).await
}

#[tokio::test]
async fn the_golden_store_of_version_1_opens_and_holds_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = copy_of_golden(folder.path(), 1).await;
    assert_eq!(store.offset(P0).await.unwrap(), Seq(1));
    holds_what_version_1_wrote(&store).await;
    // Migrated, it takes what came with version 2.
    let effects = Effects(golden_deliveries());
    let (expected, through) = (Seq(1), Seq(2));
    let commit = Commit { partition: P0, expected, through, at: time(2), effects: &effects };
    store.commit(commit).await.unwrap();
    store.put_subscriber(&golden_subscriber(), None, &person("root"), time(8)).await.unwrap();
    holds_what_version_2_wrote(&store, (1, time(9))).await;
}

#[tokio::test]
async fn the_golden_store_of_version_2_opens_and_holds_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = copy_of_golden(folder.path(), 2).await;
    assert_eq!(store.offset(P0).await.unwrap(), Seq(2));
    holds_what_version_1_wrote(&store).await;
    holds_what_version_2_wrote(&store, (1, time(9))).await;
    // Migrated, it takes what came with version 3, and counts on from where triggers had counted to.
    let effects = Effects(golden_replay());
    let (expected, through) = (Seq(2), Seq(3));
    let commit = Commit { partition: P0, expected, through, at: time(3), effects: &effects };
    store.commit(commit).await.unwrap();
    holds_what_version_3_wrote(&store, 1).await;
}

#[tokio::test]
async fn the_golden_store_of_version_3_opens_and_holds_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = copy_of_golden(folder.path(), 3).await;
    assert_eq!(store.offset(P0).await.unwrap(), Seq(3));
    holds_what_version_1_wrote(&store).await;
    holds_what_version_2_wrote(&store, (2, time(12))).await;
    holds_what_version_3_wrote(&store, 1).await;
}

/// Version 4 knew no lines of alerts: what it left due takes its place when it is handed out.
#[tokio::test]
async fn the_golden_stores_of_versions_4_to_6_open_and_hold_what_was_written() {
    if std::env::var_os("STORE_WRITE_GOLDEN").is_some() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v6/store.sqlite");
        write_golden(&golden).await;
    }
    for version in [4, 5, 6] {
        let folder = tempfile::tempdir().unwrap();
        let store = copy_of_golden(folder.path(), version).await;
        assert_eq!(store.offset(P0).await.unwrap(), Seq(4));
        holds_what_version_1_wrote(&store).await;
        holds_what_version_2_wrote(&store, (2, time(12))).await;
        holds_what_version_3_wrote(&store, 5).await;
        assert_eq!(store.endpoints(HERE).await.unwrap(), [golden_endpoint()]);
        let mut stands = store.offset(P0).await.unwrap();
        for target in [endpoint(3), on_call_person(1)] {
            for due in golden_alerts() {
                let of = LeaseOf { project: HERE, target, most: 9 };
                let leased = store.lease(1, time(9), time(99), &[of]).await.unwrap();
                let leased: Vec<_> = leased.into_iter().map(|one| one.notification).collect();
                assert_eq!(leased, std::slice::from_ref(&due), "version {version}");
                let told = attempted(time(9), &receipt(&due, target, 1, Verdict::Delivered));
                commit(&store, &mut stands, vec![told]).await;
            }
        }
    }
}

/// Commits a batch, one entry further on.
async fn commit(store: &SqliteStore, stands: &mut Seq, effects: Vec<Effect>) {
    let effects = Effects(effects);
    let (expected, through) = (*stands, stands.next());
    let at = time(through.0);
    let commit = Commit { partition: P0, expected, through, at, effects: &effects };
    store.commit(commit).await.unwrap();
    *stands = through;
}

async fn holds_what_version_3_wrote(store: &SqliteStore, due: u64) {
    let counts = store.outbox_counts().await.unwrap();
    assert_eq!((counts.due, counts.dead, counts.oldest_due_at), (due, 1, Some(time(5))));
    let mut stands = store.offset(P0).await.unwrap();
    commit(store, &mut stands, golden_replay()).await;
    assert_eq!(store.outbox_counts().await.unwrap(), counts, "the same replay changes nothing");
}

async fn holds_what_version_2_wrote(store: &SqliteStore, (tries, dead_at): (u32, Timestamp)) {
    let [told, dead, waits] = golden_notifications();
    let delivered = store.notification(HERE, told.id).await.unwrap().unwrap();
    assert_eq!((&delivered.notification, delivered.delivered_at), (&told, Some(time(9))));
    assert_eq!(delivered.attempts, [receipt(&told, endpoint(1), 1, Verdict::Delivered)]);
    let letters = store.letters(HERE, &LetterFilter::default()).await.unwrap().items;
    let last = receipt(&dead, endpoint(2), tries, Verdict::Dead);
    let letter = Letter { notification: dead, target: endpoint(2), last, dead_at };
    assert_eq!(letters, [letter]);
    let of = LeaseOf { project: HERE, target: endpoint(1), most: 9 };
    let leased = store.lease(1, time(9), time(99), &[of]).await.unwrap();
    assert_eq!((leased.len(), &leased[0].notification, &*leased[0].thread), (1, &waits, "ts-1"));
    let rules = store.directives(HERE, DirectiveKind::Rule, None, None, 0).await.unwrap();
    assert_eq!((rules.items, rules.total), (vec![rule(HERE, 5, subscriber_id(1))], 1));
    assert_eq!(store.subscribers(HERE).await.unwrap(), [golden_subscriber()]);
}

async fn holds_what_version_1_wrote(store: &SqliteStore) {
    let first = store.incident(HERE, incident_id(HERE, 1)).await.unwrap().unwrap().incident;
    let counted = Incident { signal_count: 5, last_signal_at: time(9), ..incident(HERE, 1) };
    assert_eq!(first, counted);
    let second = store.incident(HERE, incident_id(HERE, 2)).await.unwrap().unwrap();
    assert_eq!(second.rca.unwrap().rca, rca("golden"));
    let timeline = store.timeline(HERE, incident_id(HERE, 1), None, 9).await.unwrap();
    assert_eq!(timeline.items, [audit(HERE, 4, 1, Some(incident_id(HERE, 1)))]);
    assert_eq!(store.policies(HERE).await.unwrap(), [policy(HERE, 5, 1)]);
    assert_eq!(store.firing_alerts().await.unwrap(), [alert(HERE, 3)]);
    let moves = store.signal_moves(HERE, &[incident_id(HERE, 2)]).await.unwrap();
    assert_eq!(moves.moved_in, [Seq(9)]);
    assert_eq!(store.keys(Some(HERE)).await.unwrap(), [key(HERE, 1)]);
    let draft = store.draft(HERE, incident_id(HERE, 1)).await.unwrap();
    assert_eq!(draft, Some(golden_draft()));
    assert_eq!(store.projects().await.unwrap()[0].name, "default");
}
