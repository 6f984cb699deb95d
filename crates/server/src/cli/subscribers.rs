//! `stormbell subscribers`: who owns rules and is told.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::remote::client::Connection;
use super::remote::documents::Page;
use super::remote::names::{self, Kind, Names};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// What to do with subscribers.
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
    /// List subscribers; so does no command at all
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Make a subscriber: a team, a customer, a person
    Create {
        /// Its name, unique within the project
        #[arg(value_name = "NAME")]
        name: String,
        /// How the person is reached: an endpoint, and after how long without acknowledgement; several times
        #[arg(long, value_name = "ENDPOINT[=5m]")]
        contact: Vec<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Remove a subscriber that has neither endpoints nor rules
    Delete {
        /// Its name or id
        #[arg(value_name = "SUBSCRIBER")]
        subscriber: String,
        #[command(flatten)]
        connection: Connection,
    },
}

/// A subscriber.
#[derive(Debug, Deserialize)]
struct Subscriber {
    id: String,
    name: String,
    #[serde(default)]
    contacts: Vec<Contact>,
    created_at: String,
}

/// One way to reach a person.
#[derive(Debug, Deserialize)]
struct Contact {
    endpoint_id: String,
    after: String,
}

/// Runs `stormbell subscribers`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        None => list(&options.connection, output),
        Some(Command::List { connection }) => list(connection, output),
        Some(Command::Create { name, contact, connection }) => {
            create(name, contact, connection, output)
        }
        Some(Command::Delete { subscriber, connection }) => {
            let client = connection.open()?;
            client.delete(&names::path(&client, Kind::Subscriber, subscriber, "")?)?;
            output.done(&format!("removed {subscriber}"))
        }
    }
}

fn list(connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let client = connection.open()?;
    let answer = client.get(Kind::Subscriber.path(), &[])?;
    let Some(page) = output.document::<Page<Subscriber>>(&answer.bytes)? else { return Ok(()) };
    if page.items.is_empty() {
        return output.line("There is no subscriber.");
    }
    let endpoints = Names::of(&client, &[Kind::Endpoint])?;
    let mut table = Table::new(&["NAME", "REACHED BY", "CREATED", "ID"]);
    for subscriber in &page.items {
        table.row([
            Cell::plain(&subscriber.name),
            Cell::plain(reached(&subscriber.contacts, &endpoints)),
            Cell::plain(times::exact(&subscriber.created_at)),
            Cell::inked(&subscriber.id, Ink::Dim),
        ]);
    }
    output.table(table)
}

fn reached(contacts: &[Contact], endpoints: &Names) -> String {
    if contacts.is_empty() {
        return "–".to_owned();
    }
    let one = |contact: &Contact| {
        let name = endpoints.of_id(&contact.endpoint_id);
        if contact.after == "0s" {
            name.to_owned()
        } else {
            format!("{name} after {}", times::lasting(&contact.after))
        }
    };
    contacts.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn create(
    name: &str,
    contacts: &[String],
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    let client = connection.open()?;
    let mut listed = Vec::with_capacity(contacts.len());
    for contact in contacts {
        let (endpoint, after) = contact.rsplit_once('=').unwrap_or((contact, "0s"));
        let endpoint_id = names::id(&client, Kind::Endpoint, endpoint)?;
        listed.push(json!({ "endpoint_id": endpoint_id, "after": after }));
    }
    let body = json!({ "name": name, "contacts": listed });
    let answer = client.send(&Method::POST, Kind::Subscriber.path(), &body)?;
    let Some(made) = output.document::<Subscriber>(&answer.bytes)? else { return Ok(()) };
    output.line(format!("subscriber {}  {}", made.id, made.name))
}
