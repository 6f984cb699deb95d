//! `stormbell dead-letters`: messages given up, and sent again on request.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::incident::Named;
use super::remote::client::{Client, Connection};
use super::remote::names::{self, Kind, Names};
use super::remote::pages::{self, Filter};
use super::remote::told::Target;
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::progress::Waiting;
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// Where dead letters are.
const PATH: &str = "/v1/dead-letters";

/// What to do with dead letters.
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
    /// List dead letters, newest first; so does no command at all
    List(Listing),
    /// Send dead letters again, at once and with a new deadline
    Replay {
        #[command(flatten)]
        which: Which,
        /// Every one of them
        #[arg(
            long,
            required_unless_present_any = ["endpoint", "subscriber", "incident", "notification"],
            conflicts_with_all = ["endpoint", "subscriber", "incident", "notification"]
        )]
        all: bool,
        #[command(flatten)]
        connection: Connection,
    },
}

/// What to list.
#[derive(Debug, Clone, clap::Args)]
struct Listing {
    #[command(flatten)]
    which: Which,
    /// How many at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    connection: Connection,
}

/// Which dead letters; everything that is said must fit.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// To this endpoint, by name or id
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Of this subscriber, by name or id
    #[arg(long, value_name = "SUBSCRIBER")]
    subscriber: Option<String>,
    /// About this incident (number or id)
    #[arg(long, value_name = "ID")]
    incident: Option<Named>,
    /// Of this notification
    #[arg(long, value_name = "ID")]
    notification: Option<uuid::Uuid>,
}

/// A dead letter.
#[derive(Debug, Deserialize)]
struct Letter {
    notification_id: String,
    subscriber_id: String,
    transition: String,
    target: Target,
    last_answer: String,
    last_attempt: LastAttempt,
    dead_at: String,
    message: Message,
}

/// The last try.
#[derive(Debug, Deserialize)]
struct LastAttempt {
    attempt: u32,
}

/// What was to be told.
#[derive(Debug, Deserialize)]
struct Message {
    summary: String,
    severity: String,
}

/// Runs `stormbell dead-letters`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        None => list(&options.listing, output),
        Some(Command::List(listing)) => list(listing, output),
        Some(Command::Replay { which, all, connection }) => replay(which, *all, connection, output),
    }
}

impl Which {
    fn filter(&self, client: &Client) -> Result<Filter, Failure> {
        let endpoint = names::optional(client, Kind::Endpoint, self.endpoint.as_deref())?;
        let subscriber = names::optional(client, Kind::Subscriber, self.subscriber.as_deref())?;
        Ok(pages::filter([
            ("endpoint", endpoint),
            ("subscriber", subscriber),
            ("incident", self.incident.as_ref().map(ToString::to_string)),
            ("notification", self.notification.map(|id| id.to_string())),
        ]))
    }
}

fn list(listing: &Listing, output: &mut Output) -> Result<(), Failure> {
    let client = listing.connection.open()?;
    let filter = listing.which.filter(&client)?;
    let listed = pages::listed::<Letter>(&client, PATH, &filter, listing.limit, output)?;
    let Some(listed) = listed else { return Ok(()) };
    if listed.items.is_empty() {
        return output.line(match filter.is_empty() {
            true => "There is no dead letter.",
            false => "No dead letter fits.",
        });
    }
    let names = Names::of(&client, &[Kind::Subscriber, Kind::Endpoint, Kind::Schedule])?;
    let now = Timestamp::now();
    let headings = [
        "GIVEN UP",
        "SEV",
        "SUBSCRIBER",
        "TO",
        "WHAT",
        "SUMMARY",
        "TRIES",
        "LAST ANSWER",
        "NOTIFICATION",
    ];
    let mut table = Table::new(&headings).right(&[6]).whole(8);
    for letter in &listed.items {
        table.row([
            Cell::plain(format!("{} ago", times::age(&letter.dead_at, now))),
            Cell::inked(&letter.message.severity, Ink::of_severity(&letter.message.severity)),
            Cell::plain(names.of_id(&letter.subscriber_id)),
            Cell::plain(letter.target.text(&names)),
            Cell::plain(&letter.transition),
            Cell::plain(&letter.message.summary),
            Cell::plain(letter.last_attempt.attempt.to_string()),
            Cell::plain(&letter.last_answer),
            Cell::inked(&letter.notification_id, Ink::Dim),
        ]);
    }
    output.table(table)?;
    listed.note_rest("dead letters", output)
}

fn replay(
    which: &Which,
    all: bool,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Replayed {
        replayed: u64,
    }
    let client = connection.open()?;
    let named = which.filter(&client)?.into_iter();
    let filter: Map<String, Value> =
        named.map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
    let body = json!({ "filter": filter, "all": all });
    let waiting = Waiting::new("making them due again");
    let answer = client.send(&Method::POST, &format!("{PATH}/replay"), &body)?;
    drop(waiting);
    let Some(done) = output.document::<Replayed>(&answer.bytes)? else { return Ok(()) };
    output.line(format!("due again: {}", times::counted(done.replayed, "dead letter")))
}
