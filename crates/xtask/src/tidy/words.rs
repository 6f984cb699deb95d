//! Words that no file may hold: notes to oneself, paths of one machine, hosts of registries.
//!
//! The words are a list beside this crate's manifest, so that no source has to hold them.

use super::Problem;
use crate::repository::File;

/// Where the list is.
pub(crate) const PATH: &str = "crates/xtask/tidy-words.txt";

/// Searches every text for every word. `list` is the text of the list.
pub(crate) fn check(files: &[File], list: Option<&str>) -> Vec<Problem> {
    let Some(list) = list else {
        return vec![Problem::new(PATH, "missing: it lists the words no file may hold")];
    };
    let (words, mut problems) = parse(list);
    let searched = files.iter().filter(|file| file.path != PATH && !file.is_lock());
    for file in searched {
        let Some(text) = &file.text else { continue };
        for (index, line) in text.lines().enumerate() {
            let found = words.iter().filter(|word| word.occurs_in(line));
            problems.extend(found.map(|word| {
                let message = format!("`{}`: {}", word.pattern, word.reason);
                Problem::at_line(&file.path, index + 1, message)
            }));
        }
    }
    problems
}

struct Word<'a> {
    pattern: &'a str,
    reason: &'a str,
}

impl Word<'_> {
    /// Whether the pattern occurs as a word or, when it begins with `/`, as the root of a path.
    fn occurs_in(&self, line: &str) -> bool {
        line.match_indices(self.pattern).any(|(start, _)| {
            let before = line[..start].chars().next_back();
            let after = line[start + self.pattern.len()..].chars().next();
            let joined = if self.pattern.starts_with('/') { is_path } else { is_word };
            !before.is_some_and(joined)
                && (self.pattern.ends_with('/') || !after.is_some_and(is_word))
        })
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_path(c: char) -> bool {
    is_word(c) || ['.', '-', '~', '}', ')', '*'].contains(&c)
}

fn parse(list: &str) -> (Vec<Word<'_>>, Vec<Problem>) {
    let mut words = Vec::new();
    let mut problems = Vec::new();
    for (index, line) in list.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(' ') {
            Some((pattern, reason)) => words.push(Word { pattern, reason: reason.trim() }),
            None => problems.push(Problem::at_line(PATH, index + 1, "not `word reason…`")),
        }
    }
    (words, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str =
        "# words\nLATER say it in the tracker\n/machine/ paths differ\nhost.example no";

    fn said(path: &str, text: &str) -> Vec<String> {
        let problems = check(&[File::new(path, text)], Some(LIST));
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_word_is_found_with_its_line_and_reason() {
        assert_eq!(said("a.md", "now\n// LATER: b"), ["a.md:2: `LATER`: say it in the tracker"]);
    }

    #[test]
    fn a_part_of_another_word_is_not_the_word() {
        assert_eq!(said("a.md", "LATERAL, COLLATERAL, LATER_ON"), Vec::<String>::new());
    }

    #[test]
    fn a_path_counts_only_from_the_root() {
        assert_eq!(said("a.md", "see `/machine/a`").len(), 1);
        assert_eq!(said("a.md", "crates/machine/a, ./machine/b"), Vec::<String>::new());
    }

    #[test]
    fn hosts_are_found_under_their_parents_but_not_in_lock_files() {
        assert_eq!(said("a.md", "static.host.example/a").len(), 1);
        assert_eq!(said("Cargo.lock", "host.example"), Vec::<String>::new());
    }

    #[test]
    fn a_missing_list_and_a_word_without_a_reason_are_problems() {
        assert_eq!(check(&[], None).len(), 1);
        assert_eq!(check(&[], Some("LATER")).len(), 1);
    }
}
