//! Any entry is read as it was written, and a record that is read is the only form of what it says.

use std::borrow::Cow;

use model::{
    ActionItem, Actor, ActorKind, AlertLease, Command, CommandId, ComponentType, Duration, Entry,
    GroupingPolicy, IncidentId, KeyField, Kind, Matcher, Mode, OpenWhen, Operation, PolicyId,
    ProjectId, Rca, Seq, Severity, Signal, SignalId, SignalStatus, Status, Timestamp, codec,
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
    ]
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
