//! `stormbell ingest FILE|-`: signals from a file or a pipe, in batches, with ids that are the same on
//! every run, so that going on after an interruption doubles nothing.
//!
//! Invariant: nothing is held in memory but a few batches, however large the file is.

mod identity;
mod items;
mod shape;
mod source;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use super::remote::client::Connection;
use super::remote::upload::{BATCH_SIGNALS, Batch, IN_FLIGHT, News, Rejected, Tally, Upload};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::times;
use identity::Identities;
use items::{Found, Items};
use source::Source;

/// What to send.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// File of JSON objects: one a line, an array, or one after the other; .gz and .zst are read as
    /// they are; - is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Signals per second at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Goes into the ids of signals without one: tells apart files that hold the same lines
    #[arg(long, value_name = "TEXT", default_value = "")]
    salt: String,
    /// How many rejected lines to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    list: usize,
    #[command(flatten)]
    connection: Connection,
}

/// Runs `stormbell ingest`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let source = Source::open(&options.file)?;
    let started = Instant::now();
    let progress = Arc::new(source.progress());
    let shown = Arc::clone(&progress);
    let upload = Upload::start(&client, IN_FLIGHT, move |news| match news {
        News::Judged(judged) => shown.show(judged),
        News::Waits(text) => shown.say(text),
    });
    let mut feed = Feed::new(options, &source, upload, progress);
    let read = feed.all(source);
    let (tally, failure) = feed.finish();
    print(output, &tally, started.elapsed(), options.list)?;
    if let Some(failure) = failure {
        output.note(
            "stopped before the end; run the same command again: what was taken is not doubled",
        );
        return Err(failure);
    }
    read?;
    if tally.rejected > 0 { Err(Failure::Negative) } else { Ok(()) }
}

/// Reads items and hands batches over.
struct Feed {
    upload: Upload,
    batch: Batch,
    /// What this side rejects without asking.
    rejected: Tally,
    identities: Identities,
    pace: Option<Pace>,
    progress: Arc<source::Progress>,
    /// Whether a batch goes off rather than waiting for the next item of a slow pipe.
    eager: bool,
}

impl Feed {
    fn new(
        options: &Options,
        source: &Source,
        upload: Upload,
        progress: Arc<source::Progress>,
    ) -> Self {
        Self {
            upload,
            batch: Batch::default(),
            rejected: Tally::default(),
            identities: Identities::new(&options.salt),
            pace: options.rate.map(Pace::new),
            progress,
            eager: source.is_pipe(),
        }
    }

    fn all(&mut self, source: Source) -> Result<(), Failure> {
        let name = source.name();
        let mut items = Items::new(source.into_reader());
        loop {
            let found = items
                .next()
                .map_err(|error| Failure::Usage(format!("cannot read {name}: {error}")))?;
            let go_on = match found {
                Some(Found::Item { text, line }) => self.item(&text, line),
                Some(Found::Broken { line, code, message }) => {
                    self.rejected.reject(Rejected { line, code: code.to_owned(), message });
                    true
                }
                None => break,
            };
            if !go_on || (self.eager && !items.has_more_at_hand() && !self.hand_over()) {
                return Ok(());
            }
        }
        self.hand_over();
        Ok(())
    }

    fn item(&mut self, text: &str, line: u64) -> bool {
        let signal = self.identities.identified(text, line);
        let most = self.pace.as_ref().map_or(BATCH_SIGNALS, Pace::batch_signals);
        if (self.batch.is_full_for(signal.len()) || self.batch.len() >= most) && !self.hand_over() {
            return false;
        }
        self.batch.push(signal.as_bytes(), line);
        true
    }

    fn hand_over(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        let batch = std::mem::take(&mut self.batch);
        if let Some(pace) = &mut self.pace {
            pace.wait(batch.len());
        }
        self.progress.handed_over(batch.len());
        self.upload.send(batch)
    }

    fn finish(self) -> (Tally, Option<Failure>) {
        let (mut tally, failure) = self.upload.finish();
        self.progress.end();
        tally.rejected += self.rejected.rejected;
        tally.rejections.extend(self.rejected.rejections);
        tally.rejections.sort_by_key(|rejected| rejected.line);
        (tally, failure)
    }
}

/// Not more signals per second than asked for.
struct Pace {
    per_second: u32,
    started: Instant,
    sent: u64,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        Self { per_second, started: Instant::now(), sent: 0 }
    }

    /// A tenth of a second's worth, so that the pace is even.
    fn batch_signals(&self) -> usize {
        (self.per_second as usize / 10).clamp(1, BATCH_SIGNALS)
    }

    fn wait(&mut self, signals: usize) {
        let due = Duration::from_secs_f64(self.sent as f64 / f64::from(self.per_second));
        std::thread::sleep(due.saturating_sub(self.started.elapsed()));
        self.sent += signals as u64;
    }
}

fn print(output: &mut Output, tally: &Tally, took: Duration, list: usize) -> Result<(), Failure> {
    if output.is_json() {
        let document = json!({
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "rejected": tally.rejected,
            "rejections": tally.rejections,
            "seconds": took.as_secs_f64(),
        });
        let text = serde_json::to_vec(&document).context("cannot write JSON")?;
        return output.json(&text);
    }
    let rate = (tally.all() as f64 / took.as_secs_f64().max(0.001)) as u64;
    let rejected = format!("{} rejected", times::grouped(tally.rejected));
    let ink = if tally.rejected > 0 { Ink::Red } else { Ink::Plain };
    output.line(format!(
        "{} accepted, {} duplicates, {} in {:.1} s ({}/s)",
        times::grouped(tally.accepted),
        times::grouped(tally.duplicates),
        output.paint(ink, &rejected),
        took.as_secs_f64(),
        times::grouped(rate),
    ))?;
    for rejected in tally.rejections.iter().take(list) {
        output
            .line(format!("  line {}: {}: {}", rejected.line, rejected.code, rejected.message))?;
    }
    let shown = tally.rejections.len().min(list) as u64;
    if tally.rejected > shown {
        output.line(format!("  … and {} more", times::grouped(tally.rejected - shown)))?;
    }
    Ok(())
}
