//! What people and agents ask for, right and wrong.

use model::{
    ActionItem, Command, CommandId, Duration, Entry, IncidentId, Operation, ProjectId, Rca, Seq,
    Status, Timestamp,
};

use super::Workload;
use crate::auditor::Auditor;

impl Workload {
    /// Somebody works on an incident.
    pub fn work(&mut self, auditor: &Auditor) -> Option<Entry<'static>> {
        let project = self.project();
        let incident = self.some_incident(auditor, project)?;
        let row = auditor.incidents().iter().map(|known| &known.row).find(|row| row.id == incident);
        let status = row.map_or(Status::Open, |row| row.status);
        let operation = match self.random.below(20) {
            0..12 => self.set_state(incident, status),
            12..14 => {
                let assignee = ["ada", "ben"].get(self.random.below(3) as usize);
                Operation::Assign { incident, assignee: assignee.map(|name| (*name).to_owned()) }
            }
            14..16 => Operation::Comment { incident, text: "looking into it".to_owned() },
            16 => Operation::AddLink {
                incident,
                title: "runbook".to_owned(),
                url: "https://example.org/runbook".to_owned(),
            },
            _ => {
                let severity = self.random.chance(70).then(|| self.severity());
                Operation::SetSeverity { incident, severity }
            }
        };
        Some(self.command(project, operation))
    }

    /// Somebody submits an analysis, mostly of what is resolved, and mostly a complete one.
    pub fn analysis(&mut self, auditor: &Auditor, now: Timestamp) -> Option<Entry<'static>> {
        let project = self.project();
        let resolved: Vec<IncidentId> = auditor
            .incidents()
            .iter()
            .filter(|known| known.row.project == project && known.row.status == Status::Resolved)
            .map(|known| known.row.id)
            .collect();
        let incident = match self.random.pick(&resolved).copied() {
            Some(resolved) if self.random.chance(85) => resolved,
            _ => self.some_incident(auditor, project)?,
        };
        let rca = Box::new(self.rca(now));
        Some(self.command(project, Operation::SubmitRca { incident, rca }))
    }

    /// Somebody merges incidents, or splits signals off one.
    pub fn merge(&mut self, auditor: &Auditor) -> Option<Entry<'static>> {
        let project = self.project();
        let incident = self.some_incident(auditor, project)?;
        if self.random.chance(50) {
            let count = self.random.below(4);
            let children =
                (0..count).filter_map(|_| self.some_incident(auditor, project)).collect();
            return Some(self.command(project, Operation::Merge { into: incident, children }));
        }
        // Now and then somebody names signals that were split off before.
        let stale = self.random.chance(20);
        let members: Vec<Seq> = auditor
            .signals()
            .iter()
            .filter(|(_, signal)| {
                signal.incident == Some(incident) || (stale && signal.filed_under == Some(incident))
            })
            .map(|(&seq, _)| seq)
            .collect();
        let percent = self.random.between(10, 90);
        let signals = members.into_iter().filter(|_| self.random.chance(percent)).collect();
        let title = ["", "another thing"][self.random.below(2) as usize].to_owned();
        Some(self.command(project, Operation::Split { incident, signals, title }))
    }

    /// A command that was sent before with an idempotency key, again; sometimes with another request.
    pub fn repeat(&mut self) -> Option<Entry<'static>> {
        let mut command = self.random.pick(&self.commands).cloned()?;
        command.id = self.command_id();
        if self.random.chance(15)
            && let Some((_, request)) = &mut command.idempotency
        {
            *request ^= 1;
        }
        if self.random.chance(10) {
            // The same key in another project is another key.
            command.project = self.project();
        }
        Some(Entry::Command(Box::new(command)))
    }

    pub(super) fn command(&mut self, project: ProjectId, operation: Operation) -> Entry<'static> {
        let (id, actor) = (self.command_id(), self.actor());
        let idempotency = self.random.chance(40).then(|| (self.wide(), self.random.bits()));
        let command = Command { id, project, actor, idempotency, operation };
        if idempotency.is_some() {
            self.commands.push(command.clone());
        }
        Entry::Command(Box::new(command))
    }

    fn command_id(&mut self) -> CommandId {
        self.named_commands += 1;
        CommandId(self.named_commands)
    }

    /// Mostly the next state, sometimes any.
    fn set_state(&mut self, incident: IncidentId, status: Status) -> Operation {
        let next = match status {
            Status::Open => Status::Investigating,
            Status::Investigating => Status::Resolved,
            Status::Resolved => Status::Open,
            Status::Closed => Status::Open,
        };
        let any = self.random.pick(Status::ALL).copied().unwrap_or(next);
        let to = if self.random.chance(85) { next } else { any };
        let reason = ["", " ", "it came back", "done"][self.random.below(4) as usize].to_owned();
        Operation::SetState { incident, to, reason }
    }

    fn rca(&mut self, now: Timestamp) -> Rca {
        let mut rca = Rca {
            root_cause_category: "CODE_DEFECT".to_owned(),
            fix_applied: "Rolled back the release of 14:00.".to_owned(),
            prevention_steps: "A canary stage before each release.".to_owned(),
            ..Rca::default()
        };
        if self.random.chance(30) {
            rca.incident_start = Some(now - Duration::from_secs(self.random.below(3_600)));
        }
        if self.random.chance(40) {
            self.spoil(&mut rca, now);
        }
        rca
    }

    /// Makes one or two fields of an analysis bad.
    fn spoil(&mut self, rca: &mut Rca, now: Timestamp) {
        for _ in 0..self.random.between(1, 2) {
            match self.random.below(7) {
                0 => "GREMLINS".clone_into(&mut rca.root_cause_category),
                1 => "  too short  ".clone_into(&mut rca.fix_applied),
                2 => rca.prevention_steps = format!("  {}  ", "ü".repeat(19)),
                3 => rca.incident_end = Some(Timestamp::from_micros(1)),
                4 => rca.incident_end = Some(now + Duration::from_secs(900)),
                5 => rca.action_items.push(ActionItem {
                    title: "a test".to_owned(),
                    owner: String::new(),
                    due: "2026-02-30".to_owned(),
                }),
                // Exactly twenty characters: good.
                _ => rca.fix_applied = "ü".repeat(20),
            }
        }
    }
}
