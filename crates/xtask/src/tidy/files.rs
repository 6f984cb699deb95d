//! The form of every file: its name, its white space, its header, its length.

use super::Problem;
use super::exceptions::{Excess, Rule};
use crate::repository::File;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "stuff"];

const HEADER_LINES_MAX: usize = 15;
const FILE_LINES_MAX: usize = 600;

/// Checks names, white space and that every Rust file has a header.
pub(crate) fn check(files: &[File]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = files.iter().filter_map(check_name).collect();
    for file in files.iter().filter(|file| !file.is_generated() && !file.is_lock()) {
        let Some(text) = &file.text else { continue };
        problems.extend(check_white_space(file, text));
        if file.is_rust() && !text.starts_with("//!") {
            problems.push(Problem::at_line(&file.path, 1, "a Rust file begins with `//!`"));
        }
    }
    problems
}

/// Headers and files that are longer than the rule.
pub(crate) fn excesses(files: &[File]) -> Vec<Excess> {
    let mut excesses = Vec::new();
    for (file, text) in written_rust(files) {
        let header = text.lines().take_while(|line| line.starts_with("//!")).count();
        let measures = [
            (Rule::Header, header, HEADER_LINES_MAX),
            (Rule::File, text.lines().count(), FILE_LINES_MAX),
        ];
        for (rule, measured, limit) in measures {
            if measured > limit {
                excesses.push(Excess { rule, path: file.path.clone(), line: 1, measured, limit });
            }
        }
    }
    excesses
}

/// The lines of every Rust file that people write.
pub(crate) fn lengths(files: &[File]) -> Vec<usize> {
    written_rust(files).map(|(_, text)| text.lines().count()).collect()
}

/// The Rust files that people write, with their text.
pub(crate) fn written_rust(files: &[File]) -> impl Iterator<Item = (&File, &str)> {
    files
        .iter()
        .filter(|file| file.is_rust() && !file.is_generated())
        .filter_map(|file| Some((file, file.text.as_deref()?)))
}

fn check_name(file: &File) -> Option<Problem> {
    let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let mut words = parts.flat_map(|part| part.split(['_', '-']));
    let found = words.find(|word| EMPTY_NAMES.contains(&word.to_lowercase().as_str()))?;
    let message = format!("`{found}` names nothing; call the file after what it is about");
    Some(Problem::new(file.path.clone(), message))
}

fn check_white_space(file: &File, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    // Recorded bytes are kept as they were recorded.
    if file.path.split('/').any(|part| ["golden", "fixtures", "testdata"].contains(&part)) {
        return problems;
    }
    for (index, line) in text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            problems.push(Problem::at_line(&file.path, index + 1, "white space at the end"));
        }
        if file.is_rust() && line.contains('\t') {
            problems.push(Problem::at_line(&file.path, index + 1, "a tab"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push(Problem::new(file.path.clone(), "the last line has no end"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Vec<String> {
        check(&[File::new(path, text)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plain_file_passes() {
        assert_eq!(said("crates/a/src/lib.rs", "//! What it is.\n"), Vec::<String>::new());
    }

    #[test]
    fn a_rust_file_without_a_header_fails_unless_it_is_generated() {
        let wanted = ["crates/a/src/lib.rs:1: a Rust file begins with `//!`"];
        assert_eq!(said("crates/a/src/lib.rs", "fn main() {}\n"), wanted);
        assert_eq!(said("crates/a/src/generated/a.rs", "fn a() {} \n"), Vec::<String>::new());
    }

    #[test]
    fn white_space_is_found_by_line() {
        assert_eq!(said("a.md", "one\ntwo \n"), ["a.md:2: white space at the end"]);
        assert_eq!(said("a.rs", "//! a\n\tb\n"), ["a.rs:2: a tab"]);
        assert_eq!(said("Makefile", "a:\n\tb\n"), Vec::<String>::new());
        assert_eq!(said("a.md", "one"), ["a.md: the last line has no end"]);
        assert_eq!(said("crates/a/tests/golden/v1.txt", "one "), Vec::<String>::new());
    }

    #[test]
    fn names_that_say_nothing_are_refused_anywhere_in_a_path() {
        assert_eq!(said("src/store_manager.rs", "//! a\n").len(), 1);
        assert_eq!(said("src/utils/time.ts", "a\n").len(), 1);
        assert_eq!(said("src/commons.rs", "//! a\n"), Vec::<String>::new());
    }

    #[test]
    fn long_headers_and_files_are_excesses() {
        let at_the_limit = format!("{}{}", "//! a\n".repeat(15), "\n".repeat(585));
        assert_eq!(excesses(&[File::new("a.rs", &at_the_limit)]).len(), 0);
        let above = format!("{}{}", "//! a\n".repeat(16), "\n".repeat(585));
        let found = excesses(&[File::new("a.rs", &above)]);
        let measured: Vec<_> =
            found.into_iter().map(|excess| (excess.rule, excess.measured)).collect();
        assert_eq!(measured, [(Rule::Header, 16), (Rule::File, 601)]);
    }
}
