//! Reminders: an incident that nobody takes up is told again, for each span that rules ask for.

use model::{Duration, IncidentId, Timestamp, Trigger};

use crate::Engine;
use crate::cases::Index;
use crate::timers::Timer;

/// How far an incident has come in what rules ask of unacknowledged ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reminders {
    /// When it was opened or reopened last.
    pub(crate) open_since: Timestamp,
    /// The longest span that was told of since.
    pub(crate) reminded: Duration,
    /// The deadline that is armed.
    pub(crate) deadline: Option<Timestamp>,
}

impl Engine {
    /// The incident was opened or reopened: everything that rules ask for lies ahead.
    pub(super) fn remind_from_now(&mut self, index: Index) {
        let at = self.at;
        let reminders = &mut self.cases.get_mut(index).reminders;
        reminders.open_since = at;
        reminders.reminded = Duration::ZERO;
        self.arm_reminder(index);
    }

    /// Arms the next span that some rule asks for.
    fn arm_reminder(&mut self, index: Index) {
        let case = self.cases.get(index);
        let (id, project, reminders) = (case.incident.id, case.incident.project, case.reminders);
        let mut spans = self.directives.unacknowledged_after(project);
        let next = spans.find(|span| *span > reminders.reminded);
        drop(spans);
        if let Some(armed) = reminders.deadline {
            self.timers.disarm(armed, Timer::Reminder(id));
        }
        let deadline = next.map(|span| reminders.open_since + span);
        self.cases.get_mut(index).reminders.deadline = deadline;
        if let Some(deadline) = deadline {
            self.timers.arm(deadline, Timer::Reminder(id));
        }
    }

    /// A span may have passed in which nobody took an incident up.
    pub(crate) fn reminder_is_due(&mut self, id: IncidentId) {
        let Some(index) = self.cases.index(id) else { return };
        let case = self.cases.get_mut(index);
        let Some(deadline) = case.reminders.deadline.take() else { return };
        if !case.incident.is_untaken() {
            return;
        }
        let (project, reminders) = (case.incident.project, case.reminders);
        let passed = deadline.since(reminders.open_since);
        let spans: Vec<Duration> = self
            .directives
            .unacknowledged_after(project)
            .filter(|span| *span > reminders.reminded && *span <= passed)
            .collect();
        self.cases.get_mut(index).reminders.reminded = passed;
        for span in spans {
            self.note(index, Trigger::Unacknowledged(span));
        }
        self.arm_reminder(index);
    }
}
