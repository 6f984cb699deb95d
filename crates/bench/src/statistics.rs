//! The few figures that are made of others.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies up to a minute, to three digits, in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order"))
    }

    pub(crate) fn add(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("every histogram has the same bounds");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that `quantile` (0 to 1) of all do not exceed, in microseconds.
    pub(crate) fn at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64
    }

    /// p50, p99, p99.9 and the highest, for people.
    pub(crate) fn summary(&self) -> String {
        format!(
            "p50 {} p99 {} p99.9 {} max {} of {}",
            micros(self.at(0.5)),
            micros(self.at(0.99)),
            micros(self.at(0.999)),
            micros(self.0.max() as f64),
            self.count()
        )
    }
}

/// The middle one, or the mean of the two in the middle; 0 of nothing.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Microseconds with a unit that suits them.
pub(crate) fn micros(micros: f64) -> String {
    if micros >= 1e6 {
        format!("{:.2} s", micros / 1e6)
    } else if micros >= 1e3 {
        format!("{:.2} ms", micros / 1e3)
    } else {
        format!("{micros:.0} µs")
    }
}

/// A whole number with its thousands apart.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut apart = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            apart.push(' ');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands(1_234_567.4), "1 234 567");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(micros(999.0), "999 µs");
        assert_eq!(micros(1_890.0), "1.89 ms");
        assert_eq!(micros(2_000_000.0), "2.00 s");
    }

    #[test]
    fn quantiles_are_of_all_that_was_added() {
        let mut latencies = Latencies::new();
        for millis in 1..=100 {
            latencies.add(Duration::from_millis(millis));
        }
        let mut both = Latencies::new();
        both.merge(&latencies);
        assert_eq!(both.count(), 100);
        assert!((both.at(0.99) - 99_000.0).abs() < 100.0, "{}", both.at(0.99));
    }
}
