//! What an expression may cost at most, told without running it.
//!
//! Each part costs 1, and as much again for each KiB it may read; parts inside a macro cost that for
//! each item the macro may walk. What a macro walks in total is never more than what it walks over, so
//! bytes of its items are counted once. Bytes are counted too: an expression that copies what it was given
//! over and over would otherwise grow without end at little cost.
//!
//! Invariant: the walk is as deep as the expression, and doubles only with each macro inside a macro.

use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};
use model::{FieldError, limits};

use super::variables::{ITEMS, NAMES};
use crate::condition::shortened;

/// Bytes that one value of an expression may take.
const BYTES: u64 = 4 << 20;
/// Bytes that anything takes at least: a number, an item of a list.
const LEAST_BYTES: u64 = 256;
/// Bytes read at the cost of one part.
const BYTES_OF_PART: u64 = 1 << 10;
/// Items of a list that was put together with `+`: no more than fit into [`BYTES`].
const ITEMS_ADDED: u64 = BYTES / LEAST_BYTES;
/// Macros within macros.
const LOOPS: usize = 4;

/// Functions that may be called, other than operators.
const FUNCTIONS: [&str; 10] = [
    super::patterns::FUNCTION,
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "uint",
    "double",
    "bool",
];

/// Operators that read nothing of the values they are given, or only hand them on.
const HANDING_ON: [&str; 6] = [
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::CONDITIONAL,
    operators::INDEX,
    operators::NOT_STRICTLY_FALSE,
];

/// Operators whose values are read.
const READING: [&str; 13] = [
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::IN,
];

/// What it may cost; refuses what names something unknown, or may cost too much.
pub(super) fn check(name: &str, expression: &IdedExpr) -> Result<u64, FieldError> {
    let measured = Scope::default().measure(expression);
    let error = match measured {
        Ok(measure) if measure.cost > limits::CEL_COST => Refused::Cost(measure.cost),
        Ok(measure) => return Ok(measure.cost),
        Err(refused) => refused,
    };
    Err(FieldError::new(name, error.code(), error.message()))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Refused {
    Cost(u64),
    Bytes,
    Loops,
    Variable(String),
    Function(String),
    Unsupported(&'static str),
}

impl Refused {
    fn code(&self) -> &'static str {
        match self {
            Self::Cost(_) | Self::Bytes | Self::Loops => "too_costly",
            Self::Variable(_) => "unknown_variable",
            Self::Function(_) => "unknown_function",
            Self::Unsupported(_) => "unsupported",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Cost(cost) => {
                format!("may cost {cost}, at most {} is allowed", limits::CEL_COST)
            }
            Self::Bytes => format!("may build a value of more than {BYTES} bytes"),
            Self::Loops => format!("at most {LOOPS} macros within each other"),
            Self::Variable(name) => {
                format!("no variable `{}`; there are {}", shortened(name), NAMES.join(", "))
            }
            Self::Function(name) => format!("no function `{}`", shortened(name)),
            Self::Unsupported(what) => (*what).to_owned(),
        }
    }
}

/// At most so much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Measure {
    cost: u64,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    bytes: u64,
    /// Whether it comes of something put together with `+`.
    added: bool,
}

/// The variables that macros bring, innermost last.
#[derive(Debug, Default)]
struct Scope {
    variables: Vec<Variable>,
    loops: usize,
}

impl Scope {
    fn measure(&mut self, expression: &IdedExpr) -> Result<Measure, Refused> {
        let measure = match &expression.expr {
            Expr::Unspecified => return Err(Refused::Unsupported("something is missing")),
            Expr::Map(_) => return Err(Refused::Unsupported("maps cannot be written")),
            Expr::Struct(_) => return Err(Refused::Unsupported("structures cannot be written")),
            Expr::Literal(literal) => Measure { cost: 1, bytes: bytes_of_literal(literal) },
            Expr::Ident(name) => Measure { cost: 1, bytes: self.bytes_of(name)? },
            Expr::Select(select) => {
                let operand = self.measure(&select.operand)?;
                Measure {
                    cost: operand.cost + 1,
                    bytes: part_bytes(&select.operand, operand.bytes),
                }
            }
            Expr::List(list) => {
                let mut all = Measure { cost: 1, bytes: LEAST_BYTES };
                for item in &list.elements {
                    let item = self.measure(item)?;
                    let cost = item.cost + item.bytes / BYTES_OF_PART;
                    all = Measure { cost: all.cost + cost, bytes: all.bytes + item.bytes };
                }
                all
            }
            Expr::Call(call) => {
                let target = call.target.as_deref();
                self.call(
                    &call.func_name,
                    &target.into_iter().chain(&call.args).collect::<Vec<_>>(),
                )?
            }
            Expr::Comprehension(each) => self.comprehension(each)?,
        };
        if measure.bytes > BYTES { Err(Refused::Bytes) } else { Ok(measure) }
    }

    fn bytes_of(&self, name: &str) -> Result<u64, Refused> {
        if let Some(variable) = self.variables.iter().rev().find(|other| other.name == name) {
            return Ok(variable.bytes);
        }
        Ok(match name {
            "summary" => limits::SUMMARY_BYTES as u64,
            "labels" => LABELS_BYTES,
            "payload" => limits::PAYLOAD_BYTES as u64,
            "source" | "component" | "environment" => 4 * limits::NAME_CHARS as u64,
            name if NAMES.contains(&name) => LEAST_BYTES,
            name => return Err(Refused::Variable(name.to_owned())),
        })
    }

    fn call(&mut self, function: &str, parts: &[&IdedExpr]) -> Result<Measure, Refused> {
        let (mut cost, mut sum, mut longest) = (1, 0, 0);
        for part in parts {
            let part = self.measure(part)?;
            cost += part.cost;
            sum += part.bytes;
            longest = longest.max(part.bytes);
        }
        if HANDING_ON.contains(&function) {
            let bytes = match function {
                operators::CONDITIONAL => longest,
                operators::INDEX => parts.first().map_or(longest, |of| part_bytes(of, longest)),
                _ => LEAST_BYTES,
            };
            return Ok(Measure { cost, bytes });
        }
        if !READING.contains(&function) && !FUNCTIONS.contains(&function) {
            return Err(Refused::Function(function.to_owned()));
        }
        let bytes = if matches!(function, operators::ADD | "string") { sum } else { LEAST_BYTES };
        Ok(Measure { cost: cost + sum / BYTES_OF_PART, bytes })
    }

    fn comprehension(&mut self, each: &ComprehensionExpr) -> Result<Measure, Refused> {
        if self.loops == LOOPS {
            return Err(Refused::Loops);
        }
        let range = self.measure(&each.iter_range)?;
        let init = self.measure(&each.accu_init)?;
        let (items, added) = (self.items(&each.iter_range), self.is_added(&each.iter_range));
        self.loops += 1;
        // Once as if its items had no bytes, which is what each round costs, and once as if it walked
        // over everything at once, whose difference is what the items cost all together.
        let round = self.round(each, 0, added)?;
        let whole = self.round(each, range.bytes, added)?;
        self.loops -= 1;
        let over_all = |round: u64, whole: u64| {
            round.saturating_mul(items).saturating_add(whole.saturating_sub(round))
        };
        let copied = range.bytes / BYTES_OF_PART;
        let cost = over_all(round.cost + 1, whole.cost + 1)
            .saturating_add(range.cost + init.cost + copied + 3);
        let bytes = match each.accu_init.expr {
            Expr::List(_) => over_all(round.bytes, whole.bytes),
            _ => LEAST_BYTES,
        };
        Ok(Measure { cost, bytes })
    }

    /// One round with an item of so many bytes.
    fn round(
        &mut self,
        each: &ComprehensionExpr,
        bytes: u64,
        added: bool,
    ) -> Result<Measure, Refused> {
        let before = self.variables.len();
        self.variables.push(Variable { name: each.iter_var.clone(), bytes, added });
        self.variables.push(Variable { name: each.accu_var.clone(), bytes: 0, added: false });
        let condition = self.measure(&each.loop_cond);
        let step = self.measure(&each.loop_step);
        self.variables.truncate(before);
        let (condition, step) = (condition?, step?);
        Ok(Measure { cost: condition.cost + step.cost, bytes: step.bytes })
    }

    /// How many items a macro walks at most.
    fn items(&self, range: &IdedExpr) -> u64 {
        match &range.expr {
            Expr::Ident(name) if name == "labels" => limits::LABELS as u64,
            Expr::List(list) => list.elements.len() as u64,
            Expr::Comprehension(each) => self.items(&each.iter_range),
            _ if self.is_added(range) => ITEMS_ADDED,
            _ => ITEMS as u64,
        }
    }

    /// Whether something in it was put together with `+`, and may be longer than what was given.
    fn is_added(&self, expression: &IdedExpr) -> bool {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) => false,
            Expr::Ident(name) => self
                .variables
                .iter()
                .rev()
                .find(|other| other.name == *name)
                .is_some_and(|it| it.added),
            Expr::Select(select) => self.is_added(&select.operand),
            Expr::List(list) => {
                list.elements.len() > ITEMS || list.elements.iter().any(|item| self.is_added(item))
            }
            Expr::Call(call) => {
                call.func_name == operators::ADD
                    || call
                        .target
                        .as_deref()
                        .into_iter()
                        .chain(&call.args)
                        .any(|it| self.is_added(it))
            }
            // The sum in the step of `map` and `filter` is of the macro's own making: what is looked at
            // is the list it adds.
            Expr::Comprehension(each) => {
                self.is_added(&each.iter_range) || self.step_is_added(&each.loop_step)
            }
        }
    }

    fn step_is_added(&self, step: &IdedExpr) -> bool {
        match &step.expr {
            Expr::Call(call) if call.func_name == operators::CONDITIONAL => {
                call.args.iter().skip(1).any(|part| self.step_is_added(part))
            }
            Expr::Call(call) if call.func_name == operators::ADD => {
                call.args.iter().skip(1).any(|part| self.is_added(part))
            }
            _ => self.is_added(step),
        }
    }
}

/// Bytes of all labels there can be.
const LABELS_BYTES: u64 =
    limits::LABELS as u64 * (limits::LABEL_NAME_BYTES + limits::LABEL_VALUE_BYTES) as u64;

/// Bytes of what is selected of something: of labels it is one of them.
fn part_bytes(of: &IdedExpr, bytes: u64) -> u64 {
    match &of.expr {
        Expr::Ident(name) if name == "labels" => bytes.min(limits::LABEL_VALUE_BYTES as u64),
        _ => bytes,
    }
}

fn bytes_of_literal(literal: &LiteralValue) -> u64 {
    match literal {
        LiteralValue::String(text) => LEAST_BYTES.max(text.inner().len() as u64),
        LiteralValue::Bytes(bytes) => LEAST_BYTES.max(bytes.inner().len() as u64),
        LiteralValue::Boolean(_)
        | LiteralValue::Double(_)
        | LiteralValue::Int(_)
        | LiteralValue::Null
        | LiteralValue::UInt(_) => LEAST_BYTES,
    }
}
