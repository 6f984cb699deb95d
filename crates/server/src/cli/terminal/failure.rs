//! How a command ends when it does not end well: what is said, and with which exit code.
//!
//! Invariant: every failure is said once, on standard error, as a sentence and never as a stack trace;
//! with `--json` the problem document of the server also stands unchanged on standard output.

use std::io;
use std::process::ExitCode;

use serde::Deserialize;

use super::output::Output;

/// What `--help` says about exit codes; `docs/cli.md` says the same at length.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused by the server, or what was asked for does not hold (rejected lines, a failed check)
  2  the command line, or a file it names, cannot be used
  3  no server reached, or the server failed";

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server understood and refused: 4xx.
    Refused(Box<Problem>),
    /// The server failed, or cannot take it now: 5xx.
    Failed(Box<Problem>),
    /// No answer came; says where from and what to do.
    Unreachable(String),
    /// The command line, or a file it names, cannot be used.
    Usage(String),
    /// The command ran, and what it looked for does not hold; it has said so itself.
    Negative,
    /// Something of this machine went wrong.
    Local(anyhow::Error),
    /// Nobody reads the output any more, as in `| head`: no failure at all.
    ClosedPipe,
}

/// The problem document (RFC 9457) of a refusal, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) fields: Vec<FieldProblem>,
    pub(crate) legal: Option<Vec<String>>,
    #[serde(skip)]
    pub(crate) status: u16,
    #[serde(skip)]
    pub(crate) document: Vec<u8>,
    /// A line that says what to do next, where the command knows one.
    #[serde(skip)]
    pub(crate) hint: Option<String>,
}

/// One field that is not as it must be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FieldProblem {
    pub(crate) field: String,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Failure {
    /// Adds what to do next to a refusal of the server.
    pub(crate) fn hinted(mut self, hint: impl FnOnce(&Problem) -> Option<String>) -> Self {
        if let Self::Refused(problem) | Self::Failed(problem) = &mut self
            && problem.hint.is_none()
        {
            problem.hint = hint(problem);
        }
        self
    }

    /// Adds one more line about what to do next.
    pub(crate) fn hinted_more(mut self, line: String) -> Self {
        if let Self::Refused(problem) | Self::Failed(problem) = &mut self {
            problem.hint =
                Some(problem.hint.take().map_or(line.clone(), |hint| format!("{hint}\n{line}")));
        }
        self
    }

    /// Says what happened and gives the exit code.
    pub(crate) fn end(self, output: &mut Output) -> ExitCode {
        // What was printed before belongs before what went wrong.
        let flushed = output.flush();
        match &self {
            Self::Refused(problem) | Self::Failed(problem) => {
                if output.is_json() && !problem.document.is_empty() {
                    let _nobody_reads =
                        output.json(&problem.document).and_then(|()| output.flush());
                }
                for line in problem.lines() {
                    output.note(&line);
                }
            }
            Self::Unreachable(text) | Self::Usage(text) => {
                output.note(&format!("stormbell: {text}"))
            }
            Self::Local(error) => output.note(&format!("stormbell: {error:#}")),
            Self::Negative => {}
            Self::ClosedPipe => return ExitCode::SUCCESS,
        }
        if let Err(Self::Local(error)) = flushed {
            output.note(&format!("stormbell: cannot write the output: {error:#}"));
        }
        self.exit_code()
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::ClosedPipe => ExitCode::SUCCESS,
            Self::Refused(_) | Self::Negative | Self::Local(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) | Self::Unreachable(_) => ExitCode::from(3),
        }
    }
}

impl Problem {
    /// What is said to a person: `code: detail`, then every bad field on a line of its own.
    fn lines(&self) -> Vec<String> {
        let said = if self.detail.is_empty() { &self.title } else { &self.detail };
        let mut lines = vec![format!("stormbell: {}: {said}", self.code)];
        // The detail of a single bad field names it already.
        let told =
            |field: &FieldProblem| self.detail.contains(&field.message) && self.fields.len() == 1;
        for field in self.fields.iter().filter(|field| !told(field)) {
            lines.push(format!("  {}: {} ({})", field.field, field.message, field.code));
        }
        lines.extend(self.hint.clone());
        lines
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Local(error.into()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Local(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_said_as_code_and_detail_with_every_field_on_its_own_line() {
        let text = r#"{"code":"rca_invalid","title":"t","detail":"2 fields are not as they must be","fields":[
            {"field":"fix_applied","code":"too_short","message":"it must have 20 characters"},
            {"field":"root_cause_category","code":"missing","message":"it must be given"}]}"#;
        let problem: Problem = serde_json::from_str(text).expect("it can be read");
        assert_eq!(
            problem.lines(),
            [
                "stormbell: rca_invalid: 2 fields are not as they must be",
                "  fix_applied: it must have 20 characters (too_short)",
                "  root_cause_category: it must be given (missing)",
            ]
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(matches!(failure, Failure::ClosedPipe));
    }
}
