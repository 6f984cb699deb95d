//! Any entry is read as it was written, and a record that is read is the only form of what it says.

use std::borrow::Cow;

use model::{
    ActionItem, Actor, ActorKind, AlertLease, AtMost, Command, CommandId, ComponentType, Condition,
    Directive, DirectiveBody, DirectiveId, DirectiveKind, Duration, EndpointId, Entry, Escalation,
    Field, GroupingPolicy, IncidentId, Inhibition, KeyField, Kind, Matcher, Mode, NotificationId,
    Op, OpenWhen, Operation, PolicyId, ProjectId, Rca, Receipt, Rule, ScheduleId, Seq, Severity,
    Signal, SignalId, SignalStatus, Silence, Status, Step, SubscriberId, Target, Timestamp,
    Trigger, Verdict, codec,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(2_026),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn an_entry_is_read_as_it_was_written(entry in entry()) {
        let mut record = b"before".to_vec();
        codec::encode(&entry, &mut record);
        prop_assert_eq!(&record[..6], b"before", "encoding appends");
        prop_assert_eq!(codec::decode(&record[6..]), Ok(entry));
    }

    #[test]
    fn every_strict_prefix_of_a_record_is_refused(entry in entry(), cut in any::<usize>()) {
        let mut record = Vec::new();
        codec::encode(&entry, &mut record);
        prop_assert!(codec::decode(&record[..cut % record.len()]).is_err());
        record.push(0);
        prop_assert_eq!(codec::decode(&record), Err(codec::Error::Trailing { extra: 1 }));
    }
}

/// Any entry there can be.
pub(crate) fn entry() -> impl Strategy<Value = Entry<'static>> {
    let project = any::<u32>().prop_map(ProjectId);
    prop_oneof![
        6 => (project.clone(), signal())
            .prop_map(|(project, signal)| Entry::Signal { project, signal }),
        2 => (project, lease(), signal())
            .prop_map(|(project, lease, signal)| Entry::Alert { project, lease, signal }),
        6 => command().prop_map(|command| Entry::Command(Box::new(command))),
        1 => Just(Entry::Tick),
        2 => receipt().prop_map(|receipt| Entry::Receipt(Box::new(receipt))),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "\\PC{0,12}", 1 => "[a-z]{100,300}"]
}

fn cow() -> impl Strategy<Value = Cow<'static, str>> {
    text().prop_map(Cow::Owned)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_micros)
}

fn duration() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_micros)
}

fn incident() -> impl Strategy<Value = IncidentId> {
    any::<u128>().prop_map(IncidentId)
}

fn lease() -> impl Strategy<Value = AlertLease> {
    (any::<u64>(), time(), time()).prop_map(|(fingerprint, starts_at, ends_at)| AlertLease {
        fingerprint,
        starts_at,
        ends_at,
    })
}

fn signal() -> impl Strategy<Value = Signal<'static>> {
    let ids = (any::<u128>(), any::<bool>(), of(incident()), time());
    let words = (
        select(ComponentType::ALL),
        select(Kind::ALL),
        select(&Severity::ALL[..]),
        select(SignalStatus::ALL),
    );
    let texts = (cow(), cow(), cow(), cow(), cow(), cow());
    let lists = (vec((cow(), cow()), 0..5), vec(cow(), 0..3), vec(any::<u8>(), 0..200));
    (ids, words, texts, lists).prop_map(|(ids, words, texts, (labels, links, payload))| Signal {
        id: SignalId(ids.0),
        id_given: ids.1,
        incident_id: ids.2,
        occurred_at: ids.3,
        component_type: words.0,
        kind: words.1,
        severity: words.2,
        status: words.3,
        component: texts.0,
        environment: texts.1,
        source: texts.2,
        error_code: texts.3,
        trace_id: texts.4,
        summary: texts.5,
        labels,
        links,
        payload: Cow::Owned(payload),
    })
}

fn command() -> impl Strategy<Value = Command> {
    let actor = (select(ActorKind::ALL), text()).prop_map(|(kind, name)| Actor { kind, name });
    (any::<u128>(), any::<u32>(), actor, of((any::<u128>(), any::<u64>())), operation()).prop_map(
        |(id, project, actor, idempotency, operation)| Command {
            id: CommandId(id),
            project: ProjectId(project),
            actor,
            idempotency,
            operation,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let version = || of(any::<u64>());
    prop_oneof![
        (incident(), select(Status::ALL), text())
            .prop_map(|(incident, to, reason)| Operation::SetState { incident, to, reason }),
        (incident(), analysis())
            .prop_map(|(incident, rca)| Operation::SubmitRca { incident, rca: Box::new(rca) }),
        (incident(), of(text()))
            .prop_map(|(incident, assignee)| Operation::Assign { incident, assignee }),
        (incident(), text()).prop_map(|(incident, text)| Operation::Comment { incident, text }),
        (incident(), text(), text()).prop_map(|(incident, title, url)| Operation::AddLink {
            incident,
            title,
            url
        }),
        (incident(), of(select(&Severity::ALL[..])))
            .prop_map(|(incident, severity)| Operation::SetSeverity { incident, severity }),
        (incident(), vec(incident(), 0..4))
            .prop_map(|(into, children)| Operation::Merge { into, children }),
        (incident(), vec(any::<u64>().prop_map(Seq), 0..4), text())
            .prop_map(|(incident, signals, title)| Operation::Split { incident, signals, title }),
        (policy(), version()).prop_map(|(policy, expected_version)| Operation::PutPolicy {
            policy: Box::new(policy),
            expected_version
        }),
        (any::<u128>(), version()).prop_map(|(id, expected_version)| Operation::DeletePolicy {
            id: PolicyId(id),
            expected_version
        }),
        (directive(), version()).prop_map(|(directive, expected_version)| {
            Operation::PutDirective { directive: Box::new(directive), expected_version }
        }),
        (select(DirectiveKind::ALL), any::<u128>(), version()).prop_map(
            |(kind, id, expected_version)| Operation::DeleteDirective {
                kind,
                id: DirectiveId(id),
                expected_version
            }
        ),
        vec((any::<u128>().prop_map(NotificationId), target()), 0..4)
            .prop_map(|letters| Operation::ReplayDeadLetters { letters }),
    ]
}

fn directive() -> impl Strategy<Value = Directive> {
    let body = prop_oneof![
        rule().prop_map(DirectiveBody::Rule),
        rule().prop_map(DirectiveBody::DefaultRoute),
        silence().prop_map(DirectiveBody::Silence),
        (conditions(), conditions(), vec(condition_field(), 0..3), any::<bool>()).prop_map(
            |(source, target, equal, enabled)| DirectiveBody::Inhibition(Inhibition {
                source,
                target,
                equal,
                enabled
            })
        ),
        (vec((duration(), vec(target(), 0..3)), 0..3), any::<u32>()).prop_map(|(steps, repeat)| {
            let steps = steps.into_iter().map(|(after, targets)| Step { after, targets });
            DirectiveBody::Escalation(Escalation { steps: steps.collect(), repeat })
        }),
    ];
    (any::<u128>(), any::<u32>(), text(), any::<u64>(), body).prop_map(
        |(id, project, name, version, body)| Directive {
            id: DirectiveId(id),
            project: ProjectId(project),
            name,
            version,
            body,
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let trigger = prop_oneof![
        Just(Trigger::Opened),
        Just(Trigger::SignalResolved),
        duration().prop_map(Trigger::Unacknowledged)
    ];
    let whom = (any::<u128>(), vec(trigger, 0..3), conditions(), text());
    let where_to = (vec(target(), 0..3), of(any::<u128>()), vec(any::<u128>(), 0..2));
    let how = (of((any::<u32>(), duration())), duration(), any::<bool>(), any::<bool>());
    (whom, where_to, how).prop_map(|(whom, where_to, how)| Rule {
        subscriber: SubscriberId(whom.0),
        on: whom.1,
        conditions: whom.2,
        cel: whom.3,
        targets: where_to.0,
        escalation: where_to.1.map(DirectiveId),
        muted_by: where_to.2.into_iter().map(ScheduleId).collect(),
        at_most: how.0.map(|(count, within)| AtMost { count, within }),
        deadline: how.1,
        enabled: how.2,
        match_all: how.3,
    })
}

fn silence() -> impl Strategy<Value = Silence> {
    let times = (time(), time(), time());
    (conditions(), times, text(), text(), any::<bool>()).prop_map(
        |(conditions, times, created_by, comment, maintenance)| Silence {
            conditions,
            starts_at: times.0,
            ends_at: times.1,
            updated_at: times.2,
            created_by,
            comment,
            maintenance,
        },
    )
}

fn conditions() -> impl Strategy<Value = Vec<Condition>> {
    let condition = (condition_field(), select(Op::ALL), vec(text(), 0..3), any::<bool>());
    let condition =
        condition.prop_map(|(field, op, values, negate)| Condition { field, op, values, negate });
    vec(condition, 0..3)
}

fn condition_field() -> impl Strategy<Value = Field> {
    prop_oneof![
        Just(Field::Severity),
        Just(Field::Status),
        Just(Field::Summary),
        "[a-z.]{1,9}".prop_map(Field::Label),
        "[a-z.]{1,9}".prop_map(Field::Payload),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        any::<u128>().prop_map(|id| Target::Endpoint(EndpointId(id))),
        any::<u128>().prop_map(|id| Target::OnCall(ScheduleId(id))),
        any::<u128>().prop_map(|id| Target::Person(SubscriberId(id))),
    ]
}

fn receipt() -> impl Strategy<Value = Receipt> {
    let of_what = (any::<u32>(), any::<u128>(), target(), any::<u32>());
    let when = (time(), duration(), select(Verdict::ALL), of(time()));
    (of_what, when, any::<u16>(), text(), text()).prop_map(
        |(of_what, when, status, answer, reference)| Receipt {
            project: ProjectId(of_what.0),
            notification: NotificationId(of_what.1),
            target: of_what.2,
            attempt: of_what.3,
            began_at: when.0,
            took: when.1,
            verdict: when.2,
            next_at: when.3,
            status,
            answer,
            reference,
        },
    )
}

fn analysis() -> impl Strategy<Value = Rca> {
    let item =
        (text(), text(), text()).prop_map(|(title, owner, due)| ActionItem { title, owner, due });
    let texts = (text(), text(), text(), text());
    (texts, of(time()), of(time()), vec(item, 0..3)).prop_map(
        |(texts, incident_start, incident_end, action_items)| Rca {
            root_cause_category: texts.0,
            fix_applied: texts.1,
            prevention_steps: texts.2,
            timeline_note: texts.3,
            incident_start,
            incident_end,
            action_items,
        },
    )
}

fn field() -> impl Strategy<Value = KeyField> {
    prop_oneof![
        Just(KeyField::Component),
        Just(KeyField::ComponentType),
        Just(KeyField::Environment),
        Just(KeyField::Kind),
        Just(KeyField::Severity),
        Just(KeyField::Source),
        Just(KeyField::ErrorCode),
        Just(KeyField::TraceId),
        Just(KeyField::Summary),
        "[a-z.]{1,9}".prop_map(KeyField::Label),
    ]
}

fn policy() -> impl Strategy<Value = GroupingPolicy> {
    let matcher = vec((field(), vec(text(), 0..3)), 0..3);
    let who = (any::<u128>(), any::<u32>(), text(), matcher, vec(field(), 0..4));
    let times = (duration(), duration(), duration(), duration());
    let numbers = (any::<u32>(), any::<u32>(), any::<i64>(), any::<u64>());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (who, times, numbers, flags).prop_map(|(who, times, numbers, flags)| GroupingPolicy {
        id: PolicyId(who.0),
        project: ProjectId(who.1),
        name: who.2,
        matcher: Matcher(who.3),
        key: who.4,
        mode: if flags.0 { Mode::Window } else { Mode::Ongoing },
        window: times.0,
        quiet: times.1,
        reopen_within: times.2,
        open_when: OpenWhen { count: numbers.0, within: times.3 },
        cap: numbers.1,
        position: numbers.2,
        version: numbers.3,
        auto_lifecycle: flags.1,
        resolve_with_alerts: flags.2,
    })
}
