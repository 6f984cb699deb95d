//! Grouping policies.

use model::{Duration, GroupingPolicy, KeyField, Matcher, Mode, OpenWhen, PolicyId};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use super::json;
use crate::Error;
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

pub(in crate::sqlite) const KEY: [&str; 2] = ["project", "id"];
pub(in crate::sqlite) const OTHERS: [&str; 14] = [
    "name",
    "matcher",
    "key_fields",
    "mode",
    "window_us",
    "cap",
    "quiet_us",
    "reopen_within_us",
    "open_when_count",
    "open_when_within_us",
    "auto_lifecycle",
    "resolve_with_alerts",
    "position",
    "version",
];

pub(in crate::sqlite) fn write(values: &mut Values, policy: &GroupingPolicy) {
    let condition = |(field, values): &(KeyField, Vec<String>)| ConditionJson {
        field: field.to_string(),
        values: values.clone(),
    };
    let matcher: Vec<ConditionJson> = policy.matcher.0.iter().map(condition).collect();
    let key: Vec<String> = policy.key.iter().map(ToString::to_string).collect();
    values
        .add(i64::from(policy.project.0))
        .add(&policy.id.to_bytes()[..])
        .add(policy.name.as_str())
        .add(json(&matcher))
        .add(json(&key))
        .add(policy.mode.as_str())
        .add(policy.window.micros().cast_signed())
        .add(i64::from(policy.cap))
        .add(policy.quiet.micros().cast_signed())
        .add(policy.reopen_within.micros().cast_signed())
        .add(i64::from(policy.open_when.count))
        .add(policy.open_when.within.micros().cast_signed())
        .add(i64::from(policy.auto_lifecycle))
        .add(i64::from(policy.resolve_with_alerts))
        .add(policy.position)
        .add(policy.version.cast_signed());
}

pub(in crate::sqlite) fn read(row: &SqliteRow) -> Result<GroupingPolicy, Error> {
    let columns = Columns::new(row, "policies", &KEY);
    Ok(GroupingPolicy {
        id: PolicyId(columns.wide("id")?),
        project: columns.project("project")?,
        name: columns.text("name")?,
        matcher: Matcher(read_matcher(&columns)?),
        key: read_key(&columns)?,
        mode: read_mode(&columns)?,
        window: duration(&columns, "window_us")?,
        cap: columns.small("cap")?,
        quiet: duration(&columns, "quiet_us")?,
        reopen_within: duration(&columns, "reopen_within_us")?,
        open_when: OpenWhen {
            count: columns.small("open_when_count")?,
            within: duration(&columns, "open_when_within_us")?,
        },
        auto_lifecycle: columns.flag("auto_lifecycle")?,
        resolve_with_alerts: columns.flag("resolve_with_alerts")?,
        position: columns.get("position")?,
        version: columns.unsigned("version")?,
    })
}

/// One condition of a matcher.
#[derive(Serialize, Deserialize)]
struct ConditionJson {
    field: String,
    values: Vec<String>,
}

fn read_matcher(columns: &Columns<'_>) -> Result<Vec<(KeyField, Vec<String>)>, Error> {
    let conditions: Vec<ConditionJson> = columns.json("matcher")?;
    let read = conditions.into_iter().map(|condition| {
        let field = KeyField::parse(&condition.field);
        let field = field.ok_or_else(|| columns.unreadable("matcher", "a list of known fields"))?;
        Ok((field, condition.values))
    });
    read.collect()
}

fn read_key(columns: &Columns<'_>) -> Result<Vec<KeyField>, Error> {
    let fields: Vec<String> = columns.json("key_fields")?;
    let read = fields.iter().map(|field| {
        let field = KeyField::parse(field);
        field.ok_or_else(|| columns.unreadable("key_fields", "a list of known fields"))
    });
    read.collect()
}

fn read_mode(columns: &Columns<'_>) -> Result<Mode, Error> {
    Mode::parse(&columns.text("mode")?)
        .ok_or_else(|| columns.unreadable("mode", "ongoing or window"))
}

fn duration(columns: &Columns<'_>, column: &str) -> Result<Duration, Error> {
    columns.unsigned(column).map(Duration::from_micros)
}
