//! The lines of an iCalendar file: unfolded, and taken apart into name, parameters and value.
//!
//! Refuses to know what a property means. Takes any bytes; what is no text is replaced, not refused.

/// One content line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins in the file; the first is 1.
    pub(super) number: usize,
    /// In upper case.
    pub(super) name: String,
    /// Names in upper case.
    parameters: Vec<(String, String)>,
    /// As it stands there.
    pub(super) value: String,
}

impl Line {
    /// The value of a parameter, if it is there.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as text: `\n`, `\,`, `\;` and `\\` taken back.
    pub(super) fn text(&self) -> String {
        let mut result = String::with_capacity(self.value.len());
        let mut characters = self.value.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some('n' | 'N') => result.push('\n'),
                    Some(escaped) => result.push(escaped),
                    None => {}
                },
                _ => result.push(character),
            }
        }
        result
    }

    /// Takes a line apart. Quotes keep `:`, `;` and `,` within a parameter.
    fn parse(number: usize, text: &str) -> Option<Self> {
        let (head, value) = split_unquoted(text, ':')?;
        let mut parts = Some(head);
        let mut next = || {
            let rest = parts?;
            let (part, after) =
                split_unquoted(rest, ';').map_or((rest, None), |(a, b)| (a, Some(b)));
            parts = after;
            Some(part)
        };
        let name = next()?.trim().to_ascii_uppercase();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        let mut parameters = Vec::new();
        while let Some(part) = next() {
            let (name, value) = part.split_once('=')?;
            parameters.push((name.trim().to_ascii_uppercase(), value.trim_matches('"').to_owned()));
        }
        Some(Self { number, name, parameters, value: value.to_owned() })
    }
}

/// Splits at the first of `at` that is not between quotes.
fn split_unquoted(text: &str, at: char) -> Option<(&str, &str)> {
    let mut quoted = false;
    let position = text.char_indices().find_map(|(index, character)| {
        quoted ^= character == '"';
        (character == at && !quoted).then_some(index)
    })?;
    Some((&text[..position], &text[position + at.len_utf8()..]))
}

/// Every line of the file that is not empty, or the number of one that is no content line.
pub(super) fn lines(file: &[u8]) -> impl Iterator<Item = Result<Line, usize>> {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let mut physical = file
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .enumerate()
        .peekable();
    std::iter::from_fn(move || {
        let (index, first) = physical.find(|(_, line)| !line.is_empty())?;
        let mut whole = first.to_vec();
        while let Some((_, more)) = physical.next_if(|(_, line)| matches!(line, [b' ' | b'\t', ..]))
        {
            whole.extend_from_slice(&more[1..]);
        }
        let number = index + 1;
        Some(Line::parse(number, &String::from_utf8_lossy(&whole)).ok_or(number))
    })
}
