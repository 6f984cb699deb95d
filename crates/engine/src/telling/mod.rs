//! Telling: who hears of what an entry made happen.
//!
//! What happens to an incident is noted while an entry is applied, and told when it has been: every
//! rule that asks for it and fits, one notification for each subscriber, held back where a silence,
//! an inhibition or the rule's own measure says so. A project without rules pays for none of this.
//!
//! Invariant: one notification for each (subscriber, subject, transition, entry), listing all its rules.

mod allowance;
mod directives;
mod escalations;
mod inhibitions;
mod quiet;
mod reminders;
mod silences;
mod snapshot;

use std::sync::Arc;

use matching::Facts;
use model::codec::{read_signal, wire::Reader};
use model::{
    DirectiveId, Effect, Effects, Entry, Held, IdentityKey, Incident, IncidentId, Notice,
    Notification, NotificationId, ProjectId, Reason, Signal, SignalId, SignalStatus, Subject,
    SubscriberId, Target, Transition, Trigger, limits,
};

use crate::Engine;
use crate::cases::Index;

pub(crate) use allowance::Allowances;
pub(crate) use directives::Directives;
pub(crate) use escalations::{Escalations, Running};
pub(crate) use inhibitions::Sources;
pub(crate) use quiet::Quiet;
pub(crate) use reminders::Reminders;

/// Something that happened to an incident, as it stood then.
#[derive(Debug)]
pub(crate) struct News {
    what: Happening,
    incident: Incident,
    /// The signal that opened it, as [`crate::cases::Case::opened_by`] holds it.
    opened_by: Box<[u8]>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Happening {
    /// What rules ask for.
    Of(Trigger),
    /// A step of an escalation policy is due.
    Step { running: Running, targets: Vec<Target> },
}

/// What is told to whoever asked, however many they are.
struct Tidings<'t> {
    project: ProjectId,
    subject: Subject,
    transition: Transition,
    /// The alert that the signal belongs to.
    alert: Option<IdentityKey>,
    facts: Facts<'t>,
    notice: Arc<Notice>,
}

impl Engine {
    /// Notes that something happened to an incident, for [`Self::tell`].
    pub(crate) fn note(&mut self, index: Index, trigger: Trigger) {
        let case = self.cases.get(index);
        if case.parent.is_some() || !self.directives.listens(case.incident.project) {
            return;
        }
        self.news.push(News {
            what: Happening::Of(trigger),
            incident: case.incident.clone(),
            opened_by: case.opened_by.clone(),
        });
        if matches!(trigger, Trigger::Opened | Trigger::Reopened) {
            self.remind_from_now(index);
        }
    }

    /// Tells what the entry made happen; `before` is where its effects begin.
    pub(crate) fn tell(&mut self, entry: &Entry<'_>, before: usize, out: &mut Effects) {
        if let Entry::Signal { project, signal } | Entry::Alert { project, signal, .. } = entry
            && self.directives.listens(*project)
        {
            self.follow_sources(*project, signal, before, out);
            self.tell_of_signal(*project, signal, before, out);
            for news in std::mem::take(&mut self.news) {
                self.tell_of_incident(&news, Some(signal), out);
            }
            return;
        }
        for news in std::mem::take(&mut self.news) {
            self.tell_of_incident(&news, None, out);
        }
    }

    fn tell_of_signal(
        &mut self,
        project: ProjectId,
        signal: &Signal<'_>,
        before: usize,
        out: &mut Effects,
    ) {
        let trigger = match signal.status {
            SignalStatus::Firing => Trigger::Signal,
            SignalStatus::Resolved => Trigger::SignalResolved,
        };
        if !self.directives.asks_for(project, trigger) {
            return;
        }
        let Some(told) = self.told_signal(project, signal, before, out) else { return };
        let facts = Facts::of_signal(signal);
        let rules = self.directives.matching(project, trigger, &facts);
        if rules.is_empty() {
            return;
        }
        let incident = told.incident.and_then(|id| self.cases.index(id));
        let tidings = Tidings {
            project,
            subject: Subject::Signal(told.id),
            transition: Transition::Of(trigger),
            alert: told.alert,
            notice: Arc::new(Notice {
                incident: incident.map(|index| self.cases.get(index).incident.clone()),
                signal: Some(noticed(signal)),
                severity: signal.severity,
                source: signal.source.to_string(),
                name: crate::grouping::title(signal),
            }),
            facts,
        };
        if told.is_repeat && self.held(&tidings).is_some() {
            return;
        }
        self.tell_subscribers(&tidings, &rules, out);
    }

    /// What is told of a signal: it was filed, or repeats an alert that was kept quiet when it was.
    fn told_signal(
        &self,
        project: ProjectId,
        signal: &Signal<'_>,
        before: usize,
        out: &Effects,
    ) -> Option<ToldSignal> {
        out.0[before..].iter().find_map(|effect| match effect {
            Effect::Filed { incident, identity, .. } => {
                let alert = self.alerts.fire(*identity).then_some(*identity);
                Some(ToldSignal { id: signal.id, incident: *incident, alert, is_repeat: false })
            }
            Effect::AlertRenewed { identity, .. } => {
                let id = self.quiet.alert(project, *identity)?;
                let incident = self.alerts.map.get(identity)?.incident;
                Some(ToldSignal { id, incident, alert: Some(*identity), is_repeat: true })
            }
            _ => None,
        })
    }

    fn tell_of_incident(&mut self, news: &News, cause: Option<&Signal<'_>>, out: &mut Effects) {
        let Ok(opened_by) = read_signal(&mut Reader::new(&news.opened_by)) else { return };
        // The signal at hand is the one that opens it, whole; what is remembered may be cut.
        let opening = match (&news.what, cause) {
            (Happening::Of(Trigger::Opened), Some(cause)) => cause,
            _ => &opened_by,
        };
        let facts = Facts::of_incident(&news.incident, opening);
        let project = news.incident.project;
        let (transition, rules) = match &news.what {
            Happening::Of(trigger) => {
                (Transition::Of(*trigger), self.directives.matching(project, *trigger, &facts))
            }
            Happening::Step { running, .. } => (running.transition(), Vec::new()),
        };
        if rules.is_empty() && matches!(news.what, Happening::Of(_)) {
            return;
        }
        let tidings = Tidings {
            project,
            subject: Subject::Incident(news.incident.id),
            transition,
            alert: None,
            notice: Arc::new(Notice {
                incident: Some(news.incident.clone()),
                signal: cause.map(noticed),
                severity: news.incident.severity,
                source: opening.source.to_string(),
                name: news.incident.title.clone(),
            }),
            facts,
        };
        match &news.what {
            Happening::Of(_) => self.tell_subscribers(&tidings, &rules, out),
            Happening::Step { running, targets } => {
                self.tell_step(&tidings, running, targets.clone(), out);
            }
        }
    }

    /// One notification for each subscriber among the owners of the rules, in whatever order those are.
    fn tell_subscribers(
        &mut self,
        tidings: &Tidings<'_>,
        rules: &[DirectiveId],
        out: &mut Effects,
    ) {
        let held = self.held(tidings);
        match (held, tidings.alert) {
            (Some(held), _) => self.remember_quiet(tidings, held, out),
            (None, Some(identity)) => self.quiet.forget_alert(tidings.project, identity),
            (None, None) => {}
        }
        let mut owned: Vec<(SubscriberId, DirectiveId)> = rules
            .iter()
            .filter_map(|&id| Some((self.directives.rule(tidings.project, id)?.subscriber, id)))
            .collect();
        owned.sort_unstable();
        for of_one in owned.chunk_by(|left, right| left.0 == right.0) {
            let rules = of_one.iter().map(|(_, id)| *id).collect();
            self.tell_subscriber(tidings, of_one[0].0, rules, held, out);
        }
    }

    fn tell_subscriber(
        &mut self,
        tidings: &Tidings<'_>,
        subscriber: SubscriberId,
        rules: Vec<DirectiveId>,
        held: Option<Held>,
        out: &mut Effects,
    ) {
        let allowed =
            if held.is_some() { rules.clone() } else { self.allowed(tidings.project, &rules) };
        let (rules, held) = match allowed.is_empty() {
            true => {
                let by = rules[0];
                (rules, Some(Held { reason: Reason::RateLimited, by }))
            }
            false => (allowed, held),
        };
        let mut targets = Vec::new();
        let mut muted_by = Vec::with_capacity(rules.len());
        let mut deadline = model::Duration::ZERO;
        for rule in rules.iter().filter_map(|&id| self.directives.rule(tidings.project, id)) {
            targets.extend_from_slice(&rule.targets);
            muted_by.push(rule.muted_by.clone());
            deadline = deadline.max(rule.deadline);
        }
        targets.sort_unstable();
        targets.dedup();
        if held.is_none() {
            self.start_escalations(tidings, subscriber, &rules, out);
        }
        // A rule that only starts an escalation policy tells nobody by itself.
        if targets.is_empty() && held.is_none() {
            return;
        }
        let told = Told { subscriber, rules, muted_by, targets, deadline, held };
        self.emit(tidings, told, out);
    }

    fn emit(&self, tidings: &Tidings<'_>, told: Told, out: &mut Effects) {
        let Tidings { project, subject, transition, ref notice, .. } = *tidings;
        let (seq, at) = (self.seq, self.at);
        let id = NotificationId::mint(project, told.subscriber, subject, transition, seq, at);
        let targets = if told.held.is_some() { Vec::new() } else { told.targets };
        out.push(Effect::Notified(Box::new(Notification {
            id,
            project,
            subscriber: told.subscriber,
            subject,
            transition,
            seq,
            at,
            rules: told.rules,
            targets,
            muted_by: told.muted_by,
            deadline: at + told.deadline,
            held: told.held,
            notice: Arc::clone(notice),
        })));
    }

    /// Why nobody is told, if nobody is: a silence before an inhibition.
    fn held(&mut self, tidings: &Tidings<'_>) -> Option<Held> {
        let silence = self.directives.silenced(tidings.project, &tidings.facts, self.at);
        silence.or_else(|| {
            let by = self.inhibited(tidings.project, &tidings.facts)?;
            Some(Held { reason: Reason::Inhibited, by })
        })
    }
}

/// A signal that is told of.
struct ToldSignal {
    id: SignalId,
    incident: Option<IncidentId>,
    alert: Option<IdentityKey>,
    /// Whether it was filed by an entry before.
    is_repeat: bool,
}

/// What one subscriber is told.
struct Told {
    subscriber: SubscriberId,
    rules: Vec<DirectiveId>,
    muted_by: Vec<Vec<model::ScheduleId>>,
    targets: Vec<Target>,
    deadline: model::Duration,
    held: Option<Held>,
}

/// A signal as a notice carries it.
fn noticed(signal: &Signal<'_>) -> Signal<'static> {
    let mut noticed = signal.to_owned_signal();
    if noticed.payload.len() > limits::NOTICE_PAYLOAD_BYTES {
        noticed.payload = Vec::new().into();
    }
    noticed
}

/// The signal that opens an incident, as the incident remembers it.
pub(crate) fn remembered(signal: &Signal<'_>) -> Box<[u8]> {
    let mut bytes = Vec::new();
    let mut writer = model::codec::wire::Writer(&mut bytes);
    if signal.payload.len() <= limits::REMEMBERED_PAYLOAD_BYTES {
        model::codec::write_signal(&mut writer, signal);
    } else {
        let cut = Signal { payload: (&[][..]).into(), ..signal.clone() };
        model::codec::write_signal(&mut writer, &cut);
    }
    bytes.into_boxed_slice()
}
