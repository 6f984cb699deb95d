//! Who is told of what an entry makes happen, worked out apart from the engine and from the crate
//! `matching`: with lists, linear scans and conditions as texts.
//!
//! What happens is noted while an entry is taken, and told when it has been, in the order in which
//! it happened. Where the pages are silent, `docs/simulator.md` says how they are read.

mod conditions;
mod directives;
mod inhibitions;
mod timed;

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Directive, DirectiveId, DirectiveKind, Duration, Entry, Held, IncidentId, ProjectId, Reason,
    Rule, ScheduleId, Severity, Signal, SignalId, SignalStatus, Subject, SubscriberId, Target,
    Timestamp, Transition, Trigger, limits,
};

use super::alerts::Identity;
use super::{Auditor, Fate, Prediction};
use conditions::Facts;
pub(super) use inhibitions::number;
use inhibitions::{Inhibited, Source, SourceKey};
pub(super) use timed::RunKey;
use timed::{Reminder, Running};

/// What one subscriber must be told, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whose.
    pub project: ProjectId,
    /// Who.
    pub subscriber: SubscriberId,
    /// Of what.
    pub subject: Subject,
    /// What happened to it.
    pub transition: Transition,
    /// The rules that asked for it, ascending.
    pub rules: Vec<DirectiveId>,
    /// To whom it goes.
    pub targets: Vec<Target>,
    /// For each rule, what mutes it.
    pub muted_by: Vec<Vec<ScheduleId>>,
    /// How long it is tried.
    pub deadline: Timestamp,
    /// Why nobody is told.
    pub held: Option<Held>,
    /// How bad it was then.
    pub severity: Severity,
}

/// What telling needs to remember.
#[derive(Debug, Default)]
pub(super) struct Telling {
    directives: BTreeMap<(ProjectId, DirectiveKind, DirectiveId), Directive>,
    /// Silences whose end was seen.
    over: BTreeSet<(ProjectId, DirectiveId)>,
    /// Since when a rule's measure is counted, and how much of it is used.
    spent: BTreeMap<(ProjectId, DirectiveId), (Timestamp, u32)>,
    /// Openings that a silence keeps quiet.
    quiet: BTreeSet<(ProjectId, DirectiveId, IncidentId)>,
    sources: BTreeMap<SourceKey, Source>,
    /// Openings that an inhibition keeps quiet.
    inhibited: BTreeSet<Inhibited>,
    /// Alerts that were kept quiet and fire on, and the signal that each fired with.
    quiet_alerts: BTreeMap<(ProjectId, u64), SignalId>,
    /// When the openings are looked at next.
    looks: BTreeMap<ProjectId, Timestamp>,
    running: BTreeMap<RunKey, Running>,
    reminders: BTreeMap<IncidentId, Reminder>,
    news: Vec<News>,
    told: Vec<Told>,
}

/// Something that happened to an incident, as it stood then.
#[derive(Debug)]
struct News {
    project: ProjectId,
    incident: IncidentId,
    facts: Facts,
    what: What,
}

#[derive(Debug)]
enum What {
    Of(Trigger),
    Step(Running, Vec<Target>),
}

/// What is told of, to whomever.
#[derive(Debug, Clone)]
struct Matter {
    project: ProjectId,
    subject: Subject,
    transition: Transition,
    facts: Facts,
}

impl Auditor {
    /// What the entry taken last must tell.
    #[must_use]
    pub fn told(&self) -> &[Told] {
        &self.telling.told
    }

    /// Something happened to an incident. What was merged into another is never told of.
    pub(super) fn note(&mut self, incident: IncidentId, trigger: Trigger) {
        let row = &self.incident(incident).row;
        let (project, facts) = (row.project, Facts::of(row));
        if row.merged_into.is_some() || !self.listens(project) {
            return;
        }
        let what = What::Of(trigger);
        self.telling.news.push(News { project, incident, facts, what });
        if matches!(trigger, Trigger::Opened | Trigger::Reopened) {
            self.remind_from_now(incident, project);
        }
    }

    /// Tells what the entry made happen: the signal itself first.
    pub(super) fn tell(&mut self, entry: &Entry<'_>, prediction: &Prediction) {
        self.telling.told.clear();
        let fate = if let Prediction::Signal(fate) = prediction { Some(*fate) } else { None };
        if let (Entry::Signal { project, signal }, Some(Fate::Filed(incident, _))) = (entry, fate) {
            let identity = Identity::Signal(signal.identity(*project));
            self.tell_of_signal(*project, signal, identity, incident);
        }
        if let (Entry::Alert { project, signal, lease }, Some(Fate::Filed(incident, _))) =
            (entry, fate)
        {
            let identity = Identity::Alert(lease.fingerprint);
            self.tell_of_signal(*project, signal, identity, incident);
        }
        if let (Entry::Alert { project, signal, lease }, Some(Fate::Skipped(_))) = (entry, fate) {
            self.see_again(*project, signal, lease.fingerprint);
            self.tell_again(*project, signal, lease.fingerprint);
        }
        for News { project, incident, facts, what } in std::mem::take(&mut self.telling.news) {
            let subject = Subject::Incident(incident);
            match what {
                What::Of(trigger) => {
                    let transition = Transition::Of(trigger);
                    self.tell_rules(Matter { project, subject, transition, facts }, trigger);
                }
                What::Step(run, targets) => {
                    let transition = run.transition();
                    let matter = Matter { project, subject, transition, facts };
                    self.tell_step(&matter, &run, targets);
                }
            }
        }
    }

    fn tell_of_signal(
        &mut self,
        project: ProjectId,
        signal: &Signal<'_>,
        identity: Identity,
        incident: Option<IncidentId>,
    ) {
        if !self.listens(project) {
            return;
        }
        let facts = Facts::of_signal(signal);
        let trigger = match signal.status {
            SignalStatus::Firing => {
                self.see_source(project, &facts, identity, incident);
                Trigger::Signal
            }
            SignalStatus::Resolved => Trigger::SignalResolved,
        };
        let (subject, transition) = (Subject::Signal(signal.id), Transition::Of(trigger));
        let matter = Matter { project, subject, transition, facts };
        let held = self.tell_rules(matter, trigger);
        if let (Identity::Alert(fingerprint), Trigger::Signal, Some(held)) =
            (identity, trigger, held)
        {
            self.keep_alert(project, fingerprint, signal.id, held.is_some());
        }
    }

    /// An alert fires and rules ask for it: it is told, or kept quiet.
    fn keep_alert(&mut self, project: ProjectId, fingerprint: u64, id: SignalId, quiet: bool) {
        if quiet {
            self.telling.quiet_alerts.insert((project, fingerprint), id);
        } else {
            self.forget_quiet_alert(project, fingerprint);
        }
    }

    /// An alert is told, or over.
    pub(super) fn forget_quiet_alert(&mut self, project: ProjectId, fingerprint: u64) {
        self.telling.quiet_alerts.remove(&(project, fingerprint));
    }

    /// An alert that was kept quiet is sent again: it is told once nothing holds it.
    fn tell_again(&mut self, project: ProjectId, signal: &Signal<'_>, fingerprint: u64) {
        let kept = self.telling.quiet_alerts.get(&(project, fingerprint)).copied();
        let (Some(id), SignalStatus::Firing) = (kept, signal.status) else { return };
        let (subject, trigger) = (Subject::Signal(id), Trigger::Signal);
        let transition = Transition::Of(trigger);
        let facts = Facts::of_signal(signal);
        let matter = Matter { project, subject, transition, facts };
        let asked = self.rules(project).any(|(_, rule)| {
            rule.enabled && rule.on.contains(&trigger) && matter.facts.fit(&rule.conditions)
        });
        if asked && self.held(&matter).is_none() {
            self.forget_quiet_alert(project, fingerprint);
            self.tell_rules(matter, trigger);
        }
    }

    /// Everybody whose rules ask for it and fit: once each, with all of their rules. Answers what holds it
    /// back, if anybody asks.
    fn tell_rules(&mut self, matter: Matter, trigger: Trigger) -> Option<Option<Held>> {
        let fitting = self.rules(matter.project).filter(|(_, rule)| {
            rule.enabled && rule.on.contains(&trigger) && matter.facts.fit(&rule.conditions)
        });
        let mut by_owner: BTreeMap<SubscriberId, Vec<DirectiveId>> = BTreeMap::new();
        for (id, rule) in fitting {
            by_owner.entry(rule.subscriber).or_default().push(id);
        }
        if by_owner.is_empty() {
            return None;
        }
        let held = self.held(&matter);
        let opening = matches!(trigger, Trigger::Opened | Trigger::Reopened);
        if let Some(Held { reason: Reason::Silenced | Reason::Maintenance, by }) = held
            && let (Subject::Incident(incident), true) = (matter.subject, opening)
        {
            self.telling.quiet.insert((matter.project, by, incident));
        }
        if let Some(Held { reason: Reason::Inhibited, by }) = held
            && let (Subject::Incident(incident), true) = (matter.subject, opening)
        {
            self.keep_inhibited(&matter, by, incident);
        }
        for (subscriber, rules) in by_owner {
            self.tell_one(&matter, subscriber, rules, held, opening);
        }
        Some(held)
    }

    fn tell_one(
        &mut self,
        matter: &Matter,
        subscriber: SubscriberId,
        asking: Vec<DirectiveId>,
        mut held: Option<Held>,
        opening: bool,
    ) {
        let mut rules = asking.clone();
        if held.is_none() {
            rules.retain(|&id| self.may_tell(matter.project, id));
        }
        if rules.is_empty() {
            held = Some(Held { reason: Reason::RateLimited, by: asking[0] });
            rules = asking;
        }
        let named: Vec<Rule> =
            rules.iter().filter_map(|&id| self.rule(matter.project, id).cloned()).collect();
        if let (None, true, Subject::Incident(incident)) = (held, opening, matter.subject) {
            self.start_policies(matter.project, incident, subscriber, &rules, &named);
        }
        let targets: BTreeSet<Target> =
            named.iter().flat_map(|rule| rule.targets.clone()).collect();
        if targets.is_empty() && held.is_none() {
            return;
        }
        let within = named.iter().map(|rule| rule.deadline).max().unwrap_or(Duration::ZERO);
        let muted_by = named.iter().map(|rule| rule.muted_by.clone()).collect();
        self.say(matter, subscriber, rules, targets, muted_by, within, held);
    }

    fn tell_step(&mut self, matter: &Matter, run: &Running, targets: Vec<Target>) {
        let held = self.held(matter);
        let muted_by = vec![Vec::new(); run.rules.len()];
        let (rules, targets) = (run.rules.clone(), targets.into_iter().collect());
        let within = limits::DELIVERY_DEADLINE;
        self.say(matter, run.subscriber, rules, targets, muted_by, within, held);
    }

    #[expect(clippy::too_many_arguments, reason = "all that a notification says")]
    fn say(
        &mut self,
        matter: &Matter,
        subscriber: SubscriberId,
        rules: Vec<DirectiveId>,
        targets: BTreeSet<Target>,
        muted_by: Vec<Vec<ScheduleId>>,
        within: Duration,
        held: Option<Held>,
    ) {
        let targets = if held.is_some() { Vec::new() } else { targets.into_iter().collect() };
        self.telling.told.push(Told {
            project: matter.project,
            subscriber,
            subject: matter.subject,
            transition: matter.transition,
            rules,
            targets,
            muted_by,
            deadline: self.at + within,
            held,
            severity: matter.facts.severity,
        });
    }

    /// A silence goes before an inhibition; of several the one with the lowest id.
    fn held(&mut self, matter: &Matter) -> Option<Held> {
        let at = self.at;
        let silence = self.silences(matter.project).find(|(id, silence)| {
            !self.telling.over.contains(&(matter.project, *id))
                && silence.starts_at <= at
                && at < silence.ends_at
                && matter.facts.fit(&silence.conditions)
        });
        if let Some((by, silence)) = silence {
            let planned = silence.maintenance;
            let reason = if planned { Reason::Maintenance } else { Reason::Silenced };
            return Some(Held { reason, by });
        }
        let by = self.inhibited_by(matter.project, &matter.facts)?;
        Some(Held { reason: Reason::Inhibited, by })
    }

    /// Whether a rule's measure allows one more; if so it is used.
    fn may_tell(&mut self, project: ProjectId, id: DirectiveId) -> bool {
        let at = self.at;
        let Some(most) = self.rule(project, id).and_then(|rule| rule.at_most) else { return true };
        let (since, used) = self.telling.spent.entry((project, id)).or_insert((at, 0));
        if at.since(*since) >= most.within {
            (*since, *used) = (at, 0);
        }
        let allowed = *used < most.count;
        *used += u32::from(allowed);
        allowed
    }

    /// When the measure of a rule begins anew.
    pub(super) fn measures_end(&self) -> impl Iterator<Item = Timestamp> {
        self.telling.spent.iter().filter_map(|(&(project, id), &(since, _))| {
            Some(since + self.rule(project, id)?.at_most?.within)
        })
    }
}
