//! Handing out: first the keys of what is due to each target, from the index alone, then the messages of
//! those that nobody has. Many messages share a notice, which is read and decoded once. What has a line and
//! stands in none yet is not handed out before it has taken its place there.
//!
//! Invariant: what is handed out stands in the leases before anybody else can ask.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use model::{Notice, ProjectId, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::leases::{Lease, Leases};
use super::line::Joining;
use crate::Error;
use crate::batch::DeliveryKey;
use crate::outbox::{LeaseOf, Leased, Line, line_of};
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;
use crate::sqlite::rows::{self, notification::NoticeHash};

/// How many targets one statement asks for, largest first; SQLite puts at most 500 parts together.
const SIZES: [usize; 3] = [64, 8, 1];

/// The keys of what is due to so many targets, in the order in which they are handed out. `LIMIT` comes
/// before anything is read that is not in the index.
pub(in crate::sqlite) static KEYS: LazyLock<[Arc<str>; SIZES.len()]> = LazyLock::new(|| {
    const ONE: &str = "SELECT * FROM (SELECT ? AS place, rowid AS number, notification, due_at
        FROM deliveries INDEXED BY deliveries_ready
        WHERE project = ? AND target_kind = ? AND target = ?
            AND status = 0 AND blocked = 0 AND due_at <= ?
        ORDER BY due_at, seq, notification LIMIT ?)";
    SIZES.map(|size| vec![ONE; size].join(" UNION ALL ").into())
});

/// The messages, each with what the other side called the first about its incident.
pub(in crate::sqlite) static MESSAGES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "SELECT picked.column1 AS number, delivery.project, delivery.notification,
            delivery.notification AS id, delivery.target_kind, delivery.target,
            delivery.attempts, delivery.deadline, delivery.line IS NOT NULL AS in_line, told.document, told.notice, threads.reference
        FROM (VALUES",
        1,
        ") AS picked
        CROSS JOIN deliveries AS delivery ON delivery.rowid = picked.column1
        CROSS JOIN notifications AS told
            ON told.project = delivery.project AND told.id = delivery.notification
        LEFT JOIN threads ON threads.project = delivery.project
            AND threads.target_kind = delivery.target_kind AND threads.target = delivery.target
            AND told.subject_kind = 0 AND threads.incident = told.subject",
    )
});

/// What many messages tell.
pub(in crate::sqlite) static NOTICES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "SELECT notices.project, notices.hash, notices.document FROM (VALUES",
        2,
        ") AS told CROSS JOIN notices
            ON notices.project = told.column1 AND notices.hash = told.column2",
    )
});

/// Something that can be handed out.
struct Pick {
    /// For which of what is wanted.
    place: usize,
    /// Its row.
    number: i64,
    key: DeliveryKey,
    due_at: Timestamp,
}

/// A message that can be handed out.
struct Ready {
    leased: Leased,
    /// The line in which it has to take its place first.
    joins: Option<Line>,
}

/// What came of asking for leases.
pub(super) enum Taken {
    /// They are these.
    Leased(Vec<Leased>),
    /// Nothing is leased, because these take their places in their lines first.
    Joining(Vec<Joining>),
}

/// Leases what each target is handed out; `connection` sees the store as of one moment.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    leases: &mut Leases,
    (owner, now, until): (u128, Timestamp, Timestamp),
    wanted: &[LeaseOf],
) -> Result<Taken, Error> {
    let picks = pick(connection, leases, now, wanted).await?;
    let mut read = messages(connection, &picks).await?;
    let joins = |pick: &Pick| {
        let line = read.get(&pick.number)?.as_ref().ok()?.joins?;
        Some(Joining { number: pick.number, key: pick.key, line })
    };
    let joining: Vec<_> = picks.iter().filter_map(joins).collect();
    if !joining.is_empty() {
        return Ok(Taken::Joining(joining));
    }
    let mut leased = Vec::with_capacity(picks.len());
    for of_one in picks.chunk_by(|one, next| one.place == next.place) {
        let from = leased.len();
        for pick in of_one {
            leases.put(pick.key, Lease { owner, until, due_at: pick.due_at, blocked: false });
            match read.remove(&pick.number) {
                Some(Ok(ready)) => leased.push(ready.leased),
                // It stays leased and so out of the way of what can be read.
                Some(Err(error)) => {
                    tracing::error!(cause = %error, "a notification cannot be delivered");
                }
                None => tracing::error!(id = %pick.key.1, "a delivery has no notification"),
            }
        }
        leased[from..].sort_by_key(|one: &Leased| (one.notification.seq, one.notification.id));
    }
    Ok(Taken::Leased(leased))
}

/// What nobody has of what is due, target by target.
async fn pick(
    connection: &mut SqliteConnection,
    leases: &Leases,
    now: Timestamp,
    wanted: &[LeaseOf],
) -> Result<Vec<Pick>, Error> {
    let mut picks: Vec<Pick> = Vec::new();
    let mut picked = BTreeSet::new();
    let mut left: Vec<u32> = wanted.iter().map(|of| of.most).collect();
    let limits = limits(leases, now, wanted);
    let mut first = 0;
    while first < wanted.len() {
        let index = SIZES.iter().position(|size| *size <= wanted.len() - first);
        let index = index.unwrap_or(SIZES.len() - 1);
        let last = first + SIZES[index];
        let of = (first..last).map(|place| (place, &wanted[place], limits[place]));
        for row in keys(connection, now, of, &KEYS[index]).await? {
            let columns = Columns::new(&row, "deliveries", &["notification"]);
            let place = usize::try_from(columns.unsigned("place")?).unwrap_or(usize::MAX);
            let Some(of) = wanted.get(place) else { continue };
            let key = (of.project, columns.notification("notification")?, of.target);
            if left[place] > 0 && !leases.holds(key, now) && picked.insert(key) {
                left[place] -= 1;
                let (number, due_at) = (columns.get("number")?, columns.time("due_at")?);
                picks.push(Pick { place, number, key, due_at });
            }
        }
        first = last;
    }
    Ok(picks)
}

/// How many entries to read of each target: as many more as are leased already, and where the same target is
/// asked for again, as were asked for before.
fn limits(leases: &Leases, now: Timestamp, wanted: &[LeaseOf]) -> Vec<u64> {
    let mut limits = HashMap::with_capacity(wanted.len());
    let limit = |of: &LeaseOf| {
        let place = (of.project, of.target);
        let held = || u64::from(leases.held_of(place, now));
        let limit = limits.entry(place).or_insert_with(held);
        *limit += u64::from(of.most);
        *limit
    };
    wanted.iter().map(limit).collect()
}

/// The keys of what is due to these targets.
async fn keys(
    connection: &mut SqliteConnection,
    now: Timestamp,
    of: impl Iterator<Item = (usize, &LeaseOf, u64)>,
    sql: &Arc<str>,
) -> Result<Vec<SqliteRow>, Error> {
    let mut values = Values::default();
    for (place, one, limit) in of {
        values
            .add(i64::try_from(place).unwrap_or(i64::MAX))
            .add(i64::from(one.project.0))
            .add_target(one.target)
            .add(now.micros())
            .add(limit.cast_signed());
    }
    let query = sqlx::query_with(AssertSqlSafe(Arc::clone(sql)), values.into_arguments());
    query.fetch_all(connection).await.map_err(failed("read deliveries"))
}

/// The messages of what was picked, by their rows.
async fn messages(
    connection: &mut SqliteConnection,
    picks: &[Pick],
) -> Result<HashMap<i64, Result<Ready, Error>>, Error> {
    let run = MESSAGES.fetch(connection, picks, |values, pick| {
        values.add(pick.number);
    });
    let rows = run.await.map_err(failed("read notifications"))?;
    let notices = notices(connection, &rows).await?;
    let number = |row: &SqliteRow| columns(row).get("number");
    rows.iter().map(|row| Ok((number(row)?, read(row, &notices)))).collect()
}

/// What the messages of these rows tell, each notice decoded once; one that cannot be is left out.
async fn notices(
    connection: &mut SqliteConnection,
    rows: &[SqliteRow],
) -> Result<HashMap<(ProjectId, NoticeHash), Arc<Notice>>, Error> {
    let mut told = BTreeSet::new();
    for row in rows {
        if let (Ok(project), Ok(hash)) = (columns(row).project("project"), notice_of(row)) {
            told.insert((project, hash));
        }
    }
    let told: Vec<_> = told.into_iter().collect();
    let run = NOTICES.fetch(connection, &told, |values, (project, hash)| {
        values.add(i64::from(project.0)).add(&hash[..]);
    });
    let mut notices = HashMap::with_capacity(told.len());
    for row in run.await.map_err(failed("read notices"))? {
        let columns = Columns::new(&row, "notices", &["project", "hash"]);
        match columns.coded("document", model::codec::read_notice) {
            Ok(notice) => {
                let key = (columns.project("project")?, columns.bytes("hash")?);
                notices.insert(key, Arc::new(notice));
            }
            Err(error) => tracing::error!(cause = %error, "what is told cannot be read"),
        }
    }
    Ok(notices)
}

fn read(
    row: &SqliteRow,
    notices: &HashMap<(ProjectId, NoticeHash), Arc<Notice>>,
) -> Result<Ready, Error> {
    let columns = columns(row);
    let told = (columns.project("project")?, notice_of(row)?);
    let notice = notices.get(&told);
    let notice = notice.ok_or_else(|| columns.unreadable("notice", "the name of a notice"))?;
    let notification = rows::notification::read_telling(row, Arc::clone(notice))?;
    let joins = if columns.flag("in_line")? { None } else { line_of(&notification) };
    let leased = Leased {
        notification,
        target: columns.target()?,
        attempt: columns.small("attempts")?.saturating_add(1),
        deadline: columns.time("deadline")?,
        thread: columns.get::<Option<String>>("reference")?.unwrap_or_default(),
    };
    Ok(Ready { leased, joins })
}

fn columns(row: &SqliteRow) -> Columns<'_> {
    Columns::new(row, "deliveries", &rows::delivery::KEY)
}

fn notice_of(row: &SqliteRow) -> Result<NoticeHash, Error> {
    columns(row).bytes("notice")
}
