//! Reads a grouping policy out of a body and says everything that is wrong with it at once.
//!
//! Invariant: what is read is within `model::limits`, so the engine never meets a policy beyond them.

use model::{
    ComponentType, Duration, GroupingPolicy, KeyField, Kind, Matcher, Mode, OpenWhen, PolicyId,
    Severity, limits,
};
use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::request::Fields;

/// A policy as sent, and the version the sender has seen.
#[derive(Debug)]
pub(super) struct PolicyChange {
    pub(super) policy: GroupingPolicy,
    pub(super) version: Option<u64>,
}

/// Reads a policy over `base`, which says what holds where nothing is said. `replaces` is the id in the
/// address; a body that was read and is sent back may carry it too.
pub(super) fn read(
    mut fields: Fields,
    base: GroupingPolicy,
    replaces: Option<PolicyId>,
) -> Result<PolicyChange, Problem> {
    let mut policy = base;
    policy.name = fields.required_name("name");
    if let Some(matcher) = matcher(&mut fields) {
        policy.matcher = matcher;
    }
    if let Some(key) = key(&mut fields) {
        policy.key = key;
    }
    if let Some(text) = fields.text("mode") {
        match Mode::parse(&text) {
            Some(mode) => policy.mode = mode,
            None => fields.refuse("mode", "unknown_value", "it must be `ongoing` or `window`"),
        }
    }
    policy.window = positive_span(&mut fields, "window").unwrap_or(policy.window);
    if let Some(cap) = fields.whole("cap", 1, i64::from(limits::WINDOW_CAP)) {
        policy.cap = u32::try_from(cap).unwrap_or(limits::WINDOW_CAP);
    }
    policy.quiet = positive_span(&mut fields, "quiet").unwrap_or(policy.quiet);
    policy.reopen_within = fields.span("reopen_within").unwrap_or(policy.reopen_within);
    if let Some(open_when) = open_when(&mut fields) {
        policy.open_when = open_when;
    }
    policy.auto_lifecycle = fields.flag("auto_lifecycle").unwrap_or(policy.auto_lifecycle);
    policy.resolve_with_alerts =
        fields.flag("resolve_with_alerts").unwrap_or(policy.resolve_with_alerts);
    // The last place belongs to the built-in policy.
    policy.position = fields.whole("position", i64::MIN, i64::MAX - 1).unwrap_or(policy.position);
    let version =
        fields.whole("version", 0, i64::MAX).and_then(|version| u64::try_from(version).ok());
    echoed(&mut fields, replaces);
    fields.finish()?;
    Ok(PolicyChange { policy, version: version.filter(|_| replaces.is_some()) })
}

/// `id` and `built_in` come back with what was read before; they cannot be changed by sending them.
fn echoed(fields: &mut Fields, replaces: Option<PolicyId>) {
    if let Some(text) = fields.text("id")
        && replaces.is_some()
        && PolicyId::parse(&text) != replaces
    {
        fields.refuse("id", "mismatch", "it is not the id in the address");
    }
    if fields.flag("built_in") == Some(true) {
        fields.refuse(
            "built_in",
            "unknown_value",
            "there is one built-in policy, and it cannot be changed",
        );
    }
}

fn positive_span(fields: &mut Fields, name: &str) -> Option<Duration> {
    let span = fields.span(name)?;
    if span == Duration::ZERO {
        fields.refuse(name, "out_of_range", "it must be longer than nothing");
        return None;
    }
    Some(span)
}

fn open_when(fields: &mut Fields) -> Option<OpenWhen> {
    let map = match fields.value("open_when")? {
        Value::Object(map) => map,
        other => {
            return fields.wrong_type("open_when", "an object with `count` and `within`", &other);
        }
    };
    let mut inner = Fields::new(map);
    let within_said = inner.has("within");
    let count = inner.whole("count", 1, i64::from(limits::OPEN_WHEN_COUNT));
    let within = inner.span("within");
    if count.is_none() && !inner.is_refused("count") {
        inner.refuse("count", "missing", "it must be given");
    }
    if count.is_some_and(|count| count > 1) && within.unwrap_or(Duration::ZERO) == Duration::ZERO {
        if !within_said {
            inner.refuse("within", "missing", "more than one signal needs a time to come in");
        } else if !inner.is_refused("within") {
            inner.refuse("within", "out_of_range", "it must be longer than nothing");
        }
    }
    fields.absorb("open_when", inner);
    let count = u32::try_from(count?).ok()?;
    Some(OpenWhen { count, within: within.unwrap_or(Duration::ZERO) })
}

fn key(fields: &mut Fields) -> Option<Vec<KeyField>> {
    let texts = fields.texts("key", limits::KEY_FIELDS)?;
    let mut key: Vec<KeyField> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match field(text) {
            Some(field) if key.contains(&field) => {
                fields.refuse(format!("key[{index}]"), "duplicate", "it is listed twice");
            }
            Some(field) => key.push(field),
            None => fields.refuse(format!("key[{index}]"), "unknown_value", FIELD_CHOICES),
        }
    }
    Some(key)
}

const FIELD_CHOICES: &str = "it must be component, component_type, environment, kind, severity, source, \
                             error_code, trace_id, summary or labels.NAME";

fn field(text: &str) -> Option<KeyField> {
    KeyField::parse(text).filter(|_| text.len() <= "labels.".len() + limits::LABEL_NAME_BYTES)
}

fn matcher(fields: &mut Fields) -> Option<Matcher> {
    let map: Map<String, Value> = match fields.value("matcher")? {
        Value::Object(map) => map,
        other => return fields.wrong_type("matcher", "an object of fields and values", &other),
    };
    if map.len() > limits::MATCHER_CONDITIONS {
        let message = format!("it may have {} conditions", limits::MATCHER_CONDITIONS);
        fields.refuse("matcher", "too_many", message);
        return None;
    }
    let mut conditions: Vec<(KeyField, Vec<String>)> = Vec::with_capacity(map.len());
    for (name, value) in map {
        let shown: String = name.chars().take(limits::LABEL_NAME_BYTES).collect();
        let path = format!("matcher.{shown}");
        let Some(field) = field(&name) else {
            fields.refuse(path, "unknown_field", FIELD_CHOICES);
            continue;
        };
        if conditions.iter().any(|(known, _)| *known == field) {
            fields.refuse(path, "duplicate", "another name of this field is there already");
            continue;
        }
        if let Some(values) = values(fields, &path, &field, value) {
            conditions.push((field, values));
        }
    }
    Some(Matcher(conditions))
}

/// One value or a list of them, each checked.
fn values(fields: &mut Fields, path: &str, field: &KeyField, value: Value) -> Option<Vec<String>> {
    let listed = match value {
        Value::Array(list) if list.is_empty() || list.len() > limits::MATCHER_VALUES => {
            let message = format!("it must list 1 to {} values", limits::MATCHER_VALUES);
            fields.refuse(path, "out_of_range", message);
            return None;
        }
        Value::Array(list) => list
            .into_iter()
            .enumerate()
            .map(|(at, value)| (format!("{path}[{at}]"), value))
            .collect(),
        single => vec![(path.to_owned(), single)],
    };
    let mut values = Vec::with_capacity(listed.len());
    for (path, value) in listed {
        match value {
            Value::String(text) if text.len() > limits::LABEL_VALUE_BYTES => {
                fields.refuse(
                    path,
                    "too_long",
                    format!("it may have {} bytes", limits::LABEL_VALUE_BYTES),
                );
            }
            Value::String(text) => match canonical(field, &text) {
                Some(text) => values.push(text),
                None => fields.refuse(path, "unknown_value", format!("no signal has this {field}")),
            },
            other => {
                let _: Option<()> =
                    fields.wrong_type(&path, "a string or a list of strings", &other);
            }
        }
    }
    Some(values)
}

/// A value as signals carry it: the words of closed lists in their one spelling, everything else and
/// every glob as it is. `None` where the closed list has no such word, so the policy could never fit.
fn canonical(field: &KeyField, text: &str) -> Option<String> {
    if text.contains(['*', '?']) {
        return Some(text.to_owned());
    }
    match field {
        KeyField::Severity => Severity::parse(text).map(|word| word.as_str().to_owned()),
        KeyField::ComponentType => ComponentType::parse(text).map(|word| word.as_str().to_owned()),
        KeyField::Kind => Kind::parse(text).map(|word| word.as_str().to_owned()),
        KeyField::Component
        | KeyField::Environment
        | KeyField::Source
        | KeyField::ErrorCode
        | KeyField::TraceId
        | KeyField::Summary
        | KeyField::Label(_) => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use model::ProjectId;
    use serde_json::json;

    use super::*;

    fn reading(value: Value) -> Result<PolicyChange, Vec<String>> {
        let Value::Object(map) = value else { panic!("an object") };
        let mut base = GroupingPolicy::built_in(ProjectId(1));
        base.position = 7;
        read(Fields::new(map), base, None).map_err(|problem| problem.field_codes())
    }

    #[test]
    fn a_policy_is_read_with_what_holds_where_nothing_is_said() {
        let change = reading(json!({
            "name": "databases", "matcher": {"service": "db-*", "severity": ["critical", "P1"], "labels.team": "core"},
            "key": ["component", "labels.shard"], "mode": "window", "window": "30s", "cap": 5, "open_when": {"count": 3, "within": "1m"},
        }));
        let policy = change.expect("a policy").policy;
        assert_eq!(policy.key, [KeyField::Component, KeyField::Label("shard".to_owned())]);
        let severity = policy.matcher.0.iter().find(|(field, _)| *field == KeyField::Severity);
        assert_eq!(
            severity.map(|(_, values)| values.clone()),
            Some(vec!["P0".to_owned(), "P1".to_owned()])
        );
        assert_eq!(policy.open_when, OpenWhen { count: 3, within: Duration::from_secs(60) });
        assert_eq!((policy.quiet, policy.position), (limits::QUIET, 7));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let errors = reading(json!({
            "name": " ", "matcher": {"colour": "red", "severity": "loud", "source": [], "kind": 7, "component": "a", "service": "b"},
            "key": ["component", "component", "nothing", 3], "mode": "sometimes", "window": "0s", "cap": 0,
            "quiet": 60, "reopen_within": "soon", "open_when": {"count": 2}, "auto_lifecycle": "yes",
            "position": 1.5, "windows": "10s",
        }))
        .expect_err("refused");
        let expected = [
            "auto_lifecycle wrong_type",
            "cap out_of_range",
            "key[1] duplicate",
            "key[2] unknown_value",
            "key[3] wrong_type",
            "matcher.colour unknown_field",
            "matcher.kind wrong_type",
            "matcher.service duplicate",
            "matcher.severity unknown_value",
            "matcher.source out_of_range",
            "mode unknown_value",
            "name missing",
            "open_when.within missing",
            "position out_of_range",
            "quiet wrong_type",
            "reopen_within invalid_duration",
            "window out_of_range",
            "windows unknown_field",
        ];
        let mut sorted = errors;
        sorted.sort();
        assert_eq!(sorted, expected);
    }
}
