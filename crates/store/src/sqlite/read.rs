//! Rows asked for, and nothing else: every statement about one project binds it.

use model::{Alert, GroupingPolicy, IncidentId, ProjectId, Seq};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::bulk::Values;
use super::columns::Columns;
use super::failure::failed;
use super::rows;
use crate::Error;
use crate::query::{
    IncidentCounts, IncidentView, MERGE_DEPTH, PageCursor, RcaView, SignalMoves, TimelinePage,
    page_rows,
};

/// Without the hint SQLite would walk the whole project by number to spare itself a small sort.
pub(super) const CHILDREN: &str = "SELECT project, id FROM incidents INDEXED BY incidents_merged
    WHERE project = ? AND merged_into = ? ORDER BY number";

/// One incident with its children and its analysis.
pub(super) async fn incident(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: IncidentId,
) -> Result<Option<IncidentView>, Error> {
    const ONE: &str = "SELECT incidents.*, counters.signal_count, counters.last_signal_at
        FROM incidents JOIN incident_counters AS counters
        ON counters.project = incidents.project AND counters.incident = incidents.id
        WHERE incidents.project = ? AND incidents.id = ?";
    let row = sqlx::query(ONE)
        .bind(i64::from(project.0))
        .bind(&id.to_bytes()[..])
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed("read incidents"))?;
    let Some(row) = row else { return Ok(None) };
    let incident = rows::incident::read(&row)?;
    let children = children(connection, project, id).await?;
    let rca = rca(connection, project, id).await?;
    Ok(Some(IncidentView { incident, children, rca }))
}

/// The id behind a number.
pub(super) async fn incident_id(
    connection: &mut SqliteConnection,
    project: ProjectId,
    number: u64,
) -> Result<Option<IncidentId>, Error> {
    const SQL: &str = "SELECT project, id FROM incidents WHERE project = ? AND number = ?";
    let row = sqlx::query(SQL)
        .bind(i64::from(project.0))
        .bind(number.cast_signed())
        .fetch_optional(connection)
        .await
        .map_err(failed("read incidents"))?;
    row.as_ref().map(read_id).transpose()
}

/// A page of the timeline.
pub(super) async fn timeline(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: IncidentId,
    after: Option<PageCursor>,
    limit: usize,
) -> Result<TimelinePage, Error> {
    const ROWS: &str = "SELECT * FROM audit WHERE project = ? AND incident = ?
        AND (seq, position) > (?, ?) ORDER BY seq, position LIMIT ?";
    const COUNT: &str = "SELECT count(*) FROM audit WHERE project = ? AND incident = ?";
    let limit = page_rows(limit);
    let PageCursor(seq, position, _) = after.unwrap_or(PageCursor(-1, -1, 0));
    let found = sqlx::query(ROWS)
        .bind(i64::from(project.0))
        .bind(&id.to_bytes()[..])
        .bind(seq)
        .bind(position)
        .bind(rows_asked(limit))
        .fetch_all(&mut *connection)
        .await
        .map_err(failed("read audit"))?;
    let mut items = found.iter().map(rows::audit::read).collect::<Result<Vec<_>, _>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(PageCursor::of_audit);
    let total: i64 = sqlx::query_scalar(COUNT)
        .bind(i64::from(project.0))
        .bind(&id.to_bytes()[..])
        .fetch_one(connection)
        .await
        .map_err(failed("count audit"))?;
    Ok(TimelinePage { items, next, total: total.cast_unsigned() })
}

/// Signals that moved in and out of the given incidents, taken together.
pub(super) async fn signal_moves(
    connection: &mut SqliteConnection,
    project: ProjectId,
    incidents: &[IncidentId],
) -> Result<SignalMoves, Error> {
    const OUT: &str = "SELECT project, signal_seq, filed_in, now_in FROM signal_moves
        WHERE project = ? AND filed_in = ? ORDER BY signal_seq";
    const IN: &str = "SELECT project, signal_seq, filed_in, now_in FROM signal_moves
        WHERE project = ? AND now_in = ? ORDER BY signal_seq";
    let mut moves = SignalMoves::default();
    for (index, incident) in incidents.iter().enumerate() {
        if incidents[..index].contains(incident) {
            continue;
        }
        for row in moves_of(connection, OUT, project, *incident).await? {
            if !incidents.contains(&row.to) {
                moves.moved_out.push(row.signal_seq);
            }
        }
        for row in moves_of(connection, IN, project, *incident).await? {
            if !row.from.is_some_and(|from| incidents.contains(&from)) {
                moves.moved_in.push(row.signal_seq);
            }
        }
    }
    moves.moved_in.sort_unstable();
    moves.moved_out.sort_unstable();
    Ok(moves)
}

/// The policies of a project.
pub(super) async fn policies(
    connection: &mut SqliteConnection,
    project: ProjectId,
) -> Result<Vec<GroupingPolicy>, Error> {
    const SQL: &str = "SELECT * FROM policies WHERE project = ? ORDER BY position, id";
    let rows = sqlx::query(SQL).bind(i64::from(project.0)).fetch_all(connection).await;
    let rows = rows.map_err(failed("read policies"))?;
    rows.iter().map(rows::policy::read).collect()
}

/// Incidents by status and severity, over all projects.
pub(super) async fn counts(connection: &mut SqliteConnection) -> Result<IncidentCounts, Error> {
    const SQL: &str = "SELECT status, severity, sum(incidents) AS incidents FROM incident_counts
        GROUP BY status, severity HAVING sum(incidents) > 0 ORDER BY status, severity";
    let rows = sqlx::query(SQL).fetch_all(connection).await;
    let rows = rows.map_err(failed("read incident_counts"))?;
    let read = |row: &SqliteRow| {
        let columns = Columns::new(row, "incident_counts", &["status", "severity"]);
        Ok((columns.status()?, columns.severity()?, columns.unsigned("incidents")?))
    };
    rows.iter().map(read).collect::<Result<_, _>>().map(IncidentCounts)
}

/// Every alert that fires, of every project.
pub(super) async fn firing_alerts(connection: &mut SqliteConnection) -> Result<Vec<Alert>, Error> {
    const SQL: &str = "SELECT * FROM alerts";
    let rows = sqlx::query(SQL).fetch_all(connection).await.map_err(failed("read alerts"))?;
    let mut alerts: Vec<Alert> = rows.iter().map(rows::alert::read).collect::<Result<_, _>>()?;
    // Sorted here: the table is read from front to back, and not row by row as its index has them.
    alerts.sort_unstable_by_key(|alert| (alert.project, alert.identity));
    Ok(alerts)
}

async fn children(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: IncidentId,
) -> Result<Vec<IncidentId>, Error> {
    let rows = sqlx::query(CHILDREN)
        .bind(i64::from(project.0))
        .bind(&id.to_bytes()[..])
        .fetch_all(connection)
        .await
        .map_err(failed("read incidents"))?;
    rows.iter().map(read_id).collect()
}

/// The analysis of the incident or, where it has none, of the nearest one it was merged into.
async fn rca(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: IncidentId,
) -> Result<Option<RcaView>, Error> {
    const SQL: &str = "WITH RECURSIVE line (id, depth) AS (
            VALUES (?2, 0)
            UNION ALL
            SELECT incidents.merged_into, depth + 1 FROM line
            JOIN incidents ON incidents.project = ?1 AND incidents.id = line.id
            WHERE incidents.merged_into IS NOT NULL AND depth < ?3
        )
        SELECT rcas.* FROM line JOIN rcas ON rcas.project = ?1 AND rcas.incident = line.id
        ORDER BY depth LIMIT 1";
    let row = sqlx::query(SQL)
        .bind(i64::from(project.0))
        .bind(&id.to_bytes()[..])
        .bind(i64::from(MERGE_DEPTH))
        .fetch_optional(connection)
        .await
        .map_err(failed("read rcas"))?;
    row.as_ref().map(rows::analysis::read_accepted).transpose()
}

struct MoveOf {
    signal_seq: Seq,
    from: Option<IncidentId>,
    to: IncidentId,
}

async fn moves_of(
    connection: &mut SqliteConnection,
    sql: &'static str,
    project: ProjectId,
    incident: IncidentId,
) -> Result<Vec<MoveOf>, Error> {
    let mut values = Values::default();
    values.add(i64::from(project.0)).add(&incident.to_bytes()[..]);
    let rows = sqlx::query_with(sql, values.into_arguments()).fetch_all(connection).await;
    let rows = rows.map_err(failed("read signal_moves"))?;
    let read = |row: &SqliteRow| {
        let columns = Columns::new(row, "signal_moves", &["project", "signal_seq"]);
        Ok(MoveOf {
            signal_seq: columns.seq("signal_seq")?,
            from: columns.maybe_incident("filed_in")?,
            to: IncidentId(columns.wide("now_in")?),
        })
    };
    rows.iter().map(read).collect()
}

fn read_id(row: &SqliteRow) -> Result<IncidentId, Error> {
    Columns::new(row, "incidents", &rows::incident::KEY).wide("id").map(IncidentId)
}

/// One more than the page holds, to know whether there is a next one.
fn rows_asked(limit: usize) -> i64 {
    i64::try_from(limit + 1).unwrap_or(i64::MAX)
}
