//! Grouping policies, created, changed and removed.

use model::{
    Duration, Entry, GroupingPolicy, KeyField, Matcher, Mode, OpenWhen, Operation, PolicyId,
    ProjectId,
};

use super::Workload;
use crate::auditor::Auditor;

/// Policies a project has at most.
const POLICIES: u64 = 4;

impl Workload {
    /// Somebody creates, changes or removes a policy; sometimes having seen an old version.
    pub fn policy(&mut self, auditor: &Auditor) -> Entry<'static> {
        let project = self.project();
        let id = PolicyId(u128::from(self.random.between(1, POLICIES)));
        let known = auditor.policies(project).into_iter().find(|policy| policy.id == id);
        let mut seen = known.map(|policy| policy.version);
        if self.random.chance(10) {
            seen = [None, Some(0), Some(9)][self.random.below(3) as usize];
        }
        let operation = if known.is_some() && self.random.chance(25) {
            Operation::DeletePolicy { id, expected_version: seen }
        } else {
            let policy = Box::new(self.some_policy(project, id));
            Operation::PutPolicy { policy, expected_version: seen }
        };
        self.command(project, operation)
    }

    fn some_policy(&mut self, project: ProjectId, id: PolicyId) -> GroupingPolicy {
        let secs = |random: &mut crate::random::Random, least, most| {
            Duration::from_secs(random.between(least, most))
        };
        let window_mode = self.random.chance(35);
        let count = if self.random.chance(30) { self.random.between(2, 4) } else { 1 };
        GroupingPolicy {
            id,
            project,
            name: format!("policy {}", id.0),
            matcher: self.matcher(project),
            key: self.key(),
            mode: if window_mode { Mode::Window } else { Mode::Ongoing },
            window: secs(&mut self.random, 1, 60),
            cap: u32::try_from(self.random.between(1, 8)).unwrap_or(1),
            quiet: secs(&mut self.random, 5, 90),
            reopen_within: secs(&mut self.random, 0, 300),
            open_when: OpenWhen {
                count: u32::try_from(count).unwrap_or(1),
                within: secs(&mut self.random, 1, 120),
            },
            auto_lifecycle: self.random.chance(60),
            resolve_with_alerts: self.random.chance(70),
            position: i64::try_from(self.random.below(3)).unwrap_or(0),
            version: self.random.below(9),
        }
    }

    fn matcher(&mut self, project: ProjectId) -> Matcher {
        let team = KeyField::Label("team".to_owned());
        Matcher(match self.random.below(5) {
            0 => vec![(KeyField::Component, vec![format!("p{project}-c0"), "*-c1".to_owned()])],
            1 => vec![(KeyField::Environment, vec!["prod".to_owned()])],
            2 => vec![
                (team, vec!["r*".to_owned()]),
                (KeyField::Kind, vec!["failure".to_owned(), "alert".to_owned()]),
            ],
            _ => Vec::new(),
        })
    }

    fn key(&mut self) -> Vec<KeyField> {
        let fields = [
            KeyField::Component,
            KeyField::Environment,
            KeyField::ErrorCode,
            KeyField::Source,
            KeyField::Severity,
            KeyField::Label("team".to_owned()),
        ];
        let percent = [15, 40][self.random.below(2) as usize];
        fields.into_iter().filter(|_| self.random.chance(percent)).collect()
    }
}
