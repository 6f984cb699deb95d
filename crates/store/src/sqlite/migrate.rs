//! Migrations: numbered SQL files, applied in order, each in a transaction of its own, never undone.
//!
//! A file once released never changes: its SHA-256 stands in the store and is compared at each start.
//! A store that a newer binary has migrated is refused, not guessed at.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};

use super::failure::failed;
use crate::{Error, ErrorKind};

/// One step of the schema.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// Every step ever released, in order.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "base", sql: include_str!("../../migrations/0001_base.sql") },
    Migration {
        version: 2,
        name: "delivery",
        sql: include_str!("../../migrations/0002_delivery.sql"),
    },
    Migration { version: 3, name: "leases", sql: include_str!("../../migrations/0003_leases.sql") },
    Migration {
        version: 4,
        name: "verification",
        sql: include_str!("../../migrations/0004_verification.sql"),
    },
    Migration { version: 5, name: "lines", sql: include_str!("../../migrations/0005_lines.sql") },
    Migration { version: 6, name: "alerts", sql: include_str!("../../migrations/0006_alerts.sql") },
];

/// Brings the store to the schema of this binary.
///
/// # Errors
/// `Corrupt` when a newer binary has migrated the store or an applied step was another one.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), Error> {
    create_table(connection).await?;
    let applied = applied(connection).await?;
    for (version, checksum) in &applied {
        let known = MIGRATIONS.iter().find(|migration| migration.version == *version);
        let known = known.ok_or_else(|| newer(*version))?;
        if checksum[..] != Sha256::digest(known.sql)[..] {
            let what = format!(
                "step {version} of the store's schema is not the one this version of stormbell knows"
            );
            return Err(Error::new(ErrorKind::Corrupt, what));
        }
    }
    for migration in MIGRATIONS.iter().skip(applied.len()) {
        apply(connection, migration).await?;
        tracing::info!(version = migration.version, name = migration.name, "store migrated");
    }
    Ok(())
}

async fn create_table(connection: &mut SqliteConnection) -> Result<(), Error> {
    const SQL: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
        version INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        checksum BLOB NOT NULL,
        applied_at INTEGER NOT NULL
    ) STRICT";
    sqlx::raw_sql(SQL).execute(connection).await.map_err(failed("create schema_versions"))?;
    Ok(())
}

async fn applied(connection: &mut SqliteConnection) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    const SQL: &str = "SELECT version, checksum FROM schema_versions ORDER BY version";
    let rows = sqlx::query(SQL).fetch_all(connection).await;
    let rows = rows.map_err(failed("read schema_versions"))?;
    let read = |row: &sqlx::sqlite::SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(read).collect::<Result<_, _>>().map_err(failed("read schema_versions"))
}

async fn apply(connection: &mut SqliteConnection, migration: &Migration) -> Result<(), Error> {
    const RECORD: &str =
        "INSERT INTO schema_versions (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)";
    let doing = format!("apply step {} of the schema ({})", migration.version, migration.name);
    let outcome: Result<(), sqlx::Error> = async {
        let mut transaction = connection.begin().await?;
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
        sqlx::query(RECORD)
            .bind(migration.version)
            .bind(migration.name)
            .bind(Sha256::digest(migration.sql).to_vec())
            .bind(now_micros())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }
    .await;
    outcome.map_err(failed(&doing))
}

fn newer(version: i64) -> Error {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    let what = format!(
        "the store has schema version {version}, this version of stormbell knows up to {known}: \
         run the version that wrote it, or a newer one"
    );
    Error::new(ErrorKind::Corrupt, what)
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
