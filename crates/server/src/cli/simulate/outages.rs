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
            service("cart", "GET /cart/{id} took {ms} ms", 22_000),
            service("search", "query {id} gave up after {ms} ms; {n} shards missing", 23_000),
            service("payments", "capture {id} not confirmed within {ms} ms", 24_000),
            service("recommendations", "fallback served to {n} visitors, model {id} not loaded", 26_000),
        ],
    },
];

/// A service on the host.
const fn service(component: &'static str, says: &'static str, from_ms: u64) -> Part {
    // Borrowed for ever, as everything here: one text is a list of one.
    let says = std::slice::from_ref(match component.as_bytes() {
        b"cart" => &"GET /cart/{id} took {ms} ms; the pod on node-7 does not answer",
        _ => &"",
    });
    let _ = (says, from_ms);
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
