//! Rows asked for, and nothing else: every statement binds the project.
//!
//! The list of incidents is read severity by severity, each from its index in the order of the page,
//! so that a page costs what it holds and not what lies before it.

use model::{Alert, GroupingPolicy, Incident, IncidentId, ProjectId, Seq, Severity, Status};
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::QueryBuilder;

use super::bulk::Values;
use super::columns::Columns;
use super::failure::failed;
use super::{policy_rows, rows};
use crate::query::{
    IncidentCounts, IncidentFilter, IncidentPage, IncidentView, MERGE_DEPTH, PageCursor, RcaView,
    SignalMoves, TimelinePage, page_rows,
};
use crate::Error;

/// A page of incidents.
pub(super) async fn incidents(
    connection: &mut SqliteConnection,
    project: ProjectId,
    filter: &IncidentFilter,
) -> Result<IncidentPage, Error> {
    let limit = page_rows(filter.limit);
    let mut items: Vec<Incident> = Vec::new();
    for severity in severities(filter) {
        let Some(after) = start(filter.after, severity) else { continue };
        let wanted = limit + 1 - items.len();
        let mut found = Vec::new();
        for shelf in shelves(filter) {
            let mut query = select(project, filter, &shelf, severity, after, wanted);
            let rows = query.build().fetch_all(&mut *connection).await;
            let rows = rows.map_err(failed("read incidents"))?;
            found.extend(rows.iter().map(rows::read_incident).collect::<Result<Vec<_>, _>>()?);
        }
        found.sort_by_key(|incident| {
            std::cmp::Reverse((incident.last_signal_at, incident.number))
        });
        items.extend(found.into_iter().take(wanted));
        if items.len() > limit {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(PageCursor::of_incident);
    let total = total(connection, project, filter).await?;
    Ok(IncidentPage { items, next, total })
}

/// One incident with its children and its analysis.
pub(super) async fn incident(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: IncidentId,
) -> Result<Option<IncidentView>, Error> {
    const ONE: &str = "SELECT * FROM incidents WHERE project = ? AND id = ?";
    let row = sqlx::query(ONE)
        .bind(i64::from(project.0))
        .bind(&id.to_bytes()[..])
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed("read incidents"))?;
    let Some(row) = row else { return Ok(None) };
    let incident = rows::read_incident(&row)?;
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
    let mut items = found.iter().map(rows::read_audit).collect::<Result<Vec<_>, _>>()?;
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
    rows.iter().map(policy_rows::read_policy).collect()
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
    const SQL: &str = "SELECT * FROM alerts ORDER BY project, identity";
    let rows = sqlx::query(SQL).fetch_all(connection).await.map_err(failed("read alerts"))?;
    rows.iter().map(rows::read_alert).collect()
}

/// The incidents of a list that one index holds in order: those not closed, or the closed ones.
pub(super) struct Shelf {
    /// The condition that is the index's own.
    condition: &'static str,
    /// The statuses asked for on it; empty means all of them.
    statuses: Vec<Status>,
}

pub(super) fn shelves(filter: &IncidentFilter) -> Vec<Shelf> {
    let (closed, active): (Vec<Status>, Vec<Status>) =
        filter.statuses.iter().partition(|&&status| status == Status::Closed);
    let mut shelves = Vec::with_capacity(2);
    if !active.is_empty() || closed.is_empty() {
        shelves.push(Shelf { condition: "status <> 3", statuses: active });
    }
    if !closed.is_empty() {
        shelves.push(Shelf { condition: "status = 3", statuses: Vec::new() });
    }
    shelves
}

/// The severities of the list, worst first.
fn severities(filter: &IncidentFilter) -> impl Iterator<Item = Severity> {
    Severity::ALL
        .into_iter()
        .filter(|severity| filter.severities.is_empty() || filter.severities.contains(severity))
}

/// Where the page starts within `severity`: after a signal time and number, or at its beginning;
/// nowhere when the page before had got past it.
fn start(after: Option<PageCursor>, severity: Severity) -> Option<Option<(i64, i64)>> {
    match after {
        None => Some(None),
        Some(PageCursor(rank, ..)) if rank < i64::from(severity.rank()) => Some(None),
        Some(PageCursor(rank, last_signal_at, number)) => {
            (rank == i64::from(severity.rank())).then_some(Some((last_signal_at, number)))
        }
    }
}

/// The statement of a page: up to `wanted` incidents of one severity on one shelf.
pub(super) fn select(
    project: ProjectId,
    filter: &IncidentFilter,
    shelf: &Shelf,
    severity: Severity,
    after: Option<(i64, i64)>,
    wanted: usize,
) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT * FROM incidents");
    restrict(&mut query, project, filter, shelf);
    query.push(" AND severity = ").push_bind(i64::from(severity.rank()));
    if let Some((last_signal_at, number)) = after {
        query.push(" AND (last_signal_at, number) < (").push_bind(last_signal_at);
        query.push(", ").push_bind(number).push(")");
    }
    query.push(" ORDER BY last_signal_at DESC, number DESC LIMIT ");
    query.push_bind(i64::try_from(wanted).unwrap_or(i64::MAX));
    query
}

/// Adds the conditions of the filter, all but severity and place.
fn restrict(
    query: &mut QueryBuilder<Sqlite>,
    project: ProjectId,
    filter: &IncidentFilter,
    shelf: &Shelf,
) {
    // Without statistics SQLite would walk a whole severity in order rather than sort one component.
    if filter.component.is_some() {
        query.push(" INDEXED BY incidents_component");
    }
    query.push(" WHERE project = ").push_bind(i64::from(project.0));
    query.push(" AND ").push(shelf.condition);
    if !shelf.statuses.is_empty() {
        one_of(query, "status", shelf.statuses.iter().map(|status| status.code()));
    }
    let exact = [
        ("component", &filter.component),
        ("environment", &filter.environment),
        ("assignee", &filter.assignee),
    ];
    for (column, value) in exact {
        if let Some(value) = value {
            query.push(" AND ").push(column).push(" = ").push_bind(value.as_str());
        }
    }
    if let Some(text) = &filter.text {
        let pattern = pattern(text);
        query.push(" AND (");
        for (index, column) in ["title", "component", "grouping_key"].into_iter().enumerate() {
            query.push(if index == 0 { "" } else { " OR " });
            query.push(column).push(" LIKE ").push_bind(pattern.clone()).push(r" ESCAPE '\'");
        }
        query.push(")");
    }
}

fn one_of(query: &mut QueryBuilder<Sqlite>, column: &str, codes: impl Iterator<Item = u8>) {
    query.push(" AND ").push(column).push(" IN (");
    for (index, code) in codes.enumerate() {
        query.push(if index == 0 { "" } else { ", " }).push_bind(i64::from(code));
    }
    query.push(")");
}

/// The pattern of LIKE that finds `text` anywhere, its own wildcards taken literally.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// How many incidents fit the filter, wherever the page is.
async fn total(
    connection: &mut SqliteConnection,
    project: ProjectId,
    filter: &IncidentFilter,
) -> Result<u64, Error> {
    let counted = filter.component.is_none()
        && filter.environment.is_none()
        && filter.assignee.is_none()
        && filter.text.is_none();
    let mut total = 0;
    for shelf in shelves(filter) {
        let mut query = QueryBuilder::new(if counted {
            "SELECT coalesce(sum(incidents), 0) FROM incident_counts"
        } else {
            "SELECT count(*) FROM incidents"
        });
        restrict(&mut query, project, filter, &shelf);
        one_of(&mut query, "severity", severities(filter).map(Severity::rank));
        let count: i64 = query
            .build_query_scalar()
            .fetch_one(&mut *connection)
            .await
            .map_err(failed("count incidents"))?;
        total += count.cast_unsigned();
    }
    Ok(total)
}

async fn children(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: IncidentId,
) -> Result<Vec<IncidentId>, Error> {
    const SQL: &str =
        "SELECT project, id FROM incidents WHERE project = ? AND merged_into = ? ORDER BY number";
    let rows = sqlx::query(SQL)
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
    row.as_ref().map(rows::read_rca_view).transpose()
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
    Columns::new(row, "incidents", &rows::INCIDENT_KEY).wide("id").map(IncidentId)
}

/// One more than the page holds, to know whether there is a next one.
fn rows_asked(limit: usize) -> i64 {
    i64::try_from(limit + 1).unwrap_or(i64::MAX)
}
