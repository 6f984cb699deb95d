//! A histogram of durations in fixed buckets, counted in atomics.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds: 100 µs to 10 s, three a decade.
const BOUNDS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// Durations counted.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|&bound| bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// Appends the series in the text form Prometheus reads. `labels` is empty or ends with a comma.
    pub(super) fn render(&self, name: &str, labels: &str, out: &mut String) {
        let mut cumulative = 0;
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_US) {
            cumulative += bucket.load(Ordering::Relaxed);
            // Writing to a string cannot fail.
            let _ =
                writeln!(out, "{name}_bucket{{{labels}le=\"{}\"}} {cumulative}", seconds(bound));
        }
        cumulative += self.buckets[BOUNDS_US.len()].load(Ordering::Relaxed);
        let _ = writeln!(out, "{name}_bucket{{{labels}le=\"+Inf\"}} {cumulative}");
        let braces = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.trim_end_matches(','))
        };
        let _ =
            writeln!(out, "{name}_sum{braces} {}", seconds(self.sum_us.load(Ordering::Relaxed)));
        let _ = writeln!(out, "{name}_count{braces} {cumulative}");
    }
}

/// Microseconds as seconds, exactly.
pub(super) fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_sums_exact() {
        let histogram = Histogram::default();
        for micros in [50, 100, 101, 20_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut out = String::new();
        histogram.render("took_seconds", "", &mut out);
        assert!(out.contains("took_seconds_bucket{le=\"0.0001\"} 2\n"), "{out}");
        assert!(out.contains("took_seconds_bucket{le=\"0.00025\"} 3\n"), "{out}");
        assert!(out.contains("took_seconds_bucket{le=\"+Inf\"} 4\n"), "{out}");
        assert!(out.ends_with("took_seconds_sum 20.000251\ntook_seconds_count 4\n"), "{out}");
    }
}
