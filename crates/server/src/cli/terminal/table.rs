//! Tables without lines: a dim heading, columns two spaces apart. To the width of a terminal each row
//! is one line, and what does not fit is cut with `…`; elsewhere nothing is cut.

use comfy_table::{Attribute, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row};

use super::output::Ink;

/// Columns below which nothing is laid out to the width of a terminal.
const NARROWEST: u16 = 40;
/// What no text holds. With it between words, a text that is cut fills its column to the end.
const NO_DELIMITER: char = '\u{1}';

/// A table under construction.
pub(crate) struct Table {
    inner: comfy_table::Table,
    headings: Vec<&'static str>,
    right: Vec<usize>,
    whole: Option<usize>,
    /// Lines a row may take on a terminal.
    lines_of_row: usize,
}

/// One cell.
pub(crate) struct Cell {
    text: String,
    ink: Ink,
}

impl Table {
    /// A table with these headings; none at all where they are all empty.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(comfy_table::presets::NOTHING);
        Self { inner, headings: headings.to_vec(), right: Vec::new(), whole: None, lines_of_row: 1 }
    }

    /// Puts columns, counted from 0, to the right: numbers.
    pub(crate) fn right(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Never cuts this column, counted from 0: ids that have to be copied.
    pub(crate) fn whole(mut self, column: usize) -> Self {
        self.whole = Some(column);
        self
    }

    /// Lets rows wrap to several lines on a terminal instead of being cut.
    pub(crate) fn wrapped(mut self) -> Self {
        self.lines_of_row = usize::MAX;
        self
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells: Vec<comfy_table::Cell> = cells.into_iter().map(Cell::styled).collect();
        let mut row = Row::from(cells);
        row.max_height(self.lines_of_row);
        self.inner.add_row(row);
    }

    /// The lines of the table.
    pub(crate) fn lines(mut self, width: Option<u16>, colour: bool) -> Vec<String> {
        self.inner.force_no_tty();
        if colour {
            self.inner.enforce_styling().style_text_only();
        }
        if self.lines_of_row == 1 {
            self.inner.set_delimiter(NO_DELIMITER);
        }
        if let Some(width) = width {
            self.inner.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
        }
        if self.headings.iter().any(|heading| !heading.is_empty()) {
            let heading = |text: &&'static str| Cell::inked(*text, Ink::Dim).styled();
            self.inner.set_header(self.headings.iter().map(heading).collect::<Vec<_>>());
        }
        for (index, column) in self.inner.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if self.right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            if self.whole == Some(index) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        self.inner.lines().collect()
    }

    /// Columns of the terminal behind standard output; none where it does not say, or nonsense.
    pub(crate) fn terminal_width() -> Option<u16> {
        comfy_table::Table::new().width().filter(|&width| width >= NARROWEST)
    }
}

impl Cell {
    /// A cell as everything else.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::inked(text, Ink::Plain)
    }

    /// A cell that draws attention to itself, or away.
    pub(crate) fn inked(text: impl Into<String>, ink: Ink) -> Self {
        Self { text: text.into(), ink }
    }

    fn styled(self) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new_owned(self.text.replace('\n', " "));
        match self.ink {
            Ink::Plain => cell,
            Ink::Bold => cell.add_attribute(Attribute::Bold),
            Ink::Dim => cell.add_attribute(Attribute::Dim),
            Ink::Alarm => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
            Ink::Red => cell.fg(Color::DarkRed),
            Ink::Yellow => cell.fg(Color::DarkYellow),
            Ink::Green => cell.fg(Color::DarkGreen),
            Ink::Blue => cell.fg(Color::DarkBlue),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&["#", "TITLE"]).right(&[0]);
        table.row([Cell::plain("7"), Cell::plain("orders-db: connection pool exhausted")]);
        table.row([Cell::plain("12"), Cell::inked("cache", Ink::Red)]);
        table
    }

    fn trimmed(lines: &[String]) -> Vec<&str> {
        lines.iter().map(|line| line.trim_end()).collect()
    }

    #[test]
    fn nothing_is_cut_and_nothing_is_coloured_where_no_terminal_is() {
        let lines = sample().lines(None, false);
        assert_eq!(
            trimmed(&lines),
            [" #  TITLE", " 7  orders-db: connection pool exhausted", "12  cache"]
        );
    }

    #[test]
    fn a_row_is_one_line_on_a_narrow_terminal() {
        let lines = sample().lines(Some(20), false);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= 20), "{lines:?}");
        assert!(lines[1].contains('…'), "{lines:?}");
    }

    #[test]
    fn a_column_that_has_to_be_copied_is_never_cut() {
        let mut table = Table::new(&["TITLE", "ID"]).whole(1);
        table.row([Cell::plain("connection pool exhausted"), Cell::plain("0123456789")]);
        let lines = table.lines(Some(20), false);
        assert!(lines.len() == 2 && lines[1].contains("0123456789"), "{lines:?}");
    }

    #[test]
    fn colour_is_there_when_it_is_asked_for() {
        assert!(sample().lines(None, true).iter().any(|line| line.contains('\u{1b}')));
    }
}
