//! Here it is decided which incident a firing signal joins, and whether it opens one.

use model::{
    Effect, Effects, GroupingKey, GroupingPolicy, Incident, IncidentId, Mode, OpenWhen, Reason,
    Severity, Signal, Status, Timestamp,
};

use crate::Engine;
use crate::cases::{Case, Conduct, Index};
use crate::firing::Firing;
use crate::groups::{Group, Waiting, Window};
use crate::lifecycle::By;
use crate::signals::Arriving;
use crate::telling::{Reminders, remembered};

/// Characters of a title that come from the first signal.
const TITLE_CHARS: usize = 200;

/// What is decided about a signal.
enum Decision {
    Join(Index, Reason),
    /// Joins an incident that is RESOLVED, and reopens it.
    Reopen(Index, Reason),
    /// Opens, together with signals filed before that wait for it.
    Open(Reason, Vec<Waiting>),
    Wait,
    TooMany,
}

impl Engine {
    /// Files a firing signal and says under which incident.
    pub(crate) fn firing(
        &mut self,
        arriving: &Arriving<'_, '_>,
        out: &mut Effects,
    ) -> Option<IncidentId> {
        let (project, signal) = (arriving.project, arriving.signal);
        let compiled = self.policies.for_signal(project, signal);
        let key = compiled.key(project, signal);
        let terms = Terms::of(&compiled.policy);
        match self.decide(arriving, key, terms, out) {
            Decision::Join(index, reason) => {
                let root = self.cases.root(index);
                self.join(arriving, root, reason, out);
                Some(self.cases.get(root).incident.id)
            }
            Decision::Reopen(root, reason) => {
                self.join(arriving, root, reason, out);
                self.reopen(root, By::System(Reason::FiredAgain), out);
                Some(self.cases.get(root).incident.id)
            }
            Decision::Open(reason, before) => {
                Some(self.open(arriving, key, terms, reason, &before, out))
            }
            Decision::Wait => {
                self.file(arriving, None, Reason::OpenWhenPending, out);
                None
            }
            Decision::TooMany => {
                Self::limit_hit(project, Reason::IncidentLimit, out);
                self.file(arriving, None, Reason::IncidentLimit, out);
                None
            }
        }
    }

    /// Keeps the signal at the current position, under `case` if there is one.
    pub(crate) fn file(
        &self,
        arriving: &Arriving<'_, '_>,
        case: Option<Index>,
        reason: Reason,
        out: &mut Effects,
    ) {
        let incident = case.map(|index| &self.cases.get(index).incident);
        out.push(Effect::Filed {
            seq: self.seq,
            project: arriving.project,
            signal: arriving.signal.id,
            identity: arriving.identity,
            incident: incident.map(|incident| incident.id),
            reason,
            signal_count: incident.map_or(0, |incident| incident.signal_count),
            at: self.at,
        });
    }

    /// Counts one more signal in a case.
    pub(crate) fn count(&mut self, index: Index) {
        let at = self.at;
        let incident = &mut self.cases.get_mut(index).incident;
        incident.signal_count += 1;
        incident.last_signal_at = at;
    }

    fn decide(
        &mut self,
        arriving: &Arriving<'_, '_>,
        key: GroupingKey,
        terms: Terms,
        out: &mut Effects,
    ) -> Decision {
        if let Some(id) = arriving.signal.incident_id
            && let Some(index) = self.cases.find(arriving.project, id)
        {
            let (root, reason) = (self.cases.root(index), Reason::NamedIncident);
            return match self.may_fire_again(root) {
                true => Decision::Reopen(root, reason),
                false => Decision::Join(root, reason),
            };
        }
        match terms.mode {
            Mode::Ongoing => self.decide_ongoing(arriving, key, terms, out),
            Mode::Window => self.decide_window(arriving, key, terms, out),
        }
    }

    fn decide_ongoing(
        &mut self,
        arriving: &Arriving<'_, '_>,
        key: GroupingKey,
        terms: Terms,
        out: &mut Effects,
    ) -> Decision {
        if let Some(group) = self.groups.get(key) {
            if let Some(index) = group.newest() {
                let merged = self.cases.get(index).parent.is_some();
                let reason = if merged { Reason::MergedIncident } else { Reason::OpenIncident };
                return Decision::Join(index, reason);
            }
            if let Some(index) = group.resolved().next_back() {
                let root = self.cases.root(index);
                if self.may_fire_again(root) {
                    return Decision::Reopen(root, Reason::FiredAgain);
                }
            }
        }
        self.decide_opening(arriving, key, terms, Reason::NewKey, out)
    }

    fn decide_window(
        &mut self,
        arriving: &Arriving<'_, '_>,
        key: GroupingKey,
        terms: Terms,
        out: &mut Effects,
    ) -> Decision {
        let Some(window) = self.groups.get(key).and_then(Group::window) else {
            return self.decide_opening(arriving, key, terms, Reason::NewKey, out);
        };
        if self.at.since(window.started_at) >= terms.window {
            return self.decide_opening(arriving, key, terms, Reason::WindowElapsed, out);
        }
        if window.signals >= terms.cap {
            return self.decide_opening(arriving, key, terms, Reason::WindowFull, out);
        }
        let root = self.cases.root(window.incident);
        let resolved = !self.cases.get(root).incident.status.is_active();
        if resolved && !self.may_fire_again(root) {
            return self.decide_opening(arriving, key, terms, Reason::NewKey, out);
        }
        self.groups.set_window(key, Window { signals: window.signals + 1, ..window });
        let reason = Reason::CurrentWindow;
        if resolved { Decision::Reopen(root, reason) } else { Decision::Join(root, reason) }
    }

    fn decide_opening(
        &mut self,
        arriving: &Arriving<'_, '_>,
        key: GroupingKey,
        terms: Terms,
        reason: Reason,
        out: &mut Effects,
    ) -> Decision {
        if self.cases.len() >= self.bounds.active_incidents {
            return Decision::TooMany;
        }
        if terms.open_when.count <= 1 {
            return Decision::Open(reason, Vec::new());
        }
        if !self.groups.may_wait(key, self.bounds.pending_keys) {
            Self::limit_hit(arriving.project, Reason::PendingLimit, out);
            return Decision::Open(Reason::PendingLimit, Vec::new());
        }
        let arrival = Waiting {
            at: self.at,
            seq: self.seq,
            identity: arriving.identity,
            severity: arriving.signal.severity,
            firing: true,
        };
        match self.groups.arrive(key, arrival, terms.open_when, &mut self.timers) {
            Some(before) => Decision::Open(Reason::OpenWhenReached, before),
            None => Decision::Wait,
        }
    }

    /// Whether the same key firing now reopens a resolved case rather than opening a new one.
    fn may_fire_again(&self, root: Index) -> bool {
        let case = self.cases.get(root);
        case.incident.status == Status::Resolved
            && case
                .incident
                .resolved_at
                .is_some_and(|resolved_at| self.at.since(resolved_at) <= case.conduct.reopen_within)
            && !self.key_is_taken(root, root)
    }

    fn join(
        &mut self,
        arriving: &Arriving<'_, '_>,
        root: Index,
        reason: Reason,
        out: &mut Effects,
    ) {
        self.count(root);
        let case = self.cases.get_mut(root);
        case.held = false;
        if !case.firing.add(arriving.identity) {
            Self::limit_hit(arriving.project, Reason::FiringLimit, out);
        }
        case.worst = case.worst.worse(arriving.signal.severity);
        let worse = !case.incident.severity_pinned && case.worst < case.incident.severity;
        let spike = case.incident.status == Status::Investigating && case.moved_by_system;
        self.file(arriving, Some(root), reason, out);
        if worse {
            self.escalate(root, arriving.signal.severity, out);
        }
        if spike {
            self.reopen(root, By::System(Reason::NewSpike), out);
        }
        self.arm_quiet(root);
    }

    fn open(
        &mut self,
        arriving: &Arriving<'_, '_>,
        key: GroupingKey,
        terms: Terms,
        reason: Reason,
        before: &[Waiting],
        out: &mut Effects,
    ) -> IncidentId {
        let incident = self.first_state(arriving, key, before);
        let (id, project) = (incident.id, incident.project);
        let mut case = Case::new(incident, terms.conduct, remembered(arriving.signal));
        for waiting in before.iter().filter(|waiting| waiting.firing) {
            case.firing.add(waiting.identity);
        }
        case.firing.add(arriving.identity);
        let index = self.cases.insert(case);
        self.groups.became_active(key, index);
        if terms.mode == Mode::Window {
            let signals = u32::try_from(before.len() + 1).unwrap_or(u32::MAX);
            let window = Window { started_at: self.at, signals, incident: index };
            self.groups.set_window(key, window);
        }
        self.announce_opening(index, reason, By::System(reason), String::new(), out);
        for waiting in before {
            let signal_seq = waiting.seq;
            out.push(Effect::Moved { signal_seq, project, from: None, to: id });
            if waiting.firing {
                self.alerts.belongs_to(waiting.identity, id, out);
            }
        }
        self.file(arriving, Some(index), reason, out);
        self.arm_quiet(index);
        id
    }

    /// The state of an incident that opens with `before`, signals that waited, and the one arriving.
    fn first_state(
        &mut self,
        arriving: &Arriving<'_, '_>,
        key: GroupingKey,
        before: &[Waiting],
    ) -> Incident {
        let (project, signal) = (arriving.project, arriving.signal);
        let severities = before.iter().map(|waiting| waiting.severity);
        let number = self.cases.next_number(project);
        let compiled = self.policies.for_signal(project, signal);
        Incident {
            id: self.mint(project),
            project,
            number,
            title: title(signal),
            status: Status::Open,
            severity: severities.fold(signal.severity, Severity::worse),
            severity_pinned: false,
            component: signal.component.to_string(),
            component_type: signal.component_type,
            environment: signal.environment.to_string(),
            policy: compiled.policy.id,
            key,
            grouping_key: compiled.key_text(project, signal),
            signal_count: 1 + before.len() as u64,
            first_signal_at: before.first().map_or(self.at, |first| first.at),
            last_signal_at: self.at,
            opened_at: self.at,
            assignee: None,
            acknowledged_at: None,
            resolved_at: None,
            closed_at: None,
            mtta_seconds: None,
            mttr_seconds: None,
            merged_into: None,
            split_from: None,
            links: Vec::new(),
            changed_seq: self.seq,
        }
    }
}

/// What of a policy the decision about one signal needs; copied, so that the policy need not be borrowed.
#[derive(Debug, Clone, Copy)]
struct Terms {
    mode: Mode,
    window: model::Duration,
    cap: u32,
    open_when: OpenWhen,
    conduct: Conduct,
}

impl Terms {
    fn of(policy: &GroupingPolicy) -> Self {
        Self {
            mode: policy.mode,
            window: policy.window,
            cap: policy.cap,
            open_when: policy.open_when,
            conduct: Conduct::of(policy),
        }
    }
}

impl Case {
    pub(crate) fn new(incident: Incident, conduct: Conduct, opened_by: Box<[u8]>) -> Self {
        Self {
            worst: incident.severity,
            incident,
            conduct,
            moved_by_system: false,
            held: false,
            investigating_since: Timestamp::default(),
            firing: Firing::default(),
            deadline: None,
            children: Vec::new(),
            parent: None,
            split_off: std::collections::BTreeSet::new(),
            opened_by,
            reminders: Reminders::default(),
        }
    }
}

/// One line about a signal for people.
pub(crate) fn title(signal: &Signal<'_>) -> String {
    let what = if !signal.summary.is_empty() {
        signal.summary.as_ref()
    } else if !signal.error_code.is_empty() {
        signal.error_code.as_ref()
    } else {
        signal.kind.as_str()
    };
    let line = what.lines().next().unwrap_or(what);
    format!("{}: {}", signal.component, line.chars().take(TITLE_CHARS).collect::<String>())
}
