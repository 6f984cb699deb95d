//! Statements over many rows at once: one round to the database for hundreds of rows.
//!
//! Each statement is prepared for a few row counts, and a run of rows is cut into those, so that the
//! statement cache always knows the text. Values are bound, never written into the text.

use std::sync::Arc;

use model::Target;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

use crate::batch::DeliveryKey;

/// Row counts that statements are prepared for, largest first. The largest times the widest table
/// stays far below SQLite's 32 766 variables.
const SIZES: [usize; 4] = [256, 32, 4, 1];

/// One statement over a list of rows.
pub(super) struct Bulk {
    /// One for each of [`SIZES`].
    pub(super) texts: [Arc<str>; SIZES.len()],
}

/// The values of a statement, in order.
#[derive(Default)]
pub(super) struct Values(SqliteArguments);

impl Bulk {
    /// `before (?, …), (?, …) after`, with `width` values in a row.
    pub(super) fn new(before: &str, width: usize, after: &str) -> Self {
        let row = format!("({})", vec!["?"; width].join(", "));
        let text =
            |rows: usize| format!("{before} {} {after}", vec![row.as_str(); rows].join(", "));
        Self { texts: SIZES.map(|rows| text(rows).into()) }
    }

    /// Inserts rows or, where the key exists, sets every other column anew.
    pub(super) fn upsert(table: &str, key: &[&str], others: &[&str]) -> Self {
        let set: Vec<String> =
            others.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        let after = format!("ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), set.join(", "));
        Self::insert(table, &[key, others].concat(), &after)
    }

    /// Inserts rows; `conflict` says what happens to those that exist.
    pub(super) fn insert(table: &str, columns: &[&str], conflict: &str) -> Self {
        let before = format!("INSERT INTO {table} ({}) VALUES", columns.join(", "));
        Self::new(&before, columns.len(), conflict)
    }

    /// Runs it over `rows` and answers how many rows of the table it touched.
    pub(super) async fn run<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<u64, sqlx::Error> {
        let mut touched = 0;
        for (text, chunk) in self.chunks(rows) {
            let statement = sqlx::query_with(AssertSqlSafe(text), bound(chunk, &bind));
            touched += statement.execute(&mut *connection).await?.rows_affected();
        }
        Ok(touched)
    }

    /// Runs it over `rows` and answers the rows it returns.
    pub(super) async fn fetch<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut returned = Vec::new();
        for (text, chunk) in self.chunks(rows) {
            let statement = sqlx::query_with(AssertSqlSafe(text), bound(chunk, &bind));
            returned.append(&mut statement.fetch_all(&mut *connection).await?);
        }
        Ok(returned)
    }

    /// Cuts `rows` into those of one statement each.
    fn chunks<'t, T>(&self, rows: &'t [T]) -> Vec<(Arc<str>, &'t [T])> {
        let mut chunks = Vec::new();
        let mut rest = rows;
        for (size, text) in SIZES.into_iter().zip(&self.texts) {
            while let Some((chunk, after)) = rest.split_at_checked(size) {
                chunks.push((Arc::clone(text), chunk));
                rest = after;
            }
        }
        chunks
    }
}

fn bound<T>(chunk: &[T], bind: &impl Fn(&mut Values, &T)) -> SqliteArguments {
    let mut values = Values::default();
    chunk.iter().for_each(|row| bind(&mut values, row));
    values.0
}

impl Values {
    /// Adds a target, as its kind and its id.
    pub(super) fn add_target(&mut self, target: Target) -> &mut Self {
        let (kind, id) = match target {
            Target::Endpoint(id) => (0_i64, id.to_bytes()),
            Target::OnCall(id) => (1, id.to_bytes()),
            Target::Person(id) => (2, id.to_bytes()),
        };
        self.add(kind).add(id.to_vec())
    }

    /// Adds what names a delivery.
    pub(super) fn add_delivery(
        &mut self,
        (project, notification, target): DeliveryKey,
    ) -> &mut Self {
        self.add(i64::from(project.0)).add(notification.to_bytes().to_vec()).add_target(target)
    }

    /// Adds a number, text, bytes, or nothing.
    pub(super) fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        self.0.add(value).expect("numbers, text and bytes always encode");
        self
    }

    /// The values, to be given to a statement.
    pub(super) fn into_arguments(self) -> SqliteArguments {
        self.0
    }
}
