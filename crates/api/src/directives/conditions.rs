//! Conditions on fields, as rules, silences and inhibitions write them.
//!
//! Refuses to know what a condition fits: patterns and closed words are checked by the crate `matching`.

use matching::{Binding, check_conditions};
use model::{Condition, Field, FieldError, Op, limits};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::request::Fields;
use crate::words;

/// One condition on a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Condition)]
pub(crate) struct ConditionDocument {
    /// `severity`, `source`, `component`, `component_type`, `environment`, `kind`, `status`, `summary`,
    /// `labels.NAME` or `payload.PATH`.
    pub(crate) field: String,
    /// How it is compared.
    pub(crate) op: words::Op,
    /// With what: a text, a list of texts for `one_of`, null for `present`.
    #[schema(required)]
    pub(crate) value: Option<ConditionValue>,
    /// Whether the opposite must hold; `false` where not said.
    #[schema(required = false)]
    pub(crate) negate: bool,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ConditionValue {
    /// A text.
    One(String),
    /// Any of these texts.
    Any(Vec<String>),
}

/// The documents of conditions.
pub(crate) fn documents(conditions: &[Condition]) -> Vec<ConditionDocument> {
    conditions.iter().map(ConditionDocument::from).collect()
}

impl From<&Condition> for ConditionDocument {
    fn from(condition: &Condition) -> Self {
        let value = match condition.op {
            Op::OneOf => Some(ConditionValue::Any(condition.values.clone())),
            Op::Present => None,
            Op::Equals | Op::Glob | Op::Regex | Op::AtLeast => {
                condition.values.first().cloned().map(ConditionValue::One)
            }
        };
        Self {
            field: condition.field.to_string(),
            op: condition.op.into(),
            value,
            negate: condition.negate,
        }
    }
}

/// Reads the list of conditions `name`; `binding` says what a regular expression must fit.
pub(crate) fn read(fields: &mut Fields, name: &str, binding: Binding) -> Option<Vec<Condition>> {
    fields.objects(name, limits::CONDITIONS, |inner| {
        let condition = read_one(inner)?;
        let errors = check_conditions("", std::slice::from_ref(&condition), binding);
        inner.take_over(errors.into_iter().map(without_place).collect());
        Some(condition)
    })
}

/// An error of the only condition of a list, named from the condition on.
fn without_place(error: FieldError) -> FieldError {
    let field = error.field.strip_prefix("[0].").map(str::to_owned);
    FieldError { field: field.unwrap_or(error.field), ..error }
}

fn read_one(fields: &mut Fields) -> Option<Condition> {
    let field = read_field(fields);
    let op = read_op(fields);
    let values = op.and_then(|op| read_values(fields, op));
    if op.is_none() {
        fields.value("value");
    }
    let negate = fields.flag("negate").unwrap_or(false);
    Some(Condition { field: field?, op: op?, values: values?, negate })
}

const FIELD_CHOICES: &str = "it must be severity, source, component, component_type, environment, \
                             kind, status, summary, labels.NAME or payload.PATH";

fn read_field(fields: &mut Fields) -> Option<Field> {
    let text = fields.required_text("field", limits::CONDITION_VALUE_BYTES);
    if fields.is_refused("field") {
        return None;
    }
    let field = Field::parse(&text);
    if field.is_none() {
        fields.refuse("field", "unknown_value", FIELD_CHOICES);
    }
    field
}

fn read_op(fields: &mut Fields) -> Option<Op> {
    let text = fields.required_text("op", limits::NAME_CHARS);
    if fields.is_refused("op") {
        return None;
    }
    let op = Op::parse(&text);
    if op.is_none() {
        let words: Vec<&str> = Op::ALL.iter().map(|op| op.as_str()).collect();
        fields.refuse("op", "unknown_value", format!("it must be one of {}", words.join(", ")));
    }
    op
}

fn read_values(fields: &mut Fields, op: Op) -> Option<Vec<String>> {
    let values = match (op, fields.value("value")) {
        (Op::Present, None | Some(Value::Bool(true))) => return Some(Vec::new()),
        (Op::Present, Some(_)) => {
            fields.refuse("value", "unknown_value", "`present` takes no value; use `negate`");
            return None;
        }
        (_, None) => {
            if !fields.is_refused("value") {
                fields.refuse("value", "missing", "it must be given");
            }
            return None;
        }
        (Op::OneOf, Some(Value::Array(list))) => read_listed(fields, list)?,
        (Op::OneOf, Some(other)) => return fields.wrong_type("value", "a list of strings", &other),
        (_, Some(Value::String(text))) => vec![text],
        (_, Some(other)) => return fields.wrong_type("value", "a string", &other),
    };
    within_bounds(fields, values)
}

fn read_listed(fields: &mut Fields, list: Vec<Value>) -> Option<Vec<String>> {
    if list.is_empty() || list.len() > limits::CONDITION_VALUES {
        let message = format!("it must list 1 to {} values", limits::CONDITION_VALUES);
        fields.refuse("value", "out_of_range", message);
        return None;
    }
    let mut texts = Vec::with_capacity(list.len());
    let mut whole = true;
    for (index, value) in list.into_iter().enumerate() {
        match value {
            Value::String(text) => texts.push(text),
            other => {
                whole = false;
                let _: Option<()> =
                    fields.wrong_type(&format!("value[{index}]"), "a string", &other);
            }
        }
    }
    whole.then_some(texts)
}

fn within_bounds(fields: &mut Fields, values: Vec<String>) -> Option<Vec<String>> {
    let most = limits::CONDITION_VALUE_BYTES;
    if values.iter().any(|text| text.len() > most) {
        fields.refuse("value", "too_long", format!("it may have {most} bytes"));
        return None;
    }
    if values.iter().any(|text| text.contains('\0')) {
        fields.refuse("value", "invalid_character", "it may hold no NUL character");
        return None;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Reads conditions and writes them again, or says what is wrong.
    fn round(value: Value) -> Result<Value, Vec<String>> {
        let Value::Object(map) = json!({"match": value}) else { panic!("an object") };
        let mut fields = Fields::new(map);
        let conditions = read(&mut fields, "match", Binding::Found);
        let errors: Vec<String> = fields
            .into_errors()
            .iter()
            .map(|error| format!("{} {}", error.field, error.code))
            .collect();
        if errors.is_empty() {
            Ok(json!(documents(&conditions.unwrap_or_default())))
        } else {
            Err(errors)
        }
    }

    #[test]
    fn what_was_written_is_read_the_same() {
        let conditions = json!([
            {"field": "severity", "op": "at_least", "value": "P1", "negate": false},
            {"field": "labels.team", "op": "one_of", "value": ["a", "b"], "negate": true},
            {"field": "payload.a.0", "op": "present", "value": null, "negate": false},
            {"field": "component", "op": "glob", "value": "db-*", "negate": false},
            {"field": "summary", "op": "regex", "value": "time.?out", "negate": false},
        ]);
        assert_eq!(round(conditions.clone()), Ok(conditions));
    }

    #[test]
    fn short_forms_mean_what_they_say() {
        let short = json!([{"field": "labels.x", "op": "present", "value": true}, {"field": "service", "op": "EQUALS", "value": ""}]);
        let whole = json!([
            {"field": "labels.x", "op": "present", "value": null, "negate": false},
            {"field": "component", "op": "equals", "value": "", "negate": false},
        ]);
        assert_eq!(round(short), Ok(whole));
    }

    #[test]
    fn every_bad_condition_is_said_with_its_place() {
        let errors = round(json!([
            {"field": "colour", "op": "equals", "value": "x"},
            {"field": "source", "op": "like", "value": "x"},
            {"field": "source", "op": "equals"},
            {"field": "source", "op": "equals", "value": ["a"]},
            {"field": "source", "op": "one_of", "value": "a"},
            {"field": "source", "op": "one_of", "value": []},
            {"field": "source", "op": "one_of", "value": ["a", 1]},
            {"field": "source", "op": "present", "value": false},
            {"field": "source", "op": "glob", "value": "x".repeat(3_000)},
            {"op": "glob", "value": "x", "negated": true},
            "x",
            {"field": "severity", "op": "at_least", "value": "loud"},
            {"field": "summary", "op": "regex", "value": "("},
        ]))
        .expect_err("refused");
        let expected = [
            "match[0].field unknown_value",
            "match[1].op unknown_value",
            "match[2].value missing",
            "match[3].value wrong_type",
            "match[4].value wrong_type",
            "match[5].value out_of_range",
            "match[6].value[1] wrong_type",
            "match[7].value unknown_value",
            "match[8].value too_long",
            "match[9].field missing",
            "match[9].negated unknown_field",
            "match[10] wrong_type",
            "match[11].value unknown_value",
            "match[12].value invalid_regex",
        ];
        assert_eq!(errors, expected);
    }
}
