//! The rows: what each measures, beside what, and the bar it is held to. One module per group.

mod alerts;
mod batches;
mod delivery;
mod engine;
mod groups;
mod matching;
mod overload;
mod readable;
mod restart;
mod singles;
mod start;
mod stored;

use anyhow::bail;

use crate::outcome::Line;
use crate::run::Bench;
use crate::statistics::{median, thousands};

/// One row of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) bar: &'static str,
    pub(crate) run: fn(&Bench) -> anyhow::Result<Vec<Line>>,
}

const ROWS: [Row; 17] = [
    Row { name: "single-64", bar: "≥ 0.4 of a bare responder", run: singles::with_64 },
    Row { name: "single-256", bar: "≥ 0.5 of a bare responder", run: singles::with_256 },
    Row { name: "offered", bar: "p99 ≤ 5 × fdatasync p99", run: singles::offered },
    Row { name: "batch", bar: "≥ 0.6 of parsing alone, ≥ 300 000/s", run: batches::http },
    Row { name: "grpc", bar: "≥ 0.5 of a tonic echo", run: batches::grpc },
    Row { name: "alerts", bar: "≥ 2 × / ≥ 4 × Alertmanager", run: alerts::posted },
    Row {
        name: "groups",
        bar: "p99 ≤ 0.1 × Alertmanager, ingest loses < 5 %",
        run: groups::polled,
    },
    Row { name: "engine", bar: "≥ 1.5 M entries/s, flat", run: engine::applied },
    Row {
        name: "matching",
        bar: "≥ 1 M signals/s, ≥ 100 × linear, a change ≤ 1 ms",
        run: matching::found,
    },
    Row { name: "told", bar: "p99 ≤ 25 ms + the sink", run: delivery::told },
    Row { name: "told-rate", bar: "≥ 0.5 of the HTTP client alone", run: delivery::told_rate },
    Row { name: "hung", bar: "p99 of the good ones ≤ 1.1 × without", run: delivery::hung },
    Row { name: "readable", bar: "p99 ≤ 20 ms", run: readable::after_the_answer },
    Row { name: "restart", bar: "≤ 3 × reading the files; ≤ 2 s", run: restart::restarted },
    Row { name: "start", bar: "≤ 150 ms; ≤ 60 MiB; ≤ 80 MiB", run: start::empty },
    Row {
        name: "overload",
        bar: "503 p99 ≤ 5 ms; ≤ 1 GiB; ≥ 0.8 of the peak",
        run: overload::doubled,
    },
    Row { name: "stored", bar: "≤ 1.1 × the cost at 1 M", run: stored::grown },
];

/// The rows of these names, or all.
pub(crate) fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Row>> {
    if let Some(unknown) = names.iter().find(|name| ROWS.iter().all(|row| row.name != *name)) {
        let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        bail!("there is no row `{unknown}`; there are {}", known.join(", "));
    }
    let is_chosen = |row: &&Row| names.is_empty() || names.iter().any(|name| name == row.name);
    Ok(ROWS.iter().filter(is_chosen).collect())
}

/// What two sides reached in turn.
#[derive(Debug, Default)]
struct Pair {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Pair {
    /// Measures ours and theirs in turn, as often as asked for.
    fn measure(
        bench: &Bench,
        mut ours: impl FnMut() -> anyhow::Result<f64>,
        mut theirs: impl FnMut() -> anyhow::Result<f64>,
    ) -> anyhow::Result<Self> {
        let mut pair = Self::default();
        for _ in 0..bench.runs {
            pair.ours.push(ours()?);
            pair.theirs.push(theirs()?);
        }
        Ok(pair)
    }

    fn ratio(&self) -> f64 {
        median(&self.ours) / median(&self.theirs)
    }

    fn our_rate(&self) -> String {
        format!("{}/s", thousands(median(&self.ours)))
    }

    fn their_rate(&self) -> String {
        format!("{}/s", thousands(median(&self.theirs)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_name_and_an_unknown_one_is_said() {
        assert_eq!(chosen(&[]).expect("all").len(), ROWS.len());
        let one = chosen(&["engine".to_owned()]).expect("it is there");
        assert_eq!(one.iter().map(|row| row.name).collect::<Vec<_>>(), ["engine"]);
        let error = chosen(&["motor".to_owned()]).err().expect("it is not there").to_string();
        assert!(error.contains("`motor`") && error.contains("engine"), "{error}");
    }
}
