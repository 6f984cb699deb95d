//! The core reads no clock, no chance, no file and no environment, and sees no order of a hash map.
//!
//! Clippy holds most of it, by the lists in `clippy.toml` of each pure crate; this check holds the
//! lists in place and adds what they cannot name: `for` over a hash map, and handing one over whole.
//! It goes by the types that are written beside names, so a map behind an alias escapes it.

use std::collections::BTreeSet;

use super::Problem;
use super::source::{code_only, is_word};
use crate::repository::File;

const PURE: [&str; 2] = ["engine", "model"];

/// The lint that has no list and so must be turned on in the crate itself.
const FLOATS: &str = "clippy::float_arithmetic";

const HASH_TYPES: [&str; 3] = ["HashMap", "HashSet", "HashTable"];

/// Checks the pure crates.
pub(crate) fn check(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for name in PURE {
        problems.extend(check_lists(files, name));
        problems.extend(check_loops(files, &format!("crates/{name}/src/")));
    }
    problems
}

fn check_lists(files: &[File], name: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let text_of = |path: &str| files.iter().find(|file| file.path == path)?.text.as_deref();
    let path_of = |name: &str| format!("crates/{name}/clippy.toml");
    let lists = text_of(&path_of(name)).unwrap_or_default();
    for list in ["disallowed-methods", "disallowed-types"] {
        if !lists.contains(list) {
            let wanted = format!("a pure crate has `{list}` here");
            problems.push(Problem::new(path_of(name), wanted));
        }
    }
    if text_of(&path_of(PURE[0])).unwrap_or_default() != lists {
        let wanted = format!("not the same as {}", path_of(PURE[0]));
        problems.push(Problem::new(path_of(name), wanted));
    }
    let library = format!("crates/{name}/src/lib.rs");
    let denies = |line: &str| line.starts_with("#![deny(") && line.contains(FLOATS);
    if !text_of(&library).unwrap_or_default().lines().any(denies) {
        let wanted = format!("a pure crate needs `#![deny({FLOATS})]` on a line of its own");
        problems.push(Problem::new(library, wanted));
    }
    problems
}

fn check_loops(files: &[File], folder: &str) -> Vec<Problem> {
    let sources: Vec<(&File, String)> = files
        .iter()
        .filter(|file| file.is_rust() && file.path.starts_with(folder))
        .filter_map(|file| Some((file, code_only(file.text.as_deref()?))))
        .map(|(file, code)| (file, String::from_utf8_lossy(&code).into_owned()))
        .collect();
    let mut everywhere = Declared::default();
    for (_, code) in &sources {
        everywhere.read(code);
    }
    let mut problems = Vec::new();
    for (file, code) in &sources {
        let mut here = Declared::default();
        here.read(code);
        for (line, name) in walked(code) {
            if here.is_hash(&name) || everywhere.is_hash(&name) {
                let message = format!(
                    "walks over the hash map `{name}`, whose order differs from run to run"
                );
                problems.push(Problem::at_line(&file.path, line, message));
            }
        }
    }
    problems
}

/// The names that are written with a type or made by its constructor.
#[derive(Default)]
struct Declared {
    hash: BTreeSet<String>,
    other: BTreeSet<String>,
}

impl Declared {
    fn read(&mut self, code: &str) {
        for (at, _) in code.match_indices(':') {
            let in_path = code[..at].ends_with(':') || code[at + 1..].starts_with(':');
            if !in_path {
                self.note(last_word(&code[..at]), &code[at + 1..]);
            }
        }
        for (at, _) in code.match_indices(" = ") {
            let name = last_word(&code[..at]);
            let type_name = type_name(&code[at + 3..]);
            // An assignment tells the type only when it calls a constructor of it.
            if HASH_TYPES.contains(&type_name) {
                self.note(name, type_name);
            }
        }
    }

    fn note(&mut self, name: &str, written_type: &str) {
        let known = HASH_TYPES.contains(&type_name(written_type));
        let names = if known { &mut self.hash } else { &mut self.other };
        names.insert(name.to_owned());
    }

    /// Not when the name stands for something else as well: that would be a guess.
    fn is_hash(&self, name: &str) -> bool {
        self.hash.contains(name) && !self.other.contains(name)
    }
}

/// The last part of the path that `text` begins with, as `HashMap` of `&mut hashbrown::HashMap<K>`.
fn type_name(text: &str) -> &str {
    let text = text.trim_start().trim_start_matches('&').trim_start();
    let text = text.strip_prefix("mut ").unwrap_or(text);
    let path = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').next();
    let mut parts = path.unwrap_or_default().split("::");
    parts.find(|part| HASH_TYPES.contains(part)).unwrap_or_default()
}

fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    let length = text.bytes().rev().take_while(|byte| is_word(*byte)).count();
    &text[text.len() - length..]
}

/// The names that a `for` walks over or that are turned into an iterator, with their lines.
fn walked(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut note = |at: usize, expression: &str| {
        let name = last_word(expression);
        if !name.is_empty() {
            found.push((1 + code[..at].matches('\n').count(), name.to_owned()));
        }
    };
    for (at, _) in code.match_indices(".into_iter()") {
        note(at, &code[..at]);
    }
    for (at, _) in code.match_indices("for ") {
        let is_loop = !code[..at].bytes().next_back().is_some_and(is_word);
        let head = code[at..].split('{').next().unwrap_or_default();
        if let Some((_, expression)) = head.split_once(" in ").filter(|_| is_loop) {
            note(at, expression);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTS: &str = "disallowed-methods disallowed-types";
    const LIBRARY: &str = "#![deny(clippy::float_arithmetic)]";

    fn said(source: &str) -> Vec<String> {
        let files = [
            File::new("crates/engine/clippy.toml", LISTS),
            File::new("crates/engine/src/lib.rs", LIBRARY),
            File::new("crates/engine/src/state.rs", source),
            File::new("crates/model/clippy.toml", LISTS),
            File::new("crates/model/src/lib.rs", LIBRARY),
        ];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_walk_over_a_hash_map_is_found_by_the_type_of_its_name() {
        let walks = [
            "struct A { open: HashMap<u8, u8> }\nfn f() { for x in &self.open { g(x) } }",
            "struct A { open: hashbrown::HashSet<u8> }\nfn f() { for x in &mut a.open {} }",
            "let mut open = HashMap::new();\nfor (k, v) in open {}",
            "fn f(open: &mut HashMap<u8, u8>)\n{ open.into_iter().collect() }",
        ];
        for source in walks {
            let wanted = "crates/engine/src/state.rs:2: walks over the hash map `open`, whose \
                          order differs from run to run";
            assert_eq!(said(source), [wanted], "{source}");
        }
    }

    #[test]
    fn other_walks_pass() {
        let walks = [
            "struct A { open: BTreeMap<u8, u8> }\nfn f() { for x in &self.open { g(x) } }",
            "struct A { open: HashMap<u8, u8> }\nfn f() { for x in self.open.get(&1) { g(x) } }",
            "fn f(open: HashMap<u8, u8>) {}\nfn g(open: &[u8]) { for x in open {} }",
            "impl Drop for HashMap {}\nlet a = HashMap::<u8, u8>::new();",
            "let open = HashMap::new(); // for x in open {}",
        ];
        for source in walks {
            assert_eq!(said(source), Vec::<String>::new(), "{source}");
        }
    }

    #[test]
    fn the_lists_and_the_attribute_are_held_in_place() {
        let files = [
            File::new("crates/engine/clippy.toml", LISTS),
            File::new("crates/engine/src/lib.rs", LIBRARY),
            File::new("crates/model/clippy.toml", "disallowed-methods"),
            File::new("crates/model/src/lib.rs", "// #![deny(clippy::float_arithmetic)]"),
        ];
        let problems: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "crates/model/clippy.toml: a pure crate has `disallowed-types` here",
                "crates/model/clippy.toml: not the same as crates/engine/clippy.toml",
                "crates/model/src/lib.rs: a pure crate needs `#![deny(clippy::float_arithmetic)]` \
                 on a line of its own",
            ]
        );
    }
}
