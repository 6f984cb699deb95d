//! One condition, checked and compiled: the six ways of comparing, and negation.
//!
//! Refuses to know where a text comes from; a field that is not there is empty text, so a negated
//! condition holds of it wherever the plain one does not. Invariant: what compiles here is bounded in
//! memory and linear in the text it is held against.

use model::{
    ComponentType, Condition, Field, FieldError, Kind, Op, Severity, SignalStatus, Status, limits,
};
use regex::{Regex, RegexBuilder};
use wildmatch::WildMatch;

use crate::facts::Facts;

/// Bytes that a compiled regular expression may take, and its lazily built automaton too: some three
/// thousand letters, or a dozen Unicode classes.
const REGEX_BYTES: usize = 256 << 10;
/// How deep groups in a regular expression may nest.
const REGEX_NESTING: u32 = 32;

/// What a regular expression must be of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// Found in it: rules.
    Found,
    /// All of it: silences and inhibitions, as in Alertmanager.
    Whole,
}

/// A compiled condition.
#[derive(Debug, Clone)]
pub(crate) struct Predicate {
    pub(crate) field: Field,
    test: Test,
    negate: bool,
}

#[derive(Debug, Clone)]
enum Test {
    /// Severities, a bit for each rank.
    Severities(u8),
    /// Any of these, in any case.
    Words(Vec<String>),
    /// Any of these, in order.
    Texts(Vec<String>),
    Glob(WildMatch),
    Regex(Box<Regex>),
    Present,
}

impl Predicate {
    /// Compiles a condition that is called `name` in errors.
    pub(crate) fn compile(
        name: &str,
        condition: &Condition,
        binding: Binding,
    ) -> Result<Self, Vec<FieldError>> {
        let errors = check_shape(name, condition);
        if !errors.is_empty() {
            return Err(errors);
        }
        let first = condition.values.first().map_or("", String::as_str);
        let test = match condition.op {
            Op::Equals | Op::OneOf => one_of(name, condition)?,
            Op::Glob => Test::Glob(WildMatch::new(first)),
            Op::Regex => Test::Regex(Box::new(regex(name, first, binding)?)),
            Op::AtLeast => {
                let least = severity(&value_name(name, condition.op, 0), first)
                    .map_err(|error| vec![error])?;
                Test::Severities(Severity::ALL.iter().fold(0, |bits, severity| {
                    bits | if *severity <= least { 1 << severity.rank() } else { 0 }
                }))
            }
            Op::Present => Test::Present,
        };
        Ok(Self { field: condition.field.clone(), test, negate: condition.negate })
    }

    pub(crate) fn holds(&self, facts: &Facts<'_>) -> bool {
        self.accepts(&facts.text(&self.field))
    }

    /// Whether it holds of this text of its field.
    pub(crate) fn accepts(&self, text: &str) -> bool {
        let holds = match &self.test {
            Test::Severities(bits) => {
                Severity::parse(text).is_some_and(|severity| bits & (1 << severity.rank()) != 0)
            }
            Test::Words(words) => words.iter().any(|word| word.eq_ignore_ascii_case(text)),
            Test::Texts(texts) => texts.binary_search_by(|other| other.as_str().cmp(text)).is_ok(),
            Test::Glob(pattern) => pattern.matches(text),
            Test::Regex(regex) => regex.is_match(text),
            Test::Present => !text.is_empty(),
        };
        holds != self.negate
    }
}

/// The name of a value in errors: the only one has no position.
fn value_name(name: &str, op: Op, position: usize) -> String {
    match op {
        Op::OneOf => format!("{name}.value[{position}]"),
        Op::Equals | Op::Glob | Op::Regex | Op::AtLeast | Op::Present => format!("{name}.value"),
    }
}

fn check_shape(name: &str, condition: &Condition) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut refuse = |field: String, code, message: String| {
        errors.push(FieldError::new(field, code, message));
    };
    match &condition.field {
        Field::Label(label) if label.len() > limits::LABEL_NAME_BYTES => {
            let message = format!("a label's name has at most {} bytes", limits::LABEL_NAME_BYTES);
            refuse(format!("{name}.field"), "too_long", message);
        }
        Field::Payload(path) if path.len() > limits::CONDITION_VALUE_BYTES => {
            let message = format!("a path has at most {} bytes", limits::CONDITION_VALUE_BYTES);
            refuse(format!("{name}.field"), "too_long", message);
        }
        _ => {}
    }
    if condition.op == Op::AtLeast && condition.field != Field::Severity {
        let message = format!("at_least compares severities; {} is none", condition.field);
        refuse(format!("{name}.op"), "unsuitable", message);
    }
    let count = condition.values.len();
    let all = format!("{name}.value");
    match condition.op {
        Op::Present if count > 0 => {
            refuse(all, "too_many", "present takes no value".to_owned());
        }
        Op::Present => {}
        op if count == 0 => refuse(all, "missing", format!("{op} takes a value")),
        Op::OneOf if count > limits::CONDITION_VALUES => {
            refuse(all, "too_many", format!("at most {} values", limits::CONDITION_VALUES));
        }
        Op::OneOf => {}
        op if count > 1 => refuse(all, "too_many", format!("{op} takes one value; use one_of")),
        Op::Equals | Op::Glob | Op::Regex | Op::AtLeast => {}
    }
    for (position, value) in condition.values.iter().enumerate().take(limits::CONDITION_VALUES) {
        if value.len() > limits::CONDITION_VALUE_BYTES {
            let message = format!("at most {} bytes", limits::CONDITION_VALUE_BYTES);
            refuse(value_name(name, condition.op, position), "too_long", message);
        }
    }
    errors
}

fn one_of(name: &str, condition: &Condition) -> Result<Test, Vec<FieldError>> {
    let (mut severities, mut errors) = (0, Vec::new());
    for (position, value) in condition.values.iter().enumerate() {
        let name = value_name(name, condition.op, position);
        let known = match &condition.field {
            Field::Severity => severity(&name, value).map(|known| severities |= 1 << known.rank()),
            Field::ComponentType => {
                known(&name, value, ComponentType::parse(value).is_some(), ComponentType::ALL)
            }
            Field::Kind => known(&name, value, Kind::parse(value).is_some(), Kind::ALL),
            Field::Status => {
                let found = SignalStatus::parse(value).is_some() || Status::parse(value).is_some();
                let words: Vec<&str> = SignalStatus::ALL
                    .iter()
                    .map(|status| status.as_str())
                    .chain(Status::ALL.iter().map(|status| status.as_str()))
                    .collect();
                known(&name, value, found, &words)
            }
            Field::Source
            | Field::Component
            | Field::Environment
            | Field::Summary
            | Field::Label(_)
            | Field::Payload(_) => Ok(()),
        };
        errors.extend(known.err());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(match &condition.field {
        Field::Severity => Test::Severities(severities),
        Field::ComponentType | Field::Kind | Field::Status => Test::Words(condition.values.clone()),
        Field::Source
        | Field::Component
        | Field::Environment
        | Field::Summary
        | Field::Label(_)
        | Field::Payload(_) => {
            let mut texts = condition.values.clone();
            texts.sort_unstable();
            texts.dedup();
            Test::Texts(texts)
        }
    })
}

fn known<W: std::fmt::Display>(
    name: &str,
    value: &str,
    found: bool,
    words: &[W],
) -> Result<(), FieldError> {
    if found {
        return Ok(());
    }
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let message = format!("`{}` is none of {}", shortened(value), words.join(", "));
    Err(FieldError::new(name, "unknown_value", message))
}

fn severity(name: &str, value: &str) -> Result<Severity, FieldError> {
    Severity::parse(value).ok_or_else(|| {
        let message = format!(
            "`{}` is not a severity; use P0, P1, P2 or P3, or a word such as critical, high, warning, info",
            shortened(value)
        );
        FieldError::new(name, "unknown_value", message)
    })
}

fn regex(name: &str, pattern: &str, binding: Binding) -> Result<Regex, Vec<FieldError>> {
    let name = value_name(name, Op::Regex, 0);
    let plain = bounded_regex(pattern).map_err(|error| vec![regex_error(&name, &error)])?;
    match binding {
        Binding::Found => Ok(plain),
        Binding::Whole => bounded_regex(&format!(r"\A(?:{pattern})\z"))
            .map_err(|error| vec![regex_error(&name, &error)]),
    }
}

/// A regular expression within the limits of this crate.
pub(crate) fn bounded_regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .nest_limit(REGEX_NESTING)
        .build()
}

/// The error for a person.
pub(crate) fn regex_error(name: &str, error: &regex::Error) -> FieldError {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            let message = format!("the regular expression takes more than {limit} bytes compiled");
            FieldError::new(name, "too_large", message)
        }
        // The error shows the pattern over several lines and says what is wrong in the last.
        other => {
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("not a regular expression: {reason}");
            FieldError::new(name, "invalid_regex", message)
        }
    }
}

/// At most 64 characters of what somebody wrote.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Every bad field of a list of conditions, called `prefix[0]`, `prefix[1]`, … in errors.
#[must_use]
pub fn check_conditions(
    prefix: &str,
    conditions: &[Condition],
    binding: Binding,
) -> Vec<FieldError> {
    compile_all(prefix, conditions, binding).err().unwrap_or_default()
}

/// All conditions compiled, or all their errors.
pub(crate) fn compile_all(
    prefix: &str,
    conditions: &[Condition],
    binding: Binding,
) -> Result<Vec<Predicate>, Vec<FieldError>> {
    let (mut predicates, mut errors) = (Vec::new(), Vec::new());
    if conditions.len() > limits::CONDITIONS {
        let message = format!("at most {} conditions", limits::CONDITIONS);
        errors.push(FieldError::new(prefix, "too_many", message));
    }
    for (position, condition) in conditions.iter().enumerate().take(limits::CONDITIONS) {
        match Predicate::compile(&format!("{prefix}[{position}]"), condition, binding) {
            Ok(predicate) => predicates.push(predicate),
            Err(more) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok(predicates) } else { Err(errors) }
}

/// Conditions that must all hold, compiled: a silence, or a side of an inhibition.
#[derive(Debug, Clone)]
pub struct Conjunction {
    predicates: Vec<Predicate>,
}

impl Conjunction {
    /// Compiles conditions; none at all hold of everything.
    ///
    /// # Errors
    /// Every bad field, called `match[0].value` and so on.
    pub fn compile(conditions: &[Condition], binding: Binding) -> Result<Self, Vec<FieldError>> {
        compile_all("match", conditions, binding).map(|predicates| Self { predicates })
    }

    /// Whether all of them hold.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.predicates.iter().all(|predicate| predicate.holds(facts))
    }

    /// The position of the first that does not hold.
    #[must_use]
    pub fn first_failing(&self, facts: &Facts<'_>) -> Option<usize> {
        self.predicates.iter().position(|predicate| !predicate.holds(facts))
    }
}
