//! `stormbell projects`: the units of isolation.

use http::Method;
use serde_json::json;

use super::remote::client::Connection;
use super::remote::documents::{Page, ProjectDocument};
use super::terminal::failure::Failure;
use super::terminal::output::Output;
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// What to do with projects.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// List the projects the key sees
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Make a project; takes a key of the first project with the scope `manage`
    Create {
        /// Its name, unique within the organization
        #[arg(value_name = "NAME")]
        name: String,
        /// Its organization, made where new [default: the key's]
        #[arg(long, value_name = "NAME")]
        organization: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Runs `stormbell projects`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        Command::List { connection } => list(connection, output),
        Command::Create { name, organization, connection } => {
            create(name, organization.as_deref(), connection, output)
        }
    }
}

fn list(connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let answer = connection.open()?.get("/v1/projects", &[])?;
    let Some(page) = output.document::<Page<ProjectDocument>>(&answer.bytes)? else {
        return Ok(());
    };
    let mut table = Table::new(&["#", "ORGANIZATION", "NAME", "CREATED"]).right(&[0]);
    for project in &page.items {
        table.row([
            Cell::plain(project.id.to_string()),
            Cell::plain(&project.organization),
            Cell::plain(&project.name),
            Cell::plain(times::exact(&project.created_at)),
        ]);
    }
    output.table(table)
}

fn create(
    name: &str,
    organization: Option<&str>,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut body = json!({ "name": name });
    if let Some(organization) = organization {
        body["organization"] = organization.into();
    }
    let answer = connection.open()?.send(&Method::POST, "/v1/projects", &body)?;
    let Some(project) = output.document::<ProjectDocument>(&answer.bytes)? else { return Ok(()) };
    output.line(format!("project {}  {} / {}", project.id, project.organization, project.name))?;
    output.line(format!(
        "next: stormbell keys create --name NAME --scope ingest,read --project {}",
        project.id
    ))
}
