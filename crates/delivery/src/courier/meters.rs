//! What the courier counts, and how it says that it is well.
//!
//! Refuses to know: the text form of metrics, which is the server's.
//!
//! Invariant: labels come from closed sets; no project, endpoint or address is ever one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{Duration, Verdict};

use crate::channels::NAMES;

/// Every figure: name with its labels, kind, and what it says.
pub const METRICS: [(&str, &str, &str); 12] = [
    (
        "stormbell_delivery_tries_total{channel,verdict}",
        "counter",
        "Tries that ended, by channel and verdict: delivered, retry, dead, held_back or folded.",
    ),
    (
        "stormbell_delivery_send_duration_seconds",
        "histogram",
        "Time of one send, from its begin to the answer or the time-out.",
    ),
    (
        "stormbell_delivery_delay_seconds",
        "histogram",
        "Time from what happened to the answer that says it was told, of what was delivered.",
    ),
    ("stormbell_delivery_in_flight", "gauge", "Messages under way."),
    (
        "stormbell_delivery_unsettled",
        "gauge",
        "Deliveries leased whose receipts are not applied yet.",
    ),
    (
        "stormbell_delivery_receipts_waiting",
        "gauge",
        "Receipts that the journal has not made durable yet.",
    ),
    (
        "stormbell_delivery_breakers{state}",
        "gauge",
        "Endpoints by their circuit breaker: closed, open or half_open.",
    ),
    (
        "stormbell_delivery_hanging_endpoints",
        "gauge",
        "Endpoints that take too long to answer and have one slot each.",
    ),
    (
        "stormbell_delivery_digests_total",
        "counter",
        "Messages that were sent as a digest of several.",
    ),
    ("stormbell_delivery_looks_total", "counter", "Looks at the outbox."),
    (
        "stormbell_delivery_journal_refusals_total",
        "counter",
        "Times the journal did not take receipts.",
    ),
    (
        "stormbell_delivery_store_errors_total",
        "counter",
        "Times the store did not answer the courier.",
    ),
];

/// A channel as a label: by its name; what is not known here is `other`, and what went to no endpoint is `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelLabel(usize);

impl ChannelLabel {
    /// A channel that is not known here.
    const OTHER: Self = Self(NAMES.len());
    /// A person or schedule that was settled without an endpoint.
    pub(super) const NONE: Self = Self(NAMES.len() + 1);
    /// How many labels there are.
    const COUNT: usize = NAMES.len() + 2;

    /// The label of a channel by its name.
    #[must_use]
    pub fn of(channel: &str) -> Self {
        NAMES.iter().position(|name| *name == channel).map_or(Self::OTHER, Self)
    }

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match NAMES.get(self.0) {
            Some(name) => name,
            None if self == Self::OTHER => "other",
            None => "none",
        }
    }
}

/// Durations counted in fixed buckets.
#[derive(Debug, Default)]
pub struct Spans {
    buckets: [AtomicU64; Spans::BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Spans {
    /// Upper bounds in microseconds: 1 ms to 1 h.
    pub const BOUNDS_US: [u64; 14] = [
        1_000,
        5_000,
        10_000,
        50_000,
        100_000,
        500_000,
        1_000_000,
        5_000_000,
        10_000_000,
        30_000_000,
        60_000_000,
        300_000_000,
        600_000_000,
        3_600_000_000,
    ];

    /// Counts one.
    pub fn observe(&self, span: Duration) {
        let bucket = Self::BOUNDS_US.partition_point(|bound| *bound < span.micros());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(span.micros(), Ordering::Relaxed);
    }

    /// How many lie in each bucket, not cumulated; the last has no bound.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed))
    }

    /// The sum of all, in microseconds.
    #[must_use]
    pub fn sum_us(&self) -> u64 {
        self.sum_us.load(Ordering::Relaxed)
    }
}

/// Counters since the process began.
#[derive(Debug, Default)]
pub struct Meters {
    tries: [[AtomicU64; Verdict::ALL.len()]; ChannelLabel::COUNT],
    /// How long sends took.
    pub sends: Spans,
    /// How long it took from what happened until it was told.
    pub delays: Spans,
    digests: AtomicU64,
    looks: AtomicU64,
    journal_refusals: AtomicU64,
    store_errors: AtomicU64,
}

impl Meters {
    pub(super) fn tried(&self, channel: ChannelLabel, verdict: Verdict) {
        let row = &self.tries[channel.0];
        row[usize::from(verdict.code())].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn looked(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn folded(&self) {
        self.digests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn journal_refused(&self) {
        self.journal_refusals.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn store_failed(&self) {
        self.store_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Tries that ended, by channel and verdict; what never happened is left out.
    pub fn tries(&self) -> impl Iterator<Item = (ChannelLabel, Verdict, u64)> {
        (0..).map(ChannelLabel).zip(&self.tries).flat_map(|(channel, row)| {
            let counts = Verdict::ALL.iter().zip(row);
            counts
                .map(move |(verdict, count)| (channel, *verdict, count.load(Ordering::Relaxed)))
                .filter(|(_, _, count)| *count > 0)
        })
    }

    /// Messages that were digests.
    #[must_use]
    pub fn digests(&self) -> u64 {
        self.digests.load(Ordering::Relaxed)
    }

    /// Looks at the outbox.
    #[must_use]
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Times the journal did not take receipts.
    #[must_use]
    pub fn journal_refusals(&self) -> u64 {
        self.journal_refusals.load(Ordering::Relaxed)
    }

    /// Times the store did not answer.
    #[must_use]
    pub fn store_errors(&self) -> u64 {
        self.store_errors.load(Ordering::Relaxed)
    }
}

/// How the courier stands at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Messages under way.
    pub in_flight: u64,
    /// Deliveries leased whose receipts are not applied yet; those under way included.
    pub unsettled: u64,
    /// Receipts that are not durable yet.
    pub receipts_waiting: u64,
    /// Endpoints whose breaker is closed, open, half open.
    pub breakers: [u64; 3],
    /// Endpoints that hang.
    pub hanging: u64,
    /// What keeps it from going on, if anything does.
    pub trouble: Option<Arc<str>>,
}

/// What others see of a courier.
#[derive(Debug, Default)]
pub struct Handle {
    /// What is counted.
    pub meters: Meters,
    standing: Mutex<Standing>,
}

impl Handle {
    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn stand(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_the_prefix_a_kind_and_a_sentence() {
        for (name, kind, help) in METRICS {
            assert!(name.starts_with("stormbell_delivery_"), "{name}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{name}");
            let plain = name.split('{').next().unwrap_or(name);
            assert_eq!(kind == "counter", plain.ends_with("_total"), "{name}");
            assert!(help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn tries_are_counted_by_channel_and_verdict() {
        let meters = Meters::default();
        meters.tried(ChannelLabel::of("slack"), Verdict::Delivered);
        meters.tried(ChannelLabel::of("slack"), Verdict::Delivered);
        meters.tried(ChannelLabel::of("pigeon"), Verdict::Dead);
        meters.tried(ChannelLabel::NONE, Verdict::HeldBack);
        let seen: Vec<_> = meters.tries().map(|(c, v, n)| (c.as_str(), v.as_str(), n)).collect();
        let unknown = [("other", "dead", 1), ("none", "held_back", 1)];
        assert_eq!(seen, [&[("slack", "delivered", 2)], &unknown[..]].concat());
    }

    #[test]
    fn spans_fall_into_their_buckets() {
        let spans = Spans::default();
        for micros in [1, 1_000, 1_001, 4_000_000_000] {
            spans.observe(Duration::from_micros(micros));
        }
        let counts: Vec<u64> = spans.counts().collect();
        assert_eq!((counts[0], counts[1], counts[14], spans.sum_us()), (2, 1, 1, 4_000_002_002));
    }
}
