//! `stormbell rules`: what subscribers want to hear of: listed, made, put in force, tried on the past, and
//! carried from one server to another.

mod defaults;
mod file;
mod show;
mod trial;
mod written;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::remote::client::{Client, Connection};
use super::remote::conditions::{self, Condition};
use super::remote::names::{self, Kind, Names};
use super::remote::pages;
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};

/// What to do with rules.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// List rules; so does no command at all
    List(Listing),
    /// List what endpoints hear of while the project has no rule
    Defaults(Listing),
    /// Show one rule
    Show(One),
    /// Make a rule, in force for the next record after its acknowledgement
    Create {
        /// The rule as JSON; - is standard input. What it refers to may stand there by name
        #[arg(short, long, value_name = "FILE")]
        file: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Remove a rule: what it asked for before is still delivered
    Delete(One),
    /// Put a rule in force
    Enable(One),
    /// Put a rule out of force
    Disable(One),
    /// Show what a rule would have told in the last hours; nothing is sent
    Test(trial::Options),
    /// Write rules with their subscribers and endpoints as YAML, without secrets
    Export(file::Export),
    /// Make what a file of `rules export` holds; the same again changes nothing
    Import(file::Import),
}

/// Which rules.
#[derive(Debug, Clone, clap::Args)]
struct Listing {
    /// Those of this subscriber
    #[arg(long, value_name = "SUBSCRIBER")]
    subscriber: Option<String>,
    /// How many at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    connection: Connection,
}

/// One rule.
#[derive(Debug, Clone, clap::Args)]
struct One {
    /// Its id; or its name, where no other has it
    #[arg(value_name = "RULE")]
    rule: String,
    #[command(flatten)]
    connection: Connection,
}

/// A rule.
#[derive(Debug, Deserialize)]
struct Rule {
    id: String,
    subscriber_id: String,
    name: String,
    on: Vec<String>,
    #[serde(rename = "match")]
    conditions: Vec<Condition>,
    cel: Option<String>,
    endpoints: Vec<String>,
    on_call: Vec<String>,
    people: Vec<String>,
    escalation_id: Option<String>,
    muted_by: Vec<String>,
    at_most: Option<AtMost>,
    deadline: String,
    enabled: bool,
    version: u64,
}

/// So many notifications in so long.
#[derive(Debug, Deserialize)]
struct AtMost {
    count: u32,
    within: String,
}

/// Runs `stormbell rules`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        None => list(&options.listing, output),
        Some(Command::List(listing)) => list(listing, output),
        Some(Command::Defaults(listing)) => defaults::run(listing, output),
        Some(Command::Show(one)) => show::run(one, output),
        Some(Command::Create { file, connection }) => create(file, connection, output),
        Some(Command::Enable(one)) => enable(one, true, output),
        Some(Command::Disable(one)) => enable(one, false, output),
        Some(Command::Test(options)) => trial::run(options, output),
        Some(Command::Export(options)) => file::export(options, output),
        Some(Command::Import(options)) => file::import(options, output),
        Some(Command::Delete(one)) => {
            let (client, path) = one.open()?;
            client.delete(&path)?;
            output.done(&format!("removed {}", one.rule))
        }
    }
}

impl One {
    /// A way to the server and the path of the rule.
    fn open(&self) -> Result<(Client, String), Failure> {
        let client = self.connection.open()?;
        let path = names::path(&client, Kind::Rule, &self.rule, "")?;
        Ok((client, path))
    }
}

impl Rule {
    /// `enabled` or `disabled`, and how it is drawn.
    fn state(&self) -> (&'static str, Ink) {
        if self.enabled { ("enabled", Ink::Green) } else { ("disabled", Ink::Dim) }
    }

    /// Conditions and the expression, on one line.
    fn wanted(&self) -> String {
        let conditions = conditions::on_one_line(&self.conditions);
        match (&self.cel, self.conditions.is_empty()) {
            (Some(cel), true) => format!("cel: {cel}"),
            (Some(cel), false) => format!("{conditions}  cel: {cel}"),
            (None, _) => conditions,
        }
    }

    /// Who is told, on one line.
    fn told(&self, names: &Names) -> String {
        let parts = [("", &self.endpoints), ("on call by ", &self.on_call), ("", &self.people)];
        let mut told: Vec<String> = parts
            .into_iter()
            .flat_map(|(lead, ids)| ids.iter().map(move |id| (lead, id)))
            .map(|(lead, id)| format!("{lead}{}", names.of_id(id)))
            .collect();
        if let Some(id) = &self.escalation_id {
            told.push(format!("escalation {}", names.of_id(id)));
        }
        told.join(", ")
    }
}

fn list(listing: &Listing, output: &mut Output) -> Result<(), Failure> {
    let client = listing.connection.open()?;
    let owner = names::optional(&client, Kind::Subscriber, listing.subscriber.as_deref())?;
    let filter = pages::filter([("subscriber", owner)]);
    let path = Kind::Rule.path();
    let listed = pages::listed::<Rule>(&client, path, &filter, listing.limit, output)?;
    let Some(listed) = listed else { return Ok(()) };
    if listed.items.is_empty() {
        return output.line("There is no rule.");
    }
    let kinds = [Kind::Subscriber, Kind::Endpoint, Kind::Schedule, Kind::Escalation];
    let names = Names::of(&client, &kinds)?;
    let headings = ["NAME", "SUBSCRIBER", "ON", "CONDITIONS", "TELLS", "STATE", "ID"];
    let mut table = Table::new(&headings).whole(6);
    for rule in &listed.items {
        let (state, ink) = rule.state();
        table.row([
            Cell::plain(&rule.name),
            Cell::plain(names.of_id(&rule.subscriber_id)),
            Cell::plain(rule.on.join(", ")),
            Cell::plain(rule.wanted()),
            Cell::plain(rule.told(&names)),
            Cell::inked(state, ink),
            Cell::inked(&rule.id, Ink::Dim),
        ]);
    }
    output.table(table)?;
    listed.note_rest("rules", output)
}

fn create(file: &str, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let written = written::read(file)?;
    let client = connection.open()?;
    let body = Value::Object(written::with_ids(&client, written)?);
    let answer = client.send(&Method::POST, Kind::Rule.path(), &body)?;
    made(&answer.bytes, output)
}

fn enable(one: &One, enabled: bool, output: &mut Output) -> Result<(), Failure> {
    let (client, path) = one.open()?;
    let answer = client.send(&Method::PATCH, &path, &json!({ "enabled": enabled }))?;
    made(&answer.bytes, output)
}

/// Prints a rule after a change to it.
fn made(document: &[u8], output: &mut Output) -> Result<(), Failure> {
    let Some(rule) = output.document::<Rule>(document)? else { return Ok(()) };
    let (state, ink) = rule.state();
    let state = output.paint(ink, state);
    output.line(format!("rule {}  {state}  {}", rule.id, rule.name))
}
