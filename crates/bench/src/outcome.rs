//! What a row says in the end: figures, ratio, bar, hit or miss; as a table and as JSON.

use serde_json::json;

use crate::rows::Row;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The row, and the part of it.
    pub(crate) row: String,
    /// What was measured, with its unit.
    pub(crate) measured: String,
    /// What it is compared with, with its unit.
    pub(crate) reference: String,
    /// Measured by reference.
    pub(crate) ratio: Option<f64>,
    /// What it has to be.
    pub(crate) bar: String,
    /// Whether it is; nothing where there is no bar.
    pub(crate) hit: Option<bool>,
    /// What else is to be known.
    pub(crate) note: String,
    /// Load average when the row began.
    pub(crate) load: f64,
    /// Share of the machine that others took meanwhile, in percent.
    pub(crate) others: f64,
}

impl Line {
    /// A line with a bar.
    pub(crate) fn judged(row: impl Into<String>, bar: impl Into<String>, hit: bool) -> Self {
        Self {
            row: row.into(),
            measured: String::new(),
            reference: String::new(),
            ratio: None,
            bar: bar.into(),
            hit: Some(hit),
            note: String::new(),
            load: 0.0,
            others: 0.0,
        }
    }

    /// A row that could not be measured.
    pub(crate) fn failed(row: &Row, error: &anyhow::Error) -> Self {
        Self { note: format!("not measured: {error:#}"), ..Self::judged(row.name, row.bar, false) }
    }

    pub(crate) fn measured(self, measured: impl Into<String>) -> Self {
        Self { measured: measured.into(), ..self }
    }

    pub(crate) fn reference(self, reference: impl Into<String>, ratio: f64) -> Self {
        Self { reference: reference.into(), ratio: Some(ratio), ..self }
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    pub(crate) fn with_load(self, load: f64, others: f64) -> Self {
        Self { load, others, ..self }
    }

    fn verdict(&self) -> &'static str {
        match self.hit {
            Some(true) => "hit",
            Some(false) => "MISS",
            None => "",
        }
    }

    fn cells(&self) -> [String; 8] {
        [
            self.row.clone(),
            self.measured.clone(),
            self.reference.clone(),
            self.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            self.bar.clone(),
            self.verdict().to_owned(),
            format!("{:.1} / {:.0} %", self.load, self.others),
            self.note.clone(),
        ]
    }
}

/// The lines as a table in Markdown, which is as readable on a terminal.
pub(crate) fn table(lines: &[Line]) -> String {
    let head = ["row", "measured", "reference", "ratio", "bar", "", "load / others", "note"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(lines.iter().map(Line::cells));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 8] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let padded: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        text.push_str(&format!("| {} |\n", padded.join(" | ")));
        if index == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width.max(1))).collect();
            text.push_str(&format!("| {} |\n", rules.join(" | ")));
        }
    }
    text
}

/// The lines as JSON, with the machine they were measured on.
pub(crate) fn json(lines: &[Line], machine: &str) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            json!({
                "row": line.row, "measured": line.measured, "reference": line.reference,
                "ratio": line.ratio, "bar": line.bar, "hit": line.hit, "note": line.note,
                "load_average": line.load, "others_percent": line.others,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "machine": machine, "lines": lines }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_the_table_are_aligned_and_verdicts_are_words() {
        let lines = [
            Line::judged("µ", "≥ 0.4", true).measured("10/s").reference("20/s", 0.5),
            Line::judged("longer", "≤ 2 s", false).note("why"),
            Line { hit: None, ..Line::judged("told", "", false) },
        ];
        let table = table(&lines);
        let widths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths.len(), 5);
        assert!(widths.iter().all(|&width| width == widths[0]), "{table}");
        assert!(table.contains("| hit "), "{table}");
        assert!(table.contains("| MISS "), "{table}");
        assert!(table.contains("| 0.50  |"), "{table}");
    }
}
