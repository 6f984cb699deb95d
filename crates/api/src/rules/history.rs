//! The past as a rule would have seen it: the signals, incidents and transitions of the last hours, read
//! within bounds.
//!
//! Refuses to know rules. Invariant: whoever is not shown everything is told so.

use lake::{Lake, SignalQuery, StoredSignal};
use model::effect::AuditAction;
use model::{
    AuditRow, Duration, Incident, ProjectId, Severity, Signal, Status, Timestamp, Trigger, limits,
};
use store::IncidentFilter;

use crate::Api;
use crate::incidents::opening_signal;
use crate::problem::Problem;

/// Signals that one dry run reads at most.
pub(super) const SIGNALS: u64 = 200_000;
/// Incidents that one dry run reads at most.
const INCIDENTS: usize = 10_000;
/// Pages of one incident's timeline that are read at most.
const TIMELINE_PAGES: usize = 4;

/// How far reading got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    /// How much was read.
    pub(super) scanned: u64,
    /// Whether there was more.
    pub(super) truncated: bool,
}

/// Reads the signals received since then, newest first. Blocks on the disk.
pub(super) fn walk_signals(
    lake: &dyn Lake,
    project: ProjectId,
    since: Timestamp,
    mut each: impl FnMut(StoredSignal),
) -> Result<Walked, lake::Error> {
    let mut query = SignalQuery {
        project,
        incidents: None,
        moved_in: Vec::new(),
        moved_out: Vec::new(),
        ids: Vec::new(),
        from: Some(since),
        until: None,
        limit: lake::PAGE_ROWS,
        before: None,
    };
    let mut scanned = 0;
    loop {
        let page = lake.signals(&query)?;
        let ends = page.items.is_empty();
        scanned += page.items.len() as u64;
        page.items.into_iter().for_each(&mut each);
        match page.next {
            Some(_) if scanned >= SIGNALS => return Ok(Walked { scanned, truncated: true }),
            Some(next) if !ends => query.before = Some(next),
            _ => return Ok(Walked { scanned, truncated: false }),
        }
    }
}

/// The incidents to which something happened since then.
pub(super) async fn incidents(
    api: &Api,
    project: ProjectId,
    since: Timestamp,
) -> Result<(Vec<Incident>, bool), Problem> {
    let mut filter = IncidentFilter {
        statuses: vec![Status::Open, Status::Investigating, Status::Resolved, Status::Closed],
        limit: limits::PAGE,
        ..IncidentFilter::default()
    };
    let recent = |incident: &Incident| {
        let ends = [incident.acknowledged_at, incident.resolved_at, incident.closed_at];
        incident.last_signal_at >= since || ends.iter().flatten().any(|at| *at >= since)
    };
    let mut read = 0;
    let mut found = Vec::new();
    loop {
        let page = api.ports().store.incidents(project, &filter).await?;
        let ends = page.items.is_empty();
        read += page.items.len();
        found.extend(page.items.into_iter().filter(recent));
        match page.next {
            Some(_) if read >= INCIDENTS => return Ok((found, true)),
            Some(next) if !ends => filter.after = Some(next),
            _ => return Ok((found, false)),
        }
    }
}

/// The signal that opened an incident, for one that was opened before the signals that were read.
pub(super) async fn opened_by(
    api: &Api,
    incident: &Incident,
) -> Result<Option<Signal<'static>>, Problem> {
    opening_signal(api, incident).await
}

/// What happened to an incident since then that `on` asks for.
pub(super) async fn happened(
    api: &Api,
    incident: &Incident,
    on: &[Trigger],
    since: Timestamp,
) -> Result<Vec<(Timestamp, Trigger)>, Problem> {
    let (store, now) = (&api.ports().store, api.ports().clock.now());
    let mut rows = Vec::new();
    let mut after = None;
    for _ in 0..TIMELINE_PAGES {
        let page = store.timeline(incident.project, incident.id, after, limits::PAGE).await?;
        rows.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut moments = transitions(&rows, on, now);
    moments.retain(|(at, trigger)| *at >= since && on.contains(trigger));
    Ok(moments)
}

/// Every transition of a timeline, and every wait for an answer that `on` asks for and nobody ended.
fn transitions(rows: &[AuditRow], on: &[Trigger], now: Timestamp) -> Vec<(Timestamp, Trigger)> {
    let mut moments = Vec::new();
    let mut waits_since: Option<Timestamp> = None;
    for row in rows {
        let Some(trigger) = trigger(&row.action) else { continue };
        if matches!(row.action, AuditAction::Moved { .. }) {
            moments.extend(unanswered(waits_since.take(), row.at, on));
        }
        if matches!(trigger, Trigger::Opened | Trigger::Reopened) {
            waits_since = Some(row.at);
        }
        moments.push((row.at, trigger));
    }
    moments.extend(unanswered(waits_since, now, on));
    moments.sort_unstable();
    moments
}

/// The waits for an answer that ended without one between `since` and `until`.
fn unanswered(
    since: Option<Timestamp>,
    until: Timestamp,
    on: &[Trigger],
) -> impl Iterator<Item = (Timestamp, Trigger)> {
    on.iter().filter_map(move |trigger| match (since, *trigger) {
        (Some(since), Trigger::Unacknowledged(after)) if until.since(since) >= after => {
            Some((later(since, after), *trigger))
        }
        _ => None,
    })
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(at.micros().saturating_add_unsigned(by.micros()))
}

fn trigger(action: &AuditAction) -> Option<Trigger> {
    match action {
        AuditAction::Opened => Some(Trigger::Opened),
        AuditAction::Moved { from, to } => match (from, to) {
            (_, Status::Investigating) => Some(Trigger::Acknowledged),
            (_, Status::Resolved) => Some(Trigger::Resolved),
            (_, Status::Closed) => Some(Trigger::Closed),
            (Status::Resolved, Status::Open) => Some(Trigger::Reopened),
            (_, Status::Open) => None,
        },
        AuditAction::SeverityChanged { from, to } => rose(*from, *to).then_some(Trigger::Escalated),
        AuditAction::Assigned { .. }
        | AuditAction::Commented
        | AuditAction::Linked { .. }
        | AuditAction::MergedInto { .. }
        | AuditAction::Split { .. }
        | AuditAction::PolicySaved { .. }
        | AuditAction::PolicyRemoved { .. }
        | AuditAction::DirectiveSaved { .. }
        | AuditAction::DirectiveRemoved { .. }
        | AuditAction::Replayed { .. } => None,
    }
}

fn rose(from: Severity, to: Severity) -> bool {
    from != to && from.worse(to) == to
}

#[cfg(test)]
mod tests {
    use model::{Actor, Reason, Seq};

    use super::*;

    fn row(second: i64, action: AuditAction) -> AuditRow {
        AuditRow {
            seq: Seq(1),
            index: 0,
            project: ProjectId(1),
            incident: None,
            at: Timestamp::from_micros(second * 1_000_000),
            actor: Actor::system(),
            action,
            reason: Reason::ByHand,
            text: String::new(),
        }
    }

    fn moved(from: Status, to: Status) -> AuditAction {
        AuditAction::Moved { from, to }
    }

    #[test]
    fn transitions_and_waits_without_an_answer_are_read_off_a_timeline() {
        let rows = [
            row(0, AuditAction::Opened),
            row(5, AuditAction::SeverityChanged { from: Severity::P2, to: Severity::P0 }),
            row(6, AuditAction::SeverityChanged { from: Severity::P0, to: Severity::P1 }),
            row(70, moved(Status::Open, Status::Investigating)),
            row(71, AuditAction::Commented),
            row(80, moved(Status::Investigating, Status::Resolved)),
            row(90, moved(Status::Resolved, Status::Open)),
            row(95, moved(Status::Open, Status::Investigating)),
            row(99, moved(Status::Investigating, Status::Open)),
        ];
        let on = [Trigger::Unacknowledged(Duration::from_secs(60))];
        let now = Timestamp::from_micros(1_000_000_000);
        let written: Vec<String> = transitions(&rows, &on, now)
            .iter()
            .map(|(at, trigger)| format!("{} {trigger}", at.micros() / 1_000_000))
            .collect();
        let expected = [
            "0 opened",
            "5 escalated",
            "60 unacknowledged_for(60s)",
            "70 acknowledged",
            "80 resolved",
            "90 reopened",
            "95 acknowledged",
        ];
        assert_eq!(written, expected);
    }
}
