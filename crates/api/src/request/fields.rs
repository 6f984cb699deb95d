//! The fields of a JSON object, taken one by one, so that every bad field is said at once: of a wrong
//! type, missing, too long, or not known at all.

use model::{Duration, FieldError, Timestamp, limits};
use serde_json::{Map, Value};

use crate::instant;
use crate::problem::{Code, Problem};

/// What is left of an object, and what was wrong with what was taken.
#[derive(Debug)]
pub(crate) struct Fields {
    map: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    pub(crate) fn new(map: Map<String, Value>) -> Self {
        Self { map, errors: Vec::new() }
    }

    /// Notes that a field is not as it must be.
    pub(crate) fn refuse(
        &mut self,
        field: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.errors.push(FieldError::new(field, code, message));
    }

    /// Whether the field was refused already.
    pub(crate) fn is_refused(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field == field)
    }

    /// Whether the field, or something within it, was refused already.
    pub(crate) fn is_refused_within(&self, field: &str) -> bool {
        let within = |error: &FieldError| match error.field.strip_prefix(field) {
            Some(rest) => rest.is_empty() || rest.starts_with(['.', '[']),
            None => false,
        };
        self.errors.iter().any(within)
    }

    /// Whether the object has the field, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// The raw value, left where it is.
    pub(crate) fn peek(&self, name: &str) -> Option<&Value> {
        self.map.get(name)
    }

    /// The raw value; null counts as absent.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => self.without_nul(name, text),
            other => self.wrong_type(name, "a string", &other),
        }
    }

    /// Not every store can hold a NUL character.
    fn without_nul(&mut self, field: &str, text: String) -> Option<String> {
        if text.contains('\0') {
            self.refuse(field, "invalid_character", "it may hold no NUL character");
            return None;
        }
        Some(text)
    }

    /// A text with at most `max_bytes`.
    pub(crate) fn bounded_text(&mut self, name: &str, max_bytes: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.len() > max_bytes {
            self.refuse(name, "too_long", format!("it may have {max_bytes} bytes"));
            return None;
        }
        Some(text)
    }

    /// A text that must be there, trimmed and not empty.
    pub(crate) fn required_text(&mut self, name: &str, max_bytes: usize) -> String {
        let text = self.bounded_text(name, max_bytes).map(|text| text.trim().to_owned());
        match text {
            Some(text) if !text.is_empty() => text,
            _ => {
                if !self.is_refused(name) {
                    self.refuse(name, "missing", "it must be given and not be empty");
                }
                String::new()
            }
        }
    }

    /// A name that must be there: at most [`limits::NAME_CHARS`] characters.
    pub(crate) fn required_name(&mut self, name: &str) -> String {
        let text = self.required_text(name, limits::NAME_CHARS * 4);
        if text.chars().count() > limits::NAME_CHARS {
            self.refuse(name, "too_long", format!("it may have {} characters", limits::NAME_CHARS));
        }
        text
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(flag),
            other => self.wrong_type(name, "true or false", &other),
        }
    }

    /// A whole number from `low` to `high`.
    pub(crate) fn whole(&mut self, name: &str, low: i64, high: i64) -> Option<i64> {
        let value = self.value(name)?;
        match value.as_i64() {
            Some(number) if (low..=high).contains(&number) => Some(number),
            _ if value.is_number() => {
                self.refuse(
                    name,
                    "out_of_range",
                    format!("it must be a whole number from {low} to {high}"),
                );
                None
            }
            _ => self.wrong_type(name, "a whole number", &value),
        }
    }

    /// A span of time such as `"10s"`.
    pub(crate) fn span(&mut self, name: &str) -> Option<Duration> {
        let text = self.text(name)?;
        match Duration::parse(&text) {
            Ok(span) => Some(span),
            Err(error) => {
                self.refuse(name, "invalid_duration", error.to_string());
                None
            }
        }
    }

    /// A point in time.
    pub(crate) fn instant(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let at = instant::parse(&text);
        if at.is_none() {
            self.refuse(name, "invalid_timestamp", "write it as 2026-11-20T13:25:16Z (RFC 3339)");
        }
        at
    }

    /// A list with at most `max` elements.
    pub(crate) fn list(&mut self, name: &str, max: usize) -> Option<Vec<Value>> {
        match self.value(name)? {
            Value::Array(list) if list.len() <= max => Some(list),
            Value::Array(_) => {
                self.refuse(name, "too_many", format!("it may have {max} elements"));
                None
            }
            other => self.wrong_type(name, "a list", &other),
        }
    }

    /// A list of texts with at most `max` elements; what is no text is refused by its index.
    pub(crate) fn texts(&mut self, name: &str, max: usize) -> Option<Vec<String>> {
        let list = self.list(name, max)?;
        let mut texts = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            match value {
                Value::String(text) => {
                    texts.extend(self.without_nul(&format!("{name}[{index}]"), text))
                }
                other => {
                    let _: Option<()> =
                        self.wrong_type(&format!("{name}[{index}]"), "a string", &other);
                }
            }
        }
        Some(texts)
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.value(name)? {
            Value::Object(map) => Some(map),
            other => self.wrong_type(name, "an object", &other),
        }
    }

    /// A list of objects with at most `max` elements, each read by `read`; what is wrong inside one is
    /// said with its place in the list.
    pub(crate) fn objects<T>(
        &mut self,
        name: &str,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let list = self.list(name, max)?;
        let mut items = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            let path = format!("{name}[{index}]");
            match value {
                Value::Object(map) => {
                    let mut inner = Self::new(map);
                    items.extend(read(&mut inner));
                    self.absorb(&path, inner);
                }
                other => {
                    let _: Option<()> = self.wrong_type(&path, "an object", &other);
                }
            }
        }
        Some(items)
    }

    /// Everything that nobody took yet, for who reads it whole.
    pub(crate) fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.map)
    }

    /// `version`: the one that the sender has read.
    pub(crate) fn version(&mut self) -> Option<u64> {
        self.whole("version", 0, i64::MAX).and_then(|version| u64::try_from(version).ok())
    }

    /// What comes back with a document that was read before and cannot be changed by sending it: `id`,
    /// which must be that of the address, and `names`.
    pub(crate) fn echoed(&mut self, id: Option<&str>, names: &[&str]) {
        if let Some(text) = self.text("id")
            && id.is_some_and(|id| !id.eq_ignore_ascii_case(&text))
        {
            self.refuse("id", "mismatch", "it is not the id in the address");
        }
        for name in names {
            self.map.remove(*name);
        }
    }

    /// Forgets that these fields were missing, where they may be.
    pub(crate) fn forgive_missing(&mut self, names: &[&str]) {
        self.errors
            .retain(|error| error.code != "missing" || !names.contains(&error.field.as_str()));
    }

    /// Takes over what somebody else found wrong, but for fields that are refused already.
    pub(crate) fn take_over(&mut self, errors: Vec<FieldError>) {
        for error in errors {
            if !self.is_refused(&error.field) {
                self.errors.push(error);
            }
        }
    }

    /// Notes a value of a wrong type.
    pub(crate) fn wrong_type<T>(
        &mut self,
        field: &str,
        expected: &str,
        found: &Value,
    ) -> Option<T> {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.refuse(field, "wrong_type", format!("it must be {expected}, not {found}"));
        None
    }

    /// Takes over what was wrong inside an object of this one.
    pub(crate) fn absorb(&mut self, prefix: &str, inner: Self) {
        for error in inner.into_errors() {
            self.errors.push(FieldError { field: format!("{prefix}.{}", error.field), ..error });
        }
    }

    /// Everything that was wrong, fields that nobody took among it.
    pub(crate) fn into_errors(mut self) -> Vec<FieldError> {
        for name in self.map.keys() {
            let shown: String = name.chars().take(80).collect();
            self.errors.push(FieldError::new(shown, "unknown_field", "there is no such field"));
        }
        self.errors
    }

    /// Nothing was wrong, or a problem that says everything that was.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let errors = self.into_errors();
        if errors.is_empty() { Ok(()) } else { Err(Problem::fields(Code::InvalidFields, &errors)) }
    }
}
