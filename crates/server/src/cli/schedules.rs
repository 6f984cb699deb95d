//! `stormbell schedules`: who is on call when, as documents; `stormbell oncall` asks what they say.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::remote::client::{Client, Connection};
use super::remote::documents::Page;
use super::remote::names::{self, Kind, Names};
use super::terminal::failure::Failure;
use super::terminal::input;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// What to do with schedules.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// List schedules; so does no command at all
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Make a schedule
    Create {
        /// The schedule as JSON; - is standard input. People may stand there by name
        #[arg(short, long, value_name = "FILE")]
        file: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show one schedule
    Show {
        /// Its name or id
        #[arg(value_name = "SCHEDULE")]
        schedule: String,
        #[command(flatten)]
        connection: Connection,
    },
}

/// A schedule.
#[derive(Debug, Deserialize)]
struct Schedule {
    id: String,
    name: String,
    time_zone: String,
    layers: Vec<Layer>,
    #[serde(default)]
    overrides: Vec<Override>,
    updated_at: String,
}

/// One rotation of people.
#[derive(Debug, Deserialize)]
struct Layer {
    name: String,
    people: Vec<String>,
    rotation: Rotation,
    start: String,
    hand_over: Option<String>,
    #[serde(default)]
    restrictions: Vec<Restriction>,
}

/// How long a turn is.
#[derive(Debug, Deserialize)]
struct Rotation {
    every: String,
}

/// A span of some days of the week.
#[derive(Debug, Deserialize)]
struct Restriction {
    #[serde(default)]
    days: Vec<String>,
    from: String,
    to: String,
}

/// One person for one span of time.
#[derive(Debug, Deserialize)]
struct Override {
    person: String,
    start: String,
    end: String,
}

/// Runs `stormbell schedules`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        None => list(&options.connection, output),
        Some(Command::List { connection }) => list(connection, output),
        Some(Command::Create { file, connection }) => create(file, connection, output),
        Some(Command::Show { schedule, connection }) => show(schedule, connection, output),
    }
}

fn list(connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let client = connection.open()?;
    let answer = client.get(Kind::Schedule.path(), &[])?;
    let Some(page) = output.document::<Page<Schedule>>(&answer.bytes)? else { return Ok(()) };
    if page.items.is_empty() {
        return output.line("There is no schedule.");
    }
    let mut table =
        Table::new(&["NAME", "TIME ZONE", "LAYERS", "OVERRIDES", "CHANGED", "ID"]).right(&[2, 3]);
    for schedule in &page.items {
        table.row([
            Cell::plain(&schedule.name),
            Cell::plain(&schedule.time_zone),
            Cell::plain(schedule.layers.len().to_string()),
            Cell::plain(schedule.overrides.len().to_string()),
            Cell::plain(times::exact(&schedule.updated_at)),
            Cell::inked(&schedule.id, Ink::Dim),
        ]);
    }
    output.table(table)
}

fn create(file: &str, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let mut body = input::object(file)?;
    let client = connection.open()?;
    put_people(&client, &mut body)?;
    let answer = client.send(&Method::POST, Kind::Schedule.path(), &Value::Object(body))?;
    let Some(made) = output.document::<Schedule>(&answer.bytes)? else { return Ok(()) };
    output.line(format!("schedule {}  {}", made.id, made.name))?;
    output.line(format!("next: stormbell oncall shifts {}", made.id))
}

/// Puts ids of subscribers in the place of names.
fn put_people(client: &Client, body: &mut Map<String, Value>) -> Result<(), Failure> {
    for (list, name) in [("layers", "people"), ("overrides", "person")] {
        let Some(Value::Array(items)) = body.get_mut(list) else { continue };
        for item in items {
            if let Value::Object(map) = item {
                names::put_ids(client, map, name, Kind::Subscriber)?;
            }
        }
    }
    Ok(())
}

fn show(schedule: &str, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let client = connection.open()?;
    let answer = client.get(&names::path(&client, Kind::Schedule, schedule, "")?, &[])?;
    let Some(schedule) = output.document::<Schedule>(&answer.bytes)? else { return Ok(()) };
    let people = Names::of(&client, &[Kind::Subscriber])?;
    let name = output.paint(Ink::Bold, &schedule.name);
    output.line(format!("{name}  {}", schedule.time_zone))?;
    let mut table = Table::new(&["", "", "", ""]).wrapped();
    for layer in &schedule.layers {
        table.row([
            Cell::plain(format!("  {}", layer.name)),
            Cell::plain(layer.turns()),
            Cell::plain(people.of_ids(&layer.people)),
            Cell::inked(layer.limits(), Ink::Dim),
        ]);
    }
    for exception in &schedule.overrides {
        table.row([
            Cell::plain("  override"),
            Cell::plain(format!("{} to {}", exception.start, exception.end)),
            Cell::plain(people.of_id(&exception.person)),
            Cell::plain(""),
        ]);
    }
    output.table(table)
}

impl Layer {
    fn turns(&self) -> String {
        let hand_over = match &self.hand_over {
            Some(at) => format!(" at {at}"),
            None => String::new(),
        };
        format!("every {}{hand_over}, from {}", self.rotation.every, self.start)
    }

    fn limits(&self) -> String {
        let one = |restriction: &Restriction| {
            let days = match restriction.days.as_slice() {
                [] => "daily".to_owned(),
                days => days.join(","),
            };
            format!("{days} {}–{}", restriction.from, restriction.to)
        };
        self.restrictions.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}
