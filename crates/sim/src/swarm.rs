//! Swarm: each seed picks a part of the features and faults, and how often each comes, so that rare
//! combinations are tried as whole runs and not as one grey average.

use journal::Durability;
use journal::segments::{Drive, Options};

use crate::ports::{ENDPOINTS, Manner, Planted};
use crate::random::Random;

/// What kind of world a seed makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything but a disk that lies or rots: nothing acknowledged may be missing.
    Sound,
    /// Syncs of the journal's disk say yes and do nothing: a loss must be detected.
    Lying,
    /// All snapshots may be gone after a power cut: it starts only if the journal reaches back to 1.
    Forgetful,
    /// A byte of an acknowledged record flips: the journal must refuse to open.
    Rotting,
}

/// One thing that can happen in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Signals arrive.
    Signals,
    /// Alerts arrive, are sent again, or resolve.
    Alerts,
    /// Somebody moves an incident on, or works on it.
    Work,
    /// Somebody submits an analysis.
    Analysis,
    /// Somebody merges or splits.
    Merge,
    /// Somebody changes a policy.
    Policy,
    /// Somebody changes a rule, a silence, an inhibition or an escalation policy.
    Directive,
    /// Somebody sends dead letters again.
    Replay,
    /// The courier does what it has to do.
    Deliver,
    /// A command is sent again.
    Repeat,
    /// More arrives than the queue takes.
    Burst,
    /// The pipeline applies what is durable.
    Apply,
    /// The pipeline takes a snapshot.
    Snapshot,
    /// The lake writes a part of what it has.
    LakeWrites,
    /// The clock moves on a little.
    ClockRuns,
    /// The clock jumps far ahead.
    ClockJumps,
    /// The clock goes back.
    ClockBack,
    /// A clean stop and start.
    Restart,
    /// The process is killed.
    Kill,
    /// The power is cut, maybe in the middle of something.
    PowerCut,
    /// The store refuses commits.
    StoreRefuses,
    /// The lake, or the place of snapshots, refuses.
    SnapshotRefused,
    /// The disk is full for a while.
    DiskFull,
    /// A write fails.
    WriteFails,
    /// A sync fails.
    SyncFails,
    /// Writes are short for a while.
    ShortWrites,
    /// A second owner takes over.
    Fence,
}

/// What a seed picked.
#[derive(Debug, Clone)]
pub struct Swarm {
    /// The kind of world.
    pub mode: Mode,
    /// What can happen, and how often.
    pub actions: Vec<(Action, u64)>,
    /// Projects, 1 to 3.
    pub projects: u64,
    /// Components per project.
    pub components: u64,
    /// Environments.
    pub environments: u64,
    /// Most signals of one append.
    pub batch: u64,
    /// Percent of signals that come with an id.
    pub given_ids: u64,
    /// Percent of signals that repeat an id given before.
    pub duplicates: u64,
    /// Percent of signals that say that something is over.
    pub resolved: u64,
    /// Percent of signals that name an incident.
    pub named: u64,
    /// Percent of steps after which the pipeline applies what there is.
    pub eager: u64,
    /// Seconds the clock runs in a step, at most.
    pub pace_secs: u64,
    /// Whether anything is delivered.
    pub delivery: bool,
    /// How the endpoints of a project behave.
    pub manners: Vec<Manner>,
    /// How they are set up.
    pub configs: Vec<String>,
    /// Messages under way to one endpoint.
    pub concurrency: u32,
    /// How the journal is set up.
    pub journal: Options,
}

impl Swarm {
    /// What `seed` picks.
    #[must_use]
    pub fn pick(random: &mut Random, planted: Option<Planted>) -> Self {
        let mode = match random.below(100) {
            0..82 => Mode::Sound,
            82..92 => Mode::Lying,
            92..95 => Mode::Forgetful,
            _ => Mode::Rotting,
        };
        let mode = if planted.is_some() { Mode::Sound } else { mode };
        let delivery = random.chance(70) || planted.is_some();
        Self {
            mode,
            actions: actions(random, planted, delivery),
            delivery,
            manners: (0..ENDPOINTS).map(|_| manner(random)).collect(),
            configs: (0..ENDPOINTS).map(|_| config(random)).collect(),
            concurrency: [1, 2, 8][random.below(3) as usize],
            projects: random.between(1, 3),
            components: [1, 2, 4, 12][random.below(4) as usize],
            environments: random.between(1, 2),
            batch: [1, 3, 8, 16][random.below(4) as usize],
            given_ids: [0, 20, 60, 100][random.below(4) as usize],
            duplicates: [0, 5, 30][random.below(3) as usize],
            resolved: [0, 10, 40][random.below(3) as usize],
            named: [0, 0, 15][random.below(3) as usize],
            eager: [5, 40, 90][random.below(3) as usize],
            pace_secs: [0, 2, 20, 90][random.below(4) as usize],
            journal: journal_options(random, planted, delivery),
        }
    }
}

/// What can happen: the everyday always, everything else in a part of the seeds.
fn actions(random: &mut Random, planted: Option<Planted>, delivery: bool) -> Vec<(Action, u64)> {
    let everyday = [
        (Action::Signals, 40),
        (Action::Apply, 12),
        (Action::ClockRuns, 12),
        (Action::Snapshot, 3),
    ];
    let at_times = [
        (Action::Alerts, 15, 70),
        (Action::Work, 20, 80),
        (Action::Analysis, 8, 75),
        (Action::Merge, 6, 50),
        (Action::Policy, 5, 60),
        (Action::Repeat, 4, 50),
        (Action::Burst, 1, 25),
        (Action::LakeWrites, 4, 50),
        (Action::ClockJumps, 4, 50),
        (Action::ClockBack, 3, 35),
        (Action::Restart, 2, 60),
        (Action::Kill, 3, 60),
        (Action::PowerCut, 3, 60),
        (Action::StoreRefuses, 3, 40),
        (Action::SnapshotRefused, 2, 30),
        (Action::DiskFull, 2, 25),
        (Action::WriteFails, 2, 25),
        (Action::SyncFails, 2, 25),
        (Action::ShortWrites, 2, 25),
        (Action::Fence, 2, 35),
    ];
    let mut actions = everyday.to_vec();
    if delivery {
        let more = [1, 1, 3][random.below(3) as usize];
        actions.extend([(Action::Directive, 7 * more), (Action::Deliver, 8)]);
        actions.push((Action::Replay, random.below(3)));
    }
    for (action, weight, percent) in at_times {
        // A planted mistake is looked for with everything there is.
        if random.chance(percent) || planted.is_some() {
            actions.push((action, weight * [1, 1, 1, 3][random.below(4) as usize]));
        }
    }
    actions
}

fn manner(random: &mut Random) -> Manner {
    let percent = [10, 40, 90][random.below(3) as usize];
    match random.below(9) {
        0..3 => Manner::Well,
        3 | 4 => Manner::Lossy(percent),
        5 => Manner::Refusing(percent),
        6 => Manner::Slow(random.between(1, 45)),
        7 => Manner::Cutting(percent.min(60)),
        _ => Manner::Hanging(percent.min(60)),
    }
}

fn config(random: &mut Random) -> String {
    let configs = [
        "{}",
        "{}",
        r#"{"concurrency": 1, "rate_per_second": 2}"#,
        r#"{"digest": {"more_than": 2, "within": "30s"}}"#,
    ];
    configs[random.below(4) as usize].to_owned()
}

fn journal_options(random: &mut Random, planted: Option<Planted>, delivery: bool) -> Options {
    // An append fits in a segment, and the courier appends up to 512 receipts at once.
    let least = if delivery { 80 << 10 } else { 16 << 10 };
    let segments = [least, least.max(32 << 10), 128 << 10];
    let early = planted == Some(Planted::JournalAcknowledgesEarly);
    Options {
        durability: if early { Durability::Os } else { Durability::Disk },
        drive: Drive::Manual,
        segment_bytes: segments[random.below(3) as usize],
        batch_bytes: [2 << 10, 8 << 10, 1 << 20][random.below(3) as usize],
        queue_bytes: if delivery { 256 << 10 } else { 64 << 10 },
        queue_records: [32, 100][random.below(2) as usize],
        max_record_bytes: 8 << 10,
        max_age: random.chance(30).then(|| std::time::Duration::from_secs(600)),
        max_bytes: Some([32 << 10, 64 << 10, 1 << 20][random.below(3) as usize]),
        verify_from: 0,
    }
}
