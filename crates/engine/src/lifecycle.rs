//! The one place that moves an incident, and everything that follows from a move.
//!
//! `OPEN → INVESTIGATING → RESOLVED → CLOSED`; CLOSED takes a [`crate::rca::Complete`], which only
//! the gate in `rca` makes. A person's move is never undone by the system, except that a resolved
//! incident whose key fires again reopens.

use model::effect::AuditAction;
use model::{
    Actor, AuditRow, Effect, Effects, IncidentId, Reason, Severity, Status, Timestamp, Trigger,
    limits,
};

use crate::Engine;
use crate::cases::{Case, Index};
use crate::rca::Complete;
use crate::timers::Timer;

/// Who moves an incident, and why.
#[derive(Debug, Clone)]
pub(crate) enum By {
    System(Reason),
    Somebody(Actor),
}

impl By {
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::System(_) => Actor::system(),
            Self::Somebody(actor) => actor.clone(),
        }
    }

    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::System(reason) => *reason,
            Self::Somebody(_) => Reason::ByHand,
        }
    }
}

impl Engine {
    /// Says that an incident came to be.
    pub(crate) fn announce_opening(
        &mut self,
        index: Index,
        reason: Reason,
        by: By,
        text: String,
        out: &mut Effects,
    ) {
        self.changed(index, out);
        self.audit(index, by.actor(), AuditAction::Opened, reason, text, out);
        self.note(index, Trigger::Opened);
    }

    /// INVESTIGATING: somebody has it, or the system found it quiet.
    pub(crate) fn investigate(&mut self, index: Index, by: By, text: String, out: &mut Effects) {
        let at = self.at;
        let case = self.cases.get_mut(index);
        case.moved_by_system = matches!(by, By::System(_));
        case.investigating_since = at;
        case.incident.acknowledged_at.get_or_insert(at);
        if let By::Somebody(actor) = &by
            && case.incident.assignee.is_none()
        {
            case.incident.assignee = Some(actor.name.clone());
        }
        let acknowledged = matches!(by, By::Somebody(_));
        self.go(index, Status::Investigating, by, text, out);
        if acknowledged {
            self.note(index, Trigger::Acknowledged);
        }
        self.arm_quiet(index);
    }

    /// RESOLVED: it is over.
    pub(crate) fn resolve(&mut self, index: Index, by: By, text: String, out: &mut Effects) {
        let (at, alerts) = (self.at, &self.alerts);
        let case = self.cases.get_mut(index);
        case.incident.resolved_at = Some(at);
        // What an alert leases goes on firing; whatever else fired is over, for nobody may ever say so.
        case.firing.retain(|identity| alerts.fire(identity));
        self.go(index, Status::Resolved, by, text, out);
        self.note(index, Trigger::Resolved);
        self.disarm(index);
    }

    /// RESOLVED because everything that fired has resolved at its source.
    pub(crate) fn resolve_by_source(&mut self, index: Index, reason: Reason, out: &mut Effects) {
        self.resolve(index, By::System(reason), String::new(), out);
    }

    /// Back to OPEN.
    pub(crate) fn reopen(&mut self, index: Index, by: By, out: &mut Effects) {
        self.reopen_with(index, by, String::new(), out);
    }

    /// Back to OPEN, with a person's words.
    pub(crate) fn reopen_with(&mut self, index: Index, by: By, text: String, out: &mut Effects) {
        let case = self.cases.get_mut(index);
        case.incident.resolved_at = None;
        case.moved_by_system = false;
        case.held = matches!(by, By::Somebody(_));
        self.go(index, Status::Open, by, text, out);
        self.note(index, Trigger::Reopened);
        self.arm_quiet(index);
    }

    /// CLOSED, which only a complete root cause analysis makes possible. Children close with it and cite it.
    pub(crate) fn close(
        &mut self,
        index: Index,
        complete: Complete,
        actor: &Actor,
        out: &mut Effects,
    ) {
        let mut family = vec![index];
        family.extend(self.cases.get(index).children.iter().copied());
        let (incident, project) =
            (self.cases.get(index).incident.id, self.cases.get(index).incident.project);
        for &member in &family {
            let at = self.at;
            let closing = &mut self.cases.get_mut(member).incident;
            closing.closed_at = Some(at);
            closing.mttr_seconds = Some(complete.mttr_seconds());
            closing.mtta_seconds = closing
                .acknowledged_at
                .map(|acknowledged_at| acknowledged_at.since(closing.opened_at).secs());
            let reason = if member == index { Reason::RcaComplete } else { Reason::FollowsParent };
            self.set_status(member, Status::Closed, actor.clone(), reason, String::new(), out);
        }
        self.note(index, Trigger::Closed);
        out.push(Effect::RcaAccepted {
            incident,
            project,
            submitted_by: actor.clone(),
            at: self.at,
            rca: Box::new(complete.into_rca()),
        });
        let mut closed = Vec::with_capacity(family.len());
        for member in family.into_iter().rev() {
            self.disarm_all(member);
            closed.push(self.cases.close(member));
        }
        self.let_alerts_go(&closed);
    }

    /// Alerts that fire on when their incident is closed belong nowhere: sent again, they fire anew.
    fn let_alerts_go(&mut self, closed: &[Case]) {
        let signals = closed.iter().map(|case| {
            let split_off = case.split_off.len() as u64;
            case.incident.signal_count + split_off
        });
        // Every identity came with a signal, so what counts fewer has followed all that fire in it.
        if signals.sum::<u64>() > limits::FIRING_IDENTITIES as u64 {
            return self.alerts.let_all_go(&self.cases);
        }
        for identity in closed.iter().flat_map(|case| case.firing.sorted()) {
            self.alerts.let_go(identity, &self.cases);
        }
    }

    /// A signal was worse than all before.
    pub(crate) fn escalate(&mut self, index: Index, severity: Severity, out: &mut Effects) {
        self.change_severity(index, severity, Actor::system(), Reason::SeverityRose, out);
    }

    /// Changes the severity and says so.
    pub(crate) fn change_severity(
        &mut self,
        index: Index,
        severity: Severity,
        actor: Actor,
        reason: Reason,
        out: &mut Effects,
    ) {
        let incident = &mut self.cases.get_mut(index).incident;
        let from = std::mem::replace(&mut incident.severity, severity);
        incident.changed_seq = self.seq;
        self.changed(index, out);
        let action = AuditAction::SeverityChanged { from, to: severity };
        self.audit(index, actor, action, reason, String::new(), out);
        if severity < from {
            self.note(index, Trigger::Escalated);
        }
    }

    /// The quiet deadline of an incident has come.
    pub(crate) fn incident_is_due(&mut self, id: IncidentId, out: &mut Effects) {
        let Some(index) = self.cases.index(id) else { return };
        self.cases.get_mut(index).deadline = None;
        let Some(due) = self.quiet_deadline(index) else { return };
        if due > self.at {
            return self.arm_quiet(index);
        }
        match self.cases.get(index).incident.status {
            Status::Open => self.investigate(index, By::System(Reason::Quiet), String::new(), out),
            Status::Investigating => {
                self.resolve(index, By::System(Reason::QuietWindow), String::new(), out)
            }
            Status::Resolved | Status::Closed => {}
        }
    }

    /// Arms the deadline of an incident that moves on when it is quiet. Signals do not move a deadline
    /// that is armed: when it comes, it looks at what arrived since.
    pub(crate) fn arm_quiet(&mut self, index: Index) {
        let Some(due) = self.quiet_deadline(index) else { return };
        let case = self.cases.get_mut(index);
        let id = case.incident.id;
        match case.deadline {
            Some(armed) if armed <= due => return,
            Some(armed) => self.timers.disarm(armed, Timer::Incident(id)),
            None => {}
        }
        case.deadline = Some(due);
        self.timers.arm(due, Timer::Incident(id));
    }

    /// Emits the whole new state of an incident.
    pub(crate) fn changed(&self, index: Index, out: &mut Effects) {
        out.push(Effect::Incident(Box::new(self.cases.get(index).incident.clone())));
    }

    /// Writes a line of the audit log about an incident.
    pub(crate) fn audit(
        &self,
        index: Index,
        actor: Actor,
        action: AuditAction,
        reason: Reason,
        text: String,
        out: &mut Effects,
    ) {
        let incident = &self.cases.get(index).incident;
        let row = AuditRow {
            seq: self.seq,
            index: next_audit_index(self.seq, out),
            project: incident.project,
            incident: Some(incident.id),
            at: self.at,
            actor,
            action,
            reason,
            text,
        };
        out.push(Effect::Audited(Box::new(row)));
    }

    /// When an incident will have been quiet for long enough to move on.
    fn quiet_deadline(&self, index: Index) -> Option<Timestamp> {
        let case = self.cases.get(index);
        if !case.conduct.auto_lifecycle || case.held || case.parent.is_some() {
            return None;
        }
        let last = case.incident.last_signal_at;
        let conduct = case.conduct;
        match case.incident.status {
            Status::Open => Some(last + conduct.quiet),
            Status::Investigating => {
                let remaining =
                    conduct.quiet_window.micros().saturating_sub(conduct.quiet.micros());
                let since_move = case.investigating_since + model::Duration::from_micros(remaining);
                Some((last + conduct.quiet_window).max(since_move))
            }
            Status::Resolved | Status::Closed => None,
        }
    }

    fn disarm(&mut self, index: Index) {
        let case = self.cases.get_mut(index);
        let id = case.incident.id;
        if let Some(armed) = case.deadline.take() {
            self.timers.disarm(armed, Timer::Incident(id));
        }
    }

    /// Disarms whatever waits for time to pass, because the incident will be a case no more.
    fn disarm_all(&mut self, index: Index) {
        self.disarm(index);
        let case = self.cases.get_mut(index);
        let id = case.incident.id;
        if let Some(armed) = case.reminders.deadline.take() {
            self.timers.disarm(armed, Timer::Reminder(id));
        }
    }

    /// Moves an incident and, after it, its children.
    fn go(&mut self, index: Index, to: Status, by: By, text: String, out: &mut Effects) {
        self.set_status(index, to, by.actor(), by.reason(), text, out);
        let at = self.at;
        for child in self.cases.get(index).children.clone() {
            let incident = &mut self.cases.get_mut(child).incident;
            incident.resolved_at = (to == Status::Resolved).then_some(at);
            if to == Status::Investigating {
                incident.acknowledged_at.get_or_insert(at);
            }
            self.set_status(child, to, by.actor(), Reason::FollowsParent, String::new(), out);
        }
    }

    /// The only writer of `status`.
    pub(crate) fn set_status(
        &mut self,
        index: Index,
        to: Status,
        actor: Actor,
        reason: Reason,
        text: String,
        out: &mut Effects,
    ) {
        let seq = self.seq;
        let incident = &mut self.cases.get_mut(index).incident;
        let from = std::mem::replace(&mut incident.status, to);
        incident.changed_seq = seq;
        let key = incident.key;
        match to {
            Status::Open | Status::Investigating if from.is_active() => {}
            Status::Open | Status::Investigating => self.groups.became_active(key, index),
            Status::Resolved => self.groups.became_resolved(key, index),
            Status::Closed => self.groups.became_closed(key, index),
        }
        self.changed(index, out);
        self.audit(index, actor, AuditAction::Moved { from, to }, reason, text, out);
    }
}

/// The number of audit rows that the entry at `seq` has caused so far: they are the last effects.
pub(crate) fn next_audit_index(seq: model::Seq, out: &Effects) -> u32 {
    let rows = out.0.iter().rev().filter_map(|effect| match effect {
        Effect::Audited(row) => Some(row),
        _ => None,
    });
    rows.take(1).find(|row| row.seq == seq).map_or(0, |row| row.index + 1)
}
