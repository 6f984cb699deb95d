//! `stormbell incidents`: the list, by severity and then by last signal.

use jiff::Timestamp;

use super::remote::client::{Client, Connection};
use super::remote::documents::IncidentItem;
use super::remote::pages::{self, Filter};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// What to list.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// OPEN, INVESTIGATING, RESOLVED, CLOSED; several with commas [default: all but CLOSED]
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<String>,
    /// P0 to P3, or critical, high, medium, low; several with commas
    #[arg(long, value_name = "SEVERITY", value_delimiter = ',')]
    severity: Vec<String>,
    /// Exactly this component
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// Exactly this environment
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Exactly this assignee
    #[arg(long, value_name = "NAME")]
    assignee: Option<String>,
    /// Text in title, component or grouping key
    #[arg(short, long = "query", value_name = "TEXT")]
    query: Option<String>,
    /// How many at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Closed ones too
    #[arg(long, conflicts_with = "status")]
    all: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Where incidents are.
const PATH: &str = "/v1/incidents";
/// Every status.
const STATUSES: &str = "OPEN,INVESTIGATING,RESOLVED,CLOSED";

/// Runs `stormbell incidents`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let filter = options.filter();
    let listed = pages::listed::<IncidentItem>(&client, PATH, &filter, options.limit, output)?;
    let Some(listed) = listed else { return Ok(()) };
    if listed.items.is_empty() {
        let nothing = if filter.is_empty() { "No incident is open." } else { "No incident fits." };
        return output.line(nothing);
    }
    print(output, &listed.items)?;
    listed.note_rest("incidents", output)
}

/// Every incident of an environment, whatever its status.
pub(crate) fn of_environment(
    client: &Client,
    environment: &str,
) -> Result<Vec<IncidentItem>, Failure> {
    let filter = vec![("status", STATUSES.to_owned()), ("environment", environment.to_owned())];
    pages::all(client, PATH, &filter)
}

/// Prints incidents as a table.
pub(crate) fn print(output: &mut Output, incidents: &[IncidentItem]) -> Result<(), Failure> {
    let now = Timestamp::now();
    let headings =
        ["#", "SEV", "STATUS", "TITLE", "ENVIRONMENT", "SIGNALS", "LAST", "AGE", "ASSIGNEE"];
    let mut table = Table::new(&headings).right(&[0, 5]);
    for incident in incidents {
        table.row([
            Cell::plain(incident.number.to_string()),
            Cell::inked(&incident.severity, Ink::of_severity(&incident.severity)),
            Cell::inked(&incident.status, Ink::of_status(&incident.status)),
            Cell::plain(&incident.title),
            Cell::plain(&incident.environment),
            Cell::plain(incident.signal_count.to_string()),
            Cell::plain(format!("{} ago", times::age(&incident.last_signal_at, now))),
            Cell::plain(times::age(&incident.opened_at, now)),
            Cell::plain(incident.assignee.as_deref().unwrap_or("–")),
        ]);
    }
    output.table(table)
}

impl Options {
    fn filter(&self) -> Filter {
        let statuses = if self.all { STATUSES.to_owned() } else { self.status.join(",") };
        pages::filter([
            ("status", Some(statuses).filter(|words| !words.is_empty())),
            ("severity", Some(self.severity.join(",")).filter(|words| !words.is_empty())),
            ("component", self.component.clone()),
            ("environment", self.environment.clone()),
            ("assignee", self.assignee.clone()),
            ("q", self.query.clone()),
        ])
    }
}
