//! The door `POST /api/v2/alerts`, the wire on which Prometheus and amtool send to Alertmanager.
//!
//! Decoding is pure. Alerts are judged one by one by Alertmanager's rules: valid ones are taken
//! even if others are not.

use model::limits;

use crate::alert::{Rules, take_all};
use crate::batch::Batch;
use crate::code::Code;
use crate::context::Context;
use crate::json::{Cursor, Syntax, Value};
use crate::problem::{self, Problem};

/// Judges every alert in `body`, which is not compressed any more. An empty array is fine.
///
/// # Errors
/// The body as a whole is not a JSON array, or has too many items.
pub fn decode(body: &[u8], context: Context<'_>) -> Result<Batch, Problem> {
    let text = problem::text(body)?;
    let syntax = |failure: Syntax| Problem::syntax(&failure, text);
    let mut cursor = Cursor::new(text);
    let mut batch = Batch::with_room_for(body.len());
    if cursor.peek().is_none() {
        return Err(Problem::new(Code::EmptyBatch, "alerts in body is required"));
    }
    if cursor.open(b'[') {
        let rules = Rules {
            now: context.now,
            grant: context.grant,
            source: "alertmanager",
            lease: limits::ALERT_LEASE,
            strict_names: true,
            states_status: false,
        };
        take_all(&mut cursor, &rules, &mut batch, syntax)?;
    } else if cursor.value().map_err(syntax)? != Value::Null {
        return Err(Problem::new(Code::InvalidJson, "the body must be an array of alerts"));
    }
    cursor.end("the end after the array").map_err(syntax)?;
    Ok(batch)
}
