//! The directives in force, by project: kept whole for their versions, and compiled to be asked.

use std::collections::{BTreeMap, BTreeSet};

use matching::{Binding, Conjunction, Facts, Rules};
use model::effect::AuditAction;
use model::{
    Actor, Directive, DirectiveBody, DirectiveId, DirectiveKind, Effect, Effects, Escalation,
    FieldError, Held, Outcome, ProjectId, Reason, Refusal, Rule, Silence, Timestamp, Trigger,
    limits,
};

use super::inhibitions::Guard;
use crate::Engine;

/// Every project's.
#[derive(Debug, Default)]
pub(crate) struct Directives {
    projects: BTreeMap<ProjectId, Book>,
}

/// One project's.
#[derive(Debug, Default)]
pub(super) struct Book {
    all: BTreeMap<(DirectiveKind, DirectiveId), Directive>,
    rules: Rules,
    /// In force while the project has no rule at all.
    default_routes: Rules,
    /// Silences that have not ended, compiled.
    silences: BTreeMap<DirectiveId, Conjunction>,
    pub(super) inhibitions: BTreeMap<DirectiveId, Guard>,
    counts: [usize; DirectiveKind::ALL.len()],
}

impl Directives {
    /// Whether anything is ever told in a project.
    pub(crate) fn listens(&self, project: ProjectId) -> bool {
        self.projects.get(&project).is_some_and(|book| !book.in_force().is_empty())
    }

    /// Whether any rule asks for what happened.
    pub(crate) fn asks_for(&self, project: ProjectId, trigger: Trigger) -> bool {
        self.projects.get(&project).is_some_and(|book| book.in_force().has(trigger))
    }

    /// The rules that ask for what happened and fit, in no order: who is told orders them by subscriber.
    pub(crate) fn matching(
        &mut self,
        project: ProjectId,
        trigger: Trigger,
        facts: &Facts<'_>,
    ) -> Vec<DirectiveId> {
        let mut matching = Vec::new();
        if let Some(book) = self.projects.get_mut(&project) {
            book.in_force_mut().matching_unordered(trigger, facts, &mut matching);
        }
        matching
    }

    /// How long after an opening rules ask whether it is acknowledged, ascending and distinct.
    pub(crate) fn unacknowledged_after(
        &self,
        project: ProjectId,
    ) -> impl Iterator<Item = model::Duration> {
        self.projects
            .get(&project)
            .into_iter()
            .flat_map(|book| book.in_force().unacknowledged_after())
    }

    /// A rule or default route.
    pub(crate) fn rule(&self, project: ProjectId, id: DirectiveId) -> Option<&Rule> {
        let kinds = [DirectiveKind::Rule, DirectiveKind::DefaultRoute];
        kinds.into_iter().find_map(|kind| self.get(project, kind, id)?.body.as_rule())
    }

    pub(crate) fn escalation(&self, project: ProjectId, id: DirectiveId) -> Option<&Escalation> {
        match &self.get(project, DirectiveKind::Escalation, id)?.body {
            DirectiveBody::Escalation(escalation) => Some(escalation),
            DirectiveBody::Rule(_)
            | DirectiveBody::Silence(_)
            | DirectiveBody::Inhibition(_)
            | DirectiveBody::DefaultRoute(_) => None,
        }
    }

    pub(crate) fn silence(&self, project: ProjectId, id: DirectiveId) -> Option<&Silence> {
        match &self.get(project, DirectiveKind::Silence, id)?.body {
            DirectiveBody::Silence(silence) => Some(silence),
            DirectiveBody::Rule(_)
            | DirectiveBody::Inhibition(_)
            | DirectiveBody::Escalation(_)
            | DirectiveBody::DefaultRoute(_) => None,
        }
    }

    /// The first silence or maintenance window, by id, that is in force and fits.
    pub(super) fn silenced(
        &self,
        project: ProjectId,
        facts: &Facts<'_>,
        at: Timestamp,
    ) -> Option<Held> {
        let book = self.projects.get(&project)?;
        book.silences.iter().find_map(|(&by, conjunction)| {
            let silence = self.silence(project, by)?;
            let in_force = silence.starts_at <= at && at < silence.ends_at;
            let reason = if silence.maintenance { Reason::Maintenance } else { Reason::Silenced };
            (in_force && conjunction.holds(facts)).then_some(Held { reason, by })
        })
    }

    pub(super) fn book(&self, project: ProjectId) -> Option<&Book> {
        self.projects.get(&project)
    }

    pub(super) fn get(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        id: DirectiveId,
    ) -> Option<&Directive> {
        self.projects.get(&project)?.all.get(&(kind, id))
    }

    fn count(&self, project: ProjectId, kind: DirectiveKind) -> usize {
        self.projects.get(&project).map_or(0, |book| book.counts[usize::from(kind.code())])
    }

    /// Puts a directive in force; one that cannot be compiled is only kept.
    pub(super) fn put(&mut self, directive: Directive) {
        let book = self.projects.entry(directive.project).or_default();
        let key = (directive.body.kind(), directive.id);
        book.compile(&directive);
        if book.all.insert(key, directive).is_none() {
            book.counts[usize::from(key.0.code())] += 1;
        }
    }

    pub(super) fn remove(
        &mut self,
        project: ProjectId,
        kind: DirectiveKind,
        id: DirectiveId,
    ) -> Option<Directive> {
        let book = self.projects.get_mut(&project)?;
        let removed = book.all.remove(&(kind, id))?;
        book.counts[usize::from(kind.code())] -= 1;
        book.forget(kind, id);
        Some(removed)
    }

    /// The error of a rule with which the expressions of its project would cost more together than they may.
    /// One that makes them cost no more than before is none.
    fn check_cost(&mut self, project: ProjectId, directive: &Directive) -> Option<FieldError> {
        directive.body.as_rule().filter(|rule| rule.enabled && !rule.cel.is_empty())?;
        let book = self.projects.entry(project).or_default();
        let (before, key) = (book.cel_cost(), (directive.body.kind(), directive.id));
        // Put in force to see, and taken back: only the index knows which expressions others have too.
        book.compile(directive);
        let with = book.cel_cost();
        match book.all.get(&key).cloned() {
            Some(known) => book.compile(&known),
            None => book.forget(key.0, key.1),
        }
        let most = limits::CEL_COST_OF_PROJECT;
        let message = || {
            format!(
                "with it the different expressions of the project's rules in force may cost {with} \
                 together, at most {most} is allowed; without it {before}"
            )
        };
        (with > most.max(before)).then(|| FieldError::new("cel", "too_costly", message()))
    }

    /// Whether the end of a silence has been seen: it is only remembered.
    pub(super) fn is_silence_over(&self, project: ProjectId, id: DirectiveId) -> bool {
        self.projects.get(&project).is_some_and(|book| !book.silences.contains_key(&id))
    }

    /// A silence has ended: it is only remembered.
    pub(super) fn end_silence(&mut self, project: ProjectId, id: DirectiveId) {
        if let Some(book) = self.projects.get_mut(&project) {
            book.silences.remove(&id);
        }
    }

    /// All directives by project, kind and id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Directive> {
        self.projects.values().flat_map(|book| book.all.values())
    }
}

impl Book {
    fn compile(&mut self, directive: &Directive) {
        let id = directive.id;
        match &directive.body {
            DirectiveBody::Rule(rule) => {
                if self.rules.put(id, rule).is_err() {
                    self.rules.remove(id);
                }
            }
            DirectiveBody::DefaultRoute(rule) => {
                if self.default_routes.put(id, rule).is_err() {
                    self.default_routes.remove(id);
                }
            }
            DirectiveBody::Silence(silence) => {
                match Conjunction::compile(&silence.conditions, Binding::Whole) {
                    Ok(conjunction) => drop(self.silences.insert(id, conjunction)),
                    Err(_invalid) => drop(self.silences.remove(&id)),
                }
            }
            DirectiveBody::Inhibition(inhibition) => {
                self.inhibitions.remove(&id);
                self.inhibitions.extend(Guard::compile(inhibition).map(|guard| (id, guard)));
            }
            DirectiveBody::Escalation(_) => {}
        }
    }

    /// Takes out of force what [`Self::compile`] put in.
    fn forget(&mut self, kind: DirectiveKind, id: DirectiveId) {
        match kind {
            DirectiveKind::Rule => self.rules.remove(id),
            DirectiveKind::Silence => drop(self.silences.remove(&id)),
            DirectiveKind::Inhibition => drop(self.inhibitions.remove(&id)),
            DirectiveKind::Escalation => {}
            DirectiveKind::DefaultRoute => self.default_routes.remove(id),
        }
    }

    /// What all expressions may cost for one signal.
    fn cel_cost(&self) -> u64 {
        self.rules.cel_cost() + self.default_routes.cel_cost()
    }

    /// What decides who is told: the rules, or the default routes where there is not even a disabled rule.
    fn in_force(&self) -> &Rules {
        if self.has_rules() { &self.rules } else { &self.default_routes }
    }

    fn in_force_mut(&mut self) -> &mut Rules {
        if self.has_rules() { &mut self.rules } else { &mut self.default_routes }
    }

    fn has_rules(&self) -> bool {
        self.counts[usize::from(DirectiveKind::Rule.code())] > 0
    }

    /// Whether nothing inhibits anything.
    pub(super) fn has_inhibitions(&self) -> bool {
        !self.inhibitions.is_empty()
    }
}

impl Engine {
    pub(crate) fn put_directive(
        &mut self,
        project: ProjectId,
        directive: &Directive,
        expected_version: Option<u64>,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let (kind, id) = (directive.body.kind(), directive.id);
        let known = self.directives.get(project, kind, id).map(|known| known.version);
        let version = match (known, expected_version) {
            (None, None) if self.directives.count(project, kind) >= most(kind) => {
                Self::limit_hit(project, Reason::DirectiveLimit, out);
                return Err(Refusal::Limit("directives of this kind in a project"));
            }
            (None, None) => 1,
            (None, Some(_)) => return Err(Refusal::NotFound),
            (Some(known), Some(expected)) if known == expected => expected + 1,
            (Some(current), _) => return Err(Refusal::StaleVersion { current }),
        };
        let errors = check(&directive.body);
        if !errors.is_empty() {
            return Err(Refusal::DirectiveInvalid(errors));
        }
        if let Some(error) = self.directives.check_cost(project, directive) {
            Self::limit_hit(project, Reason::DirectiveLimit, out);
            return Err(Refusal::DirectiveInvalid(vec![error]));
        }
        self.save_directive(Directive { project, version, ..directive.clone() }, actor, out);
        Ok(Outcome::Directive { id, version })
    }

    fn save_directive(&mut self, mut directive: Directive, actor: &Actor, out: &mut Effects) {
        let (project, id, version) = (directive.project, directive.id, directive.version);
        if let DirectiveBody::Silence(silence) = &mut directive.body {
            silence.updated_at = self.at;
        }
        let action = AuditAction::DirectiveSaved { kind: directive.body.kind(), id, version };
        self.audit_project(project, actor, action, &directive.name, out);
        out.push(Effect::DirectiveSaved(Box::new(directive.clone())));
        self.disarm_silence(project, id);
        self.directives.put(directive);
        self.arm_silence(project, id);
    }

    /// Removes a directive; a silence is ended instead, so that it can still be seen.
    pub(crate) fn delete_directive(
        &mut self,
        project: ProjectId,
        kind: DirectiveKind,
        id: DirectiveId,
        expected_version: Option<u64>,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let known = self.directives.get(project, kind, id).ok_or(Refusal::NotFound)?;
        let current = known.version;
        if expected_version.is_some_and(|expected| expected != current) {
            return Err(Refusal::StaleVersion { current });
        }
        if let DirectiveBody::Silence(silence) = &known.body {
            let ended = Silence {
                starts_at: silence.starts_at.min(self.at),
                ends_at: silence.ends_at.min(self.at),
                ..silence.clone()
            };
            let version = current + 1;
            let body = DirectiveBody::Silence(ended);
            self.save_directive(Directive { version, body, ..known.clone() }, actor, out);
            return Ok(Outcome::Directive { id, version });
        }
        let removed = self.directives.remove(project, kind, id).ok_or(Refusal::NotFound)?;
        self.allowances.forget(project, id);
        let action = AuditAction::DirectiveRemoved { kind, id };
        self.audit_project(project, actor, action, &removed.name, out);
        out.push(Effect::DirectiveRemoved { project, kind, id });
        Ok(Outcome::Directive { id, version: current })
    }

    /// Dead letters are the store's: that they are sent again is decided here, so that it is replayed.
    pub(crate) fn replay_letters(
        &mut self,
        project: ProjectId,
        letters: &[(model::NotificationId, model::Target)],
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        if letters.len() > limits::REPLAYED_LETTERS {
            return Err(Refusal::Limit("dead letters sent again by one command"));
        }
        let distinct: BTreeSet<_> = letters.iter().copied().collect();
        let count = distinct.len() as u64;
        self.audit_project(project, actor, AuditAction::Replayed { letters: count }, "", out);
        let letters = distinct.into_iter().collect();
        out.push(Effect::Replayed { project, letters, seq: self.seq, at: self.at });
        Ok(Outcome::Replayed(count))
    }
}

/// How many of a kind a project may have.
fn most(kind: DirectiveKind) -> usize {
    match kind {
        DirectiveKind::Rule => limits::RULES,
        DirectiveKind::Silence => limits::SILENCES,
        DirectiveKind::Inhibition => limits::INHIBITIONS,
        DirectiveKind::Escalation => limits::ESCALATIONS,
        DirectiveKind::DefaultRoute => limits::DEFAULT_ROUTES,
    }
}

/// Every bad field of a directive.
fn check(body: &DirectiveBody) -> Vec<FieldError> {
    match body {
        DirectiveBody::Rule(rule) | DirectiveBody::DefaultRoute(rule) => matching::check_rule(rule),
        DirectiveBody::Silence(silence) => silence_errors(silence),
        DirectiveBody::Inhibition(inhibition) => {
            let source = matching::check_conditions("source", &inhibition.source, Binding::Whole);
            let target = matching::check_conditions("target", &inhibition.target, Binding::Whole);
            [source, target].concat()
        }
        DirectiveBody::Escalation(escalation) => escalation_errors(escalation),
    }
}

fn silence_errors(silence: &Silence) -> Vec<FieldError> {
    let mut errors = matching::check_conditions("match", &silence.conditions, Binding::Whole);
    if silence.conditions.is_empty() {
        errors.push(FieldError::new("match", "required", "a silence takes at least one condition"));
    }
    if silence.ends_at <= silence.starts_at {
        errors.push(FieldError::new("ends_at", "before_start", "it must end after it starts"));
    }
    errors
}

fn escalation_errors(escalation: &Escalation) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (steps, repeat) = (limits::ESCALATION_STEPS, limits::ESCALATION_REPEATS);
    if escalation.steps.is_empty() || escalation.steps.len() > steps {
        errors.push(FieldError::new(
            "steps",
            "out_of_range",
            format!("it takes 1 to {steps} steps"),
        ));
    }
    if escalation.repeat > repeat {
        errors.push(FieldError::new("repeat", "out_of_range", format!("at most {repeat} times")));
    }
    for (index, step) in escalation.steps.iter().enumerate() {
        if step.targets.is_empty() || step.targets.len() > limits::TARGETS {
            let most = limits::TARGETS;
            let field = format!("steps[{index}].targets");
            errors.push(FieldError::new(field, "out_of_range", format!("it takes 1 to {most}")));
        }
    }
    errors
}
