//! Rust source with everything blanked that is not code.
//!
//! Comments, strings and character literals become spaces, line ends stay, and every byte keeps its
//! place: what is left can be searched for words and braces without being misled.

/// The code of `text`, byte for byte in place.
pub(crate) fn code_only(text: &str) -> Vec<u8> {
    let source = text.as_bytes();
    let mut code = source.to_vec();
    let mut at = 0;
    while at < source.len() {
        let end = match source[at] {
            b'/' if source.get(at + 1) == Some(&b'/') => line_end(source, at),
            b'/' if source.get(at + 1) == Some(&b'*') => block_end(source, at),
            b'"' => string_end(source, at),
            b'\'' => character_end(source, at),
            byte if is_word(byte) => {
                // A word ends before `"` or `#` only when it is the prefix of a literal.
                let end = word_end(source, at);
                match raw_string_end(source, at, end) {
                    Some(end) => end,
                    None => {
                        at = end;
                        continue;
                    }
                }
            }
            _ => {
                at += 1;
                continue;
            }
        };
        blank(&mut code[at..end]);
        at = end;
    }
    code
}

/// Whether `byte` may be part of an identifier.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Where the word that begins at `at` ends.
pub(crate) fn word_end(source: &[u8], at: usize) -> usize {
    let length = source[at..].iter().take_while(|byte| is_word(**byte)).count();
    at + length
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

fn line_end(source: &[u8], at: usize) -> usize {
    let length = source[at..].iter().take_while(|byte| **byte != b'\n').count();
    at + length
}

/// Block comments nest.
fn block_end(source: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < source.len() {
        match &source[at..source.len().min(at + 2)] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    source.len()
}

fn string_end(source: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < source.len() {
        match source[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    source.len()
}

/// The end of a raw string whose prefix is the word from `start` to `word_end`, if it is one.
fn raw_string_end(source: &[u8], start: usize, word_end: usize) -> Option<usize> {
    if ![&b"r"[..], b"br", b"cr"].contains(&&source[start..word_end]) {
        return None;
    }
    let hashes = source[word_end..].iter().take_while(|byte| **byte == b'#').count();
    let open = word_end + hashes;
    if source.get(open) != Some(&b'"') {
        return None;
    }
    let closing: Vec<u8> = [b"\"".to_vec(), vec![b'#'; hashes]].concat();
    let mut candidates = open + 1..source.len();
    let close = candidates.find(|at| source[*at..].starts_with(&closing));
    Some(close.map_or(source.len(), |close| close + closing.len()))
}

/// The end of a character literal, or of the lone quote of a lifetime or label.
fn character_end(source: &[u8], start: usize) -> usize {
    match source.get(start + 1) {
        Some(b'\\') => {
            let close =
                source[(start + 3).min(source.len())..].iter().position(|byte| *byte == b'\'');
            close.map_or(source.len(), |close| start + 3 + close + 1)
        }
        Some(first) => {
            let width = match first {
                0..=0x7f => 1,
                0x80..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xff => 4,
            };
            if source.get(start + 1 + width) == Some(&b'\'') {
                start + width + 2
            } else {
                start + 1
            }
        }
        None => source.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        String::from_utf8(code_only(text)).expect("the tests are ASCII once blanked")
    }

    #[test]
    fn comments_become_spaces_and_lines_stay() {
        assert_eq!(code("a // { é\nb"), "a        \nb");
        assert_eq!(code("a /* { /* } */ \n */ b"), "a              \n    b");
    }

    #[test]
    fn strings_of_every_kind_become_spaces() {
        assert_eq!(code(r#"f("{\"}") {"#), "f(      ) {");
        assert_eq!(code(r##"f(r#"{"}"#) {"##), "f(        ) {");
        assert_eq!(code(r#"f(b"{") {"#), "f(b   ) {");
        assert_eq!(code(r#"f(br"\") {"#), "f(     ) {");
    }

    #[test]
    fn characters_become_spaces_and_lifetimes_stay() {
        assert_eq!(code("'{' '\\'' '\\u{7d}' {"), "                  {");
        assert_eq!(code("fn f<'a>(x: &'a str) {"), "fn f< a>(x: & a str) {");
        assert_eq!(code("'→' {"), "      {");
    }

    #[test]
    fn raw_identifiers_are_not_strings() {
        assert_eq!(code("r#fn \"{\" r"), "r#fn     r");
    }

    #[test]
    fn an_unfinished_literal_ends_with_the_text() {
        for text in ["\"abc", "\"abc\\", "r#\"abc", "/* abc", "'", "'\\", "'\\n"] {
            assert_eq!(code_only(text).len(), text.len(), "{text}");
        }
    }
}
