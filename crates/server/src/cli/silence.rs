//! `stormbell silence`: what nobody is told for a while, from words such as `component=db`.

use std::collections::BTreeMap;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use model::Duration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::incidents;
use super::remote::client::Connection;
use super::remote::conditions::{self, Condition, Word};
use super::remote::documents::IncidentItem;
use super::remote::pages::{self, Filter};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// Where silences are.
const PATH: &str = "/v1/silences";

/// What to do with silences.
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
    /// Make a silence: what fits is told to nobody, and recorded as held back
    #[command(after_help = conditions::SYNTAX)]
    Add {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        connection: Connection,
    },
    /// List silences that have not expired; so does no command at all
    List(Listing),
    /// Let a silence end now
    Expire {
        /// Its id
        #[arg(value_name = "ID", value_parser = silence_id)]
        id: uuid::Uuid,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show what a silence would hide now, and keep nothing
    #[command(after_help = conditions::SYNTAX)]
    Preview {
        /// Conditions that must all hold
        #[arg(value_name = "CONDITION", required = true)]
        matching: Vec<Word>,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Which silences.
#[derive(Debug, Clone, clap::Args)]
struct Listing {
    /// Expired ones too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: Connection,
}

/// The silence that is wanted.
#[derive(Debug, Clone, clap::Args)]
#[command(group = clap::ArgGroup::new("end").args(["lasting", "until"]).required(true))]
struct Wanted {
    /// Conditions that must all hold
    #[arg(value_name = "CONDITION", required = true)]
    matching: Vec<Word>,
    /// How long, such as 2h, from now or from --from
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    lasting: Option<SignedDuration>,
    /// Until when, such as 2026-11-20T18:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// From when [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comment: String,
    /// It is planned work, rather than a wish for quiet
    #[arg(long)]
    maintenance: bool,
    /// A name for people
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// A silence.
#[derive(Debug, Deserialize)]
struct Silence {
    id: String,
    #[serde(rename = "match")]
    conditions: Vec<Condition>,
    starts_at: String,
    ends_at: String,
    created_by: String,
    comment: String,
    maintenance: bool,
    state: String,
}

/// What a silence would hide.
#[derive(Debug, Deserialize)]
struct Hidden {
    alerts: Vec<HiddenAlert>,
    alert_count: u64,
    incidents: Vec<IncidentItem>,
    incident_count: u64,
    truncated: bool,
}

/// An alert that would be hidden.
#[derive(Debug, Deserialize)]
struct HiddenAlert {
    fingerprint: String,
    summary: String,
    labels: BTreeMap<String, String>,
}

/// Runs `stormbell silence`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        None => list(&options.listing, output),
        Some(Command::List(listing)) => list(listing, output),
        Some(Command::Add { wanted, connection }) => add(wanted, connection, output),
        Some(Command::Preview { matching, connection }) => preview(matching, connection, output),
        Some(Command::Expire { id, connection }) => {
            connection.open()?.delete(&format!("{PATH}/{id}"))?;
            output.done(&format!("expired {id}"))
        }
    }
}

fn add(wanted: &Wanted, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let mut body = json!({
        "match": documents_of(&wanted.matching),
        "ends_at": wanted.end()?.to_string(),
        "comment": wanted.comment,
        "maintenance": wanted.maintenance,
    });
    if let Some(from) = wanted.from {
        body["starts_at"] = from.to_string().into();
    }
    if let Some(name) = &wanted.name {
        body["name"] = name.as_str().into();
    }
    let answer = connection.open()?.send(&Method::POST, PATH, &body)?;
    let Some(made) = output.document::<Silence>(&answer.bytes)? else { return Ok(()) };
    output.line(format!(
        "silence {}  {}  until {}",
        made.id,
        made.state,
        times::exact(&made.ends_at)
    ))?;
    output.line(format!("next: stormbell silence expire {}", made.id))
}

impl Wanted {
    fn end(&self) -> Result<Timestamp, Failure> {
        if let Some(until) = self.until {
            return Ok(until);
        }
        let begin = self.from.unwrap_or_else(Timestamp::now);
        let end = begin.checked_add(self.lasting.unwrap_or_default());
        end.map_err(|_| Failure::Usage("--for lies too far ahead".to_owned()))
    }
}

impl Silence {
    /// How long it still lasts, when it begins, or how long it has been over.
    fn when(&self, now: Timestamp) -> String {
        match self.state.as_str() {
            "pending" => format!("in {}", times::until(&self.starts_at, now)),
            "expired" => times::ago(Some(&self.ends_at), now),
            _ => format!("{} left", times::until(&self.ends_at, now)),
        }
    }
}

fn documents_of(matching: &[Word]) -> Vec<Value> {
    matching.iter().map(Word::document).collect()
}

fn list(listing: &Listing, output: &mut Output) -> Result<(), Failure> {
    let client = listing.connection.open()?;
    // Those that have not expired may stand on any page.
    let listed = pages::listed::<Silence>(&client, PATH, &Filter::new(), 0, output)?;
    let Some(listed) = listed else { return Ok(()) };
    let lasting = |silence: &&Silence| listing.all || silence.state != "expired";
    let shown: Vec<&Silence> = listed.items.iter().filter(lasting).collect();
    if shown.is_empty() {
        let nothing = if listing.all { "There is no silence." } else { "No silence is in force." };
        return output.line(nothing);
    }
    let now = Timestamp::now();
    let headings = ["STATE", "KIND", "WHEN", "CONDITIONS", "COMMENT", "BY", "ID"];
    let mut table = Table::new(&headings).whole(6);
    for silence in shown {
        let ink = match silence.state.as_str() {
            "active" => Ink::Yellow,
            "pending" => Ink::Blue,
            _ => Ink::Dim,
        };
        table.row([
            Cell::inked(&silence.state, ink),
            Cell::plain(if silence.maintenance { "maintenance" } else { "silence" }),
            Cell::plain(silence.when(now)),
            Cell::plain(conditions::on_one_line(&silence.conditions)),
            Cell::plain(&silence.comment),
            Cell::plain(&silence.created_by),
            Cell::inked(&silence.id, Ink::Dim),
        ]);
    }
    output.table(table)
}

fn preview(matching: &[Word], connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let body = json!({ "match": documents_of(matching) });
    let answer = connection.open()?.send(&Method::POST, &format!("{PATH}/preview"), &body)?;
    let Some(hidden) = output.document::<Hidden>(&answer.bytes)? else { return Ok(()) };
    let more = if hidden.truncated { " or more" } else { "" };
    let alerts = times::counted(hidden.alert_count, "firing alert");
    let incidents = times::counted(hidden.incident_count, "open incident");
    output.line(format!("It would hide {alerts} and {incidents}{more}."))?;
    if !hidden.incidents.is_empty() {
        output.gap()?;
        incidents::print(output, &hidden.incidents)?;
    }
    if hidden.alerts.is_empty() {
        return Ok(());
    }
    output.gap()?;
    let mut table = Table::new(&["ALERT", "SUMMARY", "LABELS"]);
    for alert in &hidden.alerts {
        let labels = alert.labels.iter().map(|(name, value)| format!("{name}={value}"));
        table.row([
            Cell::inked(&alert.fingerprint, Ink::Dim),
            Cell::plain(&alert.summary),
            Cell::inked(labels.collect::<Vec<_>>().join(" "), Ink::Dim),
        ]);
    }
    output.table(table)
}

fn silence_id(text: &str) -> Result<uuid::Uuid, String> {
    let why = "it must be the id of a silence, as `stormbell silence list` shows it";
    text.parse().map_err(|_| why.to_owned())
}

fn span(text: &str) -> Result<SignedDuration, String> {
    let span = Duration::parse(text).map_err(|error| error.to_string())?;
    let micros = i64::try_from(span.micros()).map_err(|_| "it is too long".to_owned())?;
    if micros == 0 {
        return Err("it must last some time".to_owned());
    }
    Ok(SignedDuration::from_micros(micros))
}
