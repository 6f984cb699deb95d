//! `stormbell keys`: API keys. A secret is shown once, alone on standard output, so that a script can
//! take it; everything about it goes to standard error.

use http::Method;
use jiff::Timestamp;
use model::{Duration, KeyId};
use serde_json::json;

use super::remote::client::{Connection, with_query};
use super::remote::documents::{KeyDocument, MintedKey, Page};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// What to do with keys.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// List the keys of a project, revoked ones too
    List {
        /// Another project than the key's own, by its number
        #[arg(long, value_name = "N")]
        project: Option<u32>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Make a key and print its secret, once
    Create {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        connection: Connection,
    },
    /// Revoke a key: it stops working at once
    Revoke {
        /// Id of the key
        #[arg(value_name = "ID", value_parser = key_id)]
        id: KeyId,
        /// Another project than the key's own, by its number
        #[arg(long, value_name = "N")]
        project: Option<u32>,
        #[command(flatten)]
        connection: Connection,
    },
}

/// The key that is wanted.
#[derive(Debug, Clone, clap::Args)]
struct Wanted {
    /// A name for people; what the key does is recorded under it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it may do: ingest, read, agent, manage; several with commas
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "ingest")]
    scope: Vec<String>,
    /// When it stops working: a span such as 30d, or a time such as 2026-12-31T00:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    expires: Option<String>,
    /// Signals per second it may send
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Another project than the key's own, by its number
    #[arg(long, value_name = "N")]
    project: Option<u32>,
}

/// Runs `stormbell keys`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        Command::List { project, connection } => list(*project, connection, output),
        Command::Create { wanted, connection } => create(wanted, connection, output),
        Command::Revoke { id, project, connection } => {
            let path = of_project(&format!("/v1/keys/{id}"), *project);
            connection.open()?.delete(&path)?;
            output.done(&format!("revoked {id}"))
        }
    }
}

fn list(project: Option<u32>, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let answer = connection.open()?.get(&of_project("/v1/keys", project), &[])?;
    let Some(page) = output.document::<Page<KeyDocument>>(&answer.bytes)? else { return Ok(()) };
    let now = Timestamp::now();
    let headings = ["NAME", "KEY", "SCOPES", "RATE", "STATE", "LAST USED", "ID"];
    let mut table = Table::new(&headings).right(&[3]);
    for key in &page.items {
        let (state, ink) = state(key, now);
        table.row([
            Cell::plain(&key.name),
            Cell::plain(format!("{}…", key.prefix)),
            Cell::plain(key.scopes.join(",")),
            Cell::plain(
                key.rate_per_second.map_or_else(|| "–".to_owned(), |rate| format!("{rate}/s")),
            ),
            Cell::inked(state, ink),
            Cell::plain(
                key.last_used_at
                    .as_deref()
                    .map_or_else(|| "never".to_owned(), |at| times::ago(Some(at), now)),
            ),
            Cell::inked(&key.id, Ink::Dim),
        ]);
    }
    output.table(table)
}

fn state(key: &KeyDocument, now: Timestamp) -> (String, Ink) {
    if let Some(at) = &key.revoked_at {
        return (format!("revoked {}", times::ago(Some(at), now)), Ink::Dim);
    }
    match key.expires_at.as_deref() {
        None => ("active".to_owned(), Ink::Green),
        Some(at) if at.parse::<Timestamp>().is_ok_and(|at| at <= now) => {
            (format!("expired {}", times::ago(Some(at), now)), Ink::Red)
        }
        Some(at) => (format!("until {}", times::exact(at)), Ink::Green),
    }
}

fn create(wanted: &Wanted, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let body = json!({
        "name": wanted.name,
        "scopes": wanted.scope,
        "expires_at": wanted.expires,
        "rate_per_second": wanted.rate,
        "project": wanted.project,
    });
    let answer = connection.open()?.send(&Method::POST, "/v1/keys", &body)?;
    let Some(minted) = output.document::<MintedKey>(&answer.bytes)? else { return Ok(()) };
    let key = &minted.document;
    output.line(&minted.key)?;
    output.flush()?;
    let until = key
        .expires_at
        .as_deref()
        .map_or_else(|| "for ever".to_owned(), |at| format!("until {}", times::exact(at)));
    output.note(&format!(
        "key `{}` for {}, valid {until}, id {}",
        key.name,
        key.scopes.join(","),
        key.id
    ));
    output.note("This is the only time its secret is shown.");
    Ok(())
}

fn of_project(path: &str, project: Option<u32>) -> String {
    match project {
        Some(project) => with_query(path, &[("project", &project.to_string())]),
        None => path.to_owned(),
    }
}

fn key_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text)
        .ok_or_else(|| "it must be the id of a key, as `stormbell keys list` shows it".to_owned())
}

/// A span from now on, or a time, as RFC 3339.
fn expiry(text: &str) -> Result<String, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.to_string());
    }
    let span = Duration::parse(text).map_err(|error| error.to_string())?;
    times::ahead(span).ok_or_else(|| "it lies too far ahead".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_span_or_a_time() {
        assert_eq!(expiry("2026-12-31T00:00:00Z").as_deref(), Ok("2026-12-31T00:00:00Z"));
        assert!(
            expiry("30d")
                .is_ok_and(|at| at.parse::<Timestamp>().is_ok_and(|at| at > Timestamp::now()))
        );
        assert!(expiry("tomorrow").is_err());
    }
}
