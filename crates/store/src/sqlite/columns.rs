//! Reads the columns of a row, and says which table and row it was where one is not readable.

use model::codec::wire::Reader;
use model::{
    Actor, ActorKind, ComponentType, EndpointId, IncidentId, NotificationId, ProjectId, Reason,
    ScheduleId, Seq, Severity, Status, SubscriberId, Target, Timestamp,
};
use serde::de::DeserializeOwned;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type, TypeInfo, ValueRef};

use crate::{Error, ErrorKind};

/// One row of a table, and the columns that name it.
pub(super) struct Columns<'r> {
    row: &'r SqliteRow,
    table: &'static str,
    key: &'static [&'static str],
}

impl<'r> Columns<'r> {
    pub(super) fn new(
        row: &'r SqliteRow,
        table: &'static str,
        key: &'static [&'static str],
    ) -> Self {
        Self { row, table, key }
    }

    pub(super) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(
        &self,
        column: &str,
    ) -> Result<T, Error> {
        self.row.try_get(column).map_err(|error| {
            Error::caused(
                ErrorKind::Corrupt,
                format!("{}: {column} is not readable", self.name()),
                error,
            )
        })
    }

    pub(super) fn text(&self, column: &str) -> Result<String, Error> {
        self.get(column)
    }

    pub(super) fn unsigned(&self, column: &str) -> Result<u64, Error> {
        Ok(self.get::<i64>(column)?.cast_unsigned())
    }

    pub(super) fn maybe_unsigned(&self, column: &str) -> Result<Option<u64>, Error> {
        Ok(self.get::<Option<i64>>(column)?.map(i64::cast_unsigned))
    }

    pub(super) fn small(&self, column: &str) -> Result<u32, Error> {
        u32::try_from(self.get::<i64>(column)?).map_err(|_| self.unreadable(column, "a number"))
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool, Error> {
        match self.get::<i64>(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.unreadable(column, "0 or 1")),
        }
    }

    pub(super) fn seq(&self, column: &str) -> Result<Seq, Error> {
        self.unsigned(column).map(Seq)
    }

    pub(super) fn project(&self, column: &str) -> Result<ProjectId, Error> {
        self.small(column).map(ProjectId)
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp, Error> {
        self.get(column).map(Timestamp::from_micros)
    }

    pub(super) fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, Error> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    pub(super) fn bytes<const N: usize>(&self, column: &str) -> Result<[u8; N], Error> {
        let bytes: &[u8] = self.get(column)?;
        bytes.try_into().map_err(|_| self.unreadable(column, &format!("{N} bytes")))
    }

    /// Sixteen bytes, most significant first.
    pub(super) fn wide(&self, column: &str) -> Result<u128, Error> {
        self.bytes(column).map(u128::from_be_bytes)
    }

    pub(super) fn maybe_incident(&self, column: &str) -> Result<Option<IncidentId>, Error> {
        match self.get::<Option<&[u8]>>(column)? {
            Some(_) => self.wide(column).map(|id| Some(IncidentId(id))),
            None => Ok(None),
        }
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Error> {
        let text: &str = self.get(column)?;
        serde_json::from_str(text).map_err(|error| {
            let what = format!("{}: {column} is not the JSON it should be", self.name());
            Error::caused(ErrorKind::Corrupt, what, error)
        })
    }

    /// Bytes in the journal's codec.
    pub(super) fn coded<T>(
        &self,
        column: &str,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, model::codec::Error>,
    ) -> Result<T, Error> {
        let mut reader = Reader::new(self.get(column)?);
        let value = read(&mut reader).and_then(|value| reader.end().map(|()| value));
        value.map_err(|error| {
            let what = format!("{}: {column} is not in the journal's codec", self.name());
            Error::caused(ErrorKind::Corrupt, what, error)
        })
    }

    pub(super) fn notification(&self, column: &str) -> Result<NotificationId, Error> {
        self.wide(column).map(NotificationId)
    }

    /// Who is told, by `target_kind` and `target`.
    pub(super) fn target(&self) -> Result<Target, Error> {
        let id = self.wide("target")?;
        match self.get::<i64>("target_kind")? {
            0 => Ok(Target::Endpoint(EndpointId(id))),
            1 => Ok(Target::OnCall(ScheduleId(id))),
            2 => Ok(Target::Person(SubscriberId(id))),
            kind => Err(self.unreadable("target_kind", &format!("a known code, but {kind}"))),
        }
    }

    /// A number that stands for one of a closed list.
    pub(super) fn code<T>(&self, column: &str, read: fn(u8) -> Option<T>) -> Result<T, Error> {
        let code = self.get::<i64>(column)?;
        let value = u8::try_from(code).ok().and_then(read);
        value.ok_or_else(|| self.unreadable(column, &format!("a known code, but {code}")))
    }

    pub(super) fn status(&self) -> Result<Status, Error> {
        self.code("status", Status::from_code)
    }

    pub(super) fn severity(&self) -> Result<Severity, Error> {
        self.code("severity", Severity::from_rank)
    }

    pub(super) fn component_type(&self) -> Result<ComponentType, Error> {
        self.code("component_type", ComponentType::from_code)
    }

    pub(super) fn reason(&self) -> Result<Reason, Error> {
        self.code("reason", Reason::from_code)
    }

    pub(super) fn actor(&self, kind: &str, name: &str) -> Result<Actor, Error> {
        Ok(Actor { kind: self.code(kind, ActorKind::from_code)?, name: self.text(name)? })
    }

    /// The value of `column` is there but is not what it must be.
    pub(super) fn unreadable(&self, column: &str, expected: &str) -> Error {
        Error::new(ErrorKind::Corrupt, format!("{}: {column} is not {expected}", self.name()))
    }

    /// `incidents row project=1, id=018bcfe5…`.
    fn name(&self) -> String {
        let key: Vec<String> =
            self.key.iter().map(|column| format!("{column}={}", self.printed(column))).collect();
        format!("{} row {}", self.table, key.join(", "))
    }

    fn printed(&self, column: &str) -> String {
        let Ok(value) = self.row.try_get_raw(column) else { return "?".to_owned() };
        let kind = value.type_info().name().to_owned();
        match kind.as_str() {
            "INTEGER" => self.row.try_get::<i64, _>(column).map(|number| number.to_string()),
            "BLOB" => self.row.try_get::<&[u8], _>(column).map(hexadecimal),
            _ => self.row.try_get::<String, _>(column),
        }
        .unwrap_or_else(|_| "?".to_owned())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
