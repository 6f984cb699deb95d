//! The past as a rule would have seen it: the signals, incidents and transitions of the last hours, read
//! within bounds.
//!
//! Refuses to know rules. Invariant: whoever is not shown everything is told so.

use lake::{Lake, SignalQuery, StoredSignal};
use model::effect::AuditAction;
use model::{
    AuditRow, Duration, Incident, ProjectId, Reason, Severity, Signal, Status, Timestamp, Trigger,
    limits,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// How much was looked at.
    pub(super) scanned: u64,
    /// When the last that was looked at was received.
    pub(super) last: Option<Timestamp>,
    /// Whether there was more than is looked at.
    pub(super) truncated: bool,
    /// Whether it had to stop before that.
    pub(super) stopped: bool,
}

/// Reads the signals received since then, newest first, until it has to stop. Blocks on the disk.
pub(super) fn walk_signals(
    lake: &dyn Lake,
    project: ProjectId,
    since: Timestamp,
    has_to_stop: impl Fn() -> bool,
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
    let mut walked = Walked::default();
    loop {
        if has_to_stop() {
            return Ok(Walked { stopped: true, ..walked });
        }
        let page = lake.signals(&query)?;
        let ends = page.items.is_empty();
        for row in page.items {
            if has_to_stop() {
                return Ok(Walked { stopped: true, ..walked });
            }
            walked.scanned += 1;
            walked.last = Some(row.received_at);
            each(row);
        }
        match page.next {
            Some(_) if walked.scanned >= SIGNALS => {
                return Ok(Walked { truncated: true, ..walked });
            }
            Some(next) if !ends => query.before = Some(next),
            _ => return Ok(walked),
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

/// Every transition of a timeline that the engine tells of, and every span that `on` asks for in which nobody took
/// the incident up.
fn transitions(rows: &[AuditRow], on: &[Trigger], now: Timestamp) -> Vec<(Timestamp, Trigger)> {
    let mut moments = Vec::new();
    let mut waiting = Waiting::of(on);
    for row in rows {
        moments.extend(waiting.until(row.at));
        if is_taken_in(row) {
            // It follows another from here on, and nothing is told of it any more.
            return moments;
        }
        waiting.see(row);
        moments.extend(trigger(row).map(|trigger| (row.at, trigger)));
    }
    moments.extend(waiting.until(now));
    moments.sort_unstable();
    moments
}

/// Whether an incident was merged into another; the other has such a row too, which names itself.
fn is_taken_in(row: &AuditRow) -> bool {
    matches!(row.action, AuditAction::MergedInto { parent } if row.incident != Some(parent))
}

/// An incident that waits for somebody to take it up, as the engine sees it ([`Incident::is_untaken`]).
#[derive(Debug)]
struct Waiting {
    /// The spans that are asked for, ascending.
    spans: Vec<Duration>,
    /// When it was opened or reopened, and how many of the spans are told of since; `None` once one has passed
    /// in which it was taken up.
    since: Option<(Timestamp, usize)>,
    status: Status,
    assigned: bool,
}

impl Waiting {
    fn of(on: &[Trigger]) -> Self {
        let spans = on.iter().filter_map(|trigger| match trigger {
            Trigger::Unacknowledged(after) => Some(*after),
            _ => None,
        });
        let mut spans: Vec<Duration> = spans.collect();
        spans.sort_unstable();
        Self { spans, since: None, status: Status::Open, assigned: false }
    }

    /// What is told when the spans that end by then end.
    fn until(&mut self, then: Timestamp) -> Vec<(Timestamp, Trigger)> {
        let mut told = Vec::new();
        while let Some((since, next)) = self.since
            && let Some(&span) = self.spans.get(next)
            && then.since(since) >= span
        {
            let untaken = match self.status {
                Status::Open => true,
                Status::Investigating => !self.assigned,
                Status::Resolved | Status::Closed => false,
            };
            self.since = untaken.then_some((since, next + 1));
            if untaken {
                told.push((later(since, span), Trigger::Unacknowledged(span)));
            }
        }
        told
    }

    fn see(&mut self, row: &AuditRow) {
        match &row.action {
            AuditAction::Opened => self.since = Some((row.at, 0)),
            AuditAction::Moved { from: _, to } => {
                self.status = *to;
                // Who takes it up is assigned, unless somebody is.
                self.assigned |= *to == Status::Investigating && row.reason == Reason::ByHand;
                if *to == Status::Open {
                    self.since = Some((row.at, 0));
                }
            }
            AuditAction::Assigned { to } => self.assigned = to.is_some(),
            AuditAction::SeverityChanged { .. }
            | AuditAction::Commented
            | AuditAction::Linked { .. }
            | AuditAction::MergedInto { .. }
            | AuditAction::Split { .. }
            | AuditAction::PolicySaved { .. }
            | AuditAction::PolicyRemoved { .. }
            | AuditAction::DirectiveSaved { .. }
            | AuditAction::DirectiveRemoved { .. }
            | AuditAction::Replayed { .. } => {}
        }
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(at.micros().saturating_add_unsigned(by.micros()))
}

/// What the engine tells of what a row says: it acknowledges by somebody, and reopens by anybody.
fn trigger(row: &AuditRow) -> Option<Trigger> {
    match &row.action {
        AuditAction::Opened => Some(Trigger::Opened),
        // What follows another is told of there.
        AuditAction::Moved { .. } if row.reason == Reason::FollowsParent => None,
        AuditAction::Moved { from: _, to } => match to {
            Status::Investigating => (row.reason != Reason::Quiet).then_some(Trigger::Acknowledged),
            Status::Resolved => Some(Trigger::Resolved),
            Status::Closed => Some(Trigger::Closed),
            Status::Open => Some(Trigger::Reopened),
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
    use model::{Actor, IncidentId, Seq};

    use super::*;

    const OWN: IncidentId = IncidentId(1);

    fn row(second: i64, action: AuditAction, reason: Reason) -> AuditRow {
        AuditRow {
            seq: Seq(1),
            index: 0,
            project: ProjectId(1),
            incident: Some(OWN),
            at: Timestamp::from_micros(second * 1_000_000),
            actor: Actor::system(),
            action,
            reason,
            text: String::new(),
        }
    }

    fn moved(second: i64, from: Status, to: Status, reason: Reason) -> AuditRow {
        row(second, AuditAction::Moved { from, to }, reason)
    }

    fn severity(second: i64, from: Severity, to: Severity) -> AuditRow {
        row(second, AuditAction::SeverityChanged { from, to }, Reason::SeverityRose)
    }

    fn merged(second: i64, parent: IncidentId) -> AuditRow {
        row(second, AuditAction::MergedInto { parent }, Reason::Merged)
    }

    fn written(rows: &[AuditRow]) -> Vec<String> {
        let on = [Trigger::Unacknowledged(Duration::from_secs(60))];
        let now = Timestamp::from_micros(1_000_000_000);
        let moments = transitions(rows, &on, now).into_iter();
        moments.map(|(at, trigger)| format!("{} {trigger}", at.micros() / 1_000_000)).collect()
    }

    #[test]
    fn transitions_and_waits_without_an_answer_are_read_off_a_timeline() {
        use Status::{Closed, Investigating, Open, Resolved};
        let rows = [
            row(0, AuditAction::Opened, Reason::NewKey),
            severity(5, Severity::P2, Severity::P0),
            severity(6, Severity::P0, Severity::P1),
            moved(70, Open, Investigating, Reason::ByHand),
            row(71, AuditAction::Commented, Reason::ByHand),
            moved(80, Investigating, Resolved, Reason::ByHand),
            moved(90, Resolved, Open, Reason::FiredAgain),
            moved(95, Open, Investigating, Reason::ByHand),
            moved(96, Investigating, Resolved, Reason::AllResolved),
            moved(97, Resolved, Closed, Reason::RcaComplete),
        ];
        let expected = [
            "0 opened",
            "5 escalated",
            "60 unacknowledged_for(60s)",
            "70 acknowledged",
            "80 resolved",
            "90 reopened",
            "95 acknowledged",
            "96 resolved",
            "97 closed",
        ];
        assert_eq!(written(&rows), expected);
    }

    #[test]
    fn that_the_system_finds_it_quiet_is_no_acknowledgement_and_a_spike_reopens() {
        use Status::{Investigating, Open, Resolved};
        let rows = [
            row(0, AuditAction::Opened, Reason::NewKey),
            moved(30, Open, Investigating, Reason::Quiet),
            moved(99, Investigating, Open, Reason::NewSpike),
            moved(129, Open, Investigating, Reason::Quiet),
            moved(139, Investigating, Resolved, Reason::QuietWindow),
        ];
        let expected = ["0 opened", "60 unacknowledged_for(60s)", "99 reopened", "139 resolved"];
        assert_eq!(written(&rows), expected);
    }

    #[test]
    fn whoever_is_assigned_to_what_is_quiet_has_taken_it_up() {
        use Status::{Investigating, Open};
        let assigned = |second, to: Option<&str>| {
            row(second, AuditAction::Assigned { to: to.map(str::to_owned) }, Reason::ByHand)
        };
        let quiet = moved(30, Open, Investigating, Reason::Quiet);
        let opened = row(0, AuditAction::Opened, Reason::NewKey);
        let taken = [opened.clone(), quiet.clone(), assigned(40, Some("ana"))];
        assert_eq!(written(&taken), ["0 opened"]);
        let waits = ["0 opened", "60 unacknowledged_for(60s)"];
        let given_back = [taken.as_slice(), &[assigned(50, None)]].concat();
        assert_eq!(written(&given_back), waits);
        assert_eq!(written(&[opened, assigned(40, Some("ana"))]), waits, "it is open");
    }

    #[test]
    fn nothing_is_told_of_an_incident_once_it_follows_another() {
        use Status::{Closed, Investigating, Open};
        let rows = [
            row(0, AuditAction::Opened, Reason::NewKey),
            merged(1, OWN),
            moved(2, Open, Investigating, Reason::ByHand),
            merged(3, IncidentId(2)),
            moved(3, Investigating, Open, Reason::FollowsParent),
            severity(4, Severity::P2, Severity::P0),
            moved(5, Open, Closed, Reason::FollowsParent),
        ];
        assert_eq!(written(&rows), ["0 opened", "2 acknowledged"]);
    }
}
