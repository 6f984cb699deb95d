//! The object around the alerts of a webhook, the same at Alertmanager and at Grafana:
//! `{"alerts": […], …}`. Everything but the alerts repeats what stands in them.

use model::Duration;

use crate::alert::{Rules, take_all};
use crate::batch::Batch;
use crate::code::Code;
use crate::context::Context;
use crate::json::{Cursor, Syntax, Value};
use crate::problem::{self, Problem};

/// The lease of a webhook's alert that states no end: 24 hours. Unlike Prometheus, whoever sends
/// webhooks repeats a firing alert after hours only (Alertmanager's `repeat_interval`, 4 hours
/// unless set), and reports its end by itself.
pub const LEASE: Duration = Duration::from_secs(24 * 3_600);

/// Judges every alert of a webhook. `version` is what the payload must say of itself, if anything.
pub(crate) fn decode(
    body: &[u8],
    context: &Context<'_>,
    source: &'static str,
    version: Option<&str>,
) -> Result<Batch, Problem> {
    let text = problem::text(body)?;
    let syntax = |failure: Syntax| Problem::syntax(&failure, text);
    let mut cursor = Cursor::new(text);
    let mut batch = Batch::with_room_for(body.len());
    if !cursor.open(b'{') {
        return Err(Problem::new(Code::InvalidJson, "the body must be a webhook's JSON object"));
    }
    let rules = rules(context, source);
    let (mut first, mut has_alerts) = (true, false);
    while let Some(key) = cursor.key(&mut first).map_err(syntax)? {
        match key.as_ref() {
            "alerts" if cursor.open(b'[') => {
                has_alerts = true;
                take_all(&mut cursor, &rules, &mut batch, syntax)?;
            }
            "version" => check_version(&cursor.value().map_err(syntax)?, version)?,
            _ => drop(cursor.raw().map_err(syntax)?),
        }
    }
    cursor.end("the end after the object").map_err(syntax)?;
    if !has_alerts || batch.items() == 0 {
        return Err(Problem::new(Code::EmptyBatch, "the webhook holds no array `alerts`, or none"));
    }
    Ok(batch)
}

fn rules<'a>(context: &Context<'a>, source: &'static str) -> Rules<'a> {
    Rules {
        now: context.now,
        grant: context.grant,
        source,
        lease: LEASE,
        strict_names: false,
        states_status: true,
    }
}

fn check_version(said: &Value<'_>, known: Option<&str>) -> Result<(), Problem> {
    let Some(known) = known else { return Ok(()) };
    match said {
        Value::Text(text) if text == known => Ok(()),
        _ => {
            let detail = format!("the payload's `version` must be \"{known}\"");
            Err(Problem::new(Code::UnsupportedVersion, detail))
        }
    }
}
