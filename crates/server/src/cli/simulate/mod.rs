//! `stormbell simulate`: three outages sent as fast as the server takes them, and the incidents they
//! became held against a prediction made from the grouping policies before anything was sent.
//!
//! Invariant: the prediction shares no code with the engine; that the two agree says something.

mod outages;
mod prediction;
mod random;
mod report;
mod signal;

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::incidents;
use super::remote::client::{Client, Connection};
use super::remote::documents::{self, IncidentItem};
use super::remote::upload::{Batch, News, Tally, Upload};
use super::terminal::failure::Failure;
use super::terminal::output::Output;
use super::terminal::progress::{Progress, Unit};
use prediction::{Policies, Prediction};
use report::Report;
use signal::Simulated;

/// How long to wait until everything that was sent is seen in incidents.
const APPLIED: Duration = Duration::from_secs(60);
/// How often to look.
const LOOK: Duration = Duration::from_millis(50);

/// What to simulate.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Makes the same signals again, in an environment of its own
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many times the 12,000 signals
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    scale: u32,
    #[command(flatten)]
    connection: Connection,
}

/// A run that is over.
pub(crate) struct Run {
    pub(crate) environment: String,
    pub(crate) incidents: Vec<IncidentItem>,
    report: Report,
}

/// Runs `stormbell simulate`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let run = simulate(&client, options.seed, options.scale)?;
    run.print(output)?;
    if !output.is_json() {
        output.gap()?;
        output.line(format!("next: stormbell incidents --environment {}", run.environment))?;
    }
    if run.is_as_predicted() { Ok(()) } else { Err(Failure::Negative) }
}

/// Sends the outages to a server and waits until they are incidents.
pub(crate) fn simulate(client: &Client, seed: u64, scale: u32) -> Result<Run, Failure> {
    let now = Timestamp::now();
    let environment = format!("sim-{seed}-{}", now.strftime("%m%dT%H%M%S%3f"));
    let policies: Policies = documents::read(&client.get("/v1/policies/grouping", &[])?.bytes)?;
    let signals = outages::signals(&environment, seed, scale, now);
    let prediction = Prediction::make(&policies, &signals);
    let started = Instant::now();
    let tally = send(client, &signals)?;
    let took = started.elapsed();
    let incidents = applied(client, &environment, &prediction)?;
    let report = Report::make(&environment, &signals, &prediction, &incidents, &tally, took);
    Ok(Run { environment, incidents, report })
}

impl Run {
    /// Whether the incidents are those that were predicted, and every signal was taken.
    pub(crate) fn is_as_predicted(&self) -> bool {
        self.report.is_as_predicted()
    }

    /// Prints predicted against actual.
    pub(crate) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        self.report.print(output)
    }
}

fn send(client: &Client, signals: &[Simulated]) -> Result<Tally, Failure> {
    let progress = Progress::new(Unit::Signals);
    let all = signals.len() as u64;
    // In order: what breaks first is seen first, and a seed gives the same incidents again.
    let upload = Upload::start(client, 1, move |news| match news {
        News::Judged(judged) => progress.show(judged, all),
        News::Waits(text) => progress.say(text),
    });
    let mut batch = Batch::default();
    for (place, signal) in (1..).zip(signals) {
        let text = signal.json()?;
        if batch.is_full_for(text.len()) {
            upload.send(std::mem::take(&mut batch));
        }
        batch.push(&text, place);
    }
    upload.send(batch);
    let (tally, failure) = upload.finish();
    match failure {
        Some(failure) => Err(failure),
        None => Ok(tally),
    }
}

/// The incidents of the run, once every signal that belongs to one is in it. A server that does not get
/// there is reported with what it has.
fn applied(
    client: &Client,
    environment: &str,
    prediction: &Prediction,
) -> Result<Vec<IncidentItem>, Failure> {
    let deadline = Instant::now() + APPLIED;
    loop {
        let incidents = incidents::of_environment(client, environment)?;
        let filed: u64 = incidents.iter().map(|incident| incident.signal_count).sum();
        if filed >= prediction.filed() || Instant::now() > deadline {
            return Ok(incidents);
        }
        std::thread::sleep(LOOK);
    }
}
