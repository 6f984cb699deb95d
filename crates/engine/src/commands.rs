//! What people and agents ask for: checked against where things stand, then done or refused.

use std::collections::VecDeque;

use hashbrown::HashMap;
use model::effect::AuditAction;
use model::{
    Actor, ActorKind, AuditRow, Command, Effect, Effects, GroupingPolicy, IncidentId, Mode,
    Operation, Outcome, PolicyId, ProjectId, Rca, Reason, Refusal, Severity, Status, limits,
};

use crate::Engine;
use crate::cases::Index;
use crate::lifecycle::{By, next_audit_index};
use crate::rca;

/// Outcomes of commands that came with an idempotency key, for as long as it is remembered.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    known: HashMap<(ProjectId, u128), (u64, Outcome)>,
    order: VecDeque<(ProjectId, u128)>,
}

impl Answered {
    pub(crate) fn get(&self, project: ProjectId, key: u128) -> Option<&(u64, Outcome)> {
        self.known.get(&(project, key))
    }

    pub(crate) fn remember(
        &mut self,
        project: ProjectId,
        key: u128,
        request: u64,
        outcome: Outcome,
    ) {
        if self.known.insert((project, key), (request, outcome)).is_none() {
            self.order.push_back((project, key));
        }
        if self.order.len() > limits::IDEMPOTENCY_KEYS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Everything remembered, oldest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (ProjectId, u128, u64, &Outcome)> {
        self.order.iter().map(|entry| {
            let (request, outcome) = &self.known[entry];
            (entry.0, entry.1, *request, outcome)
        })
    }
}

impl Engine {
    pub(crate) fn command(&mut self, command: &Command, out: &mut Effects) {
        let outcome = self.answer(command, out);
        out.push(Effect::Replied { command: command.id, outcome });
    }

    fn answer(&mut self, command: &Command, out: &mut Effects) -> Outcome {
        if let Some((key, request)) = command.idempotency
            && let Some((first, outcome)) = self.answered.get(command.project, key)
        {
            let same = *first == request;
            return if same {
                outcome.clone()
            } else {
                Outcome::Refused(Refusal::IdempotencyMismatch)
            };
        }
        match self.execute(command, out) {
            Ok(outcome) => {
                if let Some((key, request)) = command.idempotency {
                    self.answered.remember(command.project, key, request, outcome.clone());
                }
                outcome
            }
            // A refusal changes nothing, so asking again asks anew.
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    fn execute(&mut self, command: &Command, out: &mut Effects) -> Result<Outcome, Refusal> {
        let (project, actor) = (command.project, &command.actor);
        match &command.operation {
            Operation::SetState { incident, to, reason } => {
                self.set_state(project, *incident, *to, reason, actor, out)?;
                Ok(Outcome::Incident(*incident))
            }
            Operation::SubmitRca { incident, rca } => {
                self.submit_rca(project, *incident, rca, actor, out)
            }
            Operation::Assign { incident, assignee } => {
                self.assign(project, *incident, assignee.as_deref(), actor, out)
            }
            Operation::Comment { incident, text } => {
                let index = self.open_case(project, *incident)?;
                self.audit(
                    index,
                    actor.clone(),
                    AuditAction::Commented,
                    Reason::ByHand,
                    text.clone(),
                    out,
                );
                Ok(Outcome::Incident(*incident))
            }
            Operation::AddLink { incident, title, url } => {
                self.add_link(project, *incident, title, url, actor, out)
            }
            Operation::SetSeverity { incident, severity } => {
                self.set_severity(project, *incident, *severity, actor, out)
            }
            Operation::Merge { into, children } => self.merge(project, *into, children, actor, out),
            Operation::Split { incident, signals, title } => {
                self.split(project, *incident, signals, title, actor, out)
            }
            Operation::PutPolicy { policy, expected_version } => {
                self.put_policy(project, policy, *expected_version, actor, out)
            }
            Operation::DeletePolicy { id, expected_version } => {
                self.delete_policy(project, *id, *expected_version, actor, out)
            }
            Operation::PutDirective { directive, expected_version } => {
                self.put_directive(project, directive, *expected_version, actor, out)
            }
            Operation::DeleteDirective { kind, id, expected_version } => {
                self.delete_directive(project, *kind, *id, *expected_version, actor, out)
            }
            Operation::ReplayDeadLetters { letters } => {
                self.replay_letters(project, letters, actor, out)
            }
        }
    }

    /// A case that is not closed, or why not.
    pub(crate) fn open_case(&self, project: ProjectId, id: IncidentId) -> Result<Index, Refusal> {
        self.cases.find(project, id).ok_or_else(|| {
            if self.cases.is_closed(project, id) {
                let (from, to) = (Status::Closed, Status::Closed);
                return Refusal::IllegalTransition { from, to, legal: Vec::new() };
            }
            Refusal::NotFound
        })
    }

    fn set_state(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        to: Status,
        reason: &str,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.movable_case(project, id, to)?;
        let from = self.cases.get(index).incident.status;
        let by = By::Somebody(actor.clone());
        match (from, to) {
            (Status::Open, Status::Investigating) => {
                self.investigate(index, by, reason.to_owned(), out)
            }
            (Status::Investigating, Status::Resolved) => {
                self.resolve(index, by, reason.to_owned(), out)
            }
            (Status::Resolved, Status::Open) => self.reopen_by_hand(index, by, reason, out)?,
            (Status::Resolved, Status::Closed) => return Err(Refusal::RcaRequired),
            (from, to) => return Err(self.illegal(index, from, to)),
        }
        Ok(())
    }

    fn reopen_by_hand(
        &mut self,
        index: Index,
        by: By,
        reason: &str,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        if by.actor().kind != ActorKind::Person {
            return Err(Refusal::PersonRequired);
        }
        if self.key_is_taken(index, index) {
            return Err(self.illegal(index, Status::Resolved, Status::Open));
        }
        if reason.trim().is_empty() {
            return Err(Refusal::ReasonRequired);
        }
        self.reopen_with(index, by, reason.to_owned(), out);
        Ok(())
    }

    /// Whether an incident outside the family of `root` is open with the key of this one or of its
    /// children: then reopening it under `root` would make two with one key (I3). Windows do not
    /// count, they have several by nature.
    pub(crate) fn key_is_taken(&self, index: Index, root: Index) -> bool {
        let family = std::iter::once(index).chain(self.cases.get(index).children.iter().copied());
        let ongoing = family
            .map(|member| self.cases.get(member))
            .filter(|case| case.conduct.mode == Mode::Ongoing);
        ongoing
            .filter_map(|case| self.groups.get(case.incident.key))
            .any(|group| group.active().any(|other| self.cases.root(other) != root))
    }

    fn illegal(&self, index: Index, from: Status, to: Status) -> Refusal {
        let taken = self.key_is_taken(index, index);
        let legal = from.legal_by_hand().iter().copied();
        let legal = legal
            .filter(|&status| !(from == Status::Resolved && status == Status::Open && taken))
            .collect();
        Refusal::IllegalTransition { from, to, legal }
    }

    /// A case that may be moved by itself: it is there and does not follow another.
    fn movable_case(
        &self,
        project: ProjectId,
        id: IncidentId,
        to: Status,
    ) -> Result<Index, Refusal> {
        let Some(index) = self.cases.find(project, id) else {
            if self.cases.is_closed(project, id) {
                return Err(Refusal::IllegalTransition {
                    from: Status::Closed,
                    to,
                    legal: Vec::new(),
                });
            }
            return Err(Refusal::NotFound);
        };
        match self.cases.get(index).parent {
            Some(parent) => Err(Refusal::FollowsParent(self.cases.get(parent).incident.id)),
            None => Ok(index),
        }
    }

    fn submit_rca(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        analysis: &Rca,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let index = self.movable_case(project, id, Status::Closed)?;
        let incident = &self.cases.get(index).incident;
        if incident.status != Status::Resolved {
            return Err(self.illegal(index, incident.status, Status::Closed));
        }
        if actor.kind != ActorKind::Person {
            return Err(Refusal::PersonRequired);
        }
        let complete =
            rca::check(analysis, incident.first_signal_at, self.at).map_err(Refusal::RcaInvalid)?;
        self.close(index, complete, actor, out);
        Ok(Outcome::Incident(id))
    }

    fn assign(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        assignee: Option<&str>,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let index = self.open_case(project, id)?;
        let to = assignee.map(str::to_owned);
        let incident = &mut self.cases.get_mut(index).incident;
        incident.assignee.clone_from(&to);
        incident.changed_seq = self.seq;
        self.changed(index, out);
        self.audit(
            index,
            actor.clone(),
            AuditAction::Assigned { to },
            Reason::ByHand,
            String::new(),
            out,
        );
        Ok(Outcome::Incident(id))
    }

    fn add_link(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        title: &str,
        url: &str,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let index = self.open_case(project, id)?;
        let incident = &mut self.cases.get_mut(index).incident;
        if incident.links.len() >= limits::INCIDENT_LINKS {
            return Err(Refusal::Limit("links of an incident"));
        }
        incident.links.push((title.to_owned(), url.to_owned()));
        incident.changed_seq = self.seq;
        self.changed(index, out);
        let action = AuditAction::Linked { url: url.to_owned() };
        self.audit(index, actor.clone(), action, Reason::ByHand, title.to_owned(), out);
        Ok(Outcome::Incident(id))
    }

    fn set_severity(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        severity: Option<Severity>,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let index = self.open_case(project, id)?;
        let case = self.cases.get_mut(index);
        case.incident.severity_pinned = severity.is_some();
        let to = severity.unwrap_or(case.worst);
        self.change_severity(index, to, actor.clone(), Reason::ByHand, out);
        Ok(Outcome::Incident(id))
    }

    fn put_policy(
        &mut self,
        project: ProjectId,
        policy: &GroupingPolicy,
        expected_version: Option<u64>,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let version = match (self.policies.get(project, policy.id), expected_version) {
            (None, None) if self.policies.count(project) >= limits::POLICIES => {
                return Err(Refusal::Limit("grouping policies of a project"));
            }
            (None, None) => 1,
            (None, Some(_)) => return Err(Refusal::NotFound),
            (Some(known), Some(expected)) if known.version == expected => expected + 1,
            (Some(known), _) => return Err(Refusal::StaleVersion { current: known.version }),
        };
        let saved = GroupingPolicy { project, version, ..policy.clone() };
        self.policies.put(saved.clone());
        let action = AuditAction::PolicySaved { policy: saved.id, version };
        self.audit_project(project, actor, action, &saved.name, out);
        let id = saved.id;
        out.push(Effect::PolicySaved(Box::new(saved)));
        Ok(Outcome::Policy { id, version })
    }

    fn delete_policy(
        &mut self,
        project: ProjectId,
        id: PolicyId,
        expected_version: Option<u64>,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let current = self.policies.get(project, id).ok_or(Refusal::NotFound)?.version;
        if expected_version.is_some_and(|expected| expected != current) {
            return Err(Refusal::StaleVersion { current });
        }
        let removed = self.policies.remove(project, id).ok_or(Refusal::NotFound)?;
        self.audit_project(
            project,
            actor,
            AuditAction::PolicyRemoved { policy: id },
            &removed.name,
            out,
        );
        out.push(Effect::PolicyRemoved { project, id });
        Ok(Outcome::Policy { id, version: current })
    }

    /// Writes a line of the audit log about something of the project that is no incident.
    pub(crate) fn audit_project(
        &self,
        project: ProjectId,
        actor: &Actor,
        action: AuditAction,
        name: &str,
        out: &mut Effects,
    ) {
        let row = AuditRow {
            seq: self.seq,
            index: next_audit_index(self.seq, out),
            project,
            incident: None,
            at: self.at,
            actor: actor.clone(),
            action,
            reason: Reason::ByHand,
            text: name.to_owned(),
        };
        out.push(Effect::Audited(Box::new(row)));
    }
}
