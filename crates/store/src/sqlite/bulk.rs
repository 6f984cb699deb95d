//! Statements over many rows at once: one round to the database for hundreds of rows.
//!
//! Each statement is prepared for a few row counts, and a run of rows is cut into those, so that the
//! statement cache always knows the text. Values are bound, never written into the text.

use std::sync::Arc;

use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

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
        let mut rest = rows;
        for (size, text) in SIZES.into_iter().zip(&self.texts) {
            while rest.len() >= size {
                let (chunk, after) = rest.split_at(size);
                let mut values = Values::default();
                chunk.iter().for_each(|row| bind(&mut values, row));
                let statement = sqlx::query_with(AssertSqlSafe(Arc::clone(text)), values.0);
                touched += statement.execute(&mut *connection).await?.rows_affected();
                rest = after;
            }
        }
        Ok(touched)
    }
}

impl Values {
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
