//! Effects in a form that is compact enough to be read in a test.
//!
//! The state that goes with each audit row is not printed: `show` prints it where it matters.

use model::effect::AuditAction;
use model::{
    Actor, ActorKind, AuditRow, Effect, Incident, IncidentId, Notification, Outcome, ProjectId,
    Refusal, Status, Subject, Target, Timestamp, Transition,
};

use crate::directives;
use crate::timeline::{Run, START};

/// The time since the start of the timeline, as timelines write it: `1h30m`, `10s1ms`, `0s`.
pub(crate) fn time(at: Timestamp) -> String {
    let mut rest = at.since(START).micros() / 1_000;
    let mut text = String::new();
    for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= millis {
            text += &format!("{}{unit}", rest / millis);
        }
        rest %= millis;
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// `#1`, or `2#1` outside project 1.
pub(crate) fn number(incident: &Incident) -> String {
    match incident.project {
        ProjectId(1) => format!("#{}", incident.number),
        other => format!("{other}#{}", incident.number),
    }
}

/// One line per effect; runs of signals filed alike are one line.
pub(crate) fn effects(run: &Run, effects: &[Effect]) -> String {
    let mut lines: Vec<Line> = Vec::new();
    for effect in effects {
        let Some(line) = line(run, effect) else { continue };
        match lines.last_mut() {
            Some(last) if last.text == line.text && line.counts.is_some() => {
                last.counts = last.counts.zip(line.counts).map(|((from, _), (_, to))| (from, to));
                last.times += 1;
            }
            _ => lines.push(line),
        }
    }
    let at = time(run.now());
    lines.iter().map(|line| format!("{at:<5} {}\n", line.shown())).collect()
}

/// The whole state of an incident.
pub(crate) fn state(run: &Run, incident: &Incident) -> String {
    let mut text = format!(
        "{:<5} {} {} {}{} signals={} first={} last={} opened={}",
        "",
        number(incident),
        incident.status,
        incident.severity,
        if incident.severity_pinned { " pinned" } else { "" },
        incident.signal_count,
        time(incident.first_signal_at),
        time(incident.last_signal_at),
        time(incident.opened_at),
    );
    let times = [
        ("acknowledged", incident.acknowledged_at),
        ("resolved", incident.resolved_at),
        ("closed", incident.closed_at),
    ];
    for (name, at) in times.into_iter().filter_map(|(name, at)| Some((name, at?))) {
        text += &format!(" {name}={}", time(at));
    }
    for (name, seconds) in [("mtta", incident.mtta_seconds), ("mttr", incident.mttr_seconds)] {
        text += &seconds.map_or_else(String::new, |seconds| format!(" {name}={seconds}"));
    }
    text += &incident.assignee.as_ref().map_or_else(String::new, |who| format!(" assignee={who}"));
    for (name, id) in [("into", incident.merged_into), ("from", incident.split_from)] {
        text += &id.map_or_else(String::new, |id| format!(" {name}={}", run.name(id)));
    }
    format!("{text} key={} title={:?}\n", incident.grouping_key, incident.title)
}

struct Line {
    text: String,
    counts: Option<(u64, u64)>,
    times: u64,
}

impl Line {
    fn shown(&self) -> String {
        match self.counts {
            Some((from, to)) if from != to => format!("{} signals={from}..={to}", self.text),
            Some((0, _)) if self.times > 1 => format!("{} times={}", self.text, self.times),
            Some((0, _)) | None => self.text.clone(),
            Some((count, _)) => format!("{} signals={count}", self.text),
        }
    }
}

fn line(run: &Run, effect: &Effect) -> Option<Line> {
    let named = |id: &Option<IncidentId>| id.map_or_else(|| "-".to_owned(), |id| run.name(id));
    let counts = match effect {
        Effect::Filed { signal_count, .. } => Some((*signal_count, *signal_count)),
        Effect::Skipped { .. } => Some((0, 0)),
        _ => None,
    };
    let text = match effect {
        Effect::Filed { incident, reason, .. } => format!("filed {} {reason}", named(incident)),
        Effect::Skipped { reason, .. } => format!("skipped {reason}"),
        Effect::Moved { signal_seq, from, to, .. } => {
            format!("moved signal {signal_seq} from {} to {}", named(from), run.name(*to))
        }
        Effect::Incident(_) => return None,
        Effect::Audited(row) => audited(run, row),
        Effect::RcaAccepted { incident, submitted_by, rca, .. } => format!(
            "rca of {} by {} from {} to {}",
            run.name(*incident),
            actor(submitted_by),
            rca.incident_start.map_or_else(String::new, time),
            rca.incident_end.map_or_else(String::new, time),
        ),
        Effect::PolicySaved(_) | Effect::PolicyRemoved { .. } => return None,
        Effect::AlertFiring(alert) => {
            format!("alert {} fires in {}", alert.lease.fingerprint, named(&alert.incident))
        }
        Effect::AlertJoined { identity, incident, .. } => {
            format!("alert {} joined {}", run.fingerprint(*identity), run.name(*incident))
        }
        Effect::AlertRenewed { lease, .. } => {
            format!("alert {} renewed until {}", lease.fingerprint, time(lease.ends_at))
        }
        Effect::AlertResolved { reason, .. } => format!("alert over {reason}"),
        Effect::DirectiveSaved(_) => return None,
        Effect::DirectiveRemoved { kind, id, .. } => {
            format!("forgot {kind} {}", directives::name(id.0))
        }
        Effect::Notified(notification) => notified(run, notification),
        Effect::Attempted { receipt, .. } => format!("receipt {}", receipt.verdict),
        Effect::Replayed { letters, .. } => format!("replayed {}", letters.len()),
        Effect::Replied { outcome, .. } => replied(run, outcome),
        Effect::LimitHit { reason, .. } => format!("limit {reason}"),
    };
    Some(Line { text, counts, times: 1 })
}

/// `tell ops opened #1 because r1,r2 to page,mail`, or `hold … silenced by s1`.
fn notified(run: &Run, notification: &Notification) -> String {
    let subject = match notification.subject {
        Subject::Incident(id) => run.name(id),
        Subject::Signal(id) => format!("signal {:x}", id.0 & 0xffff),
    };
    let transition = match notification.transition {
        Transition::Step { step, round, .. } => format!("step {step} round {round}"),
        of @ Transition::Of(_) => of.to_string(),
    };
    let rules: Vec<String> = notification.rules.iter().map(|id| directives::name(id.0)).collect();
    let told = format!(
        "{} {transition} {subject} because {}",
        directives::name(notification.subscriber.0),
        rules.join(",")
    );
    let Some(held) = notification.held else {
        let to = notification.targets.iter().map(|target| match target {
            Target::Endpoint(id) => directives::name(id.0),
            Target::OnCall(id) => format!("on-call {}", directives::name(id.0)),
            Target::Person(id) => format!("person {}", directives::name(id.0)),
        });
        return format!("tell {told} to {}", to.collect::<Vec<_>>().join(","));
    };
    format!("hold {told}: {} by {}", held.reason, directives::name(held.by.0))
}

fn audited(run: &Run, row: &AuditRow) -> String {
    let action = match &row.action {
        AuditAction::Opened => "opened".to_owned(),
        AuditAction::Moved { from, to } => format!("{from} -> {to}"),
        AuditAction::SeverityChanged { from, to } => format!("{from} -> {to}"),
        AuditAction::Assigned { to } => format!("assigned to {}", to.as_deref().unwrap_or("-")),
        AuditAction::Commented => "comment".to_owned(),
        AuditAction::Linked { url } => format!("link {url}"),
        AuditAction::MergedInto { parent } => format!("merged into {}", run.name(*parent)),
        AuditAction::Split { other, signals } => {
            format!("split {signals} with {}", run.name(*other))
        }
        AuditAction::PolicySaved { version, .. } => format!("policy saved version {version}"),
        AuditAction::PolicyRemoved { .. } => "policy removed".to_owned(),
        AuditAction::DirectiveSaved { kind, version, .. } => {
            format!("{kind} saved version {version}")
        }
        AuditAction::DirectiveRemoved { kind, .. } => format!("{kind} removed"),
        AuditAction::Replayed { letters } => format!("{letters} letters replayed"),
    };
    let text = if row.text.is_empty() { String::new() } else { format!(" {:?}", row.text) };
    let incident = row.incident.map_or_else(String::new, |id| format!("{} ", run.name(id)));
    format!("{incident}{action} {} by {}{text}", row.reason, actor(&row.actor))
}

fn actor(actor: &Actor) -> String {
    match actor.kind {
        ActorKind::System => "system".to_owned(),
        ActorKind::Person => actor.name.clone(),
        ActorKind::Agent => format!("@{}", actor.name),
    }
}

fn replied(run: &Run, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Incident(id) => format!("done {}", run.name(*id)),
        Outcome::Policy { version, .. } => format!("done policy version {version}"),
        Outcome::Directive { id, version } => {
            format!("done {} version {version}", directives::name(id.0))
        }
        Outcome::Replayed(letters) => format!("done {letters} letters"),
        Outcome::Refused(refusal) => format!("refused: {}", refused(run, refusal)),
    }
}

fn refused(run: &Run, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotFound => "not found".to_owned(),
        Refusal::IllegalTransition { from, to, legal } => {
            let legal: Vec<&str> = legal.iter().map(|status: &Status| status.as_str()).collect();
            format!("{from} -> {to} is illegal, legal {legal:?}")
        }
        Refusal::RcaRequired => "rca required".to_owned(),
        Refusal::RcaInvalid(errors) => {
            let errors: Vec<String> =
                errors.iter().map(|error| format!("{} {}", error.field, error.code)).collect();
            format!("rca invalid: {}", errors.join(", "))
        }
        Refusal::PersonRequired => "person required".to_owned(),
        Refusal::ReasonRequired => "reason required".to_owned(),
        Refusal::FollowsParent(parent) => format!("follows {}", run.name(*parent)),
        Refusal::NotMergeable(why) | Refusal::NotSplittable(why) => (*why).to_owned(),
        Refusal::StaleVersion { current } => format!("stale, current version {current}"),
        Refusal::DirectiveInvalid(errors) => {
            let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            format!("directive invalid: {}", fields.join(" "))
        }
        Refusal::Limit(what) => format!("limit of {what}"),
        Refusal::IdempotencyMismatch => "idempotency mismatch".to_owned(),
    }
}
