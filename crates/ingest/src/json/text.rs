//! Strings: borrowed where they hold no escape, copied where they do.
//!
//! A lone surrogate (`"\ud83d"`, half of an emoji that was cut in two) is valid by the grammar but
//! is no character; it becomes U+FFFD rather than a reason to refuse somebody's alarm.

use std::borrow::Cow;

use super::scan::plain_end;
use super::{Cursor, Syntax};

const CLOSING: &str = "the closing quote of a string";
const ESCAPE: &str = "an escape such as \\n or \\u0041";

impl<'a> Cursor<'a> {
    /// Reads the string at whose opening quote the cursor stands.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Syntax> {
        let start = self.at + 1;
        let end = plain_end(self.text.as_bytes(), start);
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        self.escaped_string().map(Cow::Owned)
    }

    /// Steps over the string at whose opening quote the cursor stands.
    pub(super) fn skip_string(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        loop {
            self.at = plain_end(self.text.as_bytes(), self.at);
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape().map(drop)?,
                _ => return Err(self.expected(CLOSING)),
            }
        }
    }

    fn escaped_string(&mut self) -> Result<String, Syntax> {
        let mut copy = String::new();
        self.at += 1;
        loop {
            let start = self.at;
            self.at = plain_end(self.text.as_bytes(), start);
            copy.push_str(&self.text[start..self.at]);
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(copy);
                }
                Some(b'\\') => copy.push(self.escape()?),
                _ => return Err(self.expected(CLOSING)),
            }
        }
    }

    /// Reads the escape at whose backslash the cursor stands.
    fn escape(&mut self) -> Result<char, Syntax> {
        let character = match self.text.as_bytes().get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.expected(ESCAPE)),
        };
        self.at += 2;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, Syntax> {
        let unit = self.code_unit(self.at).ok_or_else(|| self.expected(ESCAPE))?;
        self.at += 6;
        if !(0xd800..0xdc00).contains(&unit) {
            return Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        match self.code_unit(self.at) {
            Some(low @ 0xdc00..0xe000) => {
                self.at += 6;
                let combined = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                Ok(char::from_u32(combined).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            _ => Ok(char::REPLACEMENT_CHARACTER),
        }
    }

    /// The value of `\uXXXX` at `at`, if that is what stands there.
    fn code_unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
    }
}
