//! From the answer to a signal until its incident can be read, while 10 000 others arrive each second;
//! beside one commit of the store on the same disk.

use std::time::{Duration, Instant};

use anyhow::ensure;
use engine::Engine;
use model::{Effects, Entry, ProjectId, Seq, Timestamp};
use store::sqlite::{Options, SqliteStore};
use store::{Commit, PartitionId, Store};

use super::Pair;
use crate::bodies::{Kind, Sample, pools};
use crate::offered::{self, Schedule};
use crate::outcome::Line;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::{Latencies, median, micros};

const BAR_US: f64 = 20_000.0;
const CONNECTIONS: usize = 128;
/// Signals in the commit that is the reference: what arrives in 5 ms.
const COMMITTED: u64 = 50;
/// Between two looks of the prober.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) fn after_the_answer(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let (data, store_data) = (bench.data()?, bench.data()?);
    let server = Server::start(bench, data.path())?;
    let target = server.target("/v1/signals");
    let runtime = tokio::runtime::Runtime::new()?;
    let mut committer = runtime.block_on(Committer::open(store_data.path()))?;
    let length = bench.length();
    let schedule = Schedule { per_second: 10_000, warm_up: bench.warm_up(), length };
    let (mut run, mut again) = (0, 0);
    let pair = Pair::measure(
        bench,
        || {
            run += 1;
            let probed = std::thread::scope(|scope| {
                let load = scope.spawn(|| {
                    offered::run(
                        &target,
                        pools(Kind::Signals, 1, CONNECTIONS, 64, &target),
                        schedule,
                    )
                });
                std::thread::sleep(bench.warm_up());
                let probed = probe(&server, run, length);
                let tally = load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                bench.say("readable", &format!("load: {}", tally.summary()));
                probed
            });
            let (latencies, repeated) = probed?;
            again += repeated;
            bench.say("readable", &format!("{}, {repeated} read again", latencies.summary()));
            server.settle()?;
            Ok(latencies.at(0.99))
        },
        || {
            let commits = server.process.paused(|| {
                runtime.block_on(committer.commit_for(length.min(Duration::from_secs(1))))
            })?;
            bench.say("readable", &format!("one commit: {}", commits.summary()));
            Ok(commits.at(0.99))
        },
    )?;
    let p99 = median(&pair.ours);
    let line = Line::judged("readable: acknowledged → incident, p99", "≤ 20 ms", p99 <= BAR_US)
        .measured(micros(p99))
        .reference(format!("{} one commit, p99", micros(median(&pair.theirs))), pair.ratio())
        .note(format!("at 10 000/s; {again} reads did not show it at first"));
    Ok(vec![line])
}

/// Sends signals about components nobody knew and reads their incidents.
fn probe(server: &Server, run: u32, length: Duration) -> anyhow::Result<(Latencies, u64)> {
    let (mut sender, mut reader) = (server.client()?, server.client()?);
    let (mut latencies, mut again) = (Latencies::new(), 0);
    let began = Instant::now();
    for number in 0.. {
        if began.elapsed() >= length {
            break;
        }
        let component = format!("probed-{run}-{number}");
        let body =
            format!("{{\"component\":\"{component}\",\"severity\":\"P1\",\"summary\":\"probe\"}}");
        let answer = sender.post("/v1/signals", body.as_bytes())?;
        ensure!(answer.status == 202, "a probe was answered with {}", answer.status);
        let acknowledged = Instant::now();
        loop {
            let page = reader.get(&format!("/v1/incidents?component={component}"))?;
            ensure!(page.status == 200, "a list was answered with {}", page.status);
            let page: serde_json::Value = serde_json::from_slice(&page.body)?;
            if page["items"].as_array().is_some_and(|items| !items.is_empty()) {
                break;
            }
            again += 1;
            ensure!(acknowledged.elapsed() < Duration::from_secs(10), "{component} opened nothing");
        }
        latencies.add(acknowledged.elapsed());
        std::thread::sleep(PAUSE);
    }
    Ok((latencies, again))
}

/// Commits of some signals each, to a store of its own.
struct Committer {
    store: SqliteStore,
    engine: Engine,
}

impl Committer {
    async fn open(directory: &std::path::Path) -> anyhow::Result<Self> {
        let store = SqliteStore::open(Options::new(directory.join("store.sqlite"))).await?;
        Ok(Self { store, engine: Engine::new() })
    }

    async fn commit_for(&mut self, length: Duration) -> anyhow::Result<Latencies> {
        let (began, mut latencies, mut effects) =
            (Instant::now(), Latencies::new(), Effects::default());
        while began.elapsed() < length {
            let expected = self.engine.seq();
            let at = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
                .max(self.engine.at());
            effects.0.clear();
            for number in expected.0 + 1..=expected.0 + COMMITTED {
                let signal = Sample::new(number).signal(crate::bodies::COMPONENTS, at);
                let entry = Entry::Signal { project: ProjectId(1), signal };
                self.engine.apply(Seq(number), at, &entry, &mut effects);
            }
            let through = self.engine.seq();
            let commit =
                Commit { partition: PartitionId(0), expected, through, at, effects: &effects };
            let before = Instant::now();
            self.store.commit(commit).await?;
            latencies.add(before.elapsed());
        }
        Ok(latencies)
    }
}
