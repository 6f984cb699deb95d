//! Directives: created, changed and removed by commands, and what of them is in force.

use std::collections::BTreeSet;

use model::{
    Directive, DirectiveBody, DirectiveId, DirectiveKind, Escalation, Inhibition, ProjectId, Rule,
    Silence,
};

use super::super::answer::{Answer, Refused};
use crate::auditor::Auditor;

impl Auditor {
    /// The directives of a kind, by id.
    #[must_use]
    pub fn directives(&self, project: ProjectId, kind: DirectiveKind) -> Vec<&Directive> {
        self.of(project, kind).collect()
    }

    pub(in crate::auditor) fn put_directive(
        &mut self,
        project: ProjectId,
        directive: &Directive,
        expected: Option<u64>,
    ) -> Result<Answer, Refused> {
        let (kind, id) = (directive.body.kind(), directive.id);
        let current = self.telling.directives.get(&(project, kind, id)).map(|known| known.version);
        let version = match (current, expected) {
            (None, None) => 1,
            (None, Some(_)) => return Err(Refused::NotFound),
            (Some(current), Some(expected)) if current == expected => current + 1,
            (Some(current), _) => return Err(Refused::Stale(current)),
        };
        let bad = bad_fields(&directive.body);
        if !bad.is_empty() {
            return Err(Refused::DirectiveInvalid(bad));
        }
        self.save(Directive { project, version, ..directive.clone() });
        Ok(Answer::Directive(id, version))
    }

    /// A silence is ended rather than removed, so that it can still be seen.
    pub(in crate::auditor) fn delete_directive(
        &mut self,
        project: ProjectId,
        kind: DirectiveKind,
        id: DirectiveId,
        expected: Option<u64>,
    ) -> Result<Answer, Refused> {
        let known = self.telling.directives.get(&(project, kind, id)).cloned();
        let mut known = known.ok_or(Refused::NotFound)?;
        if expected.is_some_and(|expected| expected != known.version) {
            return Err(Refused::Stale(known.version));
        }
        if let DirectiveBody::Silence(silence) = &mut known.body {
            silence.starts_at = silence.starts_at.min(self.at);
            silence.ends_at = silence.ends_at.min(self.at);
            known.version += 1;
            let version = known.version;
            self.save(known);
            return Ok(Answer::Directive(id, version));
        }
        self.telling.directives.remove(&(project, kind, id));
        self.telling.spent.remove(&(project, id));
        Ok(Answer::Directive(id, known.version))
    }

    fn save(&mut self, mut directive: Directive) {
        let (project, id) = (directive.project, directive.id);
        if let DirectiveBody::Silence(silence) = &mut directive.body {
            silence.updated_at = self.at;
            // What is written anew has not ended before somebody saw it end.
            self.telling.over.remove(&(project, id));
        }
        self.telling.directives.insert((project, directive.body.kind(), id), directive);
    }

    /// Whether anything is ever told there.
    pub(super) fn listens(&self, project: ProjectId) -> bool {
        self.rules(project).next().is_some()
    }

    pub(super) fn rule(&self, project: ProjectId, id: DirectiveId) -> Option<&Rule> {
        let kinds = [DirectiveKind::Rule, DirectiveKind::DefaultRoute];
        let known = kinds.map(|kind| self.telling.directives.get(&(project, kind, id)));
        known.into_iter().flatten().find_map(|directive| match &directive.body {
            DirectiveBody::Rule(rule) | DirectiveBody::DefaultRoute(rule) => Some(rule),
            DirectiveBody::Silence(_)
            | DirectiveBody::Inhibition(_)
            | DirectiveBody::Escalation(_) => None,
        })
    }

    pub(super) fn rules(&self, project: ProjectId) -> impl Iterator<Item = (DirectiveId, &Rule)> {
        let has_rules = self.of(project, DirectiveKind::Rule).next().is_some();
        let kind = if has_rules { DirectiveKind::Rule } else { DirectiveKind::DefaultRoute };
        self.of(project, kind).filter_map(|directive| match &directive.body {
            DirectiveBody::Rule(rule) | DirectiveBody::DefaultRoute(rule) => {
                Some((directive.id, rule))
            }
            DirectiveBody::Silence(_)
            | DirectiveBody::Inhibition(_)
            | DirectiveBody::Escalation(_) => None,
        })
    }

    pub(super) fn silences(
        &self,
        project: ProjectId,
    ) -> impl Iterator<Item = (DirectiveId, &Silence)> {
        self.of(project, DirectiveKind::Silence).filter_map(|directive| match &directive.body {
            DirectiveBody::Silence(silence) => Some((directive.id, silence)),
            DirectiveBody::Rule(_)
            | DirectiveBody::Inhibition(_)
            | DirectiveBody::Escalation(_)
            | DirectiveBody::DefaultRoute(_) => None,
        })
    }

    pub(super) fn inhibitions(
        &self,
        project: ProjectId,
    ) -> impl Iterator<Item = (DirectiveId, &Inhibition)> {
        self.of(project, DirectiveKind::Inhibition).filter_map(|directive| match &directive.body {
            DirectiveBody::Inhibition(inhibition) => Some((directive.id, inhibition)),
            DirectiveBody::Rule(_)
            | DirectiveBody::Silence(_)
            | DirectiveBody::Escalation(_)
            | DirectiveBody::DefaultRoute(_) => None,
        })
    }

    pub(super) fn policy(&self, project: ProjectId, id: DirectiveId) -> Option<&Escalation> {
        let known = self.telling.directives.get(&(project, DirectiveKind::Escalation, id))?;
        match &known.body {
            DirectiveBody::Escalation(escalation) => Some(escalation),
            DirectiveBody::Rule(_)
            | DirectiveBody::Silence(_)
            | DirectiveBody::Inhibition(_)
            | DirectiveBody::DefaultRoute(_) => None,
        }
    }

    fn of(&self, project: ProjectId, kind: DirectiveKind) -> impl Iterator<Item = &Directive> {
        let all = self.telling.directives.iter();
        all.filter(move |((of, as_kind, _), _)| *of == project && *as_kind == kind)
            .map(|(_, directive)| directive)
    }
}

/// The mistakes that the workload makes.
fn bad_fields(body: &DirectiveBody) -> BTreeSet<String> {
    let mut bad = BTreeSet::new();
    let mut refuse = |wrong: bool, field: &str| {
        if wrong {
            bad.insert(field.to_owned());
        }
    };
    match body {
        DirectiveBody::Rule(rule) | DirectiveBody::DefaultRoute(rule) => {
            let (empty, all) = (rule.conditions.is_empty(), rule.match_all);
            refuse(empty && !all, "match");
            refuse(!empty && all, "match_all");
            refuse(rule.on.is_empty(), "on");
            refuse(rule.targets.is_empty() && rule.escalation.is_none(), "targets");
        }
        DirectiveBody::Silence(silence) => {
            refuse(silence.conditions.is_empty(), "match");
            refuse(silence.ends_at <= silence.starts_at, "ends_at");
        }
        DirectiveBody::Inhibition(_) => {}
        DirectiveBody::Escalation(policy) => refuse(policy.steps.is_empty(), "steps"),
    }
    bad
}
