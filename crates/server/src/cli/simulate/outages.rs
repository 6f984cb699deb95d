//! The three outages: what breaks, what breaks with it, and what everything says meanwhile. A minute of
//! them: each component begins a while after what it depends on.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::random::Random;
use super::signal::Simulated;

/// The minute that is simulated.
const MINUTE_MS: u64 = 60_000;

/// Something that goes wrong.
pub(super) struct Outage {
    /// What it is, for people.
    pub(super) name: &'static str,
    parts: &'static [Part],
}

/// One component of an outage.
struct Part {
    component: &'static str,
    component_type: &'static str,
    kind: &'static str,
    source: &'static str,
    error_code: &'static str,
    /// From the first signals to the worst; the incident escalates.
    severities: &'static [&'static str],
    /// What it says; `{n}`, `{ms}` and `{id}` change with every signal.
    says: &'static [&'static str],
    /// Signals in the minute.
    signals: u64,
    /// When it begins.
    from_ms: u64,
}

/// All of them.
pub(super) const OUTAGES: [Outage; 3] = [
    Outage {
        name: "database orders-db, and checkout-api that needs it",
        parts: &[
            Part {
                component: "orders-db",
                component_type: "RDBMS",
                kind: "failure",
                source: "pg-probe",
                error_code: "53300",
                severities: &["P1", "P0"],
                says: &[
                    "connection pool exhausted: {n} clients waiting, the oldest for {ms} ms",
                    "remaining connection slots are reserved: {n} of 400 in use by checkout",
                    "statement timeout after {ms} ms: UPDATE orders SET state = $1 WHERE id = {id}",
                ],
                signals: 1_800,
                from_ms: 0,
            },
            Part {
                component: "checkout-api",
                component_type: "API",
                kind: "dependency",
                source: "otel",
                error_code: "upstream_timeout",
                severities: &["P2", "P1"],
                says: &[
                    "POST /checkout/{id} failed: orders-db did not answer within {ms} ms",
                    "503 to {n} clients in a row: no connection to orders-db",
                    "retry budget spent for order {id}: {n} tries in {ms} ms",
                ],
                signals: 3_600,
                from_ms: 4_000,
            },
        ],
    },
    Outage {
        name: "cache session-cache",
        parts: &[Part {
            component: "session-cache",
            component_type: "CACHE",
            kind: "runtime",
            source: "redis-exporter",
            error_code: "OOM",
            severities: &["P2", "P1"],
            says: &[
                "OOM command not allowed: used memory is {n} MB above maxmemory",
                "evicted {n} keys in {ms} ms; hit rate below 40 %",
                "session {id} lost: MOVED during failover",
            ],
            signals: 1_800,
            from_ms: 10_000,
        }],
    },
    Outage {
        name: "host node-7, and four services on it",
        parts: &[
            Part {
                component: "node-7",
                component_type: "HOST",
                kind: "runtime",
                source: "node-exporter",
                error_code: "disk_io",
                severities: &["P2", "P1", "P0"],
                says: &[
                    "nvme0n1: I/O error, {n} requests outstanding, await {ms} ms",
                    "load average {n}: processes blocked on disk for {ms} ms",
                ],
                signals: 600,
                from_ms: 20_000,
            },
            service(
                "cart",
                &["GET /cart/{id} took {ms} ms", "readiness probe failed {n} times in {ms} ms"],
                22_000,
            ),
            service(
                "search",
                &[
                    "query {id} gave up after {ms} ms",
                    "{n} shards missing, the answers are partial",
                ],
                23_000,
            ),
            service(
                "payments",
                &[
                    "capture {id} not confirmed within {ms} ms",
                    "{n} captures wait, the oldest for {ms} ms",
                ],
                24_000,
            ),
            service(
                "recommendations",
                &["fallback served to {n} visitors", "model {id} not loaded after {ms} ms"],
                26_000,
            ),
        ],
    },
];

/// Every signal of every outage, in the order of the minute that ends at `now`.
pub(super) fn signals(environment: &str, seed: u64, scale: u32, now: Timestamp) -> Vec<Simulated> {
    let mut timed = Vec::new();
    for (index, outage) in OUTAGES.iter().enumerate() {
        for part in outage.parts {
            // Each part draws its own numbers, so that changing one does not change the others.
            let mut random = Random::new(seed, &format!("{environment}/{}", part.component));
            part.signals(index, environment, scale, now, &mut random, &mut timed);
        }
    }
    timed.sort_by_key(|&(at_ms, _)| at_ms);
    timed.into_iter().map(|(_, signal)| signal).collect()
}

/// A service on the host.
const fn service(component: &'static str, says: &'static [&'static str], from_ms: u64) -> Part {
    Part {
        component,
        component_type: "SERVICE",
        kind: "healthcheck",
        source: "kubelet",
        error_code: "unhealthy",
        severities: &["P2", "P1"],
        says,
        signals: 1_050,
        from_ms,
    }
}

impl Part {
    fn signals(
        &self,
        outage: usize,
        environment: &str,
        scale: u32,
        now: Timestamp,
        random: &mut Random,
        timed: &mut Vec<(u64, Simulated)>,
    ) {
        let count = self.signals * u64::from(scale);
        let lasts_ms = MINUTE_MS - self.from_ms;
        for nth in 0..count {
            // Evenly over its time, give or take; the first is the first.
            let even_ms = lasts_ms * nth / count;
            let at_ms =
                self.from_ms + even_ms + random.between(0, (lasts_ms / count).max(1)).min(nth);
            let before = SignedDuration::from_millis(
                i64::try_from(MINUTE_MS.saturating_sub(at_ms)).unwrap_or(0),
            );
            let at = now.checked_sub(before).unwrap_or(now);
            timed.push((
                at_ms,
                self.signal(outage, environment, at, self.severity(nth, count), random),
            ));
        }
    }

    /// It gets worse by and by: each severity for an equal part of the first tenth, the worst after it.
    fn severity(&self, nth: u64, count: u64) -> &'static str {
        let step = (count / 10 / self.severities.len() as u64).max(1);
        let index = usize::try_from(nth / step).unwrap_or(usize::MAX);
        self.severities[index.min(self.severities.len() - 1)]
    }

    fn signal(
        &self,
        outage: usize,
        environment: &str,
        at: Timestamp,
        severity: &'static str,
        random: &mut Random,
    ) -> Simulated {
        let summary = random
            .pick(self.says)
            .replace("{n}", &random.between(2, 380).to_string())
            .replace("{ms}", &random.between(250, 9_500).to_string())
            .replace("{id}", &random.between(100_000, 999_999).to_string());
        let zone = ["eu-1a", "eu-1b", "eu-1c"];
        let labels = BTreeMap::from([
            ("zone", (*random.pick(&zone)).to_owned()),
            ("instance", format!("{}-{}", self.component, random.between(0, 11))),
        ]);
        let bytes = (u128::from(random.next()) << 64 | u128::from(random.next())).to_be_bytes();
        let traced = self.source == "otel";
        let trace = if traced {
            format!("{:016x}{:016x}", random.next(), random.next())
        } else {
            String::new()
        };
        Simulated {
            outage,
            id: uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string(),
            component: self.component,
            component_type: self.component_type,
            kind: self.kind,
            severity,
            source: self.source,
            environment: environment.to_owned(),
            summary,
            error_code: self.error_code,
            labels,
            trace_id: trace,
            occurred_at: format!("{at:.3}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_twelve_thousand_different_signals_and_always_the_same() {
        let now = Timestamp::UNIX_EPOCH;
        let text = |seed| {
            let all = signals("sim", seed, 1, now);
            all.iter().map(|signal| signal.json().expect("it can be written")).collect::<Vec<_>>()
        };
        let first = text(1);
        assert_eq!(first.len(), 12_000);
        assert_eq!(first, text(1));
        assert_ne!(first, text(2));
        let ids: BTreeSet<String> =
            signals("sim", 1, 1, now).into_iter().map(|signal| signal.id).collect();
        assert_eq!(ids.len(), 12_000);
        let bytes: usize = first.iter().map(Vec::len).sum();
        assert!(
            (250..450).contains(&(bytes / first.len())),
            "{} bytes a signal",
            bytes / first.len()
        );
    }
}
