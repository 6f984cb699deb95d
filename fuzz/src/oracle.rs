//! JSON as serde_json reads it: the other opinion that the doors' own reader is held against.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in the order they came, repeated keys included.
#[derive(Debug)]
pub(crate) struct Members<T>(pub(crate) Vec<(String, T)>);

/// The members of an object, their values as exact text.
pub(crate) type RawMembers<'a> = Members<&'a RawValue>;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect(PhantomData))
    }
}

struct Collect<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Collect<T> {
    type Value = Members<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The body as text, without a byte order mark.
pub(crate) fn text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Whether the body is one JSON text.
pub(crate) fn is_json(body: &[u8]) -> bool {
    text(body).is_some_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// How many elements an array has; `None` for what is no array.
pub(crate) fn elements(body: &[u8]) -> Option<usize> {
    serde_json::from_str::<Vec<IgnoredAny>>(text(body)?).ok().map(|items| items.len())
}

/// The string that a value is. `None` where it is something else, or holds half of a surrogate
/// pair, which serde_json refuses and the doors replace.
pub(crate) fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The first byte that is not white space.
pub(crate) fn first_byte(body: &[u8]) -> Option<u8> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    body.trim_ascii_start().first().copied()
}
