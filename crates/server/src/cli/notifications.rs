//! `stormbell notifications`: who was told what, when, where, and with what result.

use jiff::Timestamp;
use serde::Deserialize;

use super::incident::Named;
use super::remote::client::{Client, Connection};
use super::remote::documents;
use super::remote::names::{self, Kind, Names};
use super::remote::pages;
use super::remote::told::{self, Attempt, Subject, Target};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// Where notifications are.
const PATH: &str = "/v1/notifications";
/// Rules whose names are looked up for one notification; the rest are shown by id.
const RULES: usize = 20;

/// What to do with notifications.
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
    /// List notifications, newest first; so does no command at all
    List(Listing),
    /// Show one notification with its deliveries and every try
    Show {
        /// Its id
        #[arg(value_name = "ID", value_parser = notification_id)]
        id: uuid::Uuid,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Which notifications.
#[derive(Debug, Clone, clap::Args)]
struct Listing {
    /// Of this subscriber, by name or id
    #[arg(long, value_name = "SUBSCRIBER")]
    subscriber: Option<String>,
    /// About this incident (number or id), its signals included
    #[arg(long, value_name = "ID")]
    incident: Option<Named>,
    /// pending, delivered, dead or held
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// How many at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    connection: Connection,
}

/// A notification.
#[derive(Debug, Deserialize)]
struct Notification {
    id: String,
    subscriber_id: String,
    subject: Subject,
    transition: String,
    rule_ids: Vec<String>,
    status: String,
    severity: String,
    summary: String,
    created_at: String,
    delivered_at: Option<String>,
    held: Option<Held>,
    attempts: Vec<Attempt>,
}

/// Why nobody was told.
#[derive(Debug, Deserialize)]
struct Held {
    reason: String,
    by: String,
}

/// A notification with its deliveries.
#[derive(Debug, Deserialize)]
struct Detail {
    #[serde(flatten)]
    item: Notification,
    deadline: String,
    deliveries: Vec<Delivery>,
}

/// The delivery to one target.
#[derive(Debug, Deserialize)]
struct Delivery {
    target: Target,
    status: String,
    attempts: u32,
    due_at: String,
    delivered_at: Option<String>,
    last_answer: String,
}

/// Runs `stormbell notifications`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        None => list(&options.listing, output),
        Some(Command::List(listing)) => list(listing, output),
        Some(Command::Show { id, connection }) => show(*id, connection, output),
    }
}

fn list(listing: &Listing, output: &mut Output) -> Result<(), Failure> {
    let client = listing.connection.open()?;
    let owner = names::optional(&client, Kind::Subscriber, listing.subscriber.as_deref())?;
    let filter = pages::filter([
        ("subscriber", owner),
        ("incident", listing.incident.as_ref().map(ToString::to_string)),
        ("status", listing.status.clone()),
    ]);
    let listed = pages::listed::<Notification>(&client, PATH, &filter, listing.limit, output)?;
    let Some(listed) = listed else { return Ok(()) };
    if listed.items.is_empty() {
        return output.line(match filter.is_empty() {
            true => "Nobody was told anything.",
            false => "No notification fits.",
        });
    }
    let names = Names::of(&client, &[Kind::Subscriber])?;
    let now = Timestamp::now();
    let headings = ["AT", "STATUS", "SEV", "SUBSCRIBER", "WHAT", "SUMMARY", "RESULT", "ID"];
    let mut table = Table::new(&headings).whole(7);
    for notification in &listed.items {
        table.row([
            Cell::plain(format!("{} ago", times::age(&notification.created_at, now))),
            Cell::inked(&notification.status, told::ink(&notification.status)),
            Cell::inked(&notification.severity, Ink::of_severity(&notification.severity)),
            Cell::plain(names.of_id(&notification.subscriber_id)),
            Cell::plain(&notification.transition),
            Cell::plain(&notification.summary),
            Cell::plain(notification.result()),
            Cell::inked(&notification.id, Ink::Dim),
        ]);
    }
    output.table(table)?;
    listed.note_rest("notifications", output)
}

impl Notification {
    /// Why nobody was told, or the last answer, on one line.
    fn result(&self) -> String {
        match (&self.held, self.attempts.last()) {
            (Some(held), _) => held.reason.replace('_', " "),
            (None, Some(last)) => {
                format!("{}{}", last.verdict.replace('_', " "), told::status(last.status))
            }
            (None, None) => "–".to_owned(),
        }
    }
}

fn show(id: uuid::Uuid, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let client = connection.open()?;
    let answer = client.get(&format!("{PATH}/{id}"), &[])?;
    let Some(detail) = output.document::<Detail>(&answer.bytes)? else { return Ok(()) };
    let item = &detail.item;
    let names = Names::of(&client, &[Kind::Subscriber, Kind::Endpoint, Kind::Schedule])?;
    let severity = output.paint(Ink::of_severity(&item.severity), &item.severity);
    let status = output.paint(told::ink(&item.status), &item.status);
    let summary = output.paint(Ink::Bold, &item.summary.replace('\n', " "));
    output.line(format!("{severity}  {status}  {summary}"))?;
    let mut table = Table::new(&["", ""]).wrapped();
    for (name, value) in facts(&client, &detail, &names)? {
        table.row([Cell::inked(format!("  {name}"), Ink::Dim), Cell::plain(value)]);
    }
    output.table(table)?;
    print_deliveries(&detail.deliveries, &names, output)?;
    print_attempts(&item.attempts, &names, output)
}

fn facts(
    client: &Client,
    detail: &Detail,
    names: &Names,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let item = &detail.item;
    let mut facts = vec![
        ("subscriber", names.of_id(&item.subscriber_id).to_owned()),
        ("about", item.subject.text()),
        ("what", item.transition.clone()),
        ("due", times::exact(&item.created_at)),
        ("tried until", times::exact(&detail.deadline)),
    ];
    facts.extend(item.delivered_at.iter().map(|at| ("delivered", times::exact(at))));
    if let Some(held) = &item.held {
        facts.push(("held back", format!("{} by {}", held.reason.replace('_', " "), held.by)));
    }
    for (index, rule) in item.rule_ids.iter().enumerate() {
        let name = if index < RULES { rule_name(client, rule)? } else { None };
        facts.push(("rule", name.map_or_else(|| rule.clone(), |name| format!("{name} ({rule})"))));
    }
    facts.push(("id", item.id.clone()));
    Ok(facts)
}

/// The name of a rule; none where it is there no longer.
fn rule_name(client: &Client, id: &str) -> Result<Option<String>, Failure> {
    #[derive(Deserialize)]
    struct Rule {
        name: String,
    }
    match client.get(&format!("{}/{id}", Kind::Rule.path()), &[]) {
        Ok(answer) => Ok(Some(documents::read::<Rule>(&answer.bytes)?.name)),
        Err(Failure::Refused(problem)) if problem.status == 404 => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn print_deliveries(
    deliveries: &[Delivery],
    names: &Names,
    output: &mut Output,
) -> Result<(), Failure> {
    if deliveries.is_empty() {
        return Ok(());
    }
    output.gap()?;
    output.line(output.paint(Ink::Bold, "Deliveries"))?;
    let mut table = Table::new(&["", "", "", "", ""]).wrapped();
    for delivery in deliveries {
        let at = delivery.delivered_at.as_deref().unwrap_or(&delivery.due_at);
        table.row([
            Cell::plain(format!("  {}", delivery.target.text(names))),
            Cell::inked(&delivery.status, told::ink(&delivery.status)),
            Cell::inked(times::exact(at), Ink::Dim),
            Cell::plain(match delivery.attempts {
                1 => "1 try".to_owned(),
                tries => format!("{tries} tries"),
            }),
            Cell::plain(&delivery.last_answer),
        ]);
    }
    output.table(table)
}

fn print_attempts(attempts: &[Attempt], names: &Names, output: &mut Output) -> Result<(), Failure> {
    if attempts.is_empty() {
        return Ok(());
    }
    output.gap()?;
    output.line(output.paint(Ink::Bold, "Tries"))?;
    let mut table = Table::new(&["", "", "", "", "", ""]).wrapped();
    for attempt in attempts {
        let verdict = attempt.verdict.replace('_', " ");
        table.row([
            Cell::inked(format!("  {}", times::exact(&attempt.began_at)), Ink::Dim),
            Cell::plain(format!("#{}", attempt.attempt)),
            Cell::plain(attempt.target.text(names)),
            Cell::inked(
                format!("{verdict}{}", told::status(attempt.status)),
                told::ink(&attempt.verdict),
            ),
            Cell::inked(format!("{} ms", attempt.took_ms), Ink::Dim),
            Cell::plain(&attempt.answer),
        ]);
    }
    output.table(table)
}

fn notification_id(text: &str) -> Result<uuid::Uuid, String> {
    let why = "it must be the id of a notification, as `stormbell notifications` shows it";
    text.parse().map_err(|_| why.to_owned())
}
