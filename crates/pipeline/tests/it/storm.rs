//! How much of a storm goes into one commit when many are told of it.

use std::sync::Arc;

use journal::{RealDisk, Records, SegmentJournal, SystemClock};
use lake::MemoryLake;
use model::{
    Actor, Command, CommandId, Directive, DirectiveBody, DirectiveId, EndpointId, Entry, Operation,
    ProjectId, Rule, Seq, Signal, SignalId, SubscriberId, Target, Trigger, codec, limits,
};
use pipeline::{MemorySnapshots, Pipeline, Ports, Step};
use store::{MemoryStore, PartitionId, Store};
use tempfile::TempDir;

const PARTITION: PartitionId = PartitionId(0);
const PROJECT: ProjectId = ProjectId(1);
const RULES: u32 = 256;
const SIGNALS: u32 = 600;

#[test]
fn a_batch_that_many_rules_tell_of_is_committed_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (ports, store) = ports(&folder);
    let open = || runtime.block_on(Pipeline::open(ports.clone(), PARTITION)).expect("it opens");
    runtime.block_on(append(&ports, (0..RULES).map(rule).collect()));
    let (mut pipeline, _) = open();
    let last = runtime.block_on(append(&ports, (0..SIGNALS).map(signal).collect()));
    let most = limits::TOLD_PER_COMMIT as u64 / (u64::from(RULES) + 1) + 1;
    let mut applied = 0;
    while applied < u64::from(SIGNALS) {
        let Step::Applied(entries) = runtime.block_on(pipeline.step()).expect("it steps") else {
            panic!("it stops before the end of the batch");
        };
        assert!(entries <= most, "{entries} entries in a commit, each told by {RULES} rules");
        applied += entries;
    }
    assert_eq!(runtime.block_on(store.offset(PARTITION)).expect("it answers"), last);
    let engine = pipeline.engine().snapshot();
    drop(pipeline);
    let (again, opened) = open();
    assert_eq!((opened.replayed, opened.caught_up), (last.0, 0));
    assert_eq!(again.engine().snapshot(), engine);
}

fn ports(folder: &TempDir) -> (Ports, Arc<MemoryStore>) {
    let disk = Arc::new(RealDisk::new(folder.path()).expect("the disk opens"));
    let options = journal::Options { segment_bytes: 1 << 20, ..journal::Options::default() };
    let (journal, _) =
        SegmentJournal::open(options, disk, Arc::new(SystemClock)).expect("it opens");
    let store = Arc::new(MemoryStore::new());
    let ports = Ports {
        journal: Arc::new(journal),
        store: store.clone(),
        lake: Arc::new(MemoryLake::new()),
        snapshots: Arc::new(MemorySnapshots::default()),
        clock: Arc::new(SystemClock),
    };
    (ports, store)
}

/// Appends entries together and says where the last lies.
async fn append(ports: &Ports, entries: Vec<Entry<'_>>) -> Seq {
    let mut records = Records::new();
    for entry in &entries {
        records.push_with(|buffer| codec::encode(entry, buffer));
    }
    let appended = ports.journal.append(records).expect("it is taken").await;
    Seq(appended.expect("it is durable").first_seq + entries.len() as u64 - 1)
}

fn signal(number: u32) -> Entry<'static> {
    let signal = Signal::new(SignalId(u128::from(number) + 1), "db", "prod");
    Entry::Signal { project: PROJECT, signal }
}

/// One more rule of the same subscriber on every signal.
fn rule(number: u32) -> Entry<'static> {
    let rule = Rule {
        subscriber: SubscriberId(1),
        on: vec![Trigger::Signal],
        conditions: Vec::new(),
        match_all: true,
        cel: String::new(),
        targets: vec![Target::Endpoint(EndpointId(1))],
        escalation: None,
        muted_by: Vec::new(),
        at_most: None,
        deadline: limits::DELIVERY_DEADLINE,
        enabled: true,
    };
    let directive = Directive {
        id: DirectiveId(u128::from(number) + 1),
        project: PROJECT,
        name: format!("rule {number}"),
        version: 1,
        body: DirectiveBody::Rule(rule),
    };
    Entry::Command(Box::new(Command {
        id: CommandId(u128::from(number) + 1),
        project: PROJECT,
        actor: Actor::system(),
        idempotency: None,
        operation: Operation::PutDirective {
            directive: Box::new(directive),
            expected_version: None,
        },
    }))
}
