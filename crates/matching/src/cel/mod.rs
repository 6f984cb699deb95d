//! The CEL expression of a rule: parsed once, refused where it may cost too much, and then run.
//!
//! Variables are listed in [`variables`]. Functions: the operators, the macros `has`, `all`, `exists`,
//! `exists_one`, `map`, `filter`, and `size`, `contains`, `startsWith`, `endsWith`, `matches` with a
//! literal pattern, `string`, `int`, `uint`, `double`, `bool`, `dyn`, `type`. Maps cannot be written.
//!
//! Invariant: an expression that compiles ends within [`model::limits::CEL_COST`], gives the same answer
//! each time, and whatever goes wrong while it runs is as `false`.

mod cost;
mod nesting;
mod patterns;
mod variables;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::types::CelBool;
use cel::parser::PrattParser;
use cel::{Context, Env, IdedExpr, ParseError, Value};
use model::{FieldError, limits};

pub(crate) use variables::Variables;

/// The functions of CEL, shared by all expressions that are compiled with it.
#[derive(Clone)]
pub(crate) struct Dialect(Arc<Env>);

impl Default for Dialect {
    fn default() -> Self {
        Self(Arc::new(Env::stdlib()))
    }
}

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialect")
    }
}

/// A compiled expression.
pub(crate) struct Expression {
    source: String,
    parsed: IdedExpr,
    /// Functions: those of CEL and the compiled patterns of this expression.
    functions: Context<'static, 'static>,
    cost: u64,
}

impl Expression {
    /// Compiles an expression that is called `name` in errors.
    pub(crate) fn compile(name: &str, source: &str, dialect: &Dialect) -> Result<Self, FieldError> {
        if source.len() > limits::CEL_BYTES {
            let message = format!("at most {} bytes", limits::CEL_BYTES);
            return Err(FieldError::new(name, "too_long", message));
        }
        nesting::check(source)
            .map_err(|refused| FieldError::new(name, refused.code(), refused.message()))?;
        let mut parsed = parse(source)
            .map_err(|message| FieldError::new(name, "invalid_expression", message))?;
        let patterns = patterns::take(name, &mut parsed)?;
        let cost = cost::check(name, &parsed)?;
        let mut functions = Context::with_env(Arc::clone(&dialect.0));
        patterns::add(patterns, &mut functions)
            .map_err(|message| FieldError::new(name, "invalid_expression", message))?;
        Ok(Self { source: source.to_owned(), parsed, functions, cost })
    }

    /// What was compiled.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What it may cost at most, in parts.
    pub(crate) fn cost(&self) -> u64 {
        self.cost
    }

    /// Whether it is true of these.
    pub(crate) fn holds(&self, variables: &Variables<'_>) -> bool {
        let run = || {
            let functions: &Context<'_, '_> = &self.functions;
            let mut scope = functions.new_inner_scope();
            scope.set_variable_resolver(variables);
            let value = Value::resolve_val(&self.parsed, &scope);
            value.is_ok_and(|value| value.downcast_ref::<CelBool>().is_some_and(|it| *it.inner()))
        };
        // The interpreter is somebody else's and holds assertions of its own. None is known to fail;
        // if one does, the rule does not match, and the loop that asked goes on.
        catch_unwind(AssertUnwindSafe(run)).unwrap_or(false)
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

fn parse(source: &str) -> Result<IdedExpr, String> {
    // As in `holds`: the parser is somebody else's.
    let parser = || {
        PrattParser::new()
            .max_recursion_depth(nesting::STEPS as u16)
            .error_recovery_limit(1)
            .error_reporting_limit(1)
            .parse(source)
    };
    match catch_unwind(AssertUnwindSafe(parser)) {
        Ok(Ok(parsed)) => Ok(parsed),
        Ok(Err(errors)) => Err(reason(&errors.errors)),
        Err(_) => Err("not an expression".to_owned()),
    }
}

/// The first error that has a place, or the first.
fn reason(errors: &[ParseError]) -> String {
    let placed = errors.iter().find(|error| error.pos.0 > 0);
    match (placed, errors.first()) {
        (Some(error), _) => {
            let (line, column) = error.pos;
            format!("line {line}, column {}: {}", column + 1, first_line(&error.msg))
        }
        (None, Some(error)) => first_line(&error.msg),
        (None, None) => "not an expression".to_owned(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
