//! The tools against data folders made by the parts a server is made of: healthy ones, ones whose
//! bytes were changed, and one that is written to while it is copied.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use journal::{Journal, Records};
use lake::{Lake, SignalQuery};
use model::{
    Actor, EndpointId, Entry, IncidentId, ProjectId, Signal, SignalId, Status as IncidentStatus,
    SubscriberId, Timestamp, codec,
};
use pipeline::{Pipeline, Step};
use serde_json::json;
use sqlx::{ConnectOptions, Connection};
use store::{Directory, EndpointRow, IncidentFilter, Store};
use tempfile::TempDir;

use super::held::Held;
use super::*;
use crate::config::{Config, Flags};
use crate::serve::open::{PARTITION, Storage};
use crate::serve::sealed::KEY_FILE;

const HERE: ProjectId = ProjectId(1);
const COMPONENTS: u64 = 7;

/// A folder for everything, and the configuration of a data folder in it.
fn world() -> (TempDir, Config) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = configured(&folder, "data");
    (folder, config)
}

/// Segments are small, so that there are several of them.
fn configured(folder: &TempDir, data: &str) -> Config {
    let file = folder.path().join("stormbell.toml");
    fs::write(&file, "[journal]\nsegment_bytes = 8192\nkeep_bytes = 1048576\n")
        .expect("it is written");
    let flags = Flags {
        config: Some(file),
        data: Some(folder.path().join(data)),
        http: Some("127.0.0.1:0".to_owned()),
        grpc: Some("127.0.0.1:0".to_owned()),
        ..Flags::default()
    };
    Config::load(&flags).expect("the configuration is valid")
}

fn entry(number: u64) -> Entry<'static> {
    let component = format!("component-{}", number % COMPONENTS);
    let signal = Signal::new(SignalId(u128::from(number)), component, "prod");
    Entry::Signal { project: HERE, signal }
}

/// Takes signals in as a server does, and closes everything in order.
fn take_in(config: &Config, numbers: Range<u64>) {
    runtime().expect("a runtime").block_on(async {
        let storage = Storage::open(config).await.expect("the storage opens");
        let (mut pipeline, _) =
            Pipeline::open(storage.ports(), PARTITION).await.expect("the pipeline opens");
        append(&*storage.journal, numbers).await;
        while let Step::Applied(_) = pipeline.step().await.expect("a step") {}
        pipeline.save_snapshot().await.expect("a snapshot");
        drop(pipeline);
        close(storage).await;
    });
}

async fn append(journal: &dyn Journal, numbers: Range<u64>) {
    for number in numbers {
        let mut records = Records::new();
        records.push_with(|buffer| codec::encode(&entry(number), buffer));
        journal.append(records).expect("it is taken").await.expect("it is durable");
    }
}

async fn close(storage: Storage) {
    storage.journal.close();
    storage.lake.close().expect("the lake closes");
    storage.store.close().await.expect("the store closes");
}

/// What people see: title, signals counted, and signals listed, by incident.
fn seen(config: &Config) -> BTreeMap<IncidentId, (String, u64, u64)> {
    runtime().expect("a runtime").block_on(async {
        let storage = Storage::open(config).await.expect("the storage opens");
        let (pipeline, _) =
            Pipeline::open(storage.ports(), PARTITION).await.expect("the pipeline opens");
        let filter =
            IncidentFilter { statuses: IncidentStatus::ALL.to_vec(), ..IncidentFilter::default() };
        let page = storage.store.incidents(HERE, &filter).await.expect("a page");
        let listed = |incident: &model::Incident| {
            let query = SignalQuery {
                project: HERE,
                incidents: Some(vec![incident.id]),
                moved_in: Vec::new(),
                moved_out: Vec::new(),
                ids: Vec::new(),
                from: None,
                until: None,
                limit: 1,
                before: None,
            };
            storage.lake.signals(&query).expect("a page").total
        };
        let seen = page.items.iter();
        let seen = seen.map(|incident| {
            (incident.id, (incident.title.clone(), incident.signal_count, listed(incident)))
        });
        let seen = seen.collect();
        drop(pipeline);
        close(storage).await;
        seen
    })
}

fn quiet() -> impl FnMut(u64, u64) {
    |_done, _total| {}
}

fn replayed(config: &Config, from: Option<u64>, until: Option<u64>) -> ReplayReport {
    replay(config, from, until, &mut quiet()).expect("it replays")
}

/// Every file of a folder with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = copies::files_below(folder).expect("it lists");
    let read = |path: PathBuf| {
        let content = fs::read(folder.join(&path)).expect("it reads");
        (path, content)
    };
    files.into_iter().map(read).collect()
}

/// Nobody but the owner can read anything that is in the folder.
fn assert_private(folder: &Path) {
    for file in copies::files_below(folder).expect("it lists") {
        let found = fs::metadata(folder.join(&file)).expect("it is there");
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("it is there");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("it is writable");
}

/// Changes the store behind stormbell's back.
fn alter(config: &Config, sql: &'static str) -> u64 {
    runtime().expect("a runtime").block_on(async {
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(config.folder("store.sqlite"));
        let mut connection = options.connect().await.expect("it opens");
        let done = sqlx::query(sql).execute(&mut connection).await.expect("it is changed");
        connection.close().await.expect("it closes");
        done.rows_affected()
    })
}

fn status_of<'c>(checks: &'c [Check], name: &str) -> &'c Check {
    checks.iter().find(|check| check.name == name).expect("there is such a check")
}

#[test]
fn a_replay_of_a_healthy_folder_finds_no_difference_and_changes_nothing() {
    let (_folder, config) = world();
    take_in(&config, 1..301);
    let before = contents(&config.data_dir);
    let report = replayed(&config, None, None);
    assert_eq!(report.differences, []);
    assert_eq!((report.from, report.until, report.entries), (1, 300, 300));
    assert_eq!((report.incidents, report.audit_rows), (COMPONENTS, COMPONENTS));
    assert_eq!(contents(&config.data_dir), before);
}

#[test]
fn a_replay_names_the_row_that_was_altered_and_no_other() {
    let (_folder, config) = world();
    take_in(&config, 1..101);
    assert_eq!(alter(&config, "UPDATE incidents SET title = 'another' WHERE number = 3"), 1);
    let report = replayed(&config, None, None);
    assert_eq!(report.differences_total, 1);
    let difference = &report.differences[0];
    assert!(difference.subject.starts_with("incident #3 ("), "{difference:?}");
    assert!(difference.what.starts_with("title: \"another\" in the store"), "{difference:?}");
}

#[test]
fn a_replay_sees_a_row_too_many_and_a_row_too_few() {
    let (_folder, config) = world();
    take_in(&config, 1..101);
    assert_eq!(alter(&config, "DELETE FROM audit WHERE seq = 2"), 1);
    let copied =
        "INSERT INTO audit SELECT project, 99, position, incident, at, actor_kind, actor_name,
        action, detail, reason, text FROM audit WHERE seq = 1";
    assert_eq!(alter(&config, copied), 1);
    let report = replayed(&config, None, None);
    let said: Vec<_> = report.differences.iter().map(|found| found.what.as_str()).collect();
    assert_eq!(report.differences_total, 2, "{:?}", report.differences);
    assert!(said.contains(&"it is in the store, but not in the replay"));
    assert!(said.contains(&"it is in the replay, but not in the store"));
}

#[test]
fn a_replay_of_a_part_begins_at_a_snapshot_and_ends_where_it_is_told() {
    let (_folder, config) = world();
    take_in(&config, 1..101);
    take_in(&config, 101..151);
    let late = replayed(&config, Some(120), None);
    assert_eq!((late.from, late.snapshot, late.entries), (101, 100, 50));
    assert_eq!((late.differences_total, late.incidents), (0, COMPONENTS));
    let early = replayed(&config, None, Some(40));
    assert_eq!((early.until, early.differences_total), (40, 0));
    assert_eq!((early.left_out, early.audit_rows), (COMPONENTS, COMPONENTS));
    assert_eq!(
        alter(&config, "UPDATE incident_counters SET signal_count = signal_count + 1"),
        COMPONENTS
    );
    assert_eq!(replayed(&config, Some(120), None).differences_total, COMPONENTS);
    let error =
        replay(&config, Some(151), None, &mut quiet()).expect_err("there is no such record");
    assert!(format!("{error:#}").contains("record 151 comes after 150"), "{error:#}");
}

#[test]
fn a_backup_restored_elsewhere_shows_what_the_original_shows() {
    let (folder, config) = world();
    take_in(&config, 1..301);
    fs::write(config.admin_key_path(), "secret").expect("it is written");
    let to = folder.path().join("backup");
    let mut last = (0, 0);
    let mut progress = |done, total| last = (done, total);
    let made = backup(&config, &to, &mut progress).expect("it is made");
    assert_eq!(last.0, last.1, "all was done that was to be done");
    assert_eq!((made.positions.journal_end, made.positions.store_applied), (301, 300));
    assert_eq!(made.warnings, Vec::<String>::new());
    assert!(!to.join("admin.key").exists() && !to.join("journal/lock").exists());
    assert_private(&to);
    let elsewhere = configured(&folder, "elsewhere");
    let restored = restore(&elsewhere, &to, &mut quiet()).expect("it is restored");
    assert_eq!(
        (restored.applied, restored.caught_up, restored.active_incidents),
        (300, 0, COMPONENTS)
    );
    assert_private(&elsewhere.data_dir);
    assert_eq!(replayed(&elsewhere, None, None).differences_total, 0);
    assert_eq!(seen(&elsewhere), seen(&config));
}

#[test]
fn a_backup_taken_while_signals_come_in_holds_all_that_were_acknowledged_before() {
    let (folder, config) = world();
    take_in(&config, 1..101);
    let storage_runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let storage = storage_runtime.block_on(Storage::open(&config)).expect("the storage opens");
    let opened = storage_runtime.block_on(Pipeline::open(storage.ports(), PARTITION));
    let (pipeline, _) = opened.expect("the pipeline opens");
    let running = pipeline
        .run(config.pipeline.clone(), storage_runtime.handle().clone())
        .expect("the pipeline runs");
    let journal = storage.journal.clone();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let sending = storage_runtime.spawn(async move {
        let mut next = 101;
        while stopped.try_recv().is_err() {
            append(&*journal, next..next + 20).await;
            next += 20;
        }
        next
    });
    let acknowledged = storage.journal.durable_end();
    let made = backup(&config, &folder.path().join("backup"), &mut quiet()).expect("it is made");
    stop.send(()).expect("the sender listens");
    let sent = storage_runtime.block_on(sending).expect("the sender ends");
    running.stop().expect("the pipeline ends");
    storage_runtime.block_on(close(storage));
    assert!((acknowledged..=sent).contains(&made.positions.journal_end), "{:?}", made.positions);
    let elsewhere = configured(&folder, "elsewhere");
    let restored =
        restore(&elsewhere, &folder.path().join("backup"), &mut quiet()).expect("it is restored");
    assert_eq!(restored.applied + 1, made.positions.journal_end);
    assert_eq!(replayed(&elsewhere, None, None).differences_total, 0);
    let seen = seen(&elsewhere);
    let (counted, listed) =
        seen.values().fold((0, 0), |sum, (_, counted, listed)| (sum.0 + counted, sum.1 + listed));
    assert_eq!((counted, listed), (restored.applied, restored.applied), "{seen:?}");
}

#[test]
fn a_flipped_byte_in_a_backup_is_refused_by_name_and_leaves_no_data_folder() {
    let (folder, config) = world();
    take_in(&config, 1..101);
    let to = folder.path().join("backup");
    backup(&config, &to, &mut quiet()).expect("it is made");
    for path in copies::files_below(&to).expect("it lists") {
        let whole = to.join(&path);
        let length = fs::metadata(&whole).expect("it is there").len();
        flip(&whole, usize::try_from(length / 2).expect("it is small"));
        let elsewhere = configured(&folder, "elsewhere");
        let refused = restore(&elsewhere, &to, &mut quiet());
        if path.ends_with("MANIFEST.json") {
            // In its middle stand paths and checksums: whichever was hit is missed or does not match.
            assert!(refused.is_err());
        } else {
            let error = format!("{:#}", refused.expect_err("it is damaged"));
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        assert!(copies::is_empty(&elsewhere.data_dir).expect("it lists"), "{}", path.display());
        flip(&whole, usize::try_from(length / 2).expect("it is small"));
    }
    restore(&configured(&folder, "elsewhere"), &to, &mut quiet()).expect("all is well again");
}

#[test]
fn neither_a_backup_nor_a_restore_writes_over_anything() {
    let (folder, config) = world();
    take_in(&config, 1..11);
    let to = folder.path().join("backup");
    backup(&config, &to, &mut quiet()).expect("it is made");
    let again = backup(&config, &to, &mut quiet()).expect_err("it is not empty");
    assert!(format!("{again:#}").contains("is not empty"));
    let over = restore(&config, &to, &mut quiet()).expect_err("it is not empty");
    assert!(format!("{over:#}").contains("is not empty"));
    let inside = config.data_dir.join("backup");
    let inside = backup(&config, &inside, &mut quiet()).expect_err("it is in the data folder");
    assert!(format!("{inside:#}").contains("lies in the data folder"));
    fs::remove_file(to.join("MANIFEST.json")).expect("it is removed");
    let elsewhere = configured(&folder, "elsewhere");
    let unfinished = restore(&elsewhere, &to, &mut quiet()).expect_err("it is not finished");
    assert!(format!("{unfinished:#}").contains("no finished backup"));
}

#[test]
fn a_doctor_finds_nothing_wrong_with_a_healthy_folder_and_leaves_no_trace() {
    let (_folder, config) = world();
    take_in(&config, 1..101);
    let before = contents(&config.data_dir);
    let checks = doctor(&config);
    assert!(checks.iter().all(|check| check.status != Status::Fail), "{checks:#?}");
    for name in ["snapshots", "lake", "store", "secrets", "journal", "positions", "clock"] {
        assert_eq!(status_of(&checks, name).status, Status::Ok, "{checks:#?}");
    }
    assert!(status_of(&checks, "journal").detail.starts_with("100 records from 1 on"));
    assert_eq!(contents(&config.data_dir), before);
}

#[test]
fn a_doctor_is_content_with_a_folder_that_no_server_has_seen() {
    let (_folder, config) = world();
    let checks = doctor(&config);
    assert!(checks.iter().all(|check| check.status != Status::Fail), "{checks:#?}");
    for name in
        ["configuration", "data folder", "snapshots", "lake", "store", "journal", "positions"]
    {
        assert_eq!(status_of(&checks, name).status, Status::Ok, "{checks:#?}");
    }
    assert!(!config.data_dir.exists());
}

/// Whoever may do everything is refused nothing, so a folder that cannot be looked at is one below a file here.
#[test]
fn what_cannot_be_looked_at_is_never_called_missing() {
    let (folder, _) = world();
    let config = configured(&folder, "stormbell.toml/data");
    let to = folder.path().join("backup");
    let refusals = [
        backup(&config, &to, &mut quiet()).map(drop),
        replay(&config, None, None, &mut quiet()).map(drop),
        restore(&config, &to, &mut quiet()).map(drop),
        forget_lost_secrets(&config).map(drop),
    ];
    for refused in refusals {
        let refused = format!("{:#}", refused.expect_err("it cannot be looked at"));
        assert!(refused.contains("stormbell.toml/data"), "{refused}");
        assert!(refused.contains("Not a directory"), "{refused}");
    }
    let checks = doctor(&config);
    for name in ["snapshots", "lake", "store", "secrets", "journal", "positions"] {
        let check = status_of(&checks, name);
        assert_eq!(check.status, Status::Fail, "{check:?}");
        assert!(check.detail.starts_with("not looked at: "), "{check:?}");
    }
    for name in ["data folder", "disk speed"] {
        assert_eq!(status_of(&checks, name).status, Status::Fail, "{checks:#?}");
    }
}

#[test]
fn a_doctor_names_what_is_damaged_and_salvaging_goes_on_without_it() {
    let (_folder, config) = world();
    take_in(&config, 1..301);
    let journal = config.folder("journal");
    let segments = journal_files::segments(&journal).expect("it lists");
    assert!(segments.len() > 2, "{segments:?}");
    flip(&journal.join(&segments[1]), 200);
    // With a snapshot behind the damage there would be nothing to salvage.
    fs::remove_dir_all(config.folder("snapshots")).expect("it is removed");
    let lake = config.folder("lake");
    let listing = lake_files::listing(&lake).expect("it reads").expect("it is there");
    flip(&lake.join(&listing.files[0]), 100);
    let before = contents(&config.data_dir);
    let checks = doctor(&config);
    assert_eq!(status_of(&checks, "store").status, Status::Ok, "{checks:#?}");
    let (damaged, other) = (status_of(&checks, "journal"), status_of(&checks, "lake"));
    assert_eq!((damaged.status, other.status), (Status::Fail, Status::Fail));
    assert!(damaged.detail.contains(&segments[1]), "{damaged:?}");
    assert!(other.detail.contains(".parquet"), "{other:?}");
    assert_eq!(contents(&config.data_dir), before);

    let salvaged = salvage_journal(&config).expect("it is salvaged");
    assert!(salvaged.records > 0 && !salvaged.kept_aside.is_empty(), "{salvaged:?}");
    assert_eq!(salvaged.store_ahead, Some(300), "the store had applied what was cut");
    let salvaged = salvage_lake(&config).expect("it is salvaged");
    assert_eq!(salvaged.files.len(), 1);
    let checks = doctor(&config);
    assert_eq!(status_of(&checks, "lake").status, Status::Ok, "{checks:#?}");
    assert_eq!(status_of(&checks, "journal").status, Status::Ok, "{checks:#?}");
    let apart = status_of(&checks, "positions");
    assert_eq!(apart.status, Status::Fail);
    assert!(apart.detail.contains("the store or the lake stands at record 300"), "{apart:?}");
}

/// Puts endpoints with secrets into the store, sealed with the key that is in the folder now.
fn seal_endpoints(config: &Config, ids: Range<u128>) {
    let seal = delivery::Seal::open_file(&config.folder(KEY_FILE)).expect("a key");
    let channels = delivery::Channels::new(delivery::ChannelOptions::default(), seal);
    let channels = channels.expect("they are set up");
    runtime().expect("a runtime").block_on(async {
        let path = config.folder("store.sqlite");
        let store = store::SqliteStore::open(store::Options::new(path)).await.expect("it opens");
        for id in ids {
            let given = json!({"url": "https://example.com", "secret": "never shown"});
            let checked = channels.check(HERE, EndpointId(id), "webhook", &given, None);
            let checked = checked.expect("it is good");
            let row = EndpointRow {
                project: HERE,
                id: EndpointId(id),
                subscriber: SubscriberId(1),
                channel: "webhook".to_owned(),
                name: format!("hook {id}"),
                config: checked.config,
                secrets: checked.secrets,
                verified_at: None,
                owner_confirms: false,
                version: 0,
                created_at: Timestamp::from_micros(0),
            };
            let put = store.put_endpoint(&row, None, &Actor::system(), row.created_at).await;
            put.expect("it is stored");
        }
        store.close().await.expect("it closes");
    });
}

#[test]
fn a_doctor_looks_after_the_key_of_secrets_and_a_backup_without_it_says_so() {
    let (folder, config) = world();
    take_in(&config, 1..11);
    seal_endpoints(&config, 1..3);
    let key = config.folder(KEY_FILE);
    let found = |status: Status, words: &str| {
        let checks = doctor(&config);
        let check = status_of(&checks, "secrets");
        assert_eq!(check.status, status, "{check:?}");
        assert!(check.detail.contains(words), "{words} in {check:?}");
    };
    found(Status::Ok, "opens the secrets of 2 endpoints");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("it is there");
    found(Status::Fail, "mode 0600");
    fs::remove_file(&key).expect("it is there");
    found(Status::Fail, "is missing, and only it opens the secrets of 2 endpoints");
    let made = backup(&config, &folder.path().join("backup"), &mut quiet()).expect("it is made");
    assert!(made.warnings[0].contains("secret.key is missing"), "{:?}", made.warnings);
    seal_endpoints(&config, 3..4);
    found(Status::Fail, "opens the secrets of 1 endpoint, but not the secrets of 2 endpoints");
    let forgotten = forget_lost_secrets(&config).expect("they are forgotten");
    let names: Vec<_> = forgotten.endpoints.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((forgotten.key_made, names.as_slice()), (false, &["hook 1", "hook 2"][..]));
    found(Status::Ok, "opens the secrets of 1 endpoint");
    let again = forget_lost_secrets(&config).expect("there is nothing to forget");
    assert!(again.endpoints.is_empty() && !again.key_made);
}

#[test]
fn beside_a_running_server_a_doctor_looks_a_backup_copies_and_a_replay_is_refused() {
    let (folder, config) = world();
    take_in(&config, 1..101);
    let server = tokio::runtime::Runtime::new().expect("a runtime");
    let storage = server.block_on(Storage::open(&config)).expect("the storage opens");
    let checks = doctor(&config);
    assert!(checks.iter().all(|check| check.status != Status::Fail), "{checks:#?}");
    let journal = status_of(&checks, "journal");
    assert!(journal.detail.contains("read beside the running server"), "{journal:?}");
    let refused = replay(&config, None, None, &mut quiet()).expect_err("a server runs");
    assert!(format!("{refused:#}").contains("replay needs it stopped"), "{refused:#}");
    backup(&config, &folder.path().join("backup"), &mut quiet()).expect("it is made");
    server.block_on(close(storage));
    assert!(Held::look(&config).expect("it looks").running().is_none());
}

#[test]
fn a_backup_goes_on_with_the_journal_that_outlived_the_rest() {
    let (folder, config) = world();
    take_in(&config, 1..101);
    let to = folder.path().join("backup");
    backup(&config, &to, &mut quiet()).expect("it is made");
    take_in(&config, 101..201);
    let before = seen(&config);
    let elsewhere = configured(&folder, "elsewhere");
    restore(&elsewhere, &to, &mut quiet()).expect("it is restored");
    fs::remove_dir_all(elsewhere.folder("journal")).expect("it is removed");
    fs::rename(config.folder("journal"), elsewhere.folder("journal")).expect("it is moved");
    assert_eq!(seen(&elsewhere), before, "nothing that was acknowledged is missing");
}

#[test]
fn damage_that_a_start_never_meets_is_left_out_of_a_backup_and_said() {
    let (folder, config) = world();
    take_in(&config, 1..301);
    let before = seen(&config);
    let journal = config.folder("journal");
    let segments = journal_files::segments(&journal).expect("it lists");
    flip(&journal.join(&segments[1]), 200);
    let to = folder.path().join("backup");
    let made = backup(&config, &to, &mut quiet()).expect("it is made");
    assert_eq!(made.warnings.len(), 1, "{:?}", made.warnings);
    assert!(made.warnings[0].contains(&segments[1]), "{:?}", made.warnings);
    let found = doctor(&config);
    assert!(status_of(&found, "journal").detail.contains("do not salvage"), "{found:#?}");
    let needless = salvage_journal(&config).expect_err("a server starts in spite of it");
    assert!(format!("{needless:#}").contains("Take a backup"), "{needless:#}");
    assert!(made.positions.journal_start > 1 && made.positions.journal_end == 301);
    let elsewhere = configured(&folder, "elsewhere");
    restore(&elsewhere, &to, &mut quiet()).expect("it is restored");
    assert_eq!(seen(&elsewhere), before);
}

#[test]
fn damage_that_a_start_would_meet_is_no_backup() {
    let (folder, config) = world();
    take_in(&config, 1..301);
    let snapshots = config.folder("snapshots");
    fs::remove_dir_all(&snapshots).expect("it is removed");
    let journal = config.folder("journal");
    let segments = journal_files::segments(&journal).expect("it lists");
    flip(&journal.join(&segments[1]), 200);
    let to = folder.path().join("backup");
    let refused = backup(&config, &to, &mut quiet()).expect_err("the journal is needed whole");
    assert!(format!("{refused:#}").contains("record 1 is needed"), "{refused:#}");
    assert!(copies::is_empty(&to).expect("it lists"), "nothing is left of it");
}
