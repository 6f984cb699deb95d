//! What tries and replays change: the deliveries are read once, moved here, and written by their rows.
//!
//! Invariant: a delivery moves only with a try that it has not had, and a letter is replayed only once by
//! each entry of the journal, so that writing a batch twice changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use model::{NotificationId, ProjectId, Receipt, Seq, Target, Timestamp, Verdict, limits};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::Error;
use crate::batch::{DeliveryKey, Outgoing};
use crate::outbox::{DeliveryStatus, NotificationStatus};
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;
use crate::sqlite::rows;

use super::counts::Counts;

/// A notification with its deliveries, as far as tries can change them.
#[derive(Debug)]
pub(super) struct Standing {
    row: i64,
    status: NotificationStatus,
    delivered_at: Option<Timestamp>,
    deliveries: BTreeMap<Target, Stand>,
}

/// A delivery, and what a batch makes of it.
#[derive(Debug)]
struct Stand {
    row: i64,
    before: DeliveryStatus,
    status: DeliveryStatus,
    in_line: bool,
    attempts: u32,
    delivered_at: Option<Timestamp>,
    dead_at: Option<Timestamp>,
    replayed_seq: Option<Seq>,
    change: Change,
}

/// What is to be written of a delivery beside where it stands.
#[derive(Debug, Default)]
struct Change {
    is_moved: bool,
    due_at: Option<Timestamp>,
    answer: Option<String>,
    /// By which entry it was replayed, and when.
    replay: Option<(Seq, Timestamp)>,
}

/// The notifications that a batch is about.
pub(super) type Standings = BTreeMap<(ProjectId, NotificationId), Standing>;

/// Notifications with their deliveries.
pub(in crate::sqlite) static STANDINGS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "SELECT told.rowid AS told_row, told.project, told.id, told.status AS told_status, told.delivered_at AS told_at,
            delivery.rowid AS row, delivery.target_kind, delivery.target, delivery.status,
            delivery.line IS NOT NULL AS in_line, delivery.attempts, delivery.delivered_at, delivery.dead_at, delivery.replayed_seq
        FROM (VALUES",
        2,
        ") AS touched CROSS JOIN notifications AS told
            ON told.project = touched.column1 AND told.id = touched.column2
        LEFT JOIN deliveries AS delivery
            ON delivery.project = told.project AND delivery.notification = told.id",
    )
});

/// What was spread out may be lost in a power cut; the journal brings back what became of it. Its line is
/// that of what it was spread out from.
pub(in crate::sqlite) static MISSING: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO deliveries (project, notification, target_kind, target, subscriber, seq, line,
            status, blocked, attempts, due_at, deadline, last_answer)
        SELECT project, id, target_kind, target, subscriber, seq, line,
            0, line IS NOT NULL, 0, at, deadline, ''
        FROM (SELECT told.*, new.column3 AS target_kind, new.column4 AS target,
            (SELECT known.line FROM deliveries AS known
                WHERE known.project = told.project AND known.notification = told.id
                AND known.line IS NOT NULL LIMIT 1) AS line
        FROM (VALUES",
        4,
        ") AS new CROSS JOIN notifications AS told
            ON told.project = new.column1 AND told.id = new.column2)
        WHERE true ON CONFLICT DO NOTHING",
    )
});

pub(in crate::sqlite) static MOVES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "UPDATE deliveries AS old SET status = new.column2, attempts = new.column3,
            due_at = coalesce(new.column4, old.due_at), delivered_at = new.column5,
            dead_at = new.column6, last_answer = coalesce(new.column7, old.last_answer)
        FROM (VALUES",
        7,
        ") AS new WHERE old.rowid = new.column1",
    )
});

/// A letter that is due again takes its place in its line.
pub(in crate::sqlite) static REPLAYS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "UPDATE deliveries AS old SET blocked = old.line IS NOT NULL, deadline = new.column2,
            replayed_at = new.column3, replayed_seq = new.column4
        FROM (VALUES",
        4,
        ") AS new WHERE old.rowid = new.column1",
    )
});

pub(in crate::sqlite) static STATUSES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "UPDATE notifications AS old SET status = new.column2, delivered_at = new.column3
        FROM (VALUES",
        3,
        ") AS new WHERE old.rowid = new.column1",
    )
});

/// Reads these notifications with their deliveries; those that are not there are left out.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    notifications: &[(ProjectId, NotificationId)],
) -> Result<Standings, Error> {
    let run = STANDINGS.fetch(connection, notifications, |values, row| {
        values.add(i64::from(row.0.0)).add(&row.1.to_bytes()[..]);
    });
    let mut standings = Standings::new();
    for row in run.await.map_err(failed("read deliveries"))? {
        let columns = Columns::new(&row, "notifications", &["project", "id"]);
        let key = (columns.project("project")?, columns.notification("id")?);
        let standing = match standings.entry(key) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => place.insert(Standing {
                row: columns.get("told_row")?,
                status: columns.code("told_status", NotificationStatus::from_code)?,
                delivered_at: columns.maybe_time("told_at")?,
                deliveries: BTreeMap::new(),
            }),
        };
        if let Some(number) = columns.get::<Option<i64>>("row")? {
            let (target, stand) = read_delivery(&row, number)?;
            standing.deliveries.insert(target, stand);
        }
    }
    Ok(standings)
}

fn read_delivery(row: &SqliteRow, number: i64) -> Result<(Target, Stand), Error> {
    let columns = Columns::new(row, "deliveries", &["project", "id", "target_kind", "target"]);
    let status = columns.code("status", DeliveryStatus::from_code)?;
    let stand = Stand {
        row: number,
        before: status,
        status,
        in_line: columns.flag("in_line")?,
        attempts: columns.small("attempts")?,
        delivered_at: columns.maybe_time("delivered_at")?,
        dead_at: columns.maybe_time("dead_at")?,
        replayed_seq: columns.maybe_unsigned("replayed_seq")?.map(Seq),
        change: Change::default(),
    };
    Ok((columns.target()?, stand))
}

/// What the batch is about, deliveries included that were lost.
pub(super) async fn read_all(
    connection: &mut SqliteConnection,
    outgoing: &Outgoing<'_>,
    counts: &mut Counts,
) -> Result<Standings, Error> {
    let notifications = outgoing.moved_notifications();
    let standings = read(connection, &notifications).await?;
    let mut missing: BTreeMap<ProjectId, BTreeSet<DeliveryKey>> = BTreeMap::new();
    for (_, receipt) in &outgoing.receipts {
        let told = standings.get(&(receipt.project, receipt.notification));
        if told.is_some_and(|told| !told.deliveries.contains_key(&receipt.target)) {
            let key = (receipt.project, receipt.notification, receipt.target);
            missing.entry(receipt.project).or_default().insert(key);
        }
    }
    if missing.is_empty() {
        return Ok(standings);
    }
    for (project, keys) in missing {
        let keys: Vec<DeliveryKey> = keys.into_iter().collect();
        let run = MISSING.run(connection, &keys, |values, &key| {
            values.add_delivery(key);
        });
        counts.new_deliveries(project, run.await.map_err(failed("write deliveries"))?);
    }
    read(connection, &notifications).await
}

/// Moves what the batch moves; answers the deliveries that it moved.
pub(super) fn apply(standings: &mut Standings, outgoing: &Outgoing<'_>) -> Vec<DeliveryKey> {
    let mut moved = BTreeSet::new();
    for round in &outgoing.rounds {
        for &(at, receipt) in &round.receipts {
            let key = (receipt.project, receipt.notification, receipt.target);
            if let Some(stand) = stand(standings, key)
                && receipt.attempt > stand.attempts
            {
                stand.try_ended(at, receipt);
                moved.insert(key);
            }
        }
        for &(key, moment) in &round.replays {
            if let Some(stand) = stand(standings, key)
                && stand.status == DeliveryStatus::Dead
                && stand.replayed_seq.is_none_or(|last| last < moment.0)
            {
                stand.replayed(moment);
                moved.insert(key);
            }
        }
    }
    moved.into_iter().collect()
}

/// Whether a delivery stands in a line.
pub(super) fn is_in_line(standings: &Standings, key: DeliveryKey) -> bool {
    let told = standings.get(&(key.0, key.1));
    told.and_then(|told| told.deliveries.get(&key.2)).is_some_and(|stand| stand.in_line)
}

fn stand(standings: &mut Standings, key: DeliveryKey) -> Option<&mut Stand> {
    standings.get_mut(&(key.0, key.1))?.deliveries.get_mut(&key.2)
}

impl Stand {
    fn try_ended(&mut self, at: Timestamp, receipt: &Receipt) {
        self.status = DeliveryStatus::after(receipt.verdict);
        self.attempts = receipt.attempt;
        self.delivered_at = self.status.is_told().then_some(at);
        self.dead_at = (self.status == DeliveryStatus::Dead).then_some(at);
        self.change.is_moved = true;
        if receipt.verdict == Verdict::Retry {
            self.change.due_at = Some(receipt.next_at.unwrap_or(at));
        }
        self.change.answer = Some(receipt.answer.clone());
    }

    fn replayed(&mut self, (seq, at): (Seq, Timestamp)) {
        self.status = DeliveryStatus::Due;
        self.dead_at = None;
        self.replayed_seq = Some(seq);
        self.change.is_moved = true;
        self.change.due_at = Some(at);
        self.change.replay = Some((seq, at));
    }
}

/// Writes what has moved, and where the notifications stand then.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    standings: &Standings,
    counts: &mut Counts,
) -> Result<(), Error> {
    let mut moved: Vec<&Stand> = Vec::new();
    for ((project, _), told) in standings {
        for stand in told.deliveries.values().filter(|stand| stand.change.is_moved) {
            moved.push(stand);
            if stand.before != stand.status {
                counts.delivery(*project, stand.before, stand.status);
            }
        }
    }
    let run = MOVES.run(connection, &moved, |values, stand| write_move(values, stand));
    run.await.map_err(failed("write deliveries"))?;
    moved.retain(|stand| stand.change.replay.is_some());
    let run = REPLAYS.run(connection, &moved, |values, stand| write_replay(values, stand));
    run.await.map_err(failed("write deliveries"))?;
    write_statuses(connection, standings, counts).await
}

fn write_move(values: &mut Values, stand: &Stand) {
    values
        .add(stand.row)
        .add(i64::from(stand.status.code()))
        .add(i64::from(stand.attempts))
        .add(stand.change.due_at.map(Timestamp::micros))
        .add(stand.delivered_at.map(Timestamp::micros))
        .add(stand.dead_at.map(Timestamp::micros))
        .add(stand.change.answer.as_deref());
}

fn write_replay(values: &mut Values, stand: &Stand) {
    let (seq, at) = stand.change.replay.unwrap_or_default();
    let deadline = at + limits::DELIVERY_DEADLINE;
    values.add(stand.row).add(deadline.micros()).add(at.micros()).add(seq.0.cast_signed());
}

/// Brings the statuses of notifications to what their deliveries say.
pub(super) async fn write_statuses(
    connection: &mut SqliteConnection,
    standings: &Standings,
    counts: &mut Counts,
) -> Result<(), Error> {
    let mut changed = Vec::new();
    for ((project, _), told) in standings.iter().filter(|(_, told)| !told.deliveries.is_empty()) {
        let stands = told.deliveries.values();
        let status = NotificationStatus::of(stands.clone().map(|stand| stand.status));
        let last = stands.filter_map(|stand| stand.delivered_at).max();
        let delivered_at = last.filter(|_| status == NotificationStatus::Delivered);
        if status != told.status {
            counts.notification(*project, Some(told.status), status);
        }
        if (status, delivered_at) != (told.status, told.delivered_at) {
            changed.push((told.row, status, delivered_at));
        }
    }
    let run = STATUSES.run(connection, &changed, |values, &(row, status, delivered_at)| {
        values.add(row).add(i64::from(status.code())).add(delivered_at.map(Timestamp::micros));
    });
    run.await.map_err(failed("write statuses of notifications"))?;
    Ok(())
}

/// Keeps each try of what is known.
pub(super) async fn write_attempts(
    connection: &mut SqliteConnection,
    standings: &Standings,
    outgoing: &Outgoing<'_>,
) -> Result<(), Error> {
    let known =
        |receipt: &Receipt| standings.contains_key(&(receipt.project, receipt.notification));
    let tried: Vec<_> =
        outgoing.receipts.iter().copied().filter(|(_, receipt)| known(receipt)).collect();
    let run = ATTEMPTS.run(connection, &tried, rows::receipt::write);
    run.await.map_err(failed("write attempts"))?;
    let named: Vec<&Receipt> = tried.iter().map(|&(_, receipt)| receipt).filter(names).collect();
    let run = THREADS.run(connection, &named, |values, receipt| {
        values
            .add_delivery((receipt.project, receipt.notification, receipt.target))
            .add(receipt.reference.as_str());
    });
    run.await.map_err(failed("write threads"))?;
    Ok(())
}

/// Whether the other side said what it calls the message.
fn names(receipt: &&Receipt) -> bool {
    receipt.verdict == Verdict::Delivered && !receipt.reference.is_empty()
}

static ATTEMPTS: LazyLock<Bulk> = LazyLock::new(|| {
    const COLUMNS: [&str; rows::receipt::WIDTH] = [
        "project",
        "notification",
        "target_kind",
        "target",
        "attempt",
        "at",
        "verdict",
        "document",
    ];
    Bulk::insert("attempts", &COLUMNS, "ON CONFLICT DO NOTHING")
});

/// What the other side called the first message about an incident.
static THREADS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO threads (project, target_kind, target, incident, reference)
        SELECT told.project, new.column3, new.column4, told.subject, new.column5 FROM (VALUES",
        5,
        ") AS new CROSS JOIN notifications AS told
            ON told.project = new.column1 AND told.id = new.column2
        WHERE told.subject_kind = 0 ON CONFLICT DO NOTHING",
    )
});
