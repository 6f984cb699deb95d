//! One condition, checked and compiled: the six ways of comparing, and negation.
//!
//! Refuses to know where a text comes from; a field that is not there is empty text, so a negated
//! condition holds of it wherever the plain one does not. Invariant: what compiles here is bounded in memory.
//! What it takes grows with the text: once for each of its bytes, for a glob with a `?` between two `*` also with
//! the words of that part (at most 32), and for a regular expression at worst with its compiled size, which is bounded.

use model::{
    ComponentType, Condition, Field, FieldError, Kind, Op, Severity, SignalStatus, Status, limits,
};
use regex::{Regex, RegexBuilder};

use crate::facts::Facts;
use crate::glob::Glob;

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
    Glob(Box<Glob>),
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
            Op::Glob => Test::Glob(Box::new(Glob::new(first))),
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
            Test::Glob(glob) => glob.matches(text),
            Test::Regex(regex) => regex.is_match(text),
            Test::Present => !text.is_empty(),
        };
        holds != self.negate
    }
}

/// What texts a condition can only hold of, so that it can be found from the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement<'p> {
    /// One of these, none of them empty.
    Texts(&'p [String]),
    /// One that begins so, and whether that is all.
    Beginning(&'p str, bool),
    /// One that ends so, and whether that is all.
    End(&'p str, bool),
    /// Any but an empty one.
    Present,
    /// Nothing that could be looked up.
    Nothing,
}

impl Predicate {
    /// What it requires of the text of its field; [`Requirement::Texts`] and [`Requirement::Present`]
    /// are all that it asks.
    pub(crate) fn requirement(&self) -> Requirement<'_> {
        if self.negate {
            return Requirement::Nothing;
        }
        match &self.test {
            Test::Texts(texts) if texts.iter().all(|text| !text.is_empty()) => {
                Requirement::Texts(texts)
            }
            Test::Present => Requirement::Present,
            Test::Glob(glob) => {
                let pattern = glob.pattern();
                let wild = ['*', '?'];
                let beginning = pattern.find(wild).map_or("", |at| &pattern[..at]);
                let end = pattern.rfind(wild).map_or("", |at| &pattern[at + 1..]);
                match (beginning.len(), end.len()) {
                    (0, 0) => Requirement::Nothing,
                    (one, other) if one >= other => {
                        let whole = pattern[one..].bytes().all(|byte| byte == b'*');
                        Requirement::Beginning(beginning, whole)
                    }
                    (_, length) => {
                        let before = &pattern[..pattern.len() - length];
                        Requirement::End(end, before.bytes().all(|byte| byte == b'*'))
                    }
                }
            }
            Test::Texts(_) | Test::Severities(_) | Test::Words(_) | Test::Regex(_) => {
                Requirement::Nothing
            }
        }
    }

    /// How dear it is to ask, for choosing what is asked first.
    pub(crate) fn effort(&self) -> u8 {
        match &self.test {
            Test::Severities(_) | Test::Words(_) | Test::Texts(_) | Test::Present => 0,
            Test::Glob(_) => 1,
            Test::Regex(_) => 2,
        }
    }

    /// What conditions have in common that ask the same of a field with many values, where regular
    /// expressions are found: one text is as a list of one.
    pub(crate) fn sameness(condition: &Condition) -> impl std::hash::Hash + '_ {
        let op = match condition.op {
            Op::Equals => Op::OneOf,
            other => other,
        };
        (&condition.field, op, sorted(&condition.values), condition.negate)
    }

    /// Whether a condition is this one, in the same sense.
    pub(crate) fn is_same(&self, condition: &Condition) -> bool {
        let only = || match condition.values.as_slice() {
            [value] => Some(value.as_str()),
            _ => None,
        };
        let same_test = match (&self.test, condition.op) {
            (Test::Texts(texts), Op::Equals | Op::OneOf) => {
                let count = condition.values.len();
                let allowed = if condition.op == Op::Equals { 1 } else { limits::CONDITION_VALUES };
                count <= allowed && sorted(&condition.values).into_iter().eq(texts)
            }
            (Test::Glob(glob), Op::Glob) => only() == Some(glob.pattern()),
            (Test::Regex(regex), Op::Regex) => only() == Some(regex.as_str()),
            (Test::Present, Op::Present) => condition.values.is_empty(),
            _ => false,
        };
        same_test && self.negate == condition.negate && self.field == condition.field
    }
}

/// Values in order, each once.
fn sorted(values: &[String]) -> Vec<&String> {
    let mut values: Vec<&String> = values.iter().collect();
    values.sort_unstable();
    values.dedup();
    values
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
    if let Field::Label(label) = &condition.field
        && label.len() > limits::LABEL_NAME_BYTES
    {
        let message = format!("a label's name has at most {} bytes", limits::LABEL_NAME_BYTES);
        refuse(format!("{name}.field"), "too_long", message);
    }
    if let Field::Payload(path) = &condition.field
        && path.len() > limits::CONDITION_VALUE_BYTES
    {
        let message = format!("a path has at most {} bytes", limits::CONDITION_VALUE_BYTES);
        refuse(format!("{name}.field"), "too_long", message);
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
