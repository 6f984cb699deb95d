//! The variables of an expression: the facts, as values that CEL knows.
//!
//! `severity` (`P0` … `P3`), `severity_rank` (0 … 3), `source`, `component`, `component_type`,
//! `environment`, `kind`, `status`, `summary` are texts (the rank a number) and borrowed; `labels` is a
//! map, `payload` what its JSON says: each is made when it is first asked for. Without a payload
//! `payload` is an empty map. A list or object of more than [`ITEMS`] items, and what is nested deeper than
//! [`limits::JSON_DEPTH`], is `null`.
//!
//! Invariant: macros walk over maps in the order of their keys.

use std::sync::OnceLock;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator, Sizer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelNull, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use model::limits;

use crate::facts::Facts;
use crate::payload::{Cursor, unescape};

/// Items of one list or object of a payload that an expression sees.
pub(super) const ITEMS: usize = 1_024;

/// The names of the variables.
pub(super) const NAMES: [&str; 11] = [
    "severity",
    "severity_rank",
    "source",
    "component",
    "component_type",
    "environment",
    "kind",
    "status",
    "summary",
    "labels",
    "payload",
];

/// The variables for one thing, for however many expressions.
#[derive(Debug)]
pub(crate) struct Variables<'f> {
    facts: Facts<'f>,
    labels: OnceLock<Object<'f>>,
    payload: OnceLock<Box<dyn Val + 'f>>,
}

impl<'f> Variables<'f> {
    pub(crate) fn new(facts: &Facts<'f>) -> Self {
        Self { facts: *facts, labels: OnceLock::new(), payload: OnceLock::new() }
    }
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let facts = &self.facts;
        let text = |text: &'b str| Some(CowVal::owned(CelString::from(text)));
        match variable {
            "severity" => text(facts.severity.as_str()),
            "severity_rank" => Some(CowVal::owned(CelInt::from(i64::from(facts.severity.rank())))),
            "source" => text(facts.source),
            "component" => text(facts.component),
            "component_type" => text(facts.component_type.as_str()),
            "environment" => text(facts.environment),
            "kind" => text(facts.kind.as_str()),
            "status" => text(facts.status.as_str()),
            "summary" => text(facts.summary),
            "labels" => {
                let labels: &'b Object<'_> = self.labels.get_or_init(|| labels(facts));
                Some(CowVal::Borrowed(labels))
            }
            "payload" => {
                let payload = self.payload.get_or_init(|| payload(facts.payload));
                Some(CowVal::Borrowed(&**payload))
            }
            _ => None,
        }
    }
}

fn labels<'f>(facts: &Facts<'f>) -> Object<'f> {
    let labels: &'f [_] = facts.labels;
    let value = |value: &'f str| -> Box<dyn Val + 'f> { Box::new(CelString::from(value)) };
    // Backwards, because of a name that comes twice the first counts.
    Object::new(labels.iter().rev().map(|(name, text)| (CelString::from(&**name), value(text))))
}

fn payload(payload: &[u8]) -> Box<dyn Val + '_> {
    if payload.is_empty() {
        return Box::new(Object::default());
    }
    Cursor::all(payload).value().map_or_else(|| Box::new(CelNull) as Box<_>, |it| value(it, 0))
}

/// What a value of JSON says. Calls itself at most [`limits::JSON_DEPTH`] times.
fn value(json: &[u8], depth: usize) -> Box<dyn Val + '_> {
    let deep = depth >= limits::JSON_DEPTH;
    match json.first() {
        Some(b'{') if !deep => object(json, depth),
        Some(b'[') if !deep => list(json, depth),
        Some(b'"') => match inside(json) {
            Some(text) => Box::new(text),
            None => Box::new(CelNull),
        },
        Some(b't') if json == b"true" => Box::new(CelBool::from(true)),
        Some(b'f') if json == b"false" => Box::new(CelBool::from(false)),
        _ => number(json).unwrap_or_else(|| Box::new(CelNull)),
    }
}

fn object(json: &[u8], depth: usize) -> Box<dyn Val + '_> {
    let (mut cursor, mut members) = (Cursor::inside(json), Vec::new());
    while let Some((name, member)) = cursor.member() {
        let Some(name) = unquoted(name) else { continue };
        if members.len() == ITEMS {
            return Box::new(CelNull);
        }
        members.push((name, value(member, depth + 1)));
    }
    Box::new(Object::new(members))
}

fn list(json: &[u8], depth: usize) -> Box<dyn Val + '_> {
    let (mut cursor, mut items) = (Cursor::inside(json), Vec::new());
    while let Some(item) = cursor.item() {
        if items.len() == ITEMS {
            return Box::new(CelNull);
        }
        items.push(value(item, depth + 1));
    }
    Box::new(CelList::from(items))
}

fn inside(json: &[u8]) -> Option<CelString<'_>> {
    unquoted(json.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}

fn unquoted(inside: &[u8]) -> Option<CelString<'_>> {
    let text = std::str::from_utf8(inside).ok()?;
    if !text.contains('\\') {
        return Some(CelString::from(text));
    }
    let mut written = String::new();
    unescape(text, &mut written);
    Some(CelString::from(written))
}

/// A whole number where it is one, and else CEL's `double`.
fn number(json: &[u8]) -> Option<Box<dyn Val>> {
    if !json.iter().all(|byte| b"0123456789+-.eE".contains(byte)) {
        return None;
    }
    let text = std::str::from_utf8(json).ok()?;
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Box::new(CelInt::from(whole)));
    }
    #[allow(clippy::disallowed_types, reason = "JSON has such numbers, and CEL compares them")]
    let number = text.parse::<f64>().ok()?;
    Some(Box::new(CelDouble::from(number)))
}

/// A map with texts as keys, in their order. CEL's own would be walked in an order that differs from
/// run to run.
#[derive(Debug, Clone, Default)]
struct Object<'v> {
    keys: Vec<CelString<'v>>,
    values: Vec<Box<dyn Val + 'v>>,
}

impl<'v> Object<'v> {
    /// Of members in any order; of equal names the last counts.
    fn new(members: impl IntoIterator<Item = (CelString<'v>, Box<dyn Val + 'v>)>) -> Self {
        let mut members: Vec<_> = members.into_iter().collect();
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut object = Self::default();
        for (key, value) in members {
            if object.keys.last() == Some(&key) {
                object.keys.pop();
                object.values.pop();
            }
            object.keys.push(key);
            object.values.push(value);
        }
        object
    }

    fn find(&self, key: &dyn Val) -> Option<&(dyn Val + 'v)> {
        let key = key.downcast_ref::<CelString<'_>>()?.inner();
        let position = self.keys.binary_search_by(|other| other.inner().cmp(key)).ok()?;
        self.values.get(position).map(|value| &**value)
    }
}

impl Val for Object<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn into_indexer<'v>(self: Box<Self>) -> Option<Box<dyn Indexer + 'v>>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        let same_size = other.as_sizer().is_some_and(|other| other.size() == self.size());
        let Some(indexer) = other.as_indexer().filter(|_| same_size) else { return false };
        self.keys
            .iter()
            .zip(&self.values)
            .all(|(key, value)| indexer.get(key).is_ok_and(|other| value.equals(other.as_ref())))
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Container for Object<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.find(value).is_some())
    }
}

impl Indexer for Object<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.find(key).map(CowVal::Borrowed).ok_or_else(|| ExecutionError::no_such_key(""))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl Iterable for Object<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Keys(self.keys.iter()))
    }
}

struct Keys<'b, 'k>(std::slice::Iter<'b, CelString<'k>>);

impl<'b, 'k: 'v, 'v> Iterator<'b, 'v> for Keys<'b, 'k> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|key| key as &(dyn Val + 'v))
    }
}

impl Sizer for Object<'_> {
    fn size(&self) -> CelInt {
        i64::try_from(self.keys.len()).unwrap_or(i64::MAX).into()
    }
}
