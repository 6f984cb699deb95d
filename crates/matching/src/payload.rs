//! Reads one field out of a payload's JSON by its path, without reading the rest into anything.
//!
//! A path is names and positions, parted by dots: `request.headers.0.name`. In an object the member is
//! taken whose name is the longest beginning of what is left of the path, so a name may hold dots
//! itself (`kubernetes.io/name`); of equal names the last counts. In a list a position counts from 0.
//! There is no going back: where the longest name leads nowhere the field is not there.
//!
//! Invariant: whatever the bytes, reading ends after one pass over the value at each step of the path,
//! calls itself never, and does not panic. What is not JSON has no fields.

/// What stands at a path: text as it stands, or text with escapes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'p> {
    /// A string without escapes; a number, `true` or `false` as written; a list or object as written.
    Plain(&'p str),
    /// The inside of a string that holds escapes: see [`unescape`].
    Escaped(&'p str),
}

/// What stands at `path`; `null` is as nothing.
#[must_use]
pub fn find<'p>(payload: &'p [u8], path: &str) -> Option<Scalar<'p>> {
    let mut value = Cursor::all(payload).value()?;
    let mut rest = Some(path);
    while let Some(left) = rest {
        let (next, after) = match value.first()? {
            b'{' => member(value, left)?,
            b'[' => item(value, left)?,
            _ => return None,
        };
        (value, rest) = (next, after);
    }
    read(value)
}

/// Appends the text that the inside of a JSON string stands for. Half a surrogate pair becomes U+FFFD.
pub fn unescape(inside: &str, out: &mut String) {
    let mut rest = inside;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut letters = after.chars();
        rest = match letters.next() {
            Some('u') => unescape_unicode(letters.as_str(), out),
            Some(letter) => {
                out.push(match letter {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                });
                letters.as_str()
            }
            None => "",
        };
    }
    out.push_str(rest);
}

/// Appends the character of the digits after `\u`, and gives what follows it.
fn unescape_unicode<'p>(digits: &'p str, out: &mut String) -> &'p str {
    let four = |text: &str| text.get(..4).and_then(|four| u32::from_str_radix(four, 16).ok());
    let Some(first) = four(digits) else {
        out.push(char::REPLACEMENT_CHARACTER);
        return digits;
    };
    let rest = digits.get(4..).unwrap_or_default();
    let low = rest.strip_prefix("\\u").and_then(four);
    if let (0xD800..0xDC00, Some(low @ 0xDC00..0xE000)) = (first, low) {
        let pair = 0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00);
        out.push(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
        return rest.get(6..).unwrap_or_default();
    }
    out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

/// The members of an object or the items of a list, one after the other, each as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'p> {
    bytes: &'p [u8],
    at: usize,
}

impl<'p> Cursor<'p> {
    /// Before a value.
    pub(crate) fn all(payload: &'p [u8]) -> Self {
        Self { bytes: payload, at: 0 }
    }

    /// Inside an object or list.
    pub(crate) fn inside(container: &'p [u8]) -> Self {
        Self { bytes: container, at: 1 }
    }

    /// The next name of an object, inside its quotes, and the value after it; none at the end and
    /// where it is no longer JSON.
    pub(crate) fn member(&mut self) -> Option<(&'p [u8], &'p [u8])> {
        let name = self.value()?;
        let name = name.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        self.space();
        if self.bytes.get(self.at) != Some(&b':') {
            return None;
        }
        self.at += 1;
        let value = self.value()?;
        self.comma();
        Some((name, value))
    }

    /// The next item of a list.
    pub(crate) fn item(&mut self) -> Option<&'p [u8]> {
        let value = self.value()?;
        self.comma();
        Some(value)
    }

    fn comma(&mut self) {
        self.space();
        if self.bytes.get(self.at) == Some(&b',') {
            self.at += 1;
        }
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// One value as written; goes on behind it.
    pub(crate) fn value(&mut self) -> Option<&'p [u8]> {
        self.space();
        let from = self.at;
        match self.bytes.get(from)? {
            b'"' => self.string()?,
            b'{' | b'[' => self.container()?,
            _ => {
                let rest = &self.bytes[from..];
                let ends = |byte: &u8| ENDS[usize::from(*byte)];
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
            }
        }
        self.bytes.get(from..self.at).filter(|value| !value.is_empty())
    }

    fn string(&mut self) -> Option<()> {
        self.at = string_end(self.bytes, self.at)?;
        Some(())
    }

    fn container(&mut self) -> Option<()> {
        let (mut at, mut depth) = (self.at, 0_usize);
        loop {
            match self.bytes.get(at)? {
                b'"' => {
                    at = string_end(self.bytes, at)?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                self.at = at;
                return Some(());
            }
        }
    }
}

/// Behind the string that begins at `from`.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Bytes behind a number, `true`, `false` or `null`.
const ENDS: [bool; 256] = {
    let (mut ends, bytes) = ([false; 256], b",:]}{[\" \t\n\r");
    let mut position = 0;
    while position < bytes.len() {
        ends[bytes[position] as usize] = true;
        position += 1;
    }
    ends
};

/// A value, and what is left of the path behind it; nothing where the path ends here.
type Step<'p, 's> = (&'p [u8], Option<&'s str>);

fn member<'p, 's>(object: &'p [u8], path: &'s str) -> Option<Step<'p, 's>> {
    let mut cursor = Cursor::inside(object);
    let mut found: Option<(usize, Step<'p, 's>)> = None;
    while let Some((name, value)) = cursor.member() {
        let Some(length) = begins(path, name) else { continue };
        if found.is_none_or(|(longest, _)| length >= longest) {
            let rest = (length < path.len()).then(|| &path[length + 1..]);
            found = Some((length, (value, rest)));
        }
    }
    found.map(|(_, step)| step)
}

/// How many bytes of the path are this name, if the path begins with it.
fn begins(path: &str, name: &[u8]) -> Option<usize> {
    let ends_at = |length: usize| match path.as_bytes().get(length) {
        None | Some(b'.') => Some(length),
        Some(_) => None,
    };
    if !name.contains(&b'\\') {
        return if path.as_bytes().starts_with(name) { ends_at(name.len()) } else { None };
    }
    let mut written = String::new();
    unescape(std::str::from_utf8(name).ok()?, &mut written);
    if path.starts_with(&written) { ends_at(written.len()) } else { None }
}

fn item<'p, 's>(list: &'p [u8], path: &'s str) -> Option<Step<'p, 's>> {
    let (position, rest) = match path.split_once('.') {
        Some((position, rest)) => (position, Some(rest)),
        None => (path, None),
    };
    if position.is_empty() || !position.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut left: usize = position.parse().ok()?;
    let mut cursor = Cursor::inside(list);
    loop {
        let value = cursor.item()?;
        if left == 0 {
            return Some((value, rest));
        }
        left -= 1;
    }
}

fn read(value: &[u8]) -> Option<Scalar<'_>> {
    let text = std::str::from_utf8(value).ok()?;
    match text.strip_prefix('"') {
        Some(inside) => {
            let inside = inside.strip_suffix('"')?;
            Some(if inside.contains('\\') {
                Scalar::Escaped(inside)
            } else {
                Scalar::Plain(inside)
            })
        }
        None if text == "null" => None,
        None => Some(Scalar::Plain(text)),
    }
}
