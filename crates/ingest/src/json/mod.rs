//! A cursor over JSON text: one pass, no recursion, borrowed strings, exact positions.
//!
//! It exists because the doors need three things together that the libraries do not offer: the
//! exact bytes of every item and payload, a verdict per item however wrong its types are, and a
//! limit on nesting in what is skipped. It refuses to know what any key means.
//!
//! Invariant: what it skips or hands out raw is valid JSON by RFC 8259.

mod scan;
mod text;

use std::borrow::Cow;

use scan::Levels;

/// Where and how a text stops being JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// Byte offset in the text.
    pub(crate) at: usize,
    /// What should have been there.
    pub(crate) expected: &'static str,
}

/// A value that was read: scalars by themselves, containers as their raw text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// A string, borrowed unless it held escapes.
    Text(Cow<'a, str>),
    /// A number or a boolean, as it was written.
    Literal(&'a str),
    /// `null`.
    Null,
    /// An object or an array.
    Container(Raw<'a>),
}

/// The exact text of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    /// From its first byte to its last.
    pub(crate) text: &'a str,
    /// How many containers are open at its deepest point; 0 for a scalar.
    pub(crate) depth: usize,
}

/// Reads JSON text from front to back.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor before the first byte of `text`.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte offset it has reached.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The text between two offsets that lie at the borders of values.
    pub(crate) fn between(&self, start: usize, end: usize) -> &'a str {
        &self.text[start..end]
    }

    /// The next byte that is not white space, which is skipped.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Steps over the opening bracket of a container, or says that there is none.
    pub(crate) fn open(&mut self, bracket: u8) -> bool {
        let found = self.peek() == Some(bracket);
        self.at += usize::from(found);
        found
    }

    /// The next key of the object that was opened, with its colon; `None` after the last, when the
    /// closing brace was stepped over. `first` is true before the first call.
    pub(crate) fn key(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>, Syntax> {
        if !self.next_member(b'}', first, "`,` or `}`")? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in quotes"));
        }
        let key = self.string()?;
        self.colon()?;
        Ok(Some(key))
    }

    /// Whether the array that was opened has another element; steps over the comma or the end.
    pub(crate) fn element(&mut self, first: &mut bool) -> Result<bool, Syntax> {
        self.next_member(b']', first, "`,` or `]`")
    }

    /// Reads a value.
    pub(crate) fn value(&mut self) -> Result<Value<'a>, Syntax> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{' | b'[') => self.raw().map(Value::Container),
            Some(b'n') => self.literal("null").map(|_| Value::Null),
            _ => self.raw().map(|raw| Value::Literal(raw.text)),
        }
    }

    /// Steps over a value and hands out its exact text.
    pub(crate) fn raw(&mut self) -> Result<Raw<'a>, Syntax> {
        self.peek();
        let start = self.at;
        let depth = self.skip()?;
        Ok(Raw { text: self.between(start, self.at), depth })
    }

    /// Fails unless only white space is left.
    pub(crate) fn end(&mut self, expected: &'static str) -> Result<(), Syntax> {
        if self.peek().is_some() { Err(self.expected(expected)) } else { Ok(()) }
    }

    /// The failure that something else was expected where the cursor stands.
    pub(crate) fn expected(&self, expected: &'static str) -> Syntax {
        Syntax { at: self.at, expected }
    }

    fn next_member(
        &mut self,
        close: u8,
        first: &mut bool,
        expected: &'static str,
    ) -> Result<bool, Syntax> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if !*first => {
                self.at += 1;
                if self.peek() == Some(close) {
                    return Err(self.expected("another member after `,`"));
                }
            }
            Some(_) if *first => {}
            None if *first => return Err(self.expected("a member or the closing bracket")),
            _ => return Err(self.expected(expected)),
        }
        *first = false;
        Ok(true)
    }

    fn colon(&mut self) -> Result<(), Syntax> {
        if self.peek() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(())
    }

    /// Steps over one value without recursion, however deep it is; returns its depth.
    fn skip(&mut self) -> Result<usize, Syntax> {
        let mut levels = Levels::default();
        loop {
            if !self.skip_head(&mut levels)? {
                continue;
            }
            while let Some(object) = levels.innermost() {
                let close = if object { b'}' } else { b']' };
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if object {
                            self.skip_key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == close => {
                        self.at += 1;
                        levels.leave();
                    }
                    _ if object => return Err(self.expected("`,` or `}`")),
                    _ => return Err(self.expected("`,` or `]`")),
                }
            }
            if levels.innermost().is_none() {
                return Ok(levels.deepest());
            }
        }
    }

    /// Steps over a scalar, an empty container, or the opening of one that has members; only in
    /// the last case the answer is false: a value must follow.
    fn skip_head(&mut self, levels: &mut Levels) -> Result<bool, Syntax> {
        match self.peek() {
            Some(b'"') => self.skip_string()?,
            Some(b'{') => {
                self.at += 1;
                levels.enter(true);
                if self.peek() != Some(b'}') {
                    self.skip_key()?;
                    return Ok(false);
                }
                self.at += 1;
                levels.leave();
            }
            Some(b'[') => {
                self.at += 1;
                levels.enter(false);
                if self.peek() != Some(b']') {
                    return Ok(false);
                }
                self.at += 1;
                levels.leave();
            }
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.expected("a JSON value")),
        }
        Ok(true)
    }

    fn skip_key(&mut self) -> Result<(), Syntax> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in quotes"));
        }
        self.skip_string()?;
        self.colon()
    }

    fn literal(&mut self, word: &'static str) -> Result<(), Syntax> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.expected("a JSON value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Syntax> {
        let end = scan::number_end(self.text.as_bytes(), self.at);
        self.at = end.map_err(|at| Syntax { at, expected: "a digit" })?;
        Ok(())
    }
}

impl Syntax {
    /// The failure in words, with its place in `text`.
    pub(crate) fn describe(&self, text: &str) -> String {
        let before = &text.as_bytes()[..self.at.min(text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let column = before.len() - line_start + 1;
        let Self { at, expected } = self;
        format!("expected {expected} at byte {at} (line {line}, column {column})")
    }
}

#[cfg(test)]
mod tests;
