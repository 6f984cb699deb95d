//! How deep an expression nests, told from its text before anything that calls itself reads it.
//!
//! Invariant: what passes is cut into tokens by the parser as it is here, and parser, cost and
//! interpreter call themselves at most a fixed number of times for each step counted, so that no text
//! makes a stack overflow.

/// Steps of nesting: brackets, operators in a row within one clause, and choices.
pub(super) const STEPS: usize = 24;

/// Why an expression is not even read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It nests deeper than [`STEPS`].
    TooDeep,
    /// What is wrong with how it is written.
    Written(&'static str),
}

impl Refused {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::TooDeep => "too_complex",
            Self::Written(_) => "invalid_expression",
        }
    }

    pub(super) fn message(self) -> String {
        match self {
            Self::TooDeep => {
                format!("nests too deep: at most {STEPS} brackets, choices and operators in a row")
            }
            Self::Written(what) => what.to_owned(),
        }
    }
}

/// Refuses what nests deeper, and the few ways of writing that would make the count uncertain.
pub(super) fn check(source: &str) -> Result<(), Refused> {
    let mut steps = Steps { open: vec![0], choices: 0 };
    let mut rest = source.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let word = rest.iter().take_while(|byte| is_of_word(**byte)).count();
        rest = match byte {
            b'"' | b'\'' => behind_string(byte, after, false)?,
            _ if word > 0 => {
                let (word, after) = rest.split_at(word);
                match (word, after.first()) {
                    (b"in", _) => {
                        steps.operator();
                        after
                    }
                    (word, Some(&quote @ (b'"' | b'\''))) => {
                        behind_string(quote, &after[1..], is_raw(word)?)?
                    }
                    _ => after,
                }
            }
            b'/' if after.starts_with(b"/") => behind_line(after),
            b'&' | b'|' => {
                steps.clause();
                after.strip_prefix(&[byte]).ok_or(Refused::Written("write && and ||"))?
            }
            b'=' | b'!' | b'<' | b'>' => {
                steps.operator();
                after.strip_prefix(b"=").unwrap_or(after)
            }
            other => {
                steps.sign(other);
                after
            }
        };
        if steps.count() > STEPS {
            return Err(Refused::TooDeep);
        }
    }
    Ok(())
}

struct Steps {
    /// Operators of the clause that stands open, for each bracket that is.
    open: Vec<usize>,
    choices: usize,
}

impl Steps {
    fn operator(&mut self) {
        if let Some(here) = self.open.last_mut() {
            *here += 1;
        }
    }

    /// A clause ends. A comma ends none here: where one stands wrongly, the parser steps over it.
    fn clause(&mut self) {
        if let Some(here) = self.open.last_mut() {
            *here = 0;
        }
    }

    fn sign(&mut self, byte: u8) {
        match byte {
            b'(' | b'[' | b'{' => {
                self.operator();
                self.open.push(0);
            }
            b')' | b']' | b'}' if self.open.len() > 1 => {
                self.open.pop();
            }
            b'?' => self.choices += 1,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'.' => self.operator(),
            _ => {}
        }
    }

    fn count(&self) -> usize {
        self.open.iter().sum::<usize>() + self.choices
    }
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether the word before a quote says that a backslash is a backslash.
fn is_raw(word: &[u8]) -> Result<bool, Refused> {
    match word {
        b"r" | b"R" | b"br" | b"bR" | b"Br" | b"BR" => Ok(true),
        b"b" | b"B" => Ok(false),
        _ => Err(Refused::Written("a string cannot follow a name")),
    }
}

/// What follows a string that opened with `quote`.
fn behind_string(quote: u8, text: &[u8], raw: bool) -> Result<&[u8], Refused> {
    if text.starts_with(&[quote, quote]) {
        return Err(Refused::Written("strings in three quotes cannot be used"));
    }
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'\n' | b'\r' => break,
            b'\\' if !raw => behind_escape(after)?,
            other if other == quote => return Ok(after),
            _ => after,
        };
    }
    Err(Refused::Written("a string is not closed"))
}

fn behind_escape(text: &[u8]) -> Result<&[u8], Refused> {
    let unknown = || {
        Refused::Written("unknown escape in a string; write r'…' to take backslashes as they are")
    };
    let (letter, rest) = text.split_first().ok_or_else(unknown)?;
    let digits = match letter {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => 0,
        b'x' | b'X' => 2,
        b'u' => 4,
        b'U' => 8,
        b'0'..=b'3' => 2,
        _ => return Err(unknown()),
    };
    let (digits, rest) = rest.split_at_checked(digits).ok_or_else(unknown)?;
    let fits = |digit: &u8| match letter {
        b'0'..=b'3' => matches!(digit, b'0'..=b'7'),
        _ => digit.is_ascii_hexdigit(),
    };
    if digits.iter().all(fits) { Ok(rest) } else { Err(unknown()) }
}

fn behind_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
    &text[end..]
}
