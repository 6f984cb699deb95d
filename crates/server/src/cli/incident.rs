//! `stormbell incident ID`: the facts, the timeline, the last signals, and what to do next.

use std::str::FromStr;

use jiff::Timestamp;
use model::IncidentId;

use super::remote::client::{Client, Connection};
use super::remote::documents::{self, IncidentDetail, Page, RcaDocument, SignalItem, TimelineItem};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// Lines of the timeline that are shown: the latest.
const TIMELINE: u64 = 1_000;
/// Labels of a signal that are shown.
const LABELS: usize = 3;

/// Which incident, and what of it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Number or id of the incident
    #[arg(value_name = "ID")]
    incident: Named,
    /// Only this part; with --json, which of the API's documents
    #[arg(long, value_name = "PART")]
    show: Option<Part>,
    /// How many of the last signals
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    signals: u16,
    #[command(flatten)]
    connection: Connection,
}

/// A part of what is known of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The facts
    Facts,
    /// Who did what, when and why
    Timeline,
    /// The last signals
    Signals,
}

/// How an incident is named on the command line: `12`, `#12`, or its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named(String);

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.trim().trim_start_matches('#');
        if let Ok(number) = bare.parse::<u64>() {
            return Ok(Self(number.to_string()));
        }
        match IncidentId::parse(bare) {
            Some(id) => Ok(Self(id.to_string())),
            None => Err("it must be the number of an incident, such as 12, or its id".to_owned()),
        }
    }
}

impl Named {
    /// The incident with this number.
    pub(crate) fn number(number: u64) -> Self {
        Self(number.to_string())
    }

    /// The path of the incident, or of something below it.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("/v1/incidents/{}{below}", self.0)
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs `stormbell incident`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let named = &options.incident;
    if output.is_json() {
        let limit = options.signals.to_string();
        let answer = match options.show {
            None | Some(Part::Facts) => client.get(&named.path(""), &[])?,
            Some(Part::Timeline) => client.get(&named.path("/timeline"), &[("limit", "1000")])?,
            Some(Part::Signals) => client.get(&named.path("/signals"), &[("limit", &limit)])?,
        };
        return output.json(&answer.bytes);
    }
    match options.show {
        None => print(&client, named, options.signals, output),
        Some(Part::Facts) => print_facts(output, &read(&client, named)?),
        Some(Part::Timeline) => print_timeline(&client, named, output),
        Some(Part::Signals) => print_signals(&client, named, options.signals, output),
    }
}

/// The incident as it stands.
pub(crate) fn read(client: &Client, named: &Named) -> Result<IncidentDetail, Failure> {
    documents::read(&client.get(&named.path(""), &[])?.bytes)
}

/// Prints everything about an incident.
pub(crate) fn print(
    client: &Client,
    named: &Named,
    signals: u16,
    output: &mut Output,
) -> Result<(), Failure> {
    let detail = read(client, named)?;
    print_facts(output, &detail)?;
    output.gap()?;
    output.line(output.paint(Ink::Bold, "Timeline"))?;
    print_timeline(client, named, output)?;
    output.gap()?;
    output.line(output.paint(Ink::Bold, "Last signals"))?;
    print_signals(client, named, signals, output)?;
    if let Some(rca) = &detail.rca {
        output.gap()?;
        print_rca(output, rca)?;
    }
    print_next(output, &detail)
}

/// One line about an incident: `#12  P0  OPEN  orders-db: pool exhausted`.
pub(crate) fn headline(output: &Output, detail: &IncidentDetail) -> String {
    let item = &detail.item;
    format!(
        "{}  {}  {}  {}",
        output.paint(Ink::Bold, &format!("#{}", item.number)),
        output.paint(Ink::of_severity(&item.severity), &item.severity),
        output.paint(Ink::of_status(&item.status), &item.status),
        output.paint(Ink::Bold, &item.title.replace('\n', " ")),
    )
}

/// The commands that are legal next, with what they do.
pub(crate) fn next_steps(detail: &IncidentDetail) -> Vec<(String, &'static str)> {
    let number = detail.item.number;
    let step = |to: &String| match to.as_str() {
        "INVESTIGATING" => Some((format!("stormbell ack {number}"), "take it")),
        "RESOLVED" => Some((format!("stormbell resolve {number}"), "it is over")),
        "CLOSED" => Some((
            format!("stormbell rca {number} --edit"),
            "write down the cause, which closes it",
        )),
        "OPEN" => Some((format!("stormbell reopen {number} REASON"), "it is not over")),
        _ => None,
    };
    let mut steps: Vec<_> = detail.legal_transitions.iter().filter_map(step).collect();
    // What leads on stands before what leads back.
    steps.sort_by_key(|(command, _)| command.contains(" reopen "));
    steps
}

/// Prints what is legal next.
pub(crate) fn print_next(output: &mut Output, detail: &IncidentDetail) -> Result<(), Failure> {
    let steps = next_steps(detail);
    let longest = steps.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    for (index, (command, meaning)) in steps.iter().enumerate() {
        if index == 0 {
            output.gap()?;
        }
        let lead = if index == 0 { "next:" } else { "     " };
        let meaning = output.paint(Ink::Dim, meaning);
        output.line(format!("{lead} {command:longest$}   {meaning}"))?;
    }
    Ok(())
}

fn print_facts(output: &mut Output, detail: &IncidentDetail) -> Result<(), Failure> {
    output.line(headline(output, detail))?;
    let mut table = Table::new(&["", ""]).wrapped();
    for (name, value) in facts(detail) {
        table.row([Cell::inked(format!("  {name}"), Ink::Dim), Cell::plain(value)]);
    }
    output.table(table)
}

fn facts(detail: &IncidentDetail) -> Vec<(&'static str, String)> {
    let item = &detail.item;
    let now = Timestamp::now();
    let moment = |at: &str| format!("{} ({})", times::exact(at), times::ago(Some(at), now));
    let mut facts = vec![
        (
            "component",
            format!("{} ({}) in {}", item.component, item.component_type, item.environment),
        ),
        ("grouped by", item.grouping_key.clone()),
        ("signals", times::grouped(item.signal_count)),
        ("first signal", moment(&item.first_signal_at)),
        ("last signal", moment(&item.last_signal_at)),
        ("opened", moment(&item.opened_at)),
        ("assignee", item.assignee.clone().unwrap_or_else(|| "nobody".to_owned())),
    ];
    let optional = [
        ("acknowledged", detail.acknowledged_at.as_deref()),
        ("resolved", detail.resolved_at.as_deref()),
        ("closed", item.closed_at.as_deref()),
    ];
    facts.extend(optional.into_iter().filter_map(|(name, at)| Some((name, moment(at?)))));
    let spans =
        [("time to acknowledge", item.mtta_seconds), ("time to resolve", item.mttr_seconds)];
    facts.extend(
        spans.into_iter().filter_map(|(name, seconds)| Some((name, times::span(seconds?)))),
    );
    if detail.severity_pinned {
        facts.push(("severity", "set by hand; it does not move by itself".to_owned()));
    }
    let others = [("merged into", &detail.merged_into), ("split from", &detail.split_from)];
    facts.extend(others.into_iter().filter_map(|(name, id)| Some((name, id.clone()?))));
    facts.extend(detail.children.iter().map(|id| ("merged in", id.clone())));
    facts.extend(detail.links.iter().map(|link| ("link", linked(&link.title, &link.url))));
    facts.push(("id", item.id.clone()));
    facts
}

fn linked(title: &str, url: &str) -> String {
    if title == url { url.to_owned() } else { format!("{title} <{url}>") }
}

fn print_timeline(client: &Client, named: &Named, output: &mut Output) -> Result<(), Failure> {
    let limit = TIMELINE.to_string();
    let answer = client.get(&named.path("/timeline"), &[("limit", &limit)])?;
    let page: Page<TimelineItem> = documents::read(&answer.bytes)?;
    let mut table = Table::new(&["", "", "", "", ""]).wrapped();
    let mut day_before = String::new();
    for line in &page.items {
        let day = times::day(&line.at);
        let shown = if day == day_before { "" } else { day.as_str() };
        table.row([
            Cell::inked(format!("  {shown}"), Ink::Dim),
            Cell::inked(times::clock(&line.at), Ink::Dim),
            Cell::plain(happened(line)),
            Cell::plain(actor(line)),
            Cell::inked(line.reason.replace('_', " "), Ink::Dim),
        ]);
        day_before = day;
    }
    output.table(table)?;
    if page.total > page.items.len() as u64 {
        output.line(format!("  … and {} more lines", page.total - page.items.len() as u64))?;
    }
    Ok(())
}

fn actor(line: &TimelineItem) -> String {
    if line.actor.name.is_empty() { line.actor.kind.clone() } else { line.actor.name.clone() }
}

fn happened(line: &TimelineItem) -> String {
    let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let what = match line.action.as_str() {
        "moved" => format!("{} → {}", word(&line.from), word(&line.to)),
        "severity_changed" => format!("severity {} → {}", word(&line.from), word(&line.to)),
        "assigned" => match &line.to {
            Some(to) => format!("assigned to {to}"),
            None => "assigned to nobody".to_owned(),
        },
        "commented" => "comment".to_owned(),
        "linked" => return format!("link {}", linked(&line.text, &word(&line.url))),
        "merged_into" => format!("merged into {}", word(&line.related_incident)),
        "split" => format!(
            "{} signals split, other incident {}",
            line.signals.unwrap_or(0),
            word(&line.related_incident)
        ),
        other => other.replace('_', " "),
    };
    if line.text.is_empty() { what } else { format!("{what}: {}", line.text) }
}

fn print_signals(
    client: &Client,
    named: &Named,
    count: u16,
    output: &mut Output,
) -> Result<(), Failure> {
    let answer = client.get(&named.path("/signals"), &[("limit", &count.to_string())])?;
    let page: Page<SignalItem> = documents::read(&answer.bytes)?;
    let mut table = Table::new(&["", "", "", "", ""]);
    for signal in &page.items {
        let status = if signal.status == "resolved" { "resolved" } else { signal.kind.as_str() };
        table.row([
            Cell::inked(format!("  {}", times::clock(&signal.received_at)), Ink::Dim),
            Cell::inked(&signal.severity, Ink::of_severity(&signal.severity)),
            Cell::plain(status),
            Cell::plain(said(signal)),
            Cell::inked(labels(signal), Ink::Dim),
        ]);
    }
    output.table(table)?;
    if page.total > page.items.len() as u64 {
        let (shown, total) = (page.items.len(), times::grouped(page.total));
        output.line(
            output.paint(Ink::Dim, &format!("  {shown} of {total}; --signals N shows more")),
        )?;
    }
    Ok(())
}

fn said(signal: &SignalItem) -> String {
    let text = if signal.summary.is_empty() {
        signal.error_code.clone().unwrap_or_default()
    } else {
        signal.summary.clone()
    };
    format!("{}: {text}", signal.component)
}

fn labels(signal: &SignalItem) -> String {
    let named = signal.labels.iter().take(LABELS).map(|(name, value)| format!("{name}={value}"));
    named.collect::<Vec<_>>().join(" ")
}

fn print_rca(output: &mut Output, rca: &RcaDocument) -> Result<(), Failure> {
    output.line(output.paint(Ink::Bold, "Root cause analysis"))?;
    let mut table = Table::new(&["", ""]).wrapped();
    let span = |at: &Option<String>| at.as_deref().map_or_else(|| "–".to_owned(), times::exact);
    let mut rows = vec![
        ("category", rca.root_cause_category.clone()),
        ("fix", rca.fix_applied.clone()),
        ("prevention", rca.prevention_steps.clone()),
        ("from", span(&rca.incident_start)),
        ("to", span(&rca.incident_end)),
    ];
    if !rca.timeline_note.is_empty() {
        rows.push(("note", rca.timeline_note.clone()));
    }
    rows.extend(
        rca.action_items
            .iter()
            .map(|item| ("to do", format!("{} ({}, by {})", item.title, item.owner, item.due))),
    );
    rows.push(("by", format!("{}, {}", rca.submitted_by.name, times::exact(&rca.submitted_at))));
    for (name, value) in rows {
        table.row([Cell::inked(format!("  {name}"), Ink::Dim), Cell::plain(value)]);
    }
    output.table(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_named_by_number_or_id_and_by_nothing_else() {
        assert_eq!("12".parse(), Ok(Named::number(12)));
        assert_eq!("#12".parse(), Ok(Named::number(12)));
        let id =
            "018BCFE5-6800-88d7-9f2a-a2e8ab5f0cf7".parse::<Named>().map(|named| named.to_string());
        assert_eq!(id.as_deref(), Ok("018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7"));
        for wrong in ["", "twelve", "../keys", "12/state", "-1"] {
            assert!(wrong.parse::<Named>().is_err(), "{wrong}");
        }
    }
}
