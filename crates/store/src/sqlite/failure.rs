//! What SQLite says, as an error of the store.

use crate::{Error, ErrorKind};

/// Turns an error of the driver into one of the store that says what was being done.
pub(super) fn failed(doing: &str) -> impl FnOnce(sqlx::Error) -> Error {
    let what = format!("cannot {doing}");
    move |error| Error::caused(kind(&error), what, error)
}

fn kind(error: &sqlx::Error) -> ErrorKind {
    match error {
        sqlx::Error::Io(_) => ErrorKind::Disk,
        sqlx::Error::Database(database) => {
            let code = database.code().and_then(|code| code.parse::<u32>().ok());
            code.map_or(ErrorKind::Database, kind_of_code)
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => ErrorKind::Corrupt,
        // The driver's list is open; nothing else in it is told apart.
        _ => ErrorKind::Database,
    }
}

/// The primary result code is the low byte: <https://www.sqlite.org/rescode.html>.
fn kind_of_code(code: u32) -> ErrorKind {
    const READ_ONLY: u32 = 8;
    const IO: u32 = 10;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;
    const CONSTRAINT: u32 = 19;
    const NOT_A_DATABASE: u32 = 26;
    match code & 0xff {
        READ_ONLY | IO | FULL | CANNOT_OPEN => ErrorKind::Disk,
        CORRUPT | NOT_A_DATABASE => ErrorKind::Corrupt,
        CONSTRAINT => ErrorKind::Conflict,
        _ => ErrorKind::Database,
    }
}
