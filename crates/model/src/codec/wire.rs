//! The primitives of the codec: a writer over a byte vector and a reader that borrows from a record.

use std::borrow::Cow;

use super::Error;
use crate::id::{CommandId, IncidentId, PolicyId, ProjectId, SignalId};
use crate::time::{Duration, Timestamp};

/// Items of a list for which room is made before they are read; a damaged count asks for no more.
const LIST_RESERVED: usize = 64;

/// Appends primitives to a byte vector.
pub struct Writer<'b>(pub &'b mut Vec<u8>);

impl Writer<'_> {
    /// Appends: u8.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Appends: bool.
    pub fn bool(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    /// Appends: u128.
    pub fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Appends: u64.
    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Appends: i64.
    pub fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Appends: project.
    pub fn project(&mut self, project: ProjectId) {
        self.0.extend_from_slice(&project.0.to_le_bytes());
    }

    /// Appends: time.
    pub fn time(&mut self, time: Timestamp) {
        self.i64(time.micros());
    }

    /// Appends: duration.
    pub fn duration(&mut self, duration: Duration) {
        self.u64(duration.micros());
    }

    /// Appends a length or count, LEB128.
    pub fn count(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.0.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Appends: bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Appends: text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Appends whether there is a value, then the value.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// Reads primitives off the front of a record.
pub struct Reader<'a> {
    record: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the front of a record.
    pub fn new(record: &'a [u8]) -> Self {
        Self { record, at: 0 }
    }

    /// Whether everything was read; an error otherwise.
    pub fn end(&self) -> Result<(), Error> {
        match self.record.len() - self.at {
            0 => Ok(()),
            extra => Err(Error::Trailing { extra }),
        }
    }

    /// An error at this place.
    pub fn invalid(&self, what: &'static str) -> Error {
        Error::Invalid { at: self.at, what }
    }

    fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let end = self.at.checked_add(len).filter(|&end| end <= self.record.len());
        let end = end.ok_or(Error::Truncated { at: self.record.len(), what })?;
        let taken = &self.record[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    /// Reads: u8; `what` names it in errors.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Error> {
        Ok(self.array::<1>(what)?[0])
    }

    /// Reads: bool; `what` names it in errors.
    pub fn bool(&mut self, what: &'static str) -> Result<bool, Error> {
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.invalid(what)),
        }
    }

    /// Reads: u128; `what` names it in errors.
    pub fn u128(&mut self, what: &'static str) -> Result<u128, Error> {
        Ok(u128::from_le_bytes(self.array(what)?))
    }

    /// Reads: u64; `what` names it in errors.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// Reads: i64; `what` names it in errors.
    pub fn i64(&mut self, what: &'static str) -> Result<i64, Error> {
        Ok(i64::from_le_bytes(self.array(what)?))
    }

    /// Reads: project; `what` names it in errors.
    pub fn project(&mut self) -> Result<ProjectId, Error> {
        Ok(ProjectId(u32::from_le_bytes(self.array("project")?)))
    }

    /// Reads: signal_id; `what` names it in errors.
    pub fn signal_id(&mut self) -> Result<SignalId, Error> {
        self.u128("signal id").map(SignalId)
    }

    /// Reads: incident_id; `what` names it in errors.
    pub fn incident_id(&mut self) -> Result<IncidentId, Error> {
        self.u128("incident id").map(IncidentId)
    }

    /// Reads: policy_id; `what` names it in errors.
    pub fn policy_id(&mut self) -> Result<PolicyId, Error> {
        self.u128("policy id").map(PolicyId)
    }

    /// Reads: command_id; `what` names it in errors.
    pub fn command_id(&mut self) -> Result<CommandId, Error> {
        self.u128("command id").map(CommandId)
    }

    /// Reads: time; `what` names it in errors.
    pub fn time(&mut self, what: &'static str) -> Result<Timestamp, Error> {
        self.i64(what).map(Timestamp::from_micros)
    }

    /// Reads: duration; `what` names it in errors.
    pub fn duration(&mut self, what: &'static str) -> Result<Duration, Error> {
        self.u64(what).map(Duration::from_micros)
    }

    /// Reads a length or count of at most five bytes, in its shortest form: a record that is read has
    /// one form only, so reading and writing it again gives the same bytes.
    pub fn count(&mut self, what: &'static str) -> Result<usize, Error> {
        let first = self.u8(what)?;
        if first & 0x80 == 0 {
            return Ok(usize::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let byte = self.u8(what)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte == 0 {
                return Err(self.invalid(what));
            }
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| self.invalid(what));
            }
        }
        Err(self.invalid(what))
    }

    /// A count of items of at least one byte each: never more than bytes are left, so that a
    /// damaged record cannot ask for memory.
    pub fn items(&mut self, what: &'static str) -> Result<usize, Error> {
        let count = self.count(what)?;
        if count > self.record.len() - self.at { Err(self.invalid(what)) } else { Ok(count) }
    }

    /// Reads: bytes; `what` names it in errors.
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        let len = self.count(what)?;
        self.take(len, what)
    }

    /// Reads: text; `what` names it in errors.
    pub fn text(&mut self, what: &'static str) -> Result<Cow<'a, str>, Error> {
        let bytes = self.bytes(what)?;
        std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| self.invalid(what))
    }

    /// Reads: string; `what` names it in errors.
    pub fn string(&mut self, what: &'static str) -> Result<String, Error> {
        self.text(what).map(Cow::into_owned)
    }

    /// Reads what `Writer::option` wrote.
    pub fn option<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        if self.bool(what)? { read(self).map(Some) } else { Ok(None) }
    }

    /// Reads a count and as many items.
    pub fn list<T>(
        &mut self,
        what: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.items(what)?;
        let mut list = Vec::with_capacity(count.min(LIST_RESERVED));
        for _ in 0..count {
            list.push(read(self)?);
        }
        Ok(list)
    }
}
