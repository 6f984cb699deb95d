//! What happens at each limit: what is kept, what is said.

use model::effect::Effect;
use model::{
    Actor, ActorKind, AlertLease, Command, CommandId, Duration, Effects, Entry, GroupingPolicy,
    IncidentId, OpenWhen, Operation, Outcome, PolicyId, ProjectId, Rca, Reason, Refusal, Seq,
    Signal, SignalId, SignalStatus, Status, Timestamp, limits,
};

use super::Bounds;
use crate::Engine;
use crate::commands::Answered;
use crate::dedup::{Dedup, Remembered};

const PROJECT: ProjectId = ProjectId(1);

fn bounded(bounds: Bounds) -> Engine {
    Engine { bounds, ..Engine::default() }
}

fn apply(engine: &mut Engine, entry: &Entry<'_>) -> Vec<Effect> {
    let mut effects = Effects::default();
    engine.apply(engine.seq().next(), engine.at(), entry, &mut effects);
    effects.0
}

fn signal(component: &str) -> Signal<'static> {
    Signal::new(SignalId(7), component.to_owned(), "prod")
}

fn send(engine: &mut Engine, component: &str) -> Vec<Effect> {
    apply(engine, &Entry::Signal { project: PROJECT, signal: signal(component) })
}

fn ask(engine: &mut Engine, operation: Operation) -> Outcome {
    let actor = Actor { kind: ActorKind::Person, name: "alice".to_owned() };
    let command =
        Command { id: CommandId(1), project: PROJECT, actor, idempotency: None, operation };
    let effects = apply(engine, &Entry::Command(Box::new(command)));
    match effects.into_iter().next_back() {
        Some(Effect::Replied { outcome, .. }) => outcome,
        other => panic!("a command is replied to last, not {other:?}"),
    }
}

/// The incident and reason under which the signal was filed, and the limits hit.
fn filed(effects: &[Effect]) -> (Option<IncidentId>, Reason, Vec<Reason>) {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Filed { incident, reason, .. } => Some((*incident, *reason)),
        _ => None,
    });
    let (incident, reason) = found.expect("the signal is filed");
    (incident, reason, hit(effects))
}

fn hit(effects: &[Effect]) -> Vec<Reason> {
    let hit = |effect: &Effect| match effect {
        Effect::LimitHit { reason, .. } => Some(*reason),
        _ => None,
    };
    effects.iter().filter_map(hit).collect()
}

#[test]
fn beyond_the_active_incidents_signals_are_kept_and_open_nothing() {
    let mut engine = bounded(Bounds { active_incidents: 2, ..Bounds::default() });
    send(&mut engine, "a");
    let (second, ..) = filed(&send(&mut engine, "b"));
    let limit = Reason::IncidentLimit;
    assert_eq!(filed(&send(&mut engine, "c")), (None, limit, vec![limit]));
    assert_eq!(filed(&send(&mut engine, "b")).1, Reason::OpenIncident);
    let split = Operation::Split {
        incident: second.expect("it opened"),
        signals: vec![Seq(2)],
        title: String::new(),
    };
    let refused = Refusal::Limit("incidents that are not closed");
    assert_eq!(ask(&mut engine, split), Outcome::Refused(refused));
    assert_eq!(engine.active_incidents(), 2);
}

#[test]
fn beyond_the_pending_keys_one_more_opens_at_once_and_the_others_go_on() {
    let mut engine = bounded(Bounds { pending_keys: 1, ..Bounds::default() });
    let open_when = OpenWhen { count: 3, within: Duration::from_secs(9) };
    let policy = GroupingPolicy { id: PolicyId(5), open_when, ..GroupingPolicy::built_in(PROJECT) };
    ask(&mut engine, Operation::PutPolicy { policy: Box::new(policy), expected_version: None });
    assert_eq!(filed(&send(&mut engine, "a")).1, Reason::OpenWhenPending);
    let (incident, reason, limits) = filed(&send(&mut engine, "b"));
    assert!(incident.is_some());
    assert_eq!((reason, limits), (Reason::PendingLimit, vec![Reason::PendingLimit]));
    assert_eq!(filed(&send(&mut engine, "a")).1, Reason::OpenWhenPending);
    assert_eq!(filed(&send(&mut engine, "a")).1, Reason::OpenWhenReached);
    assert_eq!(filed(&send(&mut engine, "c")).1, Reason::OpenWhenPending);
}

#[test]
fn beyond_the_firing_alerts_one_more_is_a_signal_without_lease() {
    let mut engine = bounded(Bounds { firing_alerts: 1, ..Bounds::default() });
    let mut alert = |fingerprint, status| {
        let (starts_at, ends_at) = (Timestamp::default(), Timestamp::from_micros(9));
        let lease = AlertLease { fingerprint, starts_at, ends_at };
        let signal = Signal { status, ..signal("a") };
        apply(&mut engine, &Entry::Alert { project: PROJECT, lease, signal })
    };
    assert!(hit(&alert(1, SignalStatus::Firing)).is_empty());
    let (incident, reason, limits) = filed(&alert(2, SignalStatus::Firing));
    assert!(incident.is_some());
    assert_eq!((reason, limits), (Reason::OpenIncident, vec![Reason::AlertLimit]));
    assert_eq!(hit(&alert(3, SignalStatus::Resolved)), [Reason::AlertLimit]);
    let resolved = alert(1, SignalStatus::Resolved);
    assert!(resolved.iter().any(|effect| matches!(effect, Effect::AlertResolved { .. })));
}

#[test]
fn beyond_the_firing_identities_an_incident_says_so_once_and_no_longer_resolves_by_itself() {
    let mut engine = Engine::new();
    let of =
        |code: usize, status| Signal { error_code: code.to_string().into(), status, ..signal("a") };
    let (firing, resolved) = (SignalStatus::Firing, SignalStatus::Resolved);
    let mut limits_hit = Vec::new();
    for code in 0..limits::FIRING_IDENTITIES + 3 {
        let entry = Entry::Signal { project: PROJECT, signal: of(code, firing) };
        limits_hit.extend(hit(&apply(&mut engine, &entry)));
    }
    assert_eq!(limits_hit, [Reason::FiringLimit]);
    for code in 0..limits::FIRING_IDENTITIES + 3 {
        let entry = Entry::Signal { project: PROJECT, signal: of(code, resolved) };
        let effects = apply(&mut engine, &entry);
        assert!(effects.iter().all(|effect| matches!(effect, Effect::Filed { .. })));
    }
}

#[test]
fn alerts_beyond_the_firing_identities_fire_anew_as_well_when_their_incident_is_closed() {
    let mut engine = Engine::new();
    let alert = |engine: &mut Engine, fingerprint| {
        let (starts_at, ends_at) = (Timestamp::default(), Timestamp::from_micros(9));
        let lease = AlertLease { fingerprint, starts_at, ends_at };
        apply(engine, &Entry::Alert { project: PROJECT, lease, signal: signal("a") })
    };
    let last = limits::FIRING_IDENTITIES as u64;
    for fingerprint in 0..=last {
        alert(&mut engine, fingerprint);
    }
    let (incident, ..) = filed(&send(&mut engine, "a"));
    let incident = incident.expect("it is open");
    for to in [Status::Investigating, Status::Resolved] {
        let reason = String::new();
        ask(&mut engine, Operation::SetState { incident, to, reason });
    }
    let rca = Rca {
        root_cause_category: "CAPACITY".to_owned(),
        fix_applied: "The pool is twice as large.".to_owned(),
        prevention_steps: "An alert on what is left of it.".to_owned(),
        ..Rca::default()
    };
    let closing = Operation::SubmitRca { incident, rca: Box::new(rca) };
    assert_eq!(ask(&mut engine, closing), Outcome::Incident(incident));
    assert_eq!(filed(&alert(&mut engine, last)).1, Reason::NewKey);
    assert_eq!(filed(&alert(&mut engine, 0)).1, Reason::OpenIncident);
}

#[test]
fn links_policies_and_children_have_limits_with_names() {
    let mut engine = Engine::new();
    let (incident, ..) = filed(&send(&mut engine, "a"));
    let incident = incident.expect("it opened");
    let link = || Operation::AddLink { incident, title: "t".to_owned(), url: "u".to_owned() };
    for _ in 0..limits::INCIDENT_LINKS {
        assert_eq!(ask(&mut engine, link()), Outcome::Incident(incident));
    }
    let refused = Outcome::Refused(Refusal::Limit("links of an incident"));
    assert_eq!(ask(&mut engine, link()), refused);
    let policy = |id: usize| Operation::PutPolicy {
        policy: Box::new(GroupingPolicy {
            id: PolicyId(id as u128),
            ..GroupingPolicy::built_in(PROJECT)
        }),
        expected_version: None,
    };
    for id in 1..=limits::POLICIES {
        assert!(matches!(ask(&mut engine, policy(id)), Outcome::Policy { version: 1, .. }));
    }
    let refused = Outcome::Refused(Refusal::Limit("grouping policies of a project"));
    assert_eq!(ask(&mut engine, policy(limits::POLICIES + 1)), refused);
    let children = vec![incident; limits::MERGE_CHILDREN + 1];
    let merge = Operation::Merge { into: incident, children };
    assert!(matches!(ask(&mut engine, merge), Outcome::Refused(Refusal::NotMergeable(_))));
}

#[test]
fn the_oldest_ids_are_dropped_when_there_are_too_many_and_all_past_the_horizon() {
    let mut dedup = Dedup::default();
    let at = |id: usize| Timestamp::from_micros(id as i64);
    let remember =
        |dedup: &mut Dedup, id: usize, at| dedup.remember(PROJECT, SignalId(id as u128), at);
    for id in 0..limits::DEDUP_IDS {
        assert_eq!(remember(&mut dedup, id, at(id)), Remembered::New);
    }
    assert_eq!(remember(&mut dedup, 0, at(limits::DEDUP_IDS)), Remembered::Known);
    let one_more = limits::DEDUP_IDS;
    assert_eq!(remember(&mut dedup, one_more, at(one_more)), Remembered::NewAtLimit);
    assert!(!dedup.contains(PROJECT, SignalId(0)));
    assert!(dedup.contains(PROJECT, SignalId(64)), "no more are dropped together");
    assert_eq!(dedup.dated().len(), limits::DEDUP_IDS - 63);
    assert_eq!(remember(&mut dedup, one_more + 1, at(one_more)), Remembered::New);
    let later = at(one_more) + limits::DEDUP_HORIZON;
    assert_eq!(remember(&mut dedup, one_more, later), Remembered::Known);
    assert_eq!(dedup.dated().len(), 2);
}

#[test]
fn the_oldest_answer_is_forgotten_when_there_are_too_many() {
    let mut answered = Answered::default();
    for key in 0..=limits::IDEMPOTENCY_KEYS as u128 {
        answered.remember(PROJECT, key, 1, Outcome::Incident(IncidentId(key)));
    }
    assert!(answered.get(PROJECT, 0).is_none());
    assert!(answered.get(PROJECT, 1).is_some());
    assert_eq!(answered.iter().len(), limits::IDEMPOTENCY_KEYS);
}

#[test]
fn the_oldest_closed_incident_is_forgotten_when_there_are_too_many() {
    let mut engine = Engine::new();
    for id in 0..=limits::CLOSED_REMEMBERED as u128 {
        engine.cases.remember_closed(PROJECT, IncidentId(id));
    }
    assert!(!engine.cases.is_closed(PROJECT, IncidentId(0)));
    assert!(engine.cases.is_closed(PROJECT, IncidentId(1)));
    assert!(!engine.cases.is_closed(ProjectId(2), IncidentId(1)));
}

#[test]
fn a_tick_fires_a_bounded_number_and_the_rest_stays_due() {
    let mut engine = Engine::new();
    let more = crate::timers::FIRED_PER_TICK + 5;
    for fingerprint in 0..more as u64 {
        let (starts_at, ends_at) = (Timestamp::default(), Timestamp::default());
        let lease = AlertLease { fingerprint, starts_at, ends_at };
        let entry = Entry::Alert { project: PROJECT, lease, signal: signal("a") };
        apply(&mut engine, &entry);
    }
    let over = |effects: &[Effect]| {
        effects.iter().filter(|effect| matches!(effect, Effect::AlertResolved { .. })).count()
    };
    assert_eq!(over(&apply(&mut engine, &Entry::Tick)), crate::timers::FIRED_PER_TICK);
    assert_eq!(engine.next_deadline(), Some(Timestamp::default()));
    assert_eq!(over(&apply(&mut engine, &Entry::Tick)), 5);
    assert!(engine.next_deadline() > Some(Timestamp::default()));
}
