//! The documentation against the code.

use ingest::Code;

#[test]
fn every_code_has_its_line_in_the_page_of_errors() {
    let page = include_str!("../../../../docs/errors/ingest.md");
    for code in Code::ALL {
        let line = format!("| `{code}` | {} |", code.status().as_u16());
        assert!(page.contains(&line), "docs/errors/ingest.md lacks `{line}`");
    }
    let lines = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(lines, Code::ALL.len(), "a line for a code that is not");
}
