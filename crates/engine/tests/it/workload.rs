//! Random entries: few projects, components and policies, so that they meet; and commands that pick
//! among the incidents and signals there are, as people do.

use std::borrow::Cow;

use model::{
    Actor, ActorKind, AlertLease, AtMost, Command, CommandId, Condition, Directive, DirectiveBody,
    DirectiveId, DirectiveKind, Duration, EndpointId, Entry, Escalation, Field, GroupingPolicy,
    IncidentId, Inhibition, KeyField, Matcher, Mode, Op, OpenWhen, Operation, PolicyId, ProjectId,
    Rca, Rule, Seq, Severity, Signal, SignalId, SignalStatus, Silence, Status, SubscriberId,
    Target, Timestamp, Trigger,
};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;

use crate::invariants::Ledger;
use crate::timeline::START;

/// What happens next, and how long after what happened before.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) gap_ms: u64,
    project: u32,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Signal(Sent),
    Alert { sent: Sent, fingerprint: u64, started_ago_ms: u64, lease_ms: u64 },
    Ask { who: ActorKind, key: Option<(u128, u64)>, asked: Asked },
    Tick,
}

#[derive(Debug, Clone)]
struct Sent {
    component: usize,
    environment: usize,
    code: usize,
    severity: Severity,
    resolved: bool,
    given: Option<u128>,
    named: Option<usize>,
}

#[derive(Debug, Clone)]
enum Asked {
    Move(usize, Status, bool),
    Analyse(usize, bool),
    Assign(usize, Option<String>),
    Comment(usize),
    Link(usize),
    Severity(usize, Option<Severity>),
    Merge(usize, Vec<usize>),
    Split(usize, Vec<usize>),
    PutPolicy(u128, Box<Shape>, Option<u64>),
    DeletePolicy(u128, Option<u64>),
    PutDirective(u128, Wish, Option<u64>),
    DeleteDirective(u128, DirectiveKind, Option<u64>),
}

/// What a directive asks for.
#[derive(Debug, Clone)]
enum Wish {
    Rule {
        on: Vec<Trigger>,
        component: Option<usize>,
        at_most: Option<(u32, u64)>,
        escalates: bool,
    },
    Silence {
        component: usize,
        from_secs: i64,
        secs: u64,
    },
    Inhibition {
        source: Severity,
        target: Severity,
    },
    Escalation {
        after_secs: Vec<u64>,
        repeat: u32,
    },
}

#[derive(Debug, Clone)]
struct Shape {
    component: Option<usize>,
    key: Vec<KeyField>,
    window: Option<(u64, u32)>,
    quiet: u64,
    reopen_within: u64,
    open_when: (u32, u64),
    auto_lifecycle: bool,
    resolve_with_alerts: bool,
    position: i64,
}

const COMPONENTS: [&str; 3] = ["db", "api", "cache"];
const ENVIRONMENTS: [&str; 2] = ["prod", "staging"];
const CODES: [&str; 3] = ["", "TIMEOUT", "REFUSED"];

/// Up to `most` steps.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..=most)
}

fn step() -> impl Strategy<Value = Step> {
    let gap_ms =
        prop_oneof![4 => Just(0), 4 => 0..3_000_u64, 2 => 0..90_000_u64, 1 => 0..900_000_u64];
    let project = prop_oneof![3 => Just(1), 1 => Just(2)];
    (gap_ms, project, action()).prop_map(|(gap_ms, project, action)| Step {
        gap_ms,
        project,
        action,
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => sent().prop_map(Action::Signal),
        4 => (sent(), 0..4_u64, 0..20_000_u64, 0..60_000_u64).prop_map(
            |(sent, fingerprint, started_ago_ms, lease_ms)| Action::Alert {
                sent, fingerprint, started_ago_ms, lease_ms,
            }
        ),
        8 => (who(), weighted(0.2, (0..3_u128, 0..2_u64)), asked())
            .prop_map(|(who, key, asked)| Action::Ask { who, key, asked }),
        3 => Just(Action::Tick),
    ]
}

fn who() -> impl Strategy<Value = ActorKind> {
    prop_oneof![5 => Just(ActorKind::Person), 1 => Just(ActorKind::Agent)]
}

fn sent() -> impl Strategy<Value = Sent> {
    let resolved = prop_oneof![2 => Just(false), 1 => Just(true)];
    let choice = (0..3_usize, 0..2_usize, 0..3_usize, severity(), resolved);
    (choice, weighted(0.1, 0..5_u128), weighted(0.1, any::<usize>())).prop_map(
        |((component, environment, code, severity, resolved), given, named)| Sent {
            component,
            environment,
            code,
            severity,
            resolved,
            given,
            named,
        },
    )
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(&Severity::ALL[..])
}

fn asked() -> impl Strategy<Value = Asked> {
    let pick = any::<usize>;
    let picks = || vec(any::<usize>(), 1..4);
    prop_oneof![
        9 => (pick(), prop::sample::select(Status::ALL), any::<bool>())
            .prop_map(|(incident, to, reason)| Asked::Move(incident, to, reason)),
        3 => (pick(), any::<bool>()).prop_map(|(incident, whole)| Asked::Analyse(incident, whole)),
        1 => (pick(), of("[a-c]")).prop_map(|(incident, to)| Asked::Assign(incident, to)),
        1 => pick().prop_map(Asked::Comment),
        1 => pick().prop_map(Asked::Link),
        2 => (pick(), of(severity())).prop_map(|(incident, to)| Asked::Severity(incident, to)),
        4 => (pick(), picks()).prop_map(|(into, children)| Asked::Merge(into, children)),
        3 => (pick(), picks()).prop_map(|(incident, signals)| Asked::Split(incident, signals)),
        4 => (1..4_u128, shape(), of(1..4_u64))
            .prop_map(|(id, shape, seen)| Asked::PutPolicy(id, Box::new(shape), seen)),
        1 => (1..4_u128, of(1..4_u64)).prop_map(|(id, seen)| Asked::DeletePolicy(id, seen)),
        8 => (1..5_u128, wish(), of(1..4_u64))
            .prop_map(|(id, wish, seen)| Asked::PutDirective(id, wish, seen)),
        1 => (1..5_u128, prop::sample::select(DirectiveKind::ALL), of(1..4_u64))
            .prop_map(|(id, kind, seen)| Asked::DeleteDirective(id, kind, seen)),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let spans = [20, 60].map(|secs| Trigger::Unacknowledged(Duration::from_secs(secs)));
    let plain = [
        Trigger::Opened,
        Trigger::Escalated,
        Trigger::Acknowledged,
        Trigger::Resolved,
        Trigger::Reopened,
        Trigger::Closed,
        Trigger::Signal,
        Trigger::SignalResolved,
    ];
    let on = prop::sample::subsequence([&plain[..], &spans].concat(), 1..=4);
    prop_oneof![
        5 => (on, of(0..3_usize), weighted(0.2, (1..3_u32, 1..60_u64)), any::<bool>()).prop_map(
            |(on, component, at_most, escalates)| Wish::Rule { on, component, at_most, escalates }
        ),
        2 => (0..3_usize, -60..60_i64, 1..300_u64)
            .prop_map(|(component, from_secs, secs)| Wish::Silence { component, from_secs, secs }),
        1 => (severity(), severity()).prop_map(|(source, target)| Wish::Inhibition { source, target }),
        2 => (vec(0..90_u64, 1..4), 0..3_u32)
            .prop_map(|(after_secs, repeat)| Wish::Escalation { after_secs, repeat }),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    let fields = [KeyField::Component, KeyField::Environment, KeyField::ErrorCode];
    let key = prop::sample::subsequence(fields.to_vec(), 0..=3);
    let times = (0..60_u64, 0..600_u64, (1..4_u32, 0..30_u64));
    let flags = (any::<bool>(), any::<bool>(), 0..3_i64);
    (of(0..3_usize), key, of((1..20_u64, 1..4_u32)), times, flags).prop_map(
        |(component, key, window, (quiet, reopen_within, open_when), flags)| Shape {
            component,
            key,
            window,
            quiet,
            reopen_within,
            open_when,
            auto_lifecycle: flags.0,
            resolve_with_alerts: flags.1,
            position: flags.2,
        },
    )
}

/// The entry of a step, given what is known when it is sent.
pub(crate) fn entry(step: &Step, seq: Seq, at: Timestamp, ledger: &Ledger) -> Entry<'static> {
    let project = ProjectId(step.project);
    match &step.action {
        Action::Signal(sent) => {
            Entry::Signal { project, signal: signal(sent, project, seq, ledger) }
        }
        Action::Alert { sent, fingerprint, started_ago_ms, lease_ms } => {
            let millis = |ms: u64| Duration::from_micros(ms * 1_000);
            let lease = AlertLease {
                fingerprint: *fingerprint,
                starts_at: at - millis(*started_ago_ms),
                ends_at: at + millis(*lease_ms),
            };
            // The labels of an alert, and so its component, are what its fingerprint says.
            let component = *fingerprint as usize % COMPONENTS.len();
            let sent = Sent { component, environment: 0, code: 0, ..sent.clone() };
            Entry::Alert { project, lease, signal: signal(&sent, project, seq, ledger) }
        }
        Action::Ask { who, key, asked } => Entry::Command(Box::new(Command {
            id: CommandId(u128::from(seq.0)),
            project,
            actor: Actor { kind: *who, name: "somebody".to_owned() },
            idempotency: *key,
            operation: operation(asked, project, at, ledger),
        })),
        Action::Tick => Entry::Tick,
    }
}

fn signal(sent: &Sent, project: ProjectId, seq: Seq, ledger: &Ledger) -> Signal<'static> {
    let id = SignalId(sent.given.unwrap_or_else(|| u128::from(seq.0) << 32));
    Signal {
        id_given: sent.given.is_some(),
        severity: sent.severity,
        status: if sent.resolved { SignalStatus::Resolved } else { SignalStatus::Firing },
        error_code: Cow::Borrowed(CODES[sent.code]),
        incident_id: sent.named.map(|named| ledger.pick(project, named)),
        ..Signal::new(id, COMPONENTS[sent.component], ENVIRONMENTS[sent.environment])
    }
}

fn operation(asked: &Asked, project: ProjectId, at: Timestamp, ledger: &Ledger) -> Operation {
    let pick = |nth: usize| ledger.pick(project, nth);
    match asked {
        Asked::Move(nth, to, reason) => Operation::SetState {
            incident: pick(*nth),
            to: *to,
            reason: if *reason { "because".to_owned() } else { String::new() },
        },
        Asked::Analyse(nth, whole) => {
            Operation::SubmitRca { incident: pick(*nth), rca: Box::new(analysis(*whole)) }
        }
        Asked::Assign(nth, to) => Operation::Assign { incident: pick(*nth), assignee: to.clone() },
        Asked::Comment(nth) => Operation::Comment { incident: pick(*nth), text: "hm".to_owned() },
        Asked::Link(nth) => Operation::AddLink {
            incident: pick(*nth),
            title: "runbook".to_owned(),
            url: "https://example.org".to_owned(),
        },
        Asked::Severity(nth, to) => Operation::SetSeverity { incident: pick(*nth), severity: *to },
        Asked::Merge(into, children) => Operation::Merge {
            into: pick(*into),
            children: children.iter().map(|&nth| pick(nth)).collect(),
        },
        Asked::Split(nth, signals) => split(pick(*nth), signals, ledger),
        Asked::PutPolicy(id, shape, seen) => Operation::PutPolicy {
            policy: Box::new(policy(PolicyId(*id), shape)),
            expected_version: *seen,
        },
        Asked::DeletePolicy(id, seen) => {
            Operation::DeletePolicy { id: PolicyId(*id), expected_version: *seen }
        }
        Asked::PutDirective(id, wish, seen) => Operation::PutDirective {
            directive: Box::new(Directive {
                id: DirectiveId(*id),
                project,
                name: format!("directive {id}"),
                version: 0,
                body: directive_body(wish, *id, at),
            }),
            expected_version: *seen,
        },
        Asked::DeleteDirective(id, kind, seen) => Operation::DeleteDirective {
            kind: *kind,
            id: DirectiveId(*id),
            expected_version: *seen,
        },
    }
}

fn directive_body(wish: &Wish, id: u128, at: Timestamp) -> DirectiveBody {
    let target = Target::Endpoint(EndpointId(id));
    match wish {
        Wish::Rule { on, component, at_most, escalates } => {
            let rule = Rule {
                subscriber: SubscriberId(id % 2),
                on: on.clone(),
                conditions: component.map(is_component).into_iter().collect(),
                match_all: component.is_none(),
                cel: String::new(),
                targets: vec![target],
                escalation: escalates.then_some(DirectiveId(1)),
                muted_by: Vec::new(),
                at_most: at_most
                    .map(|(count, secs)| AtMost { count, within: Duration::from_secs(secs) }),
                deadline: Duration::from_secs(3_600),
                enabled: true,
            };
            // One of four, so that there are projects with default routes and no rule.
            if id == 4 { DirectiveBody::DefaultRoute(rule) } else { DirectiveBody::Rule(rule) }
        }
        Wish::Silence { component, from_secs, secs } => {
            let starts_at = Timestamp::from_micros(at.micros() + from_secs * 1_000_000);
            DirectiveBody::Silence(Silence {
                conditions: vec![is_component(*component)],
                starts_at,
                ends_at: starts_at + Duration::from_secs(*secs),
                created_by: String::new(),
                comment: String::new(),
                maintenance: secs % 2 == 0,
                updated_at: at,
            })
        }
        Wish::Inhibition { source, target } => DirectiveBody::Inhibition(Inhibition {
            source: vec![is_severity(*source)],
            target: vec![is_severity(*target)],
            equal: vec![Field::Environment],
            enabled: true,
        }),
        Wish::Escalation { after_secs, repeat } => DirectiveBody::Escalation(Escalation {
            steps: after_secs
                .iter()
                .map(|&secs| model::Step {
                    after: Duration::from_secs(secs),
                    targets: vec![target],
                })
                .collect(),
            repeat: *repeat,
        }),
    }
}

fn is_component(component: usize) -> Condition {
    let values = vec![COMPONENTS[component].to_owned()];
    Condition { field: Field::Component, op: Op::Equals, values, negate: false }
}

fn is_severity(severity: Severity) -> Condition {
    let values = vec![severity.as_str().to_owned()];
    Condition { field: Field::Severity, op: Op::Equals, values, negate: false }
}

/// Positions of signals that belong to the incident, which is what the API makes sure of.
fn split(incident: IncidentId, signals: &[usize], ledger: &Ledger) -> Operation {
    let own = ledger.signals_of(incident);
    let signals = signals.iter().filter_map(|&nth| own.get(nth % own.len().max(1)).copied());
    Operation::Split { incident, signals: signals.collect(), title: String::new() }
}

fn analysis(whole: bool) -> Rca {
    let fix = if whole { "Rolled back the release of noon." } else { "Rolled back." };
    Rca {
        root_cause_category: "CAPACITY".to_owned(),
        fix_applied: fix.to_owned(),
        prevention_steps: "Alert on the size of the queue.".to_owned(),
        incident_start: Some(START),
        ..Rca::default()
    }
}

fn policy(id: PolicyId, shape: &Shape) -> GroupingPolicy {
    let components = shape.component.map(|component| vec![COMPONENTS[component].to_owned()]);
    let (window, cap) = shape.window.unwrap_or((10, 100));
    GroupingPolicy {
        id,
        matcher: Matcher(
            components.map(|values| (KeyField::Component, values)).into_iter().collect(),
        ),
        key: shape.key.clone(),
        mode: if shape.window.is_some() { Mode::Window } else { Mode::Ongoing },
        window: Duration::from_secs(window),
        cap,
        quiet: Duration::from_secs(shape.quiet),
        reopen_within: Duration::from_secs(shape.reopen_within),
        open_when: OpenWhen {
            count: shape.open_when.0,
            within: Duration::from_secs(shape.open_when.1),
        },
        auto_lifecycle: shape.auto_lifecycle,
        resolve_with_alerts: shape.resolve_with_alerts,
        position: shape.position,
        ..GroupingPolicy::built_in(ProjectId(9))
    }
}
