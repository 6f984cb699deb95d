//! Moves of an incident and of what was merged into it, and deadlines of quiet.

use model::{Actor, ActorKind, Duration, IncidentId, Reason, Status, Timestamp, Trigger};

use super::Auditor;
use super::alerts::Identity;
use super::incident::Move;

impl Auditor {
    /// INVESTIGATING, by somebody or by the system.
    pub(super) fn investigate(&mut self, id: IncidentId, by: Option<&Actor>, reason: Reason) {
        let at = self.at;
        let incident = self.incident_mut(id);
        incident.by_system = by.is_none();
        incident.investigating_since = at;
        if let Some(actor) = by
            && incident.row.assignee.is_none()
        {
            incident.row.assignee = Some(actor.name.clone());
        }
        self.go(id, Status::Investigating, by, reason);
        // That the system finds it quiet is no answer of anybody.
        if by.is_some() {
            self.note(id, Trigger::Acknowledged);
        }
        self.arm_quiet(id);
    }

    /// RESOLVED: nothing is waited for, and only what an alert leases goes on firing in it.
    pub(super) fn resolve(&mut self, id: IncidentId, by: Option<&Actor>, reason: Reason) {
        let project = self.incident(id).row.project;
        let mut firing = std::mem::take(&mut self.incident_mut(id).firing);
        firing.retain(|identity| match identity {
            Identity::Signal(_) => false,
            Identity::Alert(fingerprint) => {
                self.alerts.get(&(project, *fingerprint)).is_some_and(|alert| alert.firing)
            }
        });
        self.incident_mut(id).firing = firing;
        self.go(id, Status::Resolved, by, reason);
        self.note(id, Trigger::Resolved);
        self.incident_mut(id).deadline = None;
    }

    /// Back to OPEN.
    pub(super) fn reopen(&mut self, id: IncidentId, by: Option<&Actor>, reason: Reason) {
        let incident = self.incident_mut(id);
        incident.by_system = false;
        incident.held = by.is_some();
        self.go(id, Status::Open, by, reason);
        self.note(id, Trigger::Reopened);
        self.arm_quiet(id);
    }

    /// CLOSED with everything merged into it; `mttr_seconds` comes from the analysis.
    pub(super) fn close(&mut self, id: IncidentId, by: &Actor, mttr_seconds: u64) {
        let family = std::iter::once(id).chain(self.children(id));
        for member in family.collect::<Vec<_>>() {
            let at = self.at;
            let row = &mut self.incident_mut(member).row;
            row.closed_at = Some(at);
            row.mttr_seconds = Some(mttr_seconds);
            row.mtta_seconds = row.acknowledged_at.map(|then| then.since(row.opened_at).secs());
            let reason = if member == id { Reason::RcaComplete } else { Reason::FollowsParent };
            self.set_status(member, Status::Closed, Some(by), reason);
            self.incident_mut(member).deadline = None;
            self.end_windows(member);
            self.end_reminders(member);
        }
        self.note(id, Trigger::Closed);
    }

    /// Moves an incident and, after it, its children.
    fn go(&mut self, id: IncidentId, to: Status, by: Option<&Actor>, reason: Reason) {
        let family = std::iter::once(id).chain(self.children(id));
        for member in family.collect::<Vec<_>>() {
            let at = self.at;
            let row = &mut self.incident_mut(member).row;
            row.resolved_at = match to {
                Status::Resolved => Some(at),
                // An incident is INVESTIGATING before it is resolved, and again only by way of OPEN.
                Status::Open | Status::Investigating => None,
                Status::Closed => row.resolved_at,
            };
            if to == Status::Investigating {
                row.acknowledged_at.get_or_insert(at);
            }
            let reason = if member == id { reason } else { Reason::FollowsParent };
            self.set_status(member, to, by, reason);
        }
    }

    pub(super) fn set_status(
        &mut self,
        id: IncidentId,
        to: Status,
        by: Option<&Actor>,
        reason: Reason,
    ) {
        let (at, moment) = (self.at, self.moment());
        let incident = self.incident_mut(id);
        let from = std::mem::replace(&mut incident.row.status, to);
        if to.is_active() && !from.is_active() {
            incident.activated = moment;
        }
        if to == Status::Resolved {
            incident.resolved = moment;
        }
        let by = by.map_or(ActorKind::System, |actor| actor.kind);
        incident.moves.push(Move { from, to, by, reason, at });
    }

    /// A deadline of quiet has come: it looks at what arrived since it was set.
    pub(super) fn incident_is_due(&mut self, id: IncidentId) {
        self.incident_mut(id).deadline = None;
        let Some(due) = self.quiet_until(id) else { return };
        if due > self.at {
            return self.arm_quiet(id);
        }
        match self.incident(id).row.status {
            Status::Open => self.investigate(id, None, Reason::Quiet),
            Status::Investigating => self.resolve(id, None, Reason::QuietWindow),
            Status::Resolved | Status::Closed => {}
        }
    }

    /// Sets the deadline of quiet, unless an earlier one is set.
    pub(super) fn arm_quiet(&mut self, id: IncidentId) {
        let Some(due) = self.quiet_until(id) else { return };
        let deadline = &mut self.incident_mut(id).deadline;
        *deadline = Some(deadline.map_or(due, |set| set.min(due)));
    }

    /// Until when it has to stay quiet for the system to move it on.
    fn quiet_until(&self, id: IncidentId) -> Option<Timestamp> {
        let incident = self.incident(id);
        if !incident.auto_lifecycle || incident.held || incident.row.merged_into.is_some() {
            return None;
        }
        let (last, quiet) = (incident.row.last_signal_at, incident.quiet);
        let times = |n: u64| Duration::from_micros(quiet.micros().saturating_mul(n));
        match incident.row.status {
            Status::Open => Some(last + quiet),
            // Quiet for five times `quiet`, and at least four times that after INVESTIGATING.
            Status::Investigating => {
                Some((last + times(5)).max(incident.investigating_since + times(4)))
            }
            Status::Resolved | Status::Closed => None,
        }
    }
}
