//! One entry of every kind and one command of every operation, with every field said: what the golden
//! files hold.

use model::{
    ActionItem, Actor, ActorKind, AlertLease, Command, CommandId, ComponentType, Duration, Entry,
    GroupingPolicy, IncidentId, KeyField, Kind, Matcher, Mode, OpenWhen, Operation, PolicyId,
    ProjectId, Rca, Seq, Severity, Signal, SignalId, SignalStatus, Status, Timestamp,
};

/// All samples with the names of their files.
pub(crate) fn all() -> Vec<(&'static str, Entry<'static>)> {
    let mut all = vec![
        ("signal", Entry::Signal { project: ProjectId(1), signal: full() }),
        ("signal_bare", Entry::Signal { project: ProjectId(u32::MAX), signal: bare() }),
        ("alert", Entry::Alert { project: ProjectId(2), lease: lease(), signal: resolved() }),
        ("tick", Entry::Tick),
    ];
    all.extend(operations().into_iter().map(|(name, operation)| (name, command(operation))));
    all
}

/// The name of the sample of an entry. Closed: a new kind has no name until it has a golden file.
pub(crate) fn name(entry: &Entry<'_>) -> &'static str {
    match entry {
        Entry::Signal { .. } => "signal",
        Entry::Alert { .. } => "alert",
        Entry::Command(command) => match command.operation {
            Operation::SetState { .. } => "set_state",
            Operation::SubmitRca { .. } => "submit_rca",
            Operation::Assign { .. } => "assign",
            Operation::Comment { .. } => "comment",
            Operation::AddLink { .. } => "add_link",
            Operation::SetSeverity { .. } => "set_severity",
            Operation::Merge { .. } => "merge",
            Operation::Split { .. } => "split",
            Operation::PutPolicy { .. } => "put_policy",
            Operation::DeletePolicy { .. } => "delete_policy",
            Operation::PutDirective { .. } => "put_rule",
            Operation::DeleteDirective { .. } => "delete_directive",
            Operation::ReplayDeadLetters { .. } => "replay_dead_letters",
        },
        Entry::Tick => "tick",
        Entry::Receipt(_) => "receipt",
    }
}

fn full() -> Signal<'static> {
    Signal {
        id_given: true,
        component_type: ComponentType::Rdbms,
        kind: Kind::Dependency,
        severity: Severity::P0,
        source: "prometheus".into(),
        summary: "connections exhausted on “orders”".into(),
        labels: vec![("region".into(), "eu".into()), ("team".into(), "core".into())],
        payload: br#"{"used": 1.50, "unknown":null}"#.as_slice().into(),
        occurred_at: Timestamp::from_micros(1_700_000_000_123_456),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        error_code: "53300".into(),
        incident_id: Some(incident(1)),
        links: vec!["https://example.org/a".into(), "https://example.org/b".into()],
        ..Signal::new(SignalId(0x0123_4567_89ab_cdef_0011_2233_4455_6677), "orders-db", "prod")
    }
}

fn bare() -> Signal<'static> {
    Signal { occurred_at: Timestamp::from_micros(-1), ..Signal::new(SignalId(1), "a", "") }
}

fn resolved() -> Signal<'static> {
    Signal {
        component_type: ComponentType::Host,
        kind: Kind::Alert,
        severity: Severity::P3,
        status: SignalStatus::Resolved,
        // Longer than one byte of length can say.
        summary: "x".repeat(300).into(),
        labels: vec![("alertname".into(), "HostDown".into())],
        ..Signal::new(SignalId(u128::MAX), "host-7", "staging")
    }
}

fn lease() -> AlertLease {
    AlertLease {
        fingerprint: 0xfeed_beef_0000_0001,
        starts_at: Timestamp::from_micros(1_700_000_000_000_000),
        ends_at: Timestamp::from_micros(1_700_000_300_000_000),
    }
}

fn incident(nth: u128) -> IncidentId {
    IncidentId((0x018b_cfe5_6800_88d7 << 64) | nth)
}

fn command(operation: Operation) -> Entry<'static> {
    let (kind, idempotency) = match operation {
        Operation::SetState { .. } => (ActorKind::Agent, Some((7, 8))),
        Operation::Assign { .. } => (ActorKind::System, None),
        _ => (ActorKind::Person, None),
    };
    Entry::Command(Box::new(Command {
        id: CommandId(0xc0ffee),
        project: ProjectId(3),
        actor: Actor { kind, name: "Zoë".to_owned() },
        idempotency,
        operation,
    }))
}

fn operations() -> Vec<(&'static str, Operation)> {
    let incident = incident(9);
    vec![
        (
            "set_state",
            Operation::SetState {
                incident,
                to: Status::Resolved,
                reason: "failed over".to_owned(),
            },
        ),
        ("submit_rca", Operation::SubmitRca { incident, rca: Box::new(analysis()) }),
        ("submit_rca_empty", Operation::SubmitRca { incident, rca: Box::default() }),
        ("assign", Operation::Assign { incident, assignee: Some("bob".to_owned()) }),
        ("assign_nobody", Operation::Assign { incident, assignee: None }),
        ("comment", Operation::Comment { incident, text: "looks like\nthe disk".to_owned() }),
        (
            "add_link",
            Operation::AddLink {
                incident,
                title: "runbook".to_owned(),
                url: "https://example.org/runbook".to_owned(),
            },
        ),
        ("set_severity", Operation::SetSeverity { incident, severity: Some(Severity::P1) }),
        ("set_severity_free", Operation::SetSeverity { incident, severity: None }),
        (
            "merge",
            Operation::Merge { into: incident, children: vec![IncidentId(1), IncidentId(2)] },
        ),
        (
            "split",
            Operation::Split {
                incident,
                signals: vec![Seq(3), Seq(u64::MAX)],
                title: "another thing".to_owned(),
            },
        ),
        (
            "put_policy",
            Operation::PutPolicy { policy: Box::new(policy()), expected_version: Some(4) },
        ),
        (
            "put_policy_new",
            Operation::PutPolicy {
                policy: Box::new(GroupingPolicy::built_in(ProjectId(3))),
                expected_version: None,
            },
        ),
        ("delete_policy", Operation::DeletePolicy { id: PolicyId(5), expected_version: Some(6) }),
        ("delete_policy_any", Operation::DeletePolicy { id: PolicyId(5), expected_version: None }),
    ]
}

fn analysis() -> Rca {
    Rca {
        root_cause_category: "CAPACITY".to_owned(),
        fix_applied: "Doubled the connections of the pool.".to_owned(),
        prevention_steps: "Alert at four fifths of the pool.".to_owned(),
        incident_start: Some(Timestamp::from_micros(1_700_000_000_000_000)),
        incident_end: Some(Timestamp::from_micros(1_700_000_600_000_000)),
        timeline_note: "12:00 first page".to_owned(),
        action_items: vec![ActionItem {
            title: "Alert on the pool".to_owned(),
            owner: "carol".to_owned(),
            due: "2026-02-28".to_owned(),
        }],
    }
}

/// A policy that names every field.
fn policy() -> GroupingPolicy {
    let label = || KeyField::Label("team".to_owned());
    GroupingPolicy {
        id: PolicyId(77),
        project: ProjectId(3),
        name: "storms".to_owned(),
        matcher: Matcher(vec![
            (KeyField::Component, vec!["db-*".to_owned(), "cache".to_owned()]),
            (label(), vec!["core".to_owned()]),
        ]),
        key: vec![
            KeyField::Component,
            KeyField::ComponentType,
            KeyField::Environment,
            KeyField::Kind,
            KeyField::Severity,
            KeyField::Source,
            KeyField::ErrorCode,
            KeyField::TraceId,
            KeyField::Summary,
            label(),
        ],
        mode: Mode::Window,
        window: Duration::from_secs(30),
        cap: 1_000,
        quiet: Duration::from_micros(1),
        reopen_within: Duration::from_secs(86_400),
        open_when: OpenWhen { count: 3, within: Duration::from_secs(60) },
        auto_lifecycle: true,
        resolve_with_alerts: false,
        position: -5,
        version: 4,
    }
}
