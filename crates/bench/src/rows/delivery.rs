//! From a signal to the webhook of whoever asked: how long it takes, how many go out a second, and what
//! endpoints that do not answer cost those that do.
//!
//! Latencies begin when a signal was due and end when the whole webhook is at the sink, which is in this
//! process, so one clock measures both. Invariant: every notification that is due arrives, or the row fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio_rustls::rustls;

use super::Pair;
use crate::audience::subscribe;
use crate::bodies::{Kind, Template, moment, pools};
use crate::client::Client;
use crate::offered::{self, Schedule};
use crate::outcome::Line;
use crate::process::{cpu_seconds, free_address};
use crate::run::Bench;
use crate::server::Server;
use crate::sink::{Arrivals, Conduct, Sink};
use crate::statistics::{Latencies, median, micros, thousands};

/// Without it nothing is sent to loopback, where the sink is.
const PRIVATE: &[&str] = &["--allow-private-endpoints"];
const CONNECTIONS: usize = 32;
/// Different signals of one connection.
const DIFFERENT: usize = 250;
/// How long notifications may take in all after the last signal.
const PATIENCE: Duration = Duration::from_secs(120);
/// What `told` may take beyond the sink itself.
const TOLD_US: f64 = 25_000.0;

/// What became of the signals of one run.
struct Heard {
    /// From when a signal was due until its webhook was at the sink.
    told: Latencies,
    /// From when it was due until it was acknowledged.
    acknowledged: Latencies,
}

impl Heard {
    fn summary(&self) -> String {
        format!("told {}; acknowledged {}", self.told.summary(), self.acknowledged.summary())
    }
}

/// 1 000 signals a second, every tenth of which is told.
pub(crate) fn told(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let (data, sink) = (bench.data()?, Sink::start(1, Conduct::Answers)?);
    let server = Server::start_with(bench, data.path(), PRIVATE)?;
    subscribe(&mut server.client()?, "team", &sink.url(0), Some("orders-db-*0"))?;
    let (warm_up, length) = (bench.warm_up(), bench.length());
    let (mut middles, mut acknowledged) = (Vec::new(), Vec::new());
    let pair = Pair::measure(
        bench,
        || {
            let heard =
                offer(&server, &sink, b"0", Schedule { per_second: 1_000, warm_up, length })?;
            bench.say("told", &format!("stormbell: {}", heard.summary()));
            middles.push(heard.told.at(0.5));
            acknowledged.push(heard.acknowledged.at(0.99));
            Ok(heard.told.at(0.99))
        },
        || {
            let straight = server
                .process
                .paused(|| called_straight(&sink, Schedule { per_second: 100, warm_up, length }))?;
            bench.say("told", &format!("sink: {}", straight.summary()));
            Ok(straight.at(0.99))
        },
    )?;
    let (p99, straight) = (median(&pair.ours), median(&pair.theirs));
    let hit = p99 <= TOLD_US + straight;
    let line = Line::judged("told: POST → webhook at 1 000/s, p99", "≤ 25 ms + the sink", hit)
        .measured(micros(p99))
        .reference(format!("{} the sink called straight, p99", micros(straight)), pair.ratio())
        .note(format!(
            "100 webhooks/s; p50 {}, acknowledged p99 {}",
            micros(median(&middles)),
            micros(median(&acknowledged))
        ));
    Ok(vec![line])
}

/// Sends the last webhook again and again without a server between.
fn called_straight(sink: &Sink, schedule: Schedule) -> anyhow::Result<Latencies> {
    sink.forget();
    let pools = vec![vec![sink.last()?.request(&sink.target(0))]];
    let (_, dues) = offered::run_dated(&sink.target(0), pools, schedule)?;
    let arrivals = sink.wait_for(schedule.requests() as usize, PATIENCE)?;
    Ok(since_due(&arrivals, &dues))
}

fn since_due(arrivals: &Arrivals, dues: &offered::Dues) -> Latencies {
    let mut latencies = Latencies::new();
    for (stamp, at) in arrivals.stamped() {
        if let Some(due) = dues.counted(stamp) {
            latencies.add(at.saturating_duration_since(due));
        }
    }
    latencies
}

/// Offers signals and waits for the webhooks of those whose component ends in one of `digits`.
fn offer(server: &Server, sink: &Sink, digits: &[u8], schedule: Schedule) -> anyhow::Result<Heard> {
    sink.forget();
    let target = server.target("/v1/signals");
    let pools = pools(Kind::Signals, 1, CONNECTIONS, DIFFERENT, &target);
    let told = |request: &u64| {
        let (pool, turn) = offered::place(*request, CONNECTIONS, DIFFERENT);
        last_of_component(&pools[pool][turn]).is_some_and(|digit| digits.contains(&digit))
    };
    let expected = (0..schedule.requests()).filter(told).count();
    let (tally, dues) = offered::run_dated(&target, pools, schedule)?;
    let arrivals = sink.wait_for(expected, PATIENCE)?;
    ensure!(tally.shed == 0, "{} signals were refused", tally.shed);
    server.settle()?;
    Ok(Heard { told: since_due(&arrivals, &dues), acknowledged: tally.latencies })
}

/// The last character of a signal's component.
fn last_of_component(template: &Template) -> Option<u8> {
    let (bytes, before) = (template.bytes(), b"\"component\":\"");
    let from = bytes.windows(before.len()).position(|window| window == before)? + before.len();
    let length = bytes[from..].iter().position(|&byte| byte == b'"')?;
    bytes.get((from + length).checked_sub(1)?).copied()
}

/// Everything is told to everybody, as fast as it goes.
pub(crate) fn told_rate(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    const SUBSCRIBERS: usize = 20;
    let signals: u32 = if bench.quick { 250 } else { 1_000 };
    let count = SUBSCRIBERS * signals as usize;
    let (data, sink) = (bench.data()?, Sink::start(SUBSCRIBERS, Conduct::Answers)?);
    let server = Server::start_with(bench, data.path(), PRIVATE)?;
    let mut client = server.client()?;
    for door in 0..sink.doors() {
        subscribe(&mut client, &format!("team {door}"), &sink.url(door), None)?;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let http = http_client()?;
    let mut costs = Vec::new();
    let pair = Pair::measure(
        bench,
        || {
            let before = server.process.cpu_seconds()?;
            let arrivals = tell_all(&mut client, &sink, signals, count)?;
            let rate = arrivals.rate();
            let again = arrivals.again;
            wait_until_settled(&server)?;
            let cost = (server.process.cpu_seconds()? - before) * 1e6 / count as f64;
            costs.push(cost);
            let rate_said = thousands(rate);
            bench.say(
                "told-rate",
                &format!(
                    "stormbell: {rate_said}/s, {again} came again, {cost:.0} µs of processor each"
                ),
            );
            Ok(rate)
        },
        || {
            let cpu = || cpu_seconds(std::process::id()).context("no processor time");
            let (began, before) = (Instant::now(), cpu()?);
            let rate = server.process.paused(|| runtime.block_on(post_all(&http, &sink, count)))?;
            let (took, cost) = (began.elapsed(), (cpu()? - before) * 1e6 / count as f64);
            let rate_said = thousands(rate);
            bench.say(
                "told-rate",
                &format!("client: {rate_said}/s, {count} in {took:?}, {cost:.0} µs of processor each with the sink"),
            );
            Ok(rate)
        },
    )?;
    let line =
        Line::judged("told-rate: notifications to a fast sink", "≥ 0.5", pair.ratio() >= 0.5)
            .measured(pair.our_rate())
            .reference(format!("{} reqwest alone, 64 in flight", pair.their_rate()), pair.ratio())
            .note(format!(
                "{} to {SUBSCRIBERS} endpoints; {:.0} µs of processor each",
                thousands(count as f64),
                median(&costs)
            ));
    Ok(vec![line])
}

/// Sends signals in batches and waits until everybody was told of each.
fn tell_all(
    client: &mut Client,
    sink: &Sink,
    signals: u32,
    count: usize,
) -> anyhow::Result<Arrivals> {
    const BATCH: u32 = 250;
    sink.forget();
    let now = moment(0);
    for number in (0..signals).step_by(BATCH as usize) {
        let mut batch = Template::body(Kind::Signals, u64::from(number), BATCH, &now);
        let answer = client.post("/v1/signals", batch.stamp())?;
        ensure!(answer.status == 202, "a batch was answered with {}", answer.status);
    }
    sink.wait_for(count, PATIENCE)
}

/// Waits until nothing is due or under way, so that no receipt runs into the next measurement.
fn wait_until_settled(server: &Server) -> anyhow::Result<()> {
    let (mut client, began) = (server.client()?, Instant::now());
    loop {
        let text = String::from_utf8(client.get("/metrics")?.body)?;
        let due = text
            .lines()
            .find_map(|line| line.strip_prefix("stormbell_delivery_due ")?.parse::<f64>().ok())
            .context("no stormbell_delivery_due")?;
        if due == 0.0 {
            return server.settle();
        }
        ensure!(began.elapsed() < PATIENCE, "{due} deliveries are still due");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The HTTP client that delivery sends with, as it comes.
fn http_client() -> anyhow::Result<reqwest::Client> {
    // Nothing here is encrypted, but there is no client without a configuration for it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build()?)
}

/// Posts the last webhook so often with 64 on their way; answers how many arrived a second.
async fn post_all(http: &reqwest::Client, sink: &Sink, count: usize) -> anyhow::Result<f64> {
    const IN_FLIGHT: usize = 64;
    let template = sink.last()?;
    sink.forget();
    let next = Arc::new(AtomicUsize::new(0));
    let urls: Arc<[String]> = (0..sink.doors()).map(|door| sink.url(door)).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (http, next, urls) = (http.clone(), Arc::clone(&next), Arc::clone(&urls));
        let mut template = template.clone();
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                let body = template.stamp().to_vec();
                let post = http.post(&urls[number % urls.len()]).body(body);
                let answer = post.header("content-type", "application/json").send().await?;
                answer.error_for_status()?.bytes().await?;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(sink.wait_for(count, PATIENCE)?.rate())
}

/// Eight endpoints that answer, beside one that hangs and one that is down, and without those.
pub(crate) fn hung(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    const GOOD: &[u8] = b"01234567";
    let (data, other_data) = (bench.data()?, bench.data()?);
    let sink = Sink::start(GOOD.len(), Conduct::Answers)?;
    let hanging = Sink::start(1, Conduct::Hangs)?;
    let beside = Server::start_with(bench, data.path(), PRIVATE)?;
    let without = Server::start_with(bench, other_data.path(), PRIVATE)?;
    for server in [&beside, &without] {
        for (door, &digit) in GOOD.iter().enumerate() {
            let glob = format!("orders-db-*{}", char::from(digit));
            subscribe(&mut server.client()?, &glob, &sink.url(door), Some(&glob))?;
        }
    }
    let down = format!("http://{}/told", free_address()?);
    subscribe(&mut beside.client()?, "hangs", &hanging.url(0), Some("orders-db-*8"))?;
    subscribe(&mut beside.client()?, "down", &down, Some("orders-db-*9"))?;
    let schedule = Schedule { per_second: 500, warm_up: bench.warm_up(), length: bench.length() };
    let (mut acknowledged, mut acknowledged_without) = (Vec::new(), Vec::new());
    let run = |name: &str, ours: &Server, other: &Server, acknowledged: &mut Vec<f64>| {
        let heard = other.process.paused(|| offer(ours, &sink, GOOD, schedule))?;
        bench.say("hung", &format!("{name}: {}", heard.summary()));
        acknowledged.push(heard.acknowledged.at(0.99));
        anyhow::Ok(heard.told.at(0.99))
    };
    let pair = Pair::measure(
        bench,
        || run("beside them", &beside, &without, &mut acknowledged),
        || run("without them", &without, &beside, &mut acknowledged_without),
    )?;
    let line = Line::judged(
        "hung: POST → webhook beside one that hangs and one that is down, p99",
        "≤ 1.1 × without",
        pair.ratio() <= 1.1,
    )
    .measured(micros(median(&pair.ours)))
    .reference(format!("{} without them", micros(median(&pair.theirs))), pair.ratio())
    .note(format!(
        "8 good endpoints, 50/s each; acknowledged p99 {} beside them, {} without",
        micros(median(&acknowledged)),
        micros(median(&acknowledged_without))
    ));
    Ok(vec![line])
}
