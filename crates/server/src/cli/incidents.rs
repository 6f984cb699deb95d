//! `stormbell incidents`: the list, by severity and then by last signal.

use jiff::Timestamp;

use super::client::{Answer, Client, Connection};
use super::documents::{self, IncidentItem, Page};
use super::failure::Failure;
use super::output::{Ink, Output};
use super::table::{Cell, Table};
use super::times;

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

/// Every status.
const STATUSES: &str = "OPEN,INVESTIGATING,RESOLVED,CLOSED";

/// Runs `stormbell incidents`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let limit = if options.limit == 0 { usize::MAX } else { options.limit };
    let filter = options.filter();
    let mut shown = Vec::new();
    let mut total = 0;
    for answer in Pages::new(&client, &filter, limit) {
        let answer = answer?;
        if output.is_json() {
            output.json(&answer.bytes)?;
            continue;
        }
        let page: Page<IncidentItem> = documents::read(&answer.bytes)?;
        total = page.total;
        shown.extend(page.items);
    }
    if output.is_json() {
        return Ok(());
    }
    if shown.is_empty() {
        let nothing = if filter.is_empty() { "No incident is open." } else { "No incident fits." };
        return output.line(nothing);
    }
    print(output, &shown)?;
    output.flush()?;
    if total > shown.len() as u64 {
        output.note(&format!("{} of {total} incidents; --limit 0 shows all", shown.len()));
    }
    Ok(())
}

/// Every incident of an environment, whatever its status.
pub(crate) fn of_environment(
    client: &Client,
    environment: &str,
) -> Result<Vec<IncidentItem>, Failure> {
    let filter = vec![("status", STATUSES.to_owned()), ("environment", environment.to_owned())];
    let mut all = Vec::new();
    for answer in Pages::new(client, &filter, usize::MAX) {
        all.extend(documents::read::<Page<IncidentItem>>(&answer?.bytes)?.items);
    }
    Ok(all)
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
    fn filter(&self) -> Vec<(&'static str, String)> {
        let statuses = if self.all { STATUSES.to_owned() } else { self.status.join(",") };
        let texts = [
            ("status", Some(statuses).filter(|words| !words.is_empty())),
            ("severity", Some(self.severity.join(",")).filter(|words| !words.is_empty())),
            ("component", self.component.clone()),
            ("environment", self.environment.clone()),
            ("assignee", self.assignee.clone()),
            ("q", self.query.clone()),
        ];
        texts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    }
}

/// The pages of a list, one request each, until `left` rows or the end.
struct Pages<'a> {
    client: &'a Client,
    filter: &'a [(&'static str, String)],
    left: usize,
    cursor: Option<String>,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn new(client: &'a Client, filter: &'a [(&'static str, String)], left: usize) -> Self {
        Self { client, filter, left, cursor: None, ended: false }
    }

    fn read(&mut self) -> Result<Answer, Failure> {
        #[derive(serde::Deserialize)]
        struct Extent {
            items: Vec<serde::de::IgnoredAny>,
            next_cursor: Option<String>,
        }
        let limit = self.left.min(model::limits::PAGE).to_string();
        let mut query: Vec<(&str, &str)> =
            self.filter.iter().map(|(name, text)| (*name, text.as_str())).collect();
        query.push(("limit", &limit));
        if let Some(cursor) = &self.cursor {
            query.push(("cursor", cursor));
        }
        let answer = self.client.get("/v1/incidents", &query)?;
        let extent: Extent = documents::read(&answer.bytes)?;
        self.left = self.left.saturating_sub(extent.items.len());
        self.ended = extent.next_cursor.is_none() || extent.items.is_empty() || self.left == 0;
        self.cursor = extent.next_cursor;
        Ok(answer)
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Answer, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let answer = self.read();
        self.ended |= answer.is_err();
        Some(answer)
    }
}
