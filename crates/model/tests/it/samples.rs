//! One entry of every kind and one command of every operation, with every field said: what the golden
//! files hold.

use model::{
    ActionItem, Actor, ActorKind, AlertLease, AtMost, Command, CommandId, ComponentType, Condition,
    Directive, DirectiveBody, DirectiveId, DirectiveKind, Duration, EndpointId, Entry, Escalation,
    Field, GroupingPolicy, IncidentId, Inhibition, KeyField, Kind, Matcher, Mode, NotificationId,
    Op, OpenWhen, Operation, PolicyId, ProjectId, Rca, Receipt, Rule, ScheduleId, Seq, Severity,
    Signal, SignalId, SignalStatus, Silence, Status, Step, SubscriberId, Target, Timestamp,
    Trigger, Verdict,
};

/// All samples with the names of their files.
pub(crate) fn all() -> Vec<(&'static str, Entry<'static>)> {
    let mut all = vec![
        ("signal", Entry::Signal { project: ProjectId(1), signal: full() }),
        ("signal_bare", Entry::Signal { project: ProjectId(u32::MAX), signal: bare() }),
        ("alert", Entry::Alert { project: ProjectId(2), lease: lease(), signal: resolved() }),
        ("tick", Entry::Tick),
        ("receipt", Entry::Receipt(Box::new(receipt()))),
    ];
    let operations = operations().into_iter().chain(on_directives());
    all.extend(operations.map(|(name, operation)| (name, command(operation))));
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

fn on_directives() -> Vec<(&'static str, Operation)> {
    vec![
        ("put_rule", put(DirectiveBody::Rule(rule()))),
        ("put_default_route", put(DirectiveBody::DefaultRoute(rule()))),
        ("put_silence", put(DirectiveBody::Silence(silence()))),
        ("put_inhibition", put(DirectiveBody::Inhibition(inhibition()))),
        ("put_escalation", put(DirectiveBody::Escalation(escalation()))),
        (
            "delete_directive",
            Operation::DeleteDirective {
                kind: DirectiveKind::Silence,
                id: DirectiveId(7),
                expected_version: Some(2),
            },
        ),
        (
            "replay_dead_letters",
            Operation::ReplayDeadLetters {
                letters: vec![
                    (NotificationId(1), Target::Endpoint(EndpointId(2))),
                    (NotificationId(3), Target::Person(SubscriberId(4))),
                ],
            },
        ),
    ]
}

fn put(body: DirectiveBody) -> Operation {
    let (id, project, name) = (DirectiveId(0xd1), ProjectId(3), "nights".to_owned());
    let directive = Directive { id, project, name, version: 5, body };
    Operation::PutDirective { directive: Box::new(directive), expected_version: Some(4) }
}

fn condition(field: Field, op: Op, values: &[&str], negate: bool) -> Condition {
    Condition { field, op, values: values.iter().map(ToString::to_string).collect(), negate }
}

fn rule() -> Rule {
    let five_minutes = Duration::from_secs(300);
    Rule {
        subscriber: SubscriberId(0x5b),
        on: vec![Trigger::Opened, Trigger::Unacknowledged(five_minutes), Trigger::Signal],
        conditions: vec![
            condition(Field::Severity, Op::AtLeast, &["P1"], false),
            condition(Field::Component, Op::Glob, &["orders-*"], false),
            condition(Field::Label("team".to_owned()), Op::OneOf, &["core", "pay"], true),
            condition(Field::Payload("job.name".to_owned()), Op::Present, &[], false),
        ],
        match_all: false,
        cel: "labels.zone != 'z'".to_owned(),
        targets: vec![
            Target::Endpoint(EndpointId(1)),
            Target::OnCall(ScheduleId(2)),
            Target::Person(SubscriberId(3)),
        ],
        escalation: Some(DirectiveId(9)),
        muted_by: vec![ScheduleId(8)],
        at_most: Some(AtMost { count: 10, within: Duration::from_secs(60) }),
        deadline: Duration::from_secs(3_600),
        enabled: true,
    }
}

fn silence() -> Silence {
    Silence {
        conditions: vec![condition(Field::Component, Op::Regex, &["db-[0-9]+"], false)],
        starts_at: Timestamp::from_micros(1_700_000_000_000_000),
        ends_at: Timestamp::from_micros(1_700_003_600_000_000),
        created_by: "ana".to_owned(),
        comment: "moving the racks".to_owned(),
        maintenance: true,
        updated_at: Timestamp::from_micros(1_699_999_999_000_000),
    }
}

fn inhibition() -> Inhibition {
    Inhibition {
        source: vec![condition(Field::Severity, Op::Equals, &["P0"], false)],
        target: vec![condition(Field::Kind, Op::Equals, &["dependency"], true)],
        equal: vec![Field::Environment, Field::Label("cluster".to_owned())],
        enabled: false,
    }
}

fn escalation() -> Escalation {
    let step = |secs, id| Step {
        after: Duration::from_secs(secs),
        targets: vec![Target::OnCall(ScheduleId(id))],
    };
    Escalation { steps: vec![step(0, 1), step(300, 2)], repeat: 3 }
}

fn receipt() -> Receipt {
    Receipt {
        project: ProjectId(3),
        notification: NotificationId(0x0a0b),
        target: Target::Endpoint(EndpointId(0x0c)),
        attempt: 2,
        began_at: Timestamp::from_micros(1_700_000_000_500_000),
        took: Duration::from_micros(12_345),
        verdict: Verdict::Retry,
        next_at: Some(Timestamp::from_micros(1_700_000_004_000_000)),
        status: 503,
        answer: "upstream is busy".to_owned(),
        reference: "1700000000.000100".to_owned(),
    }
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
