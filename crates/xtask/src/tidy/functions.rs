//! The length of every function, from the line of its `fn` to that of its closing brace.
//!
//! It counts braces and knows no grammar. A closure belongs to the function around it, and so does
//! a function inside a function, which is measured by itself as well.

use super::exceptions::{Excess, Rule};
use super::files::written_rust;
use super::source::{code_only, is_word, word_end};
use crate::repository::File;

const FUNCTION_LINES_MAX: usize = 70;

/// Functions that are longer than the rule.
pub(crate) fn excesses(files: &[File]) -> Vec<Excess> {
    let mut excesses = Vec::new();
    for (file, text) in written_rust(files) {
        let long = functions(text).into_iter().filter(|found| found.lines > FUNCTION_LINES_MAX);
        excesses.extend(long.map(|function| Excess {
            rule: Rule::Function(function.name),
            path: file.path.clone(),
            line: function.line,
            measured: function.lines,
            limit: FUNCTION_LINES_MAX,
        }));
    }
    excesses
}

/// The lines of every function that people write.
pub(crate) fn lengths(files: &[File]) -> Vec<usize> {
    let texts = written_rust(files).map(|(_, text)| text);
    texts.flat_map(functions).map(|function| function.lines).collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn functions(text: &str) -> Vec<Function> {
    let code = code_only(text);
    let mut found = Vec::new();
    let mut at = 0;
    let mut line = 1;
    while at < code.len() {
        if !is_word(code[at]) {
            line += usize::from(code[at] == b'\n');
            at += 1;
            continue;
        }
        let end = word_end(&code, at);
        if &code[at..end] == b"fn"
            && let Some(name) = name_after(&code, end)
            && let Some(body) = body(&code, end)
        {
            let lines = 1 + code[at..body].iter().filter(|byte| **byte == b'\n').count();
            found.push(Function { name, line, lines });
        }
        at = end;
    }
    found
}

/// The identifier after the word `fn`; a function pointer and a macro's variable have none.
fn name_after(code: &[u8], at: usize) -> Option<String> {
    let gap = code[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let mut start = at + gap;
    if code[start..].starts_with(b"r#") {
        start += 2;
    }
    let end = word_end(code, start);
    let name = String::from_utf8_lossy(&code[start..end]).into_owned();
    (gap > 0 && !name.is_empty()).then_some(name)
}

/// Where the body of the function whose name begins after `at` ends; a declaration has none.
fn body(code: &[u8], at: usize) -> Option<usize> {
    let mut parentheses = 0_usize;
    let mut before = b' ';
    let mut index = at;
    while index < code.len() {
        match code[index] {
            b'(' | b'[' => parentheses += 1,
            b')' | b']' => parentheses = parentheses.checked_sub(1)?,
            b';' | b'}' if parentheses == 0 => return None,
            // A constant in the signature, as in `Ring<{ SIZE }>`, is not the body.
            b'{' if parentheses > 0 || before == b'<' => index = brace_end(code, index)?,
            b'{' => return brace_end(code, index),
            _ => {}
        }
        if !code[index].is_ascii_whitespace() {
            before = code[index];
        }
        index += 1;
    }
    None
}

fn brace_end(code: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in code[open..].iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(open + offset);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(text: &str) -> Vec<(String, usize, usize)> {
        functions(text).into_iter().map(|found| (found.name, found.line, found.lines)).collect()
    }

    fn expect(text: &str, wanted: &[(&str, usize, usize)]) {
        let wanted: Vec<_> =
            wanted.iter().map(|(name, line, lines)| (name.to_string(), *line, *lines)).collect();
        assert_eq!(measured(text), wanted);
    }

    #[test]
    fn a_function_is_measured_with_its_signature_and_both_braces() {
        expect("\nfn a(\n  b: u8,\n) {\n}\n", &[("a", 2, 4)]);
        expect("pub async fn a() {}", &[("a", 1, 1)]);
    }

    #[test]
    fn braces_in_strings_and_comments_do_not_count() {
        expect("fn a() {\n  b(\"}\"); // }\n}\nfn c() {}\n", &[("a", 1, 3), ("c", 4, 1)]);
    }

    #[test]
    fn declarations_and_function_pointers_have_no_length() {
        expect("trait A {\n  fn a(b: [u8; 2]);\n  fn c() {\n  }\n}", &[("c", 3, 2)]);
        expect("type A = fn(u8) -> u8;\nstruct B { b: fn() }", &[]);
        expect("macro_rules! a { ($n:ident) => { fn $n() {} } }", &[]);
    }

    #[test]
    fn constants_in_a_signature_are_not_the_body() {
        expect("fn a(b: [u8; { 1 + 1 }]) -> Ring<{ 2 }> {\n  1\n}", &[("a", 1, 3)]);
    }

    #[test]
    fn inner_functions_are_measured_too() {
        expect("fn a() {\n  fn b() {\n  }\n}", &[("a", 1, 4), ("b", 2, 2)]);
    }

    #[test]
    fn only_functions_above_the_limit_are_excesses() {
        let at_the_limit = format!("fn a() {{\n{}}}\n", "b();\n".repeat(68));
        assert_eq!(excesses(&[File::new("a.rs", &at_the_limit)]).len(), 0);
        let above = format!("fn a() {{\n{}}}\n", "b();\n".repeat(69));
        let found = excesses(&[File::new("a.rs", &above)]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].measured), (1, 71));
    }
}
