//! Predicted against actual incidents, per outage and together, and what became of the signals.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::outages::OUTAGES;
use super::prediction::{Prediction, Range};
use super::signal::Simulated;
use crate::cli::remote::documents::IncidentItem;
use crate::cli::remote::upload::Tally;
use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::output::{Ink, Output};
use crate::cli::terminal::table::{Cell, Table};
use crate::cli::terminal::times;

/// The outcome of a run.
pub(super) struct Report {
    environment: String,
    rows: Vec<Row>,
    total: Row,
    tally: Tally,
    took: Duration,
    policies: Vec<String>,
    /// A policy that lets signals join incidents of earlier runs.
    across_runs: Option<String>,
}

struct Row {
    name: &'static str,
    signals: u64,
    /// What cannot be told apart is neither predicted nor counted.
    incidents: Option<(Range, u64)>,
}

impl Report {
    /// Holds the incidents of a run against its prediction.
    pub(super) fn make(
        environment: &str,
        signals: &[Simulated],
        prediction: &Prediction,
        incidents: &[IncidentItem],
        tally: &Tally,
        took: Duration,
    ) -> Self {
        let rows = OUTAGES.iter().enumerate().map(|(index, outage)| {
            let of_it = || signals.iter().filter(|signal| signal.outage == index);
            let components: BTreeSet<&str> = of_it().map(|signal| signal.component).collect();
            let is_of_it =
                |incident: &&IncidentItem| components.contains(incident.component.as_str());
            let actual = incidents.iter().filter(is_of_it).count() as u64;
            let predicted = prediction.of_outage(index, took);
            Row {
                name: outage.name,
                signals: of_it().count() as u64,
                incidents: predicted.map(|range| (range, actual)),
            }
        });
        let all = (prediction.total(took), incidents.len() as u64);
        Self {
            environment: environment.to_owned(),
            rows: rows.collect(),
            total: Row { name: "together", signals: signals.len() as u64, incidents: Some(all) },
            tally: tally.clone(),
            took,
            policies: prediction.policies().into_iter().map(str::to_owned).collect(),
            across_runs: prediction.across_runs().map(str::to_owned),
        }
    }

    /// Whether everything is as predicted, and every signal was taken.
    pub(super) fn is_as_predicted(&self) -> bool {
        self.tally.rejected == 0 && self.rows.iter().chain([&self.total]).all(Row::is_as_predicted)
    }

    /// Prints it.
    pub(super) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        if output.is_json() {
            let text = serde_json::to_vec(&self.document()).context("cannot write JSON")?;
            return output.json(&text);
        }
        let rate = (self.total.signals as f64 / self.took.as_secs_f64().max(0.001)) as u64;
        let (signals, rate) = (times::grouped(self.total.signals), times::grouped(rate));
        let seconds = self.took.as_secs_f64();
        let environment = output.paint(Ink::Bold, &self.environment);
        output.line(format!(
            "Three outages in {environment}: {signals} signals, all durable after {seconds:.1} s ({rate}/s)"
        ))?;
        output.gap()?;
        self.print_table(output)?;
        output.gap()?;
        self.print_verdict(output)
    }

    fn print_table(&self, output: &mut Output) -> Result<(), Failure> {
        let headings = ["OUTAGE", "SIGNALS", "PREDICTED", "INCIDENTS", "SIGNALS : INCIDENTS", ""];
        let mut table = Table::new(&headings).right(&[1, 2, 3, 4]);
        for row in self.rows.iter().chain([&self.total]) {
            let (mark, ink) = match row.incidents {
                None => ("", Ink::Plain),
                Some(_) if row.is_as_predicted() => ("as predicted", Ink::Green),
                Some(_) => ("NOT as predicted", Ink::Red),
            };
            let dash = || "–".to_owned();
            table.row([
                Cell::plain(row.name),
                Cell::plain(times::grouped(row.signals)),
                Cell::plain(
                    row.incidents.map_or_else(dash, |(predicted, _)| predicted.to_string()),
                ),
                Cell::plain(row.incidents.map_or_else(dash, |(_, actual)| times::grouped(actual))),
                Cell::plain(
                    row.compression()
                        .map_or_else(dash, |times| format!("{} : 1", times::grouped(times))),
                ),
                Cell::inked(mark, ink),
            ]);
        }
        output.table(table)
    }

    fn print_verdict(&self, output: &mut Output) -> Result<(), Failure> {
        let policies = self.policies.join(", ");
        let plural = if self.policies.len() == 1 { "policy" } else { "policies" };
        output.line(
            output.paint(Ink::Dim, &format!("predicted from the grouping {plural}: {policies}")),
        )?;
        if self.tally.duplicates > 0 {
            let duplicates = times::grouped(self.tally.duplicates);
            output.line(format!("{duplicates} signals were sent twice and counted once"))?;
        }
        if self.tally.rejected > 0 {
            output
                .line(format!("{} signals were rejected:", times::grouped(self.tally.rejected)))?;
            for rejected in self.tally.rejections.iter().take(5) {
                output.line(format!("  {}: {}", rejected.code, rejected.message))?;
            }
        }
        if let (Some(policy), false) = (&self.across_runs, self.is_as_predicted()) {
            output.line(format!(
                "policy `{policy}` does not group by environment, so signals may join incidents of earlier runs"
            ))?;
        }
        Ok(())
    }

    fn document(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "name": row.name,
                "signals": row.signals,
                "predicted": row.incidents.map(|(range, _)| json!({"least": range.least, "most": range.most})),
                "incidents": row.incidents.map(|(_, actual)| actual),
                "signals_per_incident": row.compression(),
                "as_predicted": row.is_as_predicted(),
            })
        };
        json!({
            "environment": self.environment,
            "outages": self.rows.iter().map(row).collect::<Vec<_>>(),
            "total": row(&self.total),
            "policies": self.policies,
            "accepted": self.tally.accepted,
            "duplicates": self.tally.duplicates,
            "rejected": self.tally.rejected,
            "seconds": self.took.as_secs_f64(),
            "as_predicted": self.is_as_predicted(),
        })
    }
}

impl Row {
    fn is_as_predicted(&self) -> bool {
        self.incidents.is_none_or(|(predicted, actual)| predicted.holds(actual))
    }

    fn compression(&self) -> Option<u64> {
        let (_, actual) = self.incidents?;
        (actual > 0).then(|| self.signals / actual)
    }
}
