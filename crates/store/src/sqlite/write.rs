//! A folded batch to rows, a few statements for any number of them.
//!
//! Invariant: every statement says absolute values, so that writing a batch twice changes nothing.

use std::sync::LazyLock;

use model::{IncidentId, Seq};
use sqlx::sqlite::SqliteConnection;

use super::bulk::{Bulk, Values};
use super::failure::failed;
use super::outbox::{self, LeaseChanges};
use super::rows::{alert, analysis, audit, directive, incident, policy};
use crate::Error;
use crate::batch::{Batch, CounterRow, MoveRow, RcaRow};
use crate::commit::{Commit, PartitionId};

/// Where a partition stands.
pub(super) async fn read_offset(
    connection: &mut SqliteConnection,
    partition: PartitionId,
) -> Result<Seq, Error> {
    const SQL: &str = "SELECT applied_seq FROM offsets WHERE partition = ?";
    let applied: Option<i64> = sqlx::query_scalar(SQL)
        .bind(i64::from(partition.0))
        .fetch_optional(connection)
        .await
        .map_err(failed("read offsets"))?;
    Ok(Seq(applied.unwrap_or(0).cast_unsigned()))
}

/// Notes where the partition stands now.
pub(super) async fn write_offset(
    connection: &mut SqliteConnection,
    commit: &Commit<'_>,
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO offsets (partition, applied_seq, applied_at) VALUES (?, ?, ?)
        ON CONFLICT (partition) DO UPDATE SET
        applied_seq = excluded.applied_seq, applied_at = excluded.applied_at";
    sqlx::query(SQL)
        .bind(i64::from(commit.partition.0))
        .bind(commit.through.0.cast_signed())
        .bind(commit.at.micros())
        .execute(connection)
        .await
        .map_err(failed("write offsets"))?;
    Ok(())
}

/// Writes everything but the offset; answers what that does to leases.
pub(super) async fn write_batch(
    connection: &mut SqliteConnection,
    batch: &Batch<'_>,
) -> Result<LeaseChanges, Error> {
    let sql = &*STATEMENTS;
    let run = sql.incidents.run(connection, &batch.incidents, incident::write);
    run.await.map_err(failed("write incidents"))?;
    let run = sql.incident_counters.run(connection, &batch.incidents, incident::write_counters);
    run.await.map_err(failed("write incident_counters"))?;
    let run = sql.counters.run(connection, &batch.counters, write_counter);
    let counted = run.await.map_err(failed("write incident_counters"))?;
    if counted != batch.counters.len() as u64 {
        let missing = batch.counters.len() as u64 - counted;
        tracing::error!(missing, "signals were counted for incidents that the store does not have");
    }
    let run = sql.audit.run(connection, &batch.audit, |values, row| audit::write(values, row));
    run.await.map_err(failed("write audit"))?;
    let run = sql.rcas.run(connection, &batch.rcas, write_rca);
    run.await.map_err(failed("write rcas"))?;
    let run = sql.moves.run(connection, &batch.moves, write_move);
    run.await.map_err(failed("write signal_moves"))?;
    write_policies(connection, batch).await?;
    write_directives(connection, batch).await?;
    write_alerts(connection, batch).await?;
    outbox::write(connection, &batch.outgoing).await
}

/// The statements of a batch, their texts made once.
pub(super) struct Statements {
    incidents: Bulk,
    incident_counters: Bulk,
    pub(super) counters: Bulk,
    audit: Bulk,
    rcas: Bulk,
    moves: Bulk,
    policies_saved: Bulk,
    policies_removed: Bulk,
    directives_saved: Bulk,
    directives_removed: Bulk,
    alerts_firing: Bulk,
    pub(super) alerts_joined: Bulk,
    alerts_resolved: Bulk,
}

pub(super) static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| Statements {
    incidents: Bulk::upsert("incidents", &incident::KEY, &incident::OTHERS),
    incident_counters: Bulk::upsert(
        "incident_counters",
        &incident::COUNTERS_KEY,
        &incident::COUNTERS_OTHERS,
    ),
    counters: Bulk::new(
        "UPDATE incident_counters AS old SET signal_count = new.column3, last_signal_at = new.column4 FROM (VALUES",
        4,
        ") AS new WHERE old.project = new.column1 AND old.incident = new.column2",
    ),
    audit: Bulk::insert(
        "audit",
        &audit::COLUMNS,
        "ON CONFLICT (project, seq, position) DO NOTHING",
    ),
    rcas: Bulk::upsert("rcas", &["project", "incident"], &rca_columns()),
    // Where a signal was filed stays what its first move said.
    moves: Bulk::insert(
        "signal_moves",
        &["project", "signal_seq", "filed_in", "now_in"],
        "ON CONFLICT (project, signal_seq) DO UPDATE SET now_in = excluded.now_in",
    ),
    policies_saved: Bulk::upsert("policies", &policy::KEY, &policy::OTHERS),
    policies_removed: Bulk::new("DELETE FROM policies WHERE (project, id) IN (VALUES", 2, ")"),
    directives_saved: Bulk::upsert("directives", &directive::KEY, &directive::OTHERS),
    directives_removed: Bulk::new(
        "DELETE FROM directives WHERE (project, kind, id) IN (VALUES",
        3,
        ")",
    ),
    alerts_firing: Bulk::upsert(
        "alerts",
        &["project", "identity"],
        &["incident", "updated_at", "entry"],
    ),
    alerts_joined: Bulk::new(
        "UPDATE alerts AS old SET incident = new.column3 FROM (VALUES",
        3,
        ") AS new WHERE old.project = new.column1 AND old.identity = new.column2",
    ),
    alerts_resolved: Bulk::new("DELETE FROM alerts WHERE (project, identity) IN (VALUES", 2, ")"),
});

fn rca_columns() -> Vec<&'static str> {
    [&analysis::COLUMNS[..], &["submitted_by_kind", "submitted_by_name", "submitted_at"]].concat()
}

async fn write_policies(connection: &mut SqliteConnection, batch: &Batch<'_>) -> Result<(), Error> {
    let sql = &*STATEMENTS;
    let run = sql.policies_saved.run(connection, &batch.policies_saved, |values, row| {
        policy::write(values, row);
    });
    run.await.map_err(failed("write policies"))?;
    let run = sql.policies_removed.run(connection, &batch.policies_removed, |values, row| {
        values.add(i64::from(row.0.0)).add(&row.1.to_bytes()[..]);
    });
    run.await.map_err(failed("remove policies"))?;
    Ok(())
}

async fn write_directives(
    connection: &mut SqliteConnection,
    batch: &Batch<'_>,
) -> Result<(), Error> {
    let sql = &*STATEMENTS;
    let run = sql.directives_saved.run(connection, &batch.directives_saved, |values, row| {
        directive::write(values, row);
    });
    run.await.map_err(failed("write directives"))?;
    let run = sql.directives_removed.run(connection, &batch.directives_removed, |values, row| {
        let (project, kind, id) = *row;
        values.add(i64::from(project.0)).add(i64::from(kind.code())).add(id.to_bytes().to_vec());
    });
    run.await.map_err(failed("remove directives"))?;
    Ok(())
}

async fn write_alerts(connection: &mut SqliteConnection, batch: &Batch<'_>) -> Result<(), Error> {
    let sql = &*STATEMENTS;
    let run = sql.alerts_firing.run(connection, &batch.alerts_firing, |values, row| {
        alert::write(values, row);
    });
    run.await.map_err(failed("write alerts"))?;
    let run = sql.alerts_joined.run(connection, &batch.alerts_joined, |values, row| {
        let (identity, incident) = (row.1.0.to_be_bytes(), row.2.to_bytes());
        values.add(i64::from(row.0.0)).add(&identity[..]).add(&incident[..]);
    });
    run.await.map_err(failed("write incidents of alerts"))?;
    let run = sql.alerts_resolved.run(connection, &batch.alerts_resolved, |values, row| {
        values.add(i64::from(row.0.0)).add(&row.1.0.to_be_bytes()[..]);
    });
    run.await.map_err(failed("remove alerts"))?;
    Ok(())
}

fn write_counter(values: &mut Values, row: &CounterRow) {
    values
        .add(i64::from(row.project.0))
        .add(&row.incident.to_bytes()[..])
        .add(row.signal_count.cast_signed())
        .add(row.last_signal_at.micros());
}

fn write_rca(values: &mut Values, row: &RcaRow<'_>) {
    values.add(i64::from(row.project.0)).add(&row.incident.to_bytes()[..]);
    analysis::write(values, row.rca);
    values
        .add(i64::from(row.submitted_by.kind.code()))
        .add(row.submitted_by.name.as_str())
        .add(row.at.micros());
}

fn write_move(values: &mut Values, row: &MoveRow) {
    let bytes = |id: IncidentId| id.to_bytes().to_vec();
    values
        .add(i64::from(row.project.0))
        .add(row.signal_seq.0.cast_signed())
        .add(row.from.map(bytes))
        .add(bytes(row.to));
}
