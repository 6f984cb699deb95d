//! Where results go: standard output, in colour and to the width of the window on a terminal only.
//! What is said about a result, and progress, goes to standard error.
//!
//! Invariant: a severity or a status is always a word too; colour alone never says anything.

use std::io::{self, BufWriter, IsTerminal, Write};

use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::table::Table;
use crate::cli::remote::documents;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A way to draw attention to a word, or away from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// As everything else.
    Plain,
    /// The heading of a part.
    Bold,
    /// What is not looked at first.
    Dim,
    /// The worst there is.
    Alarm,
    /// Bad.
    Red,
    /// To be watched.
    Yellow,
    /// Good.
    Green,
    /// To be known.
    Blue,
}

/// Where results go.
pub(crate) struct Output {
    writer: BufWriter<Box<dyn Write + Send>>,
    json: bool,
    colour: bool,
    width: Option<u16>,
}

impl Output {
    /// Standard output.
    pub(crate) fn standard(json: bool, colour: Colour) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let colour = match colour {
            Colour::Auto => terminal && !asked_for_no_colour(),
            Colour::Always => true,
            Colour::Never => false,
        };
        let width = if terminal { Table::terminal_width() } else { None };
        Self { writer: BufWriter::new(Box::new(stdout)), json, colour, width }
    }

    /// Whether the server's JSON is wanted instead of text for people.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        writeln!(self.writer, "{}", text.as_ref().trim_end())?;
        Ok(())
    }

    /// Writes an empty line.
    pub(crate) fn gap(&mut self) -> Result<(), Failure> {
        writeln!(self.writer)?;
        Ok(())
    }

    /// Writes a table.
    pub(crate) fn table(&mut self, table: Table) -> Result<(), Failure> {
        for line in table.lines(self.width, self.colour) {
            writeln!(self.writer, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Writes a JSON document as it is, and ends its line.
    pub(crate) fn json(&mut self, document: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(document)?;
        if !document.ends_with(b"\n") {
            self.writer.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Writes a document where JSON is asked for; otherwise reads it, to be shown to people.
    pub(crate) fn document<T: DeserializeOwned>(
        &mut self,
        document: &[u8],
    ) -> Result<Option<T>, Failure> {
        if self.is_json() {
            self.json(document)?;
            return Ok(None);
        }
        documents::read(document).map(Some)
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(bytes)?;
        Ok(())
    }

    /// Says that something was done which the API answers with nothing: the result for people. With JSON there is
    /// no document of it, so it goes where hints go.
    pub(crate) fn done(&mut self, text: &str) -> Result<(), Failure> {
        if self.is_json() {
            self.note(text);
            return Ok(());
        }
        self.line(text)
    }

    /// Hands everything over to whoever reads it.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush()?;
        Ok(())
    }

    /// Says something about the result on standard error.
    pub(crate) fn note(&self, text: &str) {
        // Where standard error is closed there is nobody left to tell.
        let _nobody_reads = writeln!(io::stderr(), "{text}");
    }

    /// The text with colour, where colour is on.
    pub(crate) fn paint(&self, ink: Ink, text: &str) -> String {
        match ink.code() {
            Some(code) if self.colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

impl Ink {
    /// The ink of `P0` … `P3`.
    pub(crate) fn of_severity(severity: &str) -> Self {
        match severity {
            "P0" => Self::Alarm,
            "P1" => Self::Red,
            "P2" => Self::Yellow,
            "P3" => Self::Blue,
            _ => Self::Plain,
        }
    }

    /// The ink of `OPEN` … `CLOSED`.
    pub(crate) fn of_status(status: &str) -> Self {
        match status {
            "OPEN" => Self::Red,
            "INVESTIGATING" => Self::Yellow,
            "RESOLVED" => Self::Green,
            "CLOSED" => Self::Dim,
            _ => Self::Plain,
        }
    }

    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Alarm => Some("1;31"),
            Self::Red => Some("31"),
            Self::Yellow => Some("33"),
            Self::Green => Some("32"),
            Self::Blue => Some("34"),
        }
    }
}

/// `NO_COLOR` counts when it is set to anything; a terminal that calls itself dumb cannot do colour.
fn asked_for_no_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
