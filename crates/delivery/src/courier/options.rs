//! What can be chosen about the courier, and what an endpoint's own configuration says about sending to it.
//!
//! Refuses to know: the rest of that configuration, which is its channel's.

use model::Duration;
use serde::Deserialize;

use super::digest;
use super::retry::Backoff;

/// Messages under way to one endpoint, however high its configuration sets it.
pub const ENDPOINT_CONCURRENCY_MOST: u32 = 64;
/// Messages a second to one endpoint, however high its configuration sets it: beyond it a rate is no limit.
const RATE_MOST: f64 = 1e6;
/// The longest span of a digest.
const DIGEST_WITHIN_MOST: Duration = Duration::from_secs(24 * 3_600);

/// What can be chosen about the courier.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who leases: another number for each run of each server.
    pub owner: u128,
    /// Whether no other server leases from this outbox: then what a run before this one leased is free at once.
    pub alone: bool,
    /// How long a lease runs. Longer than a send, its receipt and its way through the pipeline take together.
    pub lease: Duration,
    /// Messages under way at once, to all endpoints together.
    pub concurrency_total: u32,
    /// Messages under way at once to one endpoint, where its configuration does not say.
    pub concurrency: u32,
    /// Deliveries leased at once, those whose receipts are not applied yet included; beyond it nothing is leased.
    pub held: usize,
    /// How long one send may take before it counts as failed; well below `lease`.
    pub send_within: Duration,
    /// How long a send may take before its endpoint counts as hanging and gets one slot.
    pub slow_after: Duration,
    /// How far tries are apart.
    pub backoff: Backoff,
    /// How long the courier waits for news before it looks by itself; also how old what it remembers of the
    /// directory may be.
    pub poll: Duration,
    /// How far apart two looks at the outbox are at least.
    pub look_apart: Duration,
    /// How long it waits before it asks again a journal that refused.
    pub journal_again: Duration,
    /// How long sends may go on after a stop was asked for, and how long each of the steps after that may take.
    pub stop_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            owner: 0,
            alone: false,
            lease: Duration::from_secs(60),
            concurrency_total: 256,
            concurrency: 8,
            held: 16_384,
            send_within: Duration::from_secs(30),
            slow_after: Duration::from_secs(5),
            backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(300) },
            poll: Duration::from_secs(1),
            look_apart: Duration::from_micros(2_000),
            journal_again: Duration::from_micros(500_000),
            stop_within: Duration::from_secs(5),
        }
    }
}

/// What an endpoint's configuration says about sending to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Messages under way at once; 1 to [`ENDPOINT_CONCURRENCY_MOST`].
    pub concurrency: u32,
    /// Messages a second at most.
    pub rate_per_second: Option<f64>,
    /// When several become one.
    pub digest: Option<digest::Rule>,
}

/// The keys every channel's configuration shares; a key that makes no sense is as if it were not there, because
/// what is saved was checked, and a message is worth more than a limit.
#[derive(Debug, Default, Deserialize)]
struct Document {
    concurrency: Option<serde_json::Value>,
    rate_per_second: Option<serde_json::Value>,
    digest: Option<serde_json::Value>,
}

impl Settings {
    /// What applies where nothing is said.
    #[must_use]
    pub fn none(options: &Options) -> Self {
        Self { concurrency: options.concurrency.max(1), rate_per_second: None, digest: None }
    }

    /// Reads `concurrency`, `rate_per_second` and `digest {more_than, within}` from an endpoint's configuration.
    #[must_use]
    pub fn read(config: &str, options: &Options) -> Self {
        let document: Document = serde_json::from_str(config).unwrap_or_default();
        let none = Self::none(options);
        let concurrency = document.concurrency.and_then(|value| value.as_u64());
        Self {
            concurrency: concurrency.filter(|count| *count > 0).map_or(none.concurrency, |count| {
                u32::try_from(count).unwrap_or(u32::MAX).min(ENDPOINT_CONCURRENCY_MOST)
            }),
            rate_per_second: document
                .rate_per_second
                .and_then(|value| value.as_f64())
                .filter(|rate| *rate >= 1e-4 && *rate <= RATE_MOST),
            digest: document.digest.as_ref().and_then(read_digest),
        }
    }

    /// As they are for a channel of which one message tells of so many at most: no digest holds more than that, and
    /// there is none where each is told alone.
    #[must_use]
    pub fn for_channel(self, told_at_once: u32) -> Self {
        let digest = self.digest.filter(|_| told_at_once > 1);
        let digest = digest.map(|rule| digest::Rule { most: rule.most.min(told_at_once), ..rule });
        Self { digest, ..self }
    }
}

fn read_digest(value: &serde_json::Value) -> Option<digest::Rule> {
    let more_than = value.get("more_than")?.as_u64()?;
    let within = Duration::parse(value.get("within")?.as_str()?).ok()?;
    (within > Duration::ZERO).then(|| digest::Rule {
        more_than: u32::try_from(more_than).unwrap_or(u32::MAX),
        within: within.min(DIGEST_WITHIN_MOST),
        most: digest::DIGEST_MESSAGES,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn what_makes_no_sense_is_as_if_it_were_not_there() {
        let configs = [
            "{}",
            "not json",
            r#"{"url": "https://example.com", "concurrency": 2, "rate_per_second": 0.5}"#,
            r#"{"concurrency": 1000}"#,
            r#"{"concurrency": 0, "rate_per_second": -1, "digest": {"more_than": 3}}"#,
            r#"{"concurrency": "many", "digest": {"more_than": 3, "within": "1m"}}"#,
        ];
        let mut seen = String::new();
        for config in configs {
            let settings = Settings::read(config, &Options::default());
            let rate = settings.rate_per_second.map_or_else(String::new, |r| format!(", {r}/s"));
            let digest = settings.digest.map_or_else(String::new, |rule| {
                format!(", more than {} within {}", rule.more_than, rule.within)
            });
            seen.push_str(&format!("{config} -> {}{rate}{digest}\n", settings.concurrency));
        }
        expect![[r#"
            {} -> 8
            not json -> 8
            {"url": "https://example.com", "concurrency": 2, "rate_per_second": 0.5} -> 2, 0.5/s
            {"concurrency": 1000} -> 64
            {"concurrency": 0, "rate_per_second": -1, "digest": {"more_than": 3}} -> 8
            {"concurrency": "many", "digest": {"more_than": 3, "within": "1m"}} -> 8, more than 3 within 60s
        "#]]
        .assert_eq(&seen);
    }
}
