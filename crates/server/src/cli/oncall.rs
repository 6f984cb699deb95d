//! `stormbell oncall`: what a schedule says: who is on call, and who will be.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::remote::client::Connection;
use super::remote::documents::{self, Page};
use super::remote::names::{self, Kind};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// What to ask a schedule.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Who is on call; ends with exit code 1 where nobody is
    Who {
        /// The schedule, by name or id
        #[arg(value_name = "SCHEDULE")]
        schedule: String,
        /// When, such as 2026-11-20T18:00:00Z [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        #[command(flatten)]
        connection: Connection,
    },
    /// List shifts, and the gaps between them
    Shifts {
        /// The schedule, by name or id
        #[arg(value_name = "SCHEDULE")]
        schedule: String,
        /// How many days
        #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
        /// From when [default: now]
        #[arg(long, value_name = "TIME")]
        from: Option<Timestamp>,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Who is on call at one time.
#[derive(Debug, Deserialize)]
struct OnCall {
    at: String,
    person: Option<Person>,
    by: Option<By>,
}

/// A person.
#[derive(Debug, Deserialize)]
struct Person {
    subscriber_id: String,
    name: String,
}

/// What puts somebody on call.
#[derive(Debug, Deserialize)]
struct By {
    kind: String,
    index: usize,
    name: Option<String>,
}

/// One shift.
#[derive(Debug, Deserialize)]
struct Shift {
    start: String,
    end: String,
    person: Person,
    by: By,
}

/// Runs `stormbell oncall`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        Command::Who { schedule, at, connection } => who(schedule, *at, connection, output),
        Command::Shifts { schedule, days, from, connection } => {
            shifts(schedule, *days, *from, connection, output)
        }
    }
}

fn who(
    schedule: &str,
    at: Option<Timestamp>,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    let client = connection.open()?;
    let path = names::path(&client, Kind::Schedule, schedule, "/on-call")?;
    let at = at.map(|at| at.to_string());
    let query: Vec<_> = at.iter().map(|at| ("at", at.as_str())).collect();
    let answer = client.get(&path, &query)?;
    let said: OnCall = documents::read(&answer.bytes)?;
    if output.is_json() {
        output.json(&answer.bytes)?;
    } else if let (Some(person), Some(by)) = (&said.person, &said.by) {
        let name = output.paint(Ink::Bold, person.called());
        output.line(format!("{name}  at {}, by {}", times::exact(&said.at), by.text()))?;
    } else {
        output.line(format!("nobody  at {}", times::exact(&said.at)))?;
    }
    if said.person.is_some() { Ok(()) } else { Err(Failure::Negative) }
}

fn shifts(
    schedule: &str,
    days: u16,
    from: Option<Timestamp>,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    let client = connection.open()?;
    let path = names::path(&client, Kind::Schedule, schedule, "/shifts")?;
    // The server answers in whole seconds.
    let from = from.unwrap_or_else(Timestamp::now).as_second();
    let from = Timestamp::from_second(from).unwrap_or(Timestamp::UNIX_EPOCH);
    let until = from.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
    let until = until.map_err(|_| Failure::Usage("--from lies too far ahead".to_owned()))?;
    let (from, until) = (from.to_string(), until.to_string());
    let answer = client.get(&path, &[("from", &from), ("until", &until)])?;
    let Some(page) = output.document::<Page<Shift>>(&answer.bytes)? else { return Ok(()) };
    let mut table = Table::new(&["FROM", "UNTIL", "ON CALL", "BY"]);
    let mut covered = times::exact(&from);
    for shift in &page.items {
        let (start, end) = (times::exact(&shift.start), times::exact(&shift.end));
        if covered != start {
            table.row(gap(&covered, &start));
        }
        table.row([
            Cell::plain(start),
            Cell::plain(&end),
            Cell::inked(shift.person.called(), Ink::Bold),
            Cell::inked(shift.by.text(), Ink::Dim),
        ]);
        covered = end;
    }
    let until = times::exact(&until);
    if covered != until {
        table.row(gap(&covered, &until));
    }
    output.table(table)
}

/// A span in which nobody is on call.
fn gap(from: &str, until: &str) -> [Cell; 4] {
    [Cell::plain(from), Cell::plain(until), Cell::inked("nobody", Ink::Red), Cell::plain("")]
}

impl Person {
    /// The name; the id where the subscriber is no longer there.
    fn called(&self) -> &str {
        if self.name.is_empty() { &self.subscriber_id } else { &self.name }
    }
}

impl By {
    fn text(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.kind),
            None => format!("{} {}", self.kind, self.index + 1),
        }
    }
}
