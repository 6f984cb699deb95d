//! Gathers what is wrong with a document, so that its author hears of everything at once.
//!
//! Refuses to know what a good document is; the checks do.

use model::FieldError;

use crate::limits;

/// What was found wrong so far.
#[derive(Default)]
pub(crate) struct Complaints(Vec<FieldError>);

impl Complaints {
    /// Adds one.
    pub(crate) fn add(
        &mut self,
        field: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(FieldError::new(field, code, message));
    }

    /// Passes on what could be read; for the rest it complains that the field is not `wanted`.
    pub(crate) fn take<T>(
        &mut self,
        read: Option<T>,
        field: impl Into<String>,
        text: &str,
        wanted: &str,
    ) -> Option<T> {
        if read.is_none() {
            if text.is_empty() {
                self.add(field, "missing", format!("must be {wanted}"));
            } else {
                self.add(field, "malformed", format!("must be {wanted}, not {text:?}"));
            }
        }
        read
    }

    /// A name must be there and short.
    pub(crate) fn name(&mut self, field: impl Into<String>, name: &str) {
        if name.trim().is_empty() {
            self.add(field, "missing", "must not be empty");
        } else if name.len() > limits::NAME_BYTES {
            let message = format!("must have at most {} bytes", limits::NAME_BYTES);
            self.add(field, "too_long", message);
        }
    }

    /// Whether a list is short enough to be looked at.
    pub(crate) fn fits(&mut self, field: impl Into<String>, count: usize, limit: usize) -> bool {
        if count > limit {
            self.add(field, "too_many", format!("at most {limit}, not {count}"));
        }
        count <= limit
    }

    /// What the checks made, if nothing was wrong.
    pub(crate) fn or<T>(self, made: Option<T>) -> Result<T, Vec<FieldError>> {
        match made {
            Some(made) if self.0.is_empty() => Ok(made),
            Some(_) | None => Err(self.0),
        }
    }
}

/// Reads a document's JSON; `serde` stops at the first field it does not know or whose type is wrong.
pub(crate) fn from_json<'a, T: serde::Deserialize<'a>>(
    json: &'a str,
) -> Result<T, Vec<FieldError>> {
    serde_json::from_str(json)
        .map_err(|error| vec![FieldError::new("", "malformed", error.to_string())])
}
