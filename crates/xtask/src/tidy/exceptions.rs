//! The named exceptions to the rules of length, as a list that may only shrink.
//!
//! A line is `rule path [function] ceiling reason…`. What it excuses may not grow above its
//! ceiling, and a line that excuses nothing any more is a problem itself, so the list follows the
//! code down and never the other way.

use std::fmt;

use super::Problem;

/// Where the list is.
pub(crate) const PATH: &str = "crates/xtask/tidy-exceptions.txt";

/// A rule of length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    Header,
    File,
    /// With the name of the function.
    Function(String),
}

/// Something longer than its rule says.
#[derive(Debug)]
pub(crate) struct Excess {
    pub(crate) rule: Rule,
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) measured: usize,
    pub(crate) limit: usize,
}

/// Sets the list against what was found: what it does not excuse, and what it excuses in vain.
pub(crate) fn settle(excesses: Vec<Excess>, list: &str) -> Vec<Problem> {
    let (exceptions, mut problems) = parse(list);
    for exception in &exceptions {
        if !excesses.iter().any(|excess| exception.covers(excess)) {
            let message =
                format!("`{}` needs no exception any more: remove it", exception.subject());
            problems.push(Problem::at_line(PATH, exception.line, message));
        }
    }
    for excess in excesses {
        let ceiling = exceptions.iter().find(|exception| exception.covers(&excess));
        let ceiling = ceiling.map(|exception| exception.ceiling);
        if ceiling.is_none_or(|ceiling| excess.measured > ceiling) {
            problems.push(complaint(&excess, ceiling));
        }
    }
    problems
}

struct Exception {
    line: usize,
    rule: Rule,
    path: String,
    ceiling: usize,
}

impl Exception {
    fn covers(&self, excess: &Excess) -> bool {
        self.rule == excess.rule && self.path == excess.path
    }

    fn subject(&self) -> String {
        format!("{} of {}", self.rule, self.path)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Header => formatter.write_str("header-length"),
            Rule::File => formatter.write_str("file-length"),
            Rule::Function(name) => write!(formatter, "function-length {name}"),
        }
    }
}

fn complaint(excess: &Excess, ceiling: Option<usize>) -> Problem {
    let what = match &excess.rule {
        Rule::Header => "the header".to_owned(),
        Rule::File => "the file".to_owned(),
        Rule::Function(name) => format!("the function `{name}`"),
    };
    let limit = match ceiling {
        Some(ceiling) => format!("its exception allows {ceiling}"),
        None => format!("{} are allowed", excess.limit),
    };
    let message = format!("{what} has {} lines, {limit}", excess.measured);
    Problem::at_line(&excess.path, excess.line, message)
}

fn parse(list: &str) -> (Vec<Exception>, Vec<Problem>) {
    let mut exceptions = Vec::new();
    let mut problems = Vec::new();
    for (index, line) in list.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse_line(index + 1, line) {
            Some(exception) => exceptions.push(exception),
            None => {
                let wanted = "not `rule path [function] ceiling reason…`";
                problems.push(Problem::at_line(PATH, index + 1, wanted));
            }
        }
    }
    (exceptions, problems)
}

fn parse_line(line: usize, text: &str) -> Option<Exception> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (rule, path, rest) = match words.as_slice() {
        ["header-length", path, rest @ ..] => (Rule::Header, path, rest),
        ["file-length", path, rest @ ..] => (Rule::File, path, rest),
        ["function-length", path, name, rest @ ..] => {
            (Rule::Function((*name).to_owned()), path, rest)
        }
        [] | [_, ..] => return None,
    };
    let [ceiling, _reason, ..] = rest else { return None };
    Some(Exception { line, rule, path: (*path).to_owned(), ceiling: ceiling.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excess(rule: Rule, measured: usize) -> Excess {
        Excess { rule, path: "a.rs".to_owned(), line: 3, measured, limit: 70 }
    }

    fn apply() -> Rule {
        Rule::Function("apply".to_owned())
    }

    fn said(excesses: Vec<Excess>, list: &str) -> Vec<String> {
        settle(excesses, list).iter().map(ToString::to_string).collect()
    }

    const LIST: &str = "# why\n\nfunction-length a.rs apply 80 one match that reads as a table\n";

    #[test]
    fn what_no_exception_names_is_a_problem() {
        let wanted = ["a.rs:3: the function `apply` has 71 lines, 70 are allowed"];
        assert_eq!(said(vec![excess(apply(), 71)], ""), wanted);
        let wanted = ["a.rs:3: the file has 601 lines, 70 are allowed"];
        assert_eq!(said(vec![excess(apply(), 71), excess(Rule::File, 601)], LIST), wanted);
    }

    #[test]
    fn an_exception_excuses_up_to_its_ceiling() {
        assert_eq!(said(vec![excess(apply(), 80)], LIST), Vec::<String>::new());
        let wanted = ["a.rs:3: the function `apply` has 81 lines, its exception allows 80"];
        assert_eq!(said(vec![excess(apply(), 81)], LIST), wanted);
    }

    #[test]
    fn an_exception_that_excuses_nothing_must_go() {
        let wanted = ["crates/xtask/tidy-exceptions.txt:3: `function-length apply of a.rs` needs \
                       no exception any more: remove it"];
        assert_eq!(said(Vec::new(), LIST), wanted);
    }

    #[test]
    fn an_exception_without_a_ceiling_or_a_reason_is_refused() {
        for line in ["file-length a.rs 700", "file-length a.rs because", "length a.rs 7 because"] {
            let wanted = "crates/xtask/tidy-exceptions.txt:1: not `rule path [function] ceiling \
                          reason…`";
            assert_eq!(said(Vec::new(), line), [wanted]);
        }
    }
}
