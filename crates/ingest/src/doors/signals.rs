//! The door `POST /v1/signals`: one JSON object, an array of them, or one per line.
//!
//! Decoding is pure. Whatever is valid JSON gets a verdict per item; an array that breaks off is
//! refused whole, because nothing says where its next item begins, while a broken line of NDJSON is
//! that line's own rejection. Unknown fields are kept: the payload is the whole object then.

use std::borrow::Cow;

use model::limits;

use crate::batch::{Batch, Fault};
use crate::code::Code;
use crate::context::Context;
use crate::draft::{Draft, Field, Moment};
use crate::json::{Cursor, Raw, Syntax, Value};
use crate::media::Media;
use crate::mint;
use crate::problem::{self, Problem};
use crate::validate::{self, Rules};

/// Judges every signal in `body`, which is not compressed any more.
///
/// # Errors
/// The body as a whole is not JSON, is empty, or has too many items or a single one that is too
/// large. Then nothing of it may be appended.
pub fn decode(body: &[u8], context: Context<'_>) -> Result<Batch, Problem> {
    let mut judge = Judge { context, batch: Batch::with_room_for(body.len()) };
    match (first_byte(body), judge.context.media) {
        (None, _) => return Err(Problem::new(Code::EmptyBatch, "the body is empty")),
        (Some(b'['), _) => judge.array(problem::text(body)?)?,
        (_, Media::JsonLines) => judge.lines(body)?,
        (_, Media::Json) => judge.single(problem::text(body)?)?,
    }
    if judge.batch.items() == 0 {
        return Err(Problem::new(Code::EmptyBatch, "there is no signal in the body"));
    }
    Ok(judge.batch)
}

/// The decoder at work: gives the verdicts, one item after the other.
struct Judge<'c> {
    context: Context<'c>,
    batch: Batch,
}

impl Judge<'_> {
    fn single(&mut self, text: &str) -> Result<(), Problem> {
        let bytes = text.len();
        if bytes > limits::SIGNAL_BYTES {
            let limit = limits::SIGNAL_BYTES;
            let detail = format!("the body is {bytes} bytes; a single signal has at most {limit}");
            return Err(Problem::new(Code::SignalTooLarge, detail));
        }
        let mut cursor = Cursor::new(text);
        self.item(0, &mut cursor)
            .and_then(|()| cursor.end("the end; several signals go in an array or as NDJSON"))
            .map_err(|failure| Problem::syntax(&failure, text))
    }

    fn array(&mut self, text: &str) -> Result<(), Problem> {
        let syntax = |failure| Problem::syntax(&failure, text);
        let mut cursor = Cursor::new(text);
        cursor.open(b'[');
        let (mut first, mut index) = (true, 0);
        while cursor.element(&mut first).map_err(syntax)? {
            if index as usize == limits::BATCH_SIGNALS {
                return Err(Problem::too_many_signals());
            }
            self.item(index, &mut cursor).map_err(syntax)?;
            index += 1;
        }
        cursor.end("the end after the array").map_err(syntax)
    }

    fn lines(&mut self, body: &[u8]) -> Result<(), Problem> {
        for (index, line) in (0..).zip(problem::without_mark(body).split(|&byte| byte == b'\n')) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            if self.batch.items() as usize == limits::BATCH_SIGNALS {
                return Err(Problem::too_many_signals());
            }
            match std::str::from_utf8(line) {
                Ok(line) => self.line(index, line),
                Err(failure) => {
                    let at = failure.valid_up_to();
                    let message = format!("the line is not UTF-8 from byte {at} on");
                    self.batch.reject(index, None, Fault::new(Code::InvalidJson, message));
                }
            }
        }
        Ok(())
    }

    /// Judges one line: its end is made sure of before the signal is taken.
    fn line(&mut self, index: u32, line: &str) {
        let mut cursor = Cursor::new(line);
        let mut draft = Draft::default();
        let read = read_item(&mut cursor, &mut draft)
            .and_then(|()| cursor.end("the end of the line after one object"));
        match read {
            Ok(()) => self.judge(index, draft),
            Err(failure) => {
                let fault = Fault::new(Code::InvalidJson, failure.describe(line));
                self.batch.reject(index, draft.text(Field::Id), fault);
            }
        }
    }

    fn item(&mut self, index: u32, cursor: &mut Cursor<'_>) -> Result<(), Syntax> {
        let mut draft = Draft::default();
        read_item(cursor, &mut draft)?;
        self.judge(index, draft);
        Ok(())
    }

    fn judge(&mut self, index: u32, mut draft: Draft<'_>) {
        let Self { context, batch } = self;
        let rules = Rules { now: context.now, grant: context.grant };
        let project = context.grant.project;
        let claim = &context.claim;
        let claimed = rules.check_claim(claim.organization.as_deref(), claim.project.as_deref());
        let (key, mint, ids) = (context.idempotency_key, &mut context.mint, &mut batch.ids);
        let verdict = claimed.and_then(|()| {
            rules.signal(&mut draft, || {
                let id = match key {
                    Some(key) => (mint::derived_from_key(project, key, index), true),
                    None => (mint.next(), false),
                };
                ids.push(id.0);
                id
            })
        });
        match verdict {
            Ok(signal) => batch.signal(project, context.applied, signal),
            Err(fault) => batch.reject(index, draft.text(Field::Id), fault),
        }
    }
}

/// The first byte that is not white space, which tells an array from an object.
fn first_byte(body: &[u8]) -> Option<u8> {
    problem::without_mark(body).trim_ascii_start().first().copied()
}

/// Reads one item, whatever it is, into a draft.
fn read_item<'a>(cursor: &mut Cursor<'a>, draft: &mut Draft<'a>) -> Result<(), Syntax> {
    cursor.peek();
    let start = cursor.at();
    if !cursor.open(b'{') {
        cursor.raw()?;
        draft.fail(Fault::new(Code::NotAnObject, "a signal is a JSON object"));
        return Ok(());
    }
    let (mut first, mut has_unknown) = (true, false);
    while let Some(key) = cursor.key(&mut first)? {
        has_unknown |= !read_field(&key, cursor, draft)?;
    }
    let whole = cursor.between(start, cursor.at());
    if whole.len() > limits::SIGNAL_BYTES {
        let message = format!("a signal is longer than {} bytes", limits::SIGNAL_BYTES);
        draft.fail(Fault::new(Code::SignalTooLarge, message));
    }
    if has_unknown {
        draft.payload = whole.as_bytes();
    }
    Ok(())
}

/// Reads the value of one field; false if no field has this name.
fn read_field<'a>(
    key: &str,
    cursor: &mut Cursor<'a>,
    draft: &mut Draft<'a>,
) -> Result<bool, Syntax> {
    let field = match key {
        "id" | "signal_id" => Field::Id,
        "component" | "component_id" | "service" => Field::Component,
        "component_type" => Field::ComponentType,
        "kind" => Field::Kind,
        "severity" => Field::Severity,
        "source" => Field::Source,
        "environment" => Field::Environment,
        "status" => Field::Status,
        "summary" | "message" => Field::Summary,
        "trace_id" => Field::TraceId,
        "error_code" => Field::ErrorCode,
        "incident_id" => Field::IncidentId,
        "organization" => Field::Organization,
        "project" => Field::Project,
        "labels" => return read_labels(cursor, draft).map(|()| true),
        "links" => return read_links(cursor, draft).map(|()| true),
        "occurred_at" | "timestamp" => return read_moment(cursor, draft).map(|()| true),
        "payload" => {
            let raw = cursor.raw()?;
            check_depth(raw, draft);
            draft.set_payload(raw.text.as_bytes());
            return Ok(true);
        }
        _ => {
            let raw = cursor.raw()?;
            check_depth(raw, draft);
            return Ok(false);
        }
    };
    match cursor.value()? {
        Value::Text(text) => draft.set(field, text),
        Value::Null => {}
        Value::Literal(_) | Value::Container(_) => draft.fail(wrong_type(field.name(), "a string")),
    }
    Ok(true)
}

fn read_moment<'a>(cursor: &mut Cursor<'a>, draft: &mut Draft<'a>) -> Result<(), Syntax> {
    match cursor.value()? {
        Value::Text(text) => draft.set_moment(Moment::Text(text)),
        Value::Literal(number) if !matches!(number, "true" | "false") => {
            draft.set_moment(Moment::Number(number));
        }
        Value::Null => {}
        Value::Literal(_) | Value::Container(_) => {
            draft.fail(wrong_type("occurred_at", "a string or a number"));
        }
    }
    Ok(())
}

fn read_labels<'a>(cursor: &mut Cursor<'a>, draft: &mut Draft<'a>) -> Result<(), Syntax> {
    if !cursor.open(b'{') {
        if cursor.value()? != Value::Null {
            draft.fail(wrong_type("labels", "an object of strings"));
        }
        return Ok(());
    }
    let mut first = true;
    while let Some(name) = cursor.key(&mut first)? {
        draft.may_hold_nul |= matches!(name, Cow::Owned(_));
        let value = match cursor.value()? {
            Value::Text(text) => text,
            Value::Literal(literal) => Cow::Borrowed(literal),
            Value::Null | Value::Container(_) => {
                let message = format!(
                    "label `{}` must be a string, a number or a boolean",
                    validate::excerpt(&name)
                );
                draft.fail(Fault::new(Code::InvalidLabel, message));
                continue;
            }
        };
        draft.may_hold_nul |= matches!(value, Cow::Owned(_));
        // One label above the limit is enough to be refused for it.
        if draft.labels.len() <= limits::LABELS {
            draft.labels.push((name, value));
        }
    }
    Ok(())
}

fn read_links<'a>(cursor: &mut Cursor<'a>, draft: &mut Draft<'a>) -> Result<(), Syntax> {
    if !cursor.open(b'[') {
        if cursor.value()? != Value::Null {
            draft.fail(wrong_type("links", "an array of strings"));
        }
        return Ok(());
    }
    let mut first = true;
    while cursor.element(&mut first)? {
        match cursor.value()? {
            Value::Text(link) if draft.links.len() <= limits::LINKS => {
                draft.may_hold_nul |= matches!(link, Cow::Owned(_));
                draft.links.push(link);
            }
            Value::Text(_) => {}
            _ => draft.fail(wrong_type("links", "an array of strings")),
        }
    }
    Ok(())
}

/// Refuses what is nested deeper than the limit; the object of the signal is the first level.
fn check_depth(raw: Raw<'_>, draft: &mut Draft<'_>) {
    if raw.depth >= limits::JSON_DEPTH {
        let message = format!("the JSON is nested deeper than {} levels", limits::JSON_DEPTH);
        draft.fail(Fault::new(Code::JsonTooDeep, message));
    }
}

fn wrong_type(name: &'static str, legal: &'static str) -> Fault {
    Fault::new(Code::WrongType, format!("`{name}` must be {legal}"))
}
