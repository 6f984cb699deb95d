//! `stormbell endpoints`: where notifications are sent. Their secrets go in and never come out again.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::remote::client::{Client, Connection};
use super::remote::documents::{self, Page};
use super::remote::names::{self, Kind, Names};
use super::terminal::failure::Failure;
use super::terminal::input;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};

/// Characters of a configuration that a list shows.
const SHOWN: usize = 80;

/// What to do with endpoints.
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
    /// List endpoints; so does no command at all
    List(Listing),
    /// Make an endpoint
    Create {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        connection: Connection,
    },
    /// Send a test message, at once
    Test(One),
    /// Show what would be sent, and send nothing
    Preview {
        #[command(flatten)]
        one: One,
        /// A notification to show, by its id [default: a sample]
        #[arg(long, value_name = "ID")]
        notification: Option<String>,
    },
    /// Send its owner a challenge, or hand in the token of one
    Verify {
        #[command(flatten)]
        one: One,
        /// The token that the endpoint was sent; without it a challenge is sent
        #[arg(long, value_name = "TOKEN")]
        token: Option<String>,
    },
    /// Remove an endpoint: what is due there becomes a dead letter
    Delete(One),
}

/// Which endpoints.
#[derive(Debug, Clone, clap::Args)]
struct Listing {
    /// Those of this subscriber
    #[arg(long, value_name = "SUBSCRIBER")]
    subscriber: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// One endpoint.
#[derive(Debug, Clone, clap::Args)]
struct One {
    /// Its name or id; SUBSCRIBER/NAME where several have the name
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
    #[command(flatten)]
    connection: Connection,
}

/// The endpoint that is wanted.
#[derive(Debug, Clone, clap::Args)]
struct Wanted {
    /// Who owns it, by name or id
    #[arg(long, value_name = "SUBSCRIBER")]
    subscriber: String,
    /// webhook, slack, email, …
    #[arg(long, value_name = "CHANNEL")]
    channel: String,
    /// A name for people
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What the channel needs, as a JSON object
    #[arg(long, value_name = "JSON|@FILE")]
    config: String,
    /// Its owner has to confirm it before anything is sent there
    #[arg(long)]
    verify: bool,
}

/// An endpoint.
#[derive(Debug, Deserialize)]
struct Endpoint {
    id: String,
    subscriber_id: String,
    channel: String,
    name: String,
    config: Map<String, Value>,
    verified_at: Option<String>,
    verification: Option<Challenge>,
}

/// What came of a challenge.
#[derive(Debug, Deserialize)]
struct Challenge {
    sent: bool,
    verified: bool,
    status: u16,
    answer: String,
    took_ms: u64,
    expires_at: Option<String>,
}

/// What came of a test message.
#[derive(Debug, Deserialize)]
struct Tested {
    delivered: bool,
    status: u16,
    answer: String,
    took_ms: u64,
}

/// Runs `stormbell endpoints`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        None => list(&options.listing, output),
        Some(Command::List(listing)) => list(listing, output),
        Some(Command::Create { wanted, connection }) => create(wanted, connection, output),
        Some(Command::Test(one)) => test(one, output),
        Some(Command::Preview { one, notification }) => {
            preview(one, notification.as_deref(), output)
        }
        Some(Command::Verify { one, token }) => verify(one, token.as_deref(), output),
        Some(Command::Delete(one)) => {
            let (client, path) = one.open("")?;
            client.delete(&path)?;
            output.done(&format!("removed {}", one.endpoint))
        }
    }
}

impl One {
    /// A way to the server and the path of the endpoint, or of something below it.
    fn open(&self, below: &str) -> Result<(Client, String), Failure> {
        let client = self.connection.open()?;
        let path = names::path(&client, Kind::Endpoint, &self.endpoint, below)?;
        Ok((client, path))
    }
}

fn list(listing: &Listing, output: &mut Output) -> Result<(), Failure> {
    let client = listing.connection.open()?;
    let owner = names::optional(&client, Kind::Subscriber, listing.subscriber.as_deref())?;
    let filter: Vec<_> = owner.iter().map(|id| ("subscriber", id.as_str())).collect();
    let answer = client.get(Kind::Endpoint.path(), &filter)?;
    let Some(page) = output.document::<Page<Endpoint>>(&answer.bytes)? else { return Ok(()) };
    if page.items.is_empty() {
        return output.line("There is no endpoint.");
    }
    let owners = Names::of(&client, &[Kind::Subscriber])?;
    let headings = ["NAME", "SUBSCRIBER", "CHANNEL", "STATE", "CONFIGURATION", "ID"];
    let mut table = Table::new(&headings).whole(5);
    for endpoint in &page.items {
        let (state, ink) = match endpoint.verified_at {
            _ if endpoint.config.values().any(is_lost) => ("secrets lost", Ink::Red),
            Some(_) => ("verified", Ink::Green),
            None => ("unverified", Ink::Yellow),
        };
        table.row([
            Cell::plain(&endpoint.name),
            Cell::plain(owners.of_id(&endpoint.subscriber_id)),
            Cell::plain(&endpoint.channel),
            Cell::inked(state, ink),
            Cell::plain(configured(&endpoint.config)),
            Cell::inked(&endpoint.id, Ink::Dim),
        ]);
    }
    output.table(table)
}

/// A configuration on one line: `url=https://… secret=set`. The secrets that are set stand in `sealed`.
fn configured(config: &Map<String, Value>) -> String {
    let mut parts = Vec::new();
    for (name, value) in config {
        match value {
            Value::String(text) => parts.push(format!("{name}={text}")),
            Value::Array(secrets) if name == "sealed" => {
                parts.extend(secrets.iter().filter_map(Value::as_str).map(is_set));
            }
            Value::Object(secret) if secret.get("set") == Some(&Value::Bool(true)) => {
                parts.push(is_set(name));
            }
            other if is_lost(other) => parts.push(format!("{name}=lost")),
            other => parts.push(format!("{name}={other}")),
        }
    }
    let text = parts.join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Whether a value says that a secret has to be given again.
fn is_lost(value: &Value) -> bool {
    value.get("set") == Some(&Value::Bool(false))
}

fn is_set(secret: &str) -> String {
    format!("{secret}=set")
}

fn create(wanted: &Wanted, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let config = input::said(&wanted.config, "--config")?;
    let client = connection.open()?;
    let mut body = json!({
        "subscriber_id": names::id(&client, Kind::Subscriber, &wanted.subscriber)?,
        "channel": wanted.channel,
        "name": wanted.name,
        "config": config,
    });
    if wanted.verify {
        body["verify"] = true.into();
    }
    let answer = client.send(&Method::POST, Kind::Endpoint.path(), &body)?;
    let Some(made) = output.document::<Endpoint>(&answer.bytes)? else { return Ok(()) };
    output.line(format!("endpoint {}  {}  {}", made.id, made.channel, made.name))?;
    if let Some(challenge) = &made.verification {
        challenge.show(output)?;
    }
    match made.verified_at {
        Some(_) => output.line(format!("next: stormbell endpoints test {}", made.id)),
        None => output.line(format!("next: stormbell endpoints verify {} --token TOKEN", made.id)),
    }
}

/// Sends a challenge, or hands a token in; ends with exit code 1 where a challenge was not taken.
fn verify(one: &One, token: Option<&str>, output: &mut Output) -> Result<(), Failure> {
    let client = one.connection.open()?;
    if let Some(token) = token {
        let id = names::id(&client, Kind::Endpoint, &one.endpoint)?;
        let body = json!({ "token": token, "endpoint_id": id });
        let answer = client.send(&Method::POST, "/v1/endpoints/verify", &body)?;
        if output.is_json() {
            return output.json(&answer.bytes);
        }
        return output.line(format!("{} is verified", one.endpoint));
    }
    let path = names::path(&client, Kind::Endpoint, &one.endpoint, "/verification")?;
    let answer = client.post_once(&path, &json!({}))?;
    let challenge: Challenge = documents::read(&answer.bytes)?;
    if output.is_json() {
        output.json(&answer.bytes)?;
    } else {
        challenge.show(output)?;
        if challenge.sent && !challenge.verified {
            let next = format!("next: stormbell endpoints verify {} --token TOKEN", one.endpoint);
            output.line(next)?;
        }
    }
    if challenge.sent { Ok(()) } else { Err(Failure::Negative) }
}

impl Challenge {
    fn show(&self, output: &mut Output) -> Result<(), Failure> {
        let (word, ink) = match (self.sent, self.verified) {
            (_, true) => ("verified: it answered the challenge with its token", Ink::Green),
            (true, false) => ("a challenge was sent", Ink::Yellow),
            (false, false) => ("no challenge was sent", Ink::Red),
        };
        let word = output.paint(ink, word);
        let status = match self.status {
            0 => String::new(),
            status => format!(", status {status}, in {} ms", self.took_ms),
        };
        let until = match (&self.expires_at, self.sent && !self.verified) {
            (Some(until), true) => format!("; its token is good until {until}"),
            (Some(_) | None, _) => String::new(),
        };
        output.line(format!("{word}{status}{until}"))?;
        for line in self.answer.lines() {
            output.line(format!("  {line}"))?;
        }
        Ok(())
    }
}

/// Sends a test message; ends with exit code 1 where it was not taken.
fn test(one: &One, output: &mut Output) -> Result<(), Failure> {
    let (client, path) = one.open("/test")?;
    let answer = client.send(&Method::POST, &path, &json!({}))?;
    let tested: Tested = documents::read(&answer.bytes)?;
    if output.is_json() {
        output.json(&answer.bytes)?;
    } else {
        let (word, ink) = match tested.delivered {
            true => ("delivered", Ink::Green),
            false => ("not delivered", Ink::Red),
        };
        let status = match tested.status {
            0 => String::new(),
            status => format!(", status {status}"),
        };
        let word = output.paint(ink, word);
        output.line(format!("{word} in {} ms{status}", tested.took_ms))?;
        for line in tested.answer.lines() {
            output.line(format!("  {line}"))?;
        }
    }
    if tested.delivered { Ok(()) } else { Err(Failure::Negative) }
}

fn preview(one: &One, notification: Option<&str>, output: &mut Output) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Preview {
        preview: String,
    }
    let (client, path) = one.open("/preview")?;
    let mut body = json!({});
    if let Some(id) = notification {
        body["notification_id"] = id.into();
    }
    let answer = client.send(&Method::POST, &path, &body)?;
    let Some(shown) = output.document::<Preview>(&answer.bytes)? else { return Ok(()) };
    output.line(shown.preview)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_as_set_and_a_long_configuration_is_cut() {
        let config = json!({"url": "http://a", "secret": {"set": true}, "port": 1, "sealed": ["key"], "x": {"set": false}});
        let Value::Object(config) = config else { panic!("an object") };
        let shown = configured(&config);
        for part in ["url=http://a", "secret=set", "port=1", "key=set", "x=lost"] {
            assert!(shown.contains(part), "{shown}");
        }
        let long = Map::from_iter([("url".to_owned(), json!("ä".repeat(200)))]);
        assert_eq!(configured(&long).chars().count(), SHOWN + 1);
    }
}
