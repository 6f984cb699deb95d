//! Where a JSON object ends, told byte by byte, and as soon as it can be known that it never will.
//!
//! This is no validator: it follows strings, brackets and commas closely enough that a broken object
//! does not swallow the good ones behind it. What it lets through is parsed in earnest afterwards.

/// Containers open at once, well above what the server takes.
const DEPTH: u32 = 128;

/// The state inside an object.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    depth: u32,
    /// One bit per open container, the innermost lowest: set for an object.
    objects: u128,
    in_string: bool,
    escaped: bool,
    /// Whether a value has just ended, so that only `,` or a closing bracket may follow.
    after_value: bool,
    /// Whether only a key may follow, or the closing brace where there was none yet.
    key_due: bool,
}

/// What a byte means for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It goes on.
    More,
    /// This was its last byte.
    Done,
    /// It is no JSON object.
    Broken(&'static str),
}

impl Shape {
    /// Takes the next byte.
    pub(crate) fn push(&mut self, byte: u8) -> Step {
        if self.in_string {
            return self.string_byte(byte);
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => Step::More,
            b'"' => self.quote(),
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' => self.close(byte == b'}'),
            b',' => {
                self.after_value = false;
                self.key_due = self.objects & 1 == 1;
                Step::More
            }
            b':' => {
                self.after_value = false;
                Step::More
            }
            _ if self.key_due => Step::Broken("a key in quotes is missing"),
            _ => {
                self.after_value = true;
                Step::More
            }
        }
    }

    fn string_byte(&mut self, byte: u8) -> Step {
        match byte {
            b'\n' => return Step::Broken("the line ends inside a string"),
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
        Step::More
    }

    fn quote(&mut self) -> Step {
        if self.after_value {
            return Step::Broken("a `,` or `:` is missing before a quote");
        }
        (self.in_string, self.after_value, self.key_due) = (true, true, false);
        Step::More
    }

    fn open(&mut self, object: bool) -> Step {
        if self.after_value || self.key_due {
            return Step::Broken("an object or list begins where none can");
        }
        if self.depth == DEPTH {
            return Step::Broken("the JSON is nested too deeply");
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        self.key_due = object;
        Step::More
    }

    fn close(&mut self, object: bool) -> Step {
        if (self.objects & 1 == 1) != object {
            return Step::Broken("a bracket of the wrong kind closes");
        }
        self.depth -= 1;
        self.objects >>= 1;
        (self.after_value, self.key_due) = (true, false);
        if self.depth == 0 { Step::Done } else { Step::More }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of bytes up to the end, or the reason.
    fn end(text: &str) -> Result<usize, &'static str> {
        let mut shape = Shape::default();
        for (index, &byte) in text.as_bytes().iter().enumerate() {
            match shape.push(byte) {
                Step::More => {}
                Step::Done => return Ok(index + 1),
                Step::Broken(why) => return Err(why),
            }
        }
        Err("no end")
    }

    #[test]
    fn an_object_ends_at_its_own_brace() {
        for text in [
            "{}",
            r#"{"a":1}"#,
            r#"{"a":"}\"{","b":[{},{"c":null}]}"#,
            "{\n  \"a\": {\n    \"b\": -1.5e3\n  }\n}",
        ] {
            assert_eq!(end(&format!("{text},{{}}")), Ok(text.len()), "{text}");
        }
    }

    #[test]
    fn a_broken_object_is_known_before_the_next_one_is_swallowed() {
        for text in [
            "{\"a\":1\n{\"b\":2}",
            "{\"a\":\"x\n\"}",
            "{\n{}",
            "{\"a\":[1}",
            "{\"a\" \"b\"}",
            "{\"a\":1,\n{\"b\":2}",
        ] {
            assert!(end(text).is_err_and(|why| why != "no end"), "{text}");
        }
        let deep = "{\"a\":[".to_owned() + &"[".repeat(200);
        assert_eq!(end(&deep), Err("the JSON is nested too deeply"));
    }
}
