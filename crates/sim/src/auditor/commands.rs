//! What people and agents may do, and what follows.

use std::collections::BTreeSet;

use model::{
    Actor, ActorKind, Command, GroupingPolicy, IncidentId, Operation, PolicyId, ProjectId, Rca,
    Reason, Severity, Status, limits,
};

use super::answer::{Answer, Refused};
use super::{Auditor, rca};

impl Auditor {
    /// A command: answered as before where its key says that it is the same, or done, or refused.
    pub(super) fn command(&mut self, command: &Command) -> Answer {
        let Some((key, request)) = command.idempotency else {
            return self.execute(command).unwrap_or_else(Answer::Refused);
        };
        if let Some((first, answer)) = self.answered.get(&(command.project, key)) {
            let same = *first == request;
            return if same { answer.clone() } else { Answer::Refused(Refused::Mismatch) };
        }
        match self.execute(command) {
            Ok(answer) => {
                self.answered.insert((command.project, key), (request, answer.clone()));
                answer
            }
            Err(refused) => Answer::Refused(refused),
        }
    }

    fn execute(&mut self, command: &Command) -> Result<Answer, Refused> {
        let (project, by) = (command.project, &command.actor);
        match &command.operation {
            Operation::SetState { incident, to, reason } => {
                self.set_state(project, *incident, *to, reason, by)
            }
            Operation::SubmitRca { incident, rca } => self.submit_rca(project, *incident, rca, by),
            Operation::Assign { incident, assignee } => {
                self.open_incident(project, *incident)?;
                self.incident_mut(*incident).row.assignee.clone_from(assignee);
                Ok(Answer::Incident(*incident))
            }
            Operation::Comment { incident, text: _ } => {
                self.open_incident(project, *incident)?;
                Ok(Answer::Incident(*incident))
            }
            Operation::AddLink { incident, title, url } => {
                self.open_incident(project, *incident)?;
                let links = &mut self.incident_mut(*incident).row.links;
                if links.len() >= limits::INCIDENT_LINKS {
                    return Err(Refused::Limit);
                }
                links.push((title.clone(), url.clone()));
                Ok(Answer::Incident(*incident))
            }
            Operation::SetSeverity { incident, severity } => {
                self.set_severity(project, *incident, *severity)
            }
            Operation::Merge { into, children } => self.merge(project, *into, children, by),
            Operation::Split { incident, signals, title: _ } => {
                self.split(project, *incident, signals)
            }
            Operation::PutPolicy { policy, expected_version } => {
                self.put_policy(project, policy, *expected_version)
            }
            Operation::DeletePolicy { id, expected_version } => {
                self.delete_policy(project, *id, *expected_version)
            }
            Operation::PutDirective { directive, expected_version } => {
                self.put_directive(project, directive, *expected_version)
            }
            Operation::DeleteDirective { kind, id, expected_version } => {
                self.delete_directive(project, *kind, *id, *expected_version)
            }
            Operation::ReplayDeadLetters { letters } => {
                let distinct: BTreeSet<_> = letters.iter().collect();
                Ok(Answer::Replayed(distinct.len() as u64))
            }
        }
    }

    /// Refuses what is not there, is another project's, or is closed.
    pub(super) fn open_incident(&self, project: ProjectId, id: IncidentId) -> Result<(), Refused> {
        let mut incidents = self.incidents.iter().map(|incident| &incident.row);
        match incidents.find(|row| row.id == id && row.project == project) {
            None => Err(Refused::NotFound),
            Some(row) if row.status == Status::Closed => Err(Refused::Illegal(Status::Closed)),
            Some(_) => Ok(()),
        }
    }

    /// As [`Self::open_incident`], and refuses what follows another.
    fn free_incident(&self, project: ProjectId, id: IncidentId) -> Result<Status, Refused> {
        self.open_incident(project, id)?;
        let row = &self.incident(id).row;
        row.merged_into.map_or(Ok(row.status), |parent| Err(Refused::FollowsParent(parent)))
    }

    fn set_state(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        to: Status,
        reason: &str,
        by: &Actor,
    ) -> Result<Answer, Refused> {
        match (self.free_incident(project, id)?, to) {
            (Status::Open, Status::Investigating) => {
                self.investigate(id, Some(by), Reason::ByHand);
            }
            (Status::Investigating, Status::Resolved) => self.resolve(id, Some(by), Reason::ByHand),
            (Status::Resolved, Status::Open) => {
                if by.kind != ActorKind::Person {
                    return Err(Refused::PersonRequired);
                }
                if self.key_is_taken(id, id) {
                    return Err(Refused::Illegal(Status::Resolved));
                }
                if reason.trim().is_empty() {
                    return Err(Refused::ReasonRequired);
                }
                self.reopen(id, Some(by), Reason::ByHand);
            }
            (Status::Resolved, Status::Closed) => return Err(Refused::RcaRequired),
            (from, _) => return Err(Refused::Illegal(from)),
        }
        Ok(Answer::Incident(id))
    }

    fn submit_rca(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        analysis: &Rca,
        by: &Actor,
    ) -> Result<Answer, Refused> {
        let status = self.free_incident(project, id)?;
        if status != Status::Resolved {
            return Err(Refused::Illegal(status));
        }
        if by.kind != ActorKind::Person {
            return Err(Refused::PersonRequired);
        }
        let first_signal_at = self.incident(id).row.first_signal_at;
        let bad = rca::bad_fields(analysis, first_signal_at, self.at);
        if !bad.is_empty() {
            return Err(Refused::RcaInvalid(bad));
        }
        let (start, end) = rca::span(analysis, first_signal_at, self.at);
        self.close(id, by, end.since(start).secs());
        Ok(Answer::Incident(id))
    }

    fn set_severity(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        severity: Option<Severity>,
    ) -> Result<Answer, Refused> {
        self.open_incident(project, id)?;
        let incident = self.incident_mut(id);
        incident.row.severity_pinned = severity.is_some();
        let before = incident.row.severity;
        incident.row.severity = severity.unwrap_or(incident.worst);
        self.note_rise(id, before);
        Ok(Answer::Incident(id))
    }

    fn put_policy(
        &mut self,
        project: ProjectId,
        policy: &GroupingPolicy,
        expected_version: Option<u64>,
    ) -> Result<Answer, Refused> {
        let current = self.policies.get(&(project, policy.id)).map(|policy| policy.version);
        let version = match (current, expected_version) {
            (None, None) if self.policies(project).len() >= limits::POLICIES => {
                return Err(Refused::Limit);
            }
            (None, None) => 1,
            (None, Some(_)) => return Err(Refused::NotFound),
            (Some(current), Some(expected)) if current == expected => current + 1,
            (Some(current), _) => return Err(Refused::Stale(current)),
        };
        let saved = GroupingPolicy { project, version, ..policy.clone() };
        self.policies.insert((project, policy.id), saved);
        Ok(Answer::Policy(policy.id, version))
    }

    fn delete_policy(
        &mut self,
        project: ProjectId,
        id: PolicyId,
        expected_version: Option<u64>,
    ) -> Result<Answer, Refused> {
        let found = self.policies.get(&(project, id)).map(|policy| policy.version);
        let current = found.ok_or(Refused::NotFound)?;
        if expected_version.is_some_and(|expected| expected != current) {
            return Err(Refused::Stale(current));
        }
        self.policies.remove(&(project, id));
        Ok(Answer::Policy(id, current))
    }
}
