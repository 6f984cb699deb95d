//! The JSON objects of a stream, one after the other, each with the line it begins in: lines, an
//! array, pretty-printed objects, or a mixture.
//!
//! Invariant: at most one object is in memory, never more than the server takes; a broken one costs
//! itself and what follows up to the next line that begins an object, and says so.

use std::io::{self, BufRead, BufReader, Read};

use model::limits;

use super::shape::{Shape, Step};
use crate::cli::remote::documents::harmless;

/// Bytes read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// Bytes of what is no object that are quoted.
const QUOTED: usize = 40;

/// What was found next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An object on one line.
    Item {
        /// Its text.
        text: String,
        /// The line it begins in, from 1.
        line: u64,
    },
    /// Something that is no object, or one that cannot be sent.
    Broken {
        /// The line it begins in, from 1.
        line: u64,
        /// The code the server would give.
        code: &'static str,
        /// Why, in words.
        message: String,
    },
}

/// A reader of objects.
pub(crate) struct Items<R> {
    reader: BufReader<R>,
    line: u64,
    /// White space since the last line end; `None` behind anything else.
    indent: Option<usize>,
    /// Lists that are open around the objects.
    open_lists: u64,
    /// Whether the first byte is still to come.
    at_start: bool,
}

impl<R: Read> Items<R> {
    /// Objects of `reader`.
    pub(crate) fn new(reader: R) -> Self {
        let reader = BufReader::with_capacity(BUFFER_BYTES, reader);
        Self { reader, line: 1, indent: Some(0), open_lists: 0, at_start: true }
    }

    /// The next object or the next thing that is none; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Found>> {
        if std::mem::take(&mut self.at_start) {
            self.skip_byte_order_mark()?;
        }
        while let Some(byte) = self.peek()? {
            match byte {
                b'{' => return self.object().map(Some),
                b'[' => self.open_lists += 1,
                b']' if self.open_lists > 0 => self.open_lists -= 1,
                b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => return self.no_object().map(Some),
            }
            self.step(byte);
        }
        if std::mem::take(&mut self.open_lists) > 0 {
            let why = "the file breaks off inside a list; what stands before is not affected";
            return Ok(Some(broken(self.line, why.to_owned())));
        }
        Ok(None)
    }

    /// Whether something of the next object is there without waiting for whoever writes it.
    pub(crate) fn has_more_at_hand(&self) -> bool {
        self.reader.buffer().iter().any(|byte| !byte.is_ascii_whitespace())
    }

    fn object(&mut self) -> io::Result<Found> {
        let (line, indent) = (self.line, self.indent.unwrap_or(0));
        let mut shape = Shape::default();
        let mut bytes = Vec::with_capacity(512);
        loop {
            let Some(byte) = self.peek()? else {
                return Ok(broken(line, "the file breaks off inside an object".to_owned()));
            };
            let step = shape.push(byte);
            if let Step::Broken(why) = step {
                return self.left_out(line, indent, "invalid_json", why);
            }
            self.step(byte);
            // Outside strings a line end is white space, and the object goes on one line.
            bytes.push(if byte == b'\n' || byte == b'\r' { b' ' } else { byte });
            if step == Step::Done {
                return Ok(finished(bytes, line));
            }
            if bytes.len() > limits::SIGNAL_BYTES {
                let why = format!("the signal is larger than {} bytes", limits::SIGNAL_BYTES);
                return self.left_out(line, indent, "signal_too_large", &why);
            }
        }
    }

    /// Something that begins as no object does: left out to the end of its line.
    fn no_object(&mut self) -> io::Result<Found> {
        let line = self.line;
        let mut quoted = Vec::new();
        while let Some(byte) = self.peek()?
            && byte != b'\n'
        {
            if quoted.len() < QUOTED {
                quoted.push(byte);
            }
            self.step(byte);
        }
        let quoted = harmless(&String::from_utf8_lossy(&quoted));
        Ok(broken(line, format!("a JSON object is expected, not `{}`", quoted.trim_end())))
    }

    /// Skips a broken object, up to the next line that begins an object and is not indented deeper
    /// than the broken one.
    fn left_out(
        &mut self,
        line: u64,
        indent: usize,
        code: &'static str,
        why: &str,
    ) -> io::Result<Found> {
        while let Some(byte) = self.peek()? {
            if byte == b'{' && self.indent.is_some_and(|spaces| spaces <= indent) {
                break;
            }
            self.step(byte);
        }
        let message = if self.line > line + 1 {
            format!("{why}; left out up to line {}", self.line - 1)
        } else {
            why.to_owned()
        };
        Ok(Found::Broken { line, code, message })
    }

    fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        for mark in [0xef, 0xbb, 0xbf] {
            if self.peek()? != Some(mark) {
                break;
            }
            self.reader.consume(1);
        }
        Ok(())
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.reader.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Steps over the byte that was seen last.
    fn step(&mut self, byte: u8) {
        self.reader.consume(1);
        match byte {
            b'\n' => {
                self.line += 1;
                self.indent = Some(0);
            }
            b' ' | b'\t' => self.indent = self.indent.map(|spaces| spaces + 1),
            b'\r' => {}
            _ => self.indent = None,
        }
    }
}

fn finished(bytes: Vec<u8>, line: u64) -> Found {
    match String::from_utf8(bytes) {
        Ok(text) => Found::Item { text, line },
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            broken(line, format!("the object is not UTF-8 from its byte {at} on"))
        }
    }
}

fn broken(line: u64, message: String) -> Found {
    Found::Broken { line, code: "invalid_json", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `line:text` of every object and `line!message` of everything else.
    fn all(bytes: &[u8]) -> Vec<String> {
        let mut items = Items::new(bytes);
        let mut found = Vec::new();
        while let Some(next) = items.next().expect("memory can be read") {
            found.push(match next {
                Found::Item { text, line } => format!("{line}:{text}"),
                Found::Broken { line, message, .. } => format!("{line}!{message}"),
            });
        }
        found
    }

    #[test]
    fn lines_arrays_and_objects_in_a_row_are_read_alike() {
        assert_eq!(all(b"{\"a\":1}\r\n\n{\"b\":2}"), ["1:{\"a\":1}", "3:{\"b\":2}"]);
        assert_eq!(all(b"[{\"a\":1},{\"b\":2}]"), ["1:{\"a\":1}", "1:{\"b\":2}"]);
        assert_eq!(all(b"\xef\xbb\xbf{}{}"), ["1:{}", "1:{}"]);
        assert_eq!(all(b"[\n  {\n    \"a\": 1\n  },\n  {}\n]\n"), ["2:{     \"a\": 1   }", "5:{}"]);
        assert_eq!(all(b" \n"), [""; 0]);
    }

    #[test]
    fn a_broken_line_costs_itself_only() {
        let text = b"{\"a\":1}\n{\"b\":\n{\"c\":3\n{\"d\":4}\nnonsense\n{\"e\":\"x\n{\"f\":6}\n";
        assert_eq!(
            all(text),
            [
                "1:{\"a\":1}",
                "2!an object or list begins where none can; left out up to line 3",
                "4:{\"d\":4}",
                "5!a JSON object is expected, not `nonsense`",
                "6!the line ends inside a string",
                "7:{\"f\":6}",
            ]
        );
    }

    #[test]
    fn what_breaks_off_is_said() {
        assert_eq!(
            all(b"{\"a\":1}\n{\"b\""),
            ["1:{\"a\":1}", "2!the file breaks off inside an object"]
        );
        let found = all(b"[{\"a\":1},");
        assert_eq!(found.len(), 2);
        assert!(found[1].contains("breaks off inside a list"), "{found:?}");
    }

    #[test]
    fn an_object_that_is_too_large_is_left_out_without_being_held() {
        let mut text = b"{\"a\":\"".to_vec();
        text.resize(limits::SIGNAL_BYTES + 100, b'x');
        text.extend_from_slice(b"\"}\n{\"b\":2}\n\xff\n{\"c\":\"\xff\"}");
        let found = all(&text);
        assert!(found[0].starts_with("1!the signal is larger than 1048576 bytes"), "{}", found[0]);
        assert_eq!(found[1], "2:{\"b\":2}");
        assert_eq!(found[2], "3!a JSON object is expected, not `\u{fffd}`");
        assert_eq!(found[3], "4!the object is not UTF-8 from its byte 6 on");
    }
}
