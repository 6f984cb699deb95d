//! Lists of incidents, read severity by severity, each from its index in the order of the page: a
//! page costs what it holds and not what lies before it.

use model::{Incident, ProjectId, Severity, Status};
use sqlx::QueryBuilder;
use sqlx::sqlite::{Sqlite, SqliteConnection};

use super::failure::failed;
use super::rows::incident;
use crate::Error;
use crate::query::{IncidentFilter, IncidentPage, PageCursor, page_rows};

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
            found.extend(rows.iter().map(incident::read).collect::<Result<Vec<_>, _>>()?);
        }
        found.sort_by_key(|incident| std::cmp::Reverse((incident.last_signal_at, incident.number)));
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
        shelves.push(Shelf { condition: "counters.status <> 3", statuses: active });
    }
    if !closed.is_empty() {
        shelves.push(Shelf { condition: "counters.status = 3", statuses: Vec::new() });
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
    let mut query =
        QueryBuilder::new("SELECT incidents.*, counters.signal_count, counters.last_signal_at");
    from(&mut query, filter);
    restrict(&mut query, project, filter, shelf);
    query.push(" AND counters.severity = ").push_bind(i64::from(severity.rank()));
    if let Some((last_signal_at, number)) = after {
        query.push(" AND (counters.last_signal_at, counters.number) < (").push_bind(last_signal_at);
        query.push(", ").push_bind(number).push(")");
    }
    query.push(" ORDER BY counters.last_signal_at DESC, counters.number DESC LIMIT ");
    query.push_bind(i64::try_from(wanted).unwrap_or(i64::MAX));
    query
}

/// Adds the tables of a list. CROSS JOIN keeps their order: a list is walked in the order of its
/// page, except that of one component, which is found first and then sorted; without statistics
/// SQLite would not choose so itself.
fn from(query: &mut QueryBuilder<Sqlite>, filter: &IncidentFilter) {
    query.push(if filter.component.is_some() {
        " FROM incidents INDEXED BY incidents_component CROSS JOIN incident_counters AS counters"
    } else {
        " FROM incident_counters AS counters CROSS JOIN incidents"
    });
    query.push(" ON incidents.project = counters.project AND incidents.id = counters.incident");
}

/// Adds the conditions of the filter, all but severity and place.
fn restrict(
    query: &mut QueryBuilder<Sqlite>,
    project: ProjectId,
    filter: &IncidentFilter,
    shelf: &Shelf,
) {
    query.push(" WHERE counters.project = ").push_bind(i64::from(project.0));
    query.push(" AND ").push(shelf.condition);
    if !shelf.statuses.is_empty() {
        one_of(query, "counters.status", shelf.statuses.iter().map(|status| status.code()));
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
        let mut query = if counted {
            let sum = "SELECT coalesce(sum(incidents), 0) FROM incident_counts AS counters";
            QueryBuilder::new(sum)
        } else {
            let mut query = QueryBuilder::new("SELECT count(*)");
            from(&mut query, filter);
            query
        };
        restrict(&mut query, project, filter, &shelf);
        one_of(&mut query, "counters.severity", severities(filter).map(Severity::rank));
        let count: i64 = query
            .build_query_scalar()
            .fetch_one(&mut *connection)
            .await
            .map_err(failed("count incidents"))?;
        total += count.cast_unsigned();
    }
    Ok(total)
}
