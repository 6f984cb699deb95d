//! Links in Markdown to files of this repository lead somewhere.
//!
//! Links to other hosts are not followed, and neither are those inside code. A link to a place in a
//! page is checked for the page, and for the heading when it lies in the same page.

use std::collections::BTreeSet;

use super::Problem;
use crate::repository::File;

/// Checks every link of every Markdown file.
pub(crate) fn check(files: &[File]) -> Vec<Problem> {
    let known = known_paths(files);
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.is_markdown()) {
        let Some(text) = &file.text else { continue };
        let prose = without_code(text);
        for (line, link) in links(&prose) {
            if let Some(why) = dead(&file.path, &prose, &link, &known) {
                problems.push(Problem::at_line(&file.path, line, format!("`{link}` {why}")));
            }
        }
    }
    problems
}

/// Every file and every folder that holds one.
fn known_paths(files: &[File]) -> BTreeSet<&str> {
    let mut known = BTreeSet::from([""]);
    for file in files {
        known.insert(file.path.as_str());
        known.extend(file.path.match_indices('/').map(|(at, _)| &file.path[..at]));
    }
    known
}

fn dead(page: &str, prose: &str, link: &str, known: &BTreeSet<&str>) -> Option<String> {
    if has_scheme(link) || link.starts_with("//") {
        return None;
    }
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() {
        let missing = !heading.is_empty() && !anchors(prose).contains(heading);
        return missing.then(|| "is no heading of this page".to_owned());
    }
    match resolve(page, path) {
        None => Some("leads out of the repository".to_owned()),
        Some(target) if !known.contains(target.as_str()) => {
            Some(format!("leads to `{target}`, which is not there"))
        }
        Some(_) => None,
    }
}

fn has_scheme(link: &str) -> bool {
    let scheme = link.split(':').next().filter(|scheme| scheme.len() < link.len());
    scheme.is_some_and(|scheme| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// The path a link means, from the root of the repository.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = match link.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => page.split('/').collect(),
    };
    // The page itself, if there is one, makes place for the folder it lies in.
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The names by which headings can be linked to.
fn anchors(prose: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose.lines().filter(|line| line.starts_with('#')) {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        // A heading that occurs again gets a number.
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let mut candidates = std::iter::once(anchor.clone()).chain(numbered);
        if let Some(free) = candidates.find(|candidate| !anchors.contains(candidate)) {
            anchors.insert(free);
        }
    }
    anchors
}

/// The targets of `[text](target)`, `![text](target)` and `[name]: target`, with their lines.
fn links(prose: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose.lines().enumerate() {
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            let target = rest.split_once(')').map(|(target, _)| target);
            found.extend(target.and_then(target_of).map(|target| (index + 1, target)));
        }
        if let Some((_, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.extend(target_of(rest).map(|target| (index + 1, target)));
        }
    }
    found
}

/// Without a title and the brackets around it.
fn target_of(inside: &str) -> Option<String> {
    let target = inside.split_whitespace().next()?;
    Some(target.trim_start_matches('<').trim_end_matches('>').to_owned())
}

/// The text with code blocks emptied. Code in a line keeps its words for the sake of headings, but
/// no bracket that could open a link.
fn without_code(text: &str) -> String {
    let mut prose = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let start = line.trim_start();
        let marker = ["```", "~~~"].into_iter().find(|marker| start.starts_with(marker));
        match (fence, marker) {
            (None, Some(marker)) => fence = Some(marker),
            (Some(open), Some(marker)) if open == marker => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                for (index, part) in line.split('`').enumerate() {
                    let is_code = index % 2 == 1;
                    prose.extend(part.chars().filter(|c| !(is_code && "[]#".contains(*c))));
                }
            }
        }
        prose.push('\n');
    }
    prose
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let files = [
            File::new("docs/api.md", text),
            File::new("docs/errors.md", "# Errors\n"),
            File::new("deploy/grafana/stormbell.json", "{}"),
            File::new("README.md", "# A\n"),
        ];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text = "[a](errors.md) [b](../README.md#a) ![c](/deploy/grafana/) [d](<errors.md> \"t\")\n\
                    [e](https://example.org/x) [f](mailto:a@example.org)\n[g]: ../deploy/grafana\n";
        assert_eq!(said(text), Vec::<String>::new());
    }

    #[test]
    fn a_dead_link_is_named_with_its_line_and_what_it_meant() {
        assert_eq!(
            said("# A\n\nsee [b](../docs/missing.md)\n[c]: gone.md\n"),
            [
                "docs/api.md:3: `../docs/missing.md` leads to `docs/missing.md`, which is not there",
                "docs/api.md:4: `gone.md` leads to `docs/gone.md`, which is not there",
            ]
        );
    }

    #[test]
    fn a_link_out_of_the_repository_is_dead() {
        assert_eq!(
            said("[a](../../elsewhere.md)"),
            ["docs/api.md:1: `../../elsewhere.md` leads out of the repository"]
        );
    }

    #[test]
    fn headings_of_the_same_page_are_checked() {
        let text = "## The `id` of it, again\n## B\n## B\n";
        assert_eq!(
            said(&format!("{text}[a](#the-id-of-it-again) [b](#b-1)\n")),
            Vec::<String>::new()
        );
        assert_eq!(
            said(&format!("{text}[a](#nothing)\n")),
            ["docs/api.md:4: `#nothing` is no heading of this page"]
        );
    }

    #[test]
    fn code_holds_no_links() {
        let text = "`[a](gone.md)`\n```\n[b](gone.md)\n```\n[c](gone.md)\n";
        assert_eq!(said(text).len(), 1);
    }
}
