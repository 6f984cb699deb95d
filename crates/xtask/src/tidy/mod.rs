//! `cargo xtask tidy`: what the repository promises about itself, as checks.
//!
//! One module per promise. A check is a function from text to problems and touches neither disk nor
//! network, except `advisories`, which runs another program and says so when it cannot.

mod advisories;
mod architecture;
mod crates;
mod edges;
mod exceptions;
mod files;
mod functions;
mod licences;
mod links;
mod metrics;
mod purity;
mod source;
mod spdx;
mod words;

use std::fmt;

use anyhow::Result;

use crate::codegen;
use crate::metadata::Package;
use crate::repository::{File, Repository};

/// Something that is not as promised, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// A path, with `:line` where there is one.
    place: String,
    message: String,
}

/// What the checks found.
pub(crate) struct Report {
    pub(crate) problems: Vec<Problem>,
    /// Figures, and what was skipped and why.
    pub(crate) notes: Vec<String>,
}

/// Runs every check over the whole repository.
pub(crate) fn check(repository: &Repository, packages: &[Package]) -> Result<Report> {
    let files = repository.files();
    let deny = repository.text("deny.toml");
    let mut problems = Vec::new();
    problems.extend(edges::check(repository.text(architecture::PATH), packages));
    problems.extend(crates::check(files, packages));
    problems.extend(purity::check(files));
    problems.extend(files::check(files));
    problems.extend(lengths(repository));
    problems.extend(words::check(files, repository.text(words::PATH)));
    problems.extend(links::check(files));
    problems.extend(licences::check(deny, packages));
    problems.extend(metrics::check(files));
    let stale = codegen::stale(repository.root())?;
    problems.extend(stale.into_iter().map(|path| Problem::new(path, codegen::STALE)));

    let mut notes = figures(files);
    match advisories::check(repository.root())? {
        advisories::Outcome::Clean => notes.push("advisories: none apply".to_owned()),
        advisories::Outcome::Skipped(why) => notes.push(format!("advisories: SKIPPED, {why}")),
        advisories::Outcome::Found(found) => problems.push(Problem::new("Cargo.lock", found)),
    }
    problems.sort();
    Ok(Report { problems, notes })
}

impl Problem {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { place: place.into(), message: message.into() }
    }

    fn at_line(path: &str, line: usize, message: impl Into<String>) -> Problem {
        Problem::new(format!("{path}:{line}"), message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

fn lengths(repository: &Repository) -> Vec<Problem> {
    let mut excesses = files::excesses(repository.files());
    excesses.extend(functions::excesses(repository.files()));
    exceptions::settle(excesses, repository.text(exceptions::PATH).unwrap_or_default())
}

fn figures(files: &[File]) -> Vec<String> {
    let file_lengths = files::lengths(files);
    let function_lengths = functions::lengths(files);
    vec![
        format!("files: {} (aim p90 <= 400 lines)", summary(file_lengths)),
        format!("functions: {} (aim p90 <= 30 lines)", summary(function_lengths)),
    ]
}

fn summary(mut lengths: Vec<usize>) -> String {
    lengths.sort_unstable();
    let rank = (lengths.len() * 9).div_ceil(10).max(1) - 1;
    let p90 = lengths.get(rank).copied().unwrap_or(0);
    let longest = lengths.last().copied().unwrap_or(0);
    format!("{}, p90 {p90} lines, longest {longest}", lengths.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ninetieth_percentile_is_a_length_that_occurs() {
        assert_eq!(summary((1..=10).collect()), "10, p90 9 lines, longest 10");
        assert_eq!(summary(vec![7]), "1, p90 7 lines, longest 7");
        assert_eq!(summary(Vec::new()), "0, p90 0 lines, longest 0");
    }
}
