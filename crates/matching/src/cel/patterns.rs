//! The regular expressions of a CEL expression, compiled once instead of each time it runs.
//!
//! `text.matches('pattern')` becomes a call of a function that nobody can write, with the position of
//! the compiled pattern. Invariant: no pattern is made of what is matched, so that none is unbounded.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};
use cel::{Context, ExecutionError};
use model::FieldError;
use regex::Regex;

use crate::condition::{bounded_regex, regex_error};

/// The function that takes a text and a position. No expression can write a name with this sign.
pub(super) const FUNCTION: &str = "@pattern";

/// Takes the patterns out of an expression.
pub(super) fn take(name: &str, expression: &mut IdedExpr) -> Result<Vec<Regex>, FieldError> {
    let mut patterns = Vec::new();
    walk(name, expression, &mut patterns)?;
    Ok(patterns)
}

/// Makes them callable.
pub(super) fn add(
    patterns: Vec<Regex>,
    functions: &mut Context<'static, 'static>,
) -> Result<(), String> {
    if patterns.is_empty() {
        return Ok(());
    }
    let find = move |text: Arc<String>, position: i64| -> Result<bool, ExecutionError> {
        usize::try_from(position)
            .ok()
            .and_then(|position| patterns.get(position))
            .map(|pattern| pattern.is_match(&text))
            .ok_or_else(|| ExecutionError::function_error(FUNCTION, "no such pattern"))
    };
    functions.add_function(FUNCTION, find).map_err(|error| error.to_string())
}

fn walk(
    name: &str,
    expression: &mut IdedExpr,
    patterns: &mut Vec<Regex>,
) -> Result<(), FieldError> {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Call(call) => {
            if call.func_name == "matches" {
                replace(name, call, patterns)?;
            }
            for part in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
                walk(name, part, patterns)?;
            }
        }
        Expr::Comprehension(each) => {
            walk(name, &mut each.iter_range, patterns)?;
            walk(name, &mut each.loop_step, patterns)?;
        }
        Expr::List(list) => {
            for item in &mut list.elements {
                walk(name, item, patterns)?;
            }
        }
        Expr::Select(select) => walk(name, &mut select.operand, patterns)?,
        // Refused where costs are counted.
        Expr::Map(_) | Expr::Struct(_) => {}
    }
    Ok(())
}

fn replace(name: &str, call: &mut CallExpr, patterns: &mut Vec<Regex>) -> Result<(), FieldError> {
    let mut parts: Vec<IdedExpr> =
        call.target.take().map(|target| *target).into_iter().chain(call.args.drain(..)).collect();
    let pattern = match parts.as_slice() {
        [_, IdedExpr { expr: Expr::Literal(LiteralValue::String(pattern)), .. }] => {
            bounded_regex(pattern.inner()).map_err(|error| regex_error(name, &error))?
        }
        _ => {
            let message =
                "matches takes a pattern that is written out: summary.matches('time.?out')";
            return Err(FieldError::new(name, "invalid_expression", message));
        }
    };
    let position = i64::try_from(patterns.len()).unwrap_or(i64::MAX);
    parts[1].expr = Expr::Literal(LiteralValue::Int(position.into()));
    patterns.push(pattern);
    FUNCTION.clone_into(&mut call.func_name);
    call.args = parts;
    Ok(())
}
