//! Token buckets in a bounded map, each one number: the time at which the bucket is full again.
//!
//! A bucket holds one second's worth of tokens. A request is let in while the bucket is not empty
//! and pays for its items afterwards, into debt if need be: a batch larger than the bucket goes
//! through and the next one waits longer. Only what was authenticated gets a bucket, so made-up
//! keys cannot push out a real one.

use std::convert::Infallible;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use model::Timestamp;
use quick_cache::sync::Cache;

const SECOND_NANOS: i64 = 1_000_000_000;

/// The buckets of all keys, or of all source addresses.
pub(crate) struct Buckets<K>(Cache<K, Arc<AtomicI64>>);

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// No buckets yet, and never more than `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Cache::new(limit))
    }

    /// Whether the bucket of `key` is not empty; otherwise after how many milliseconds it is.
    pub(crate) fn check(&self, key: &K, now: Timestamp) -> Result<(), u32> {
        let Some(full_at) = self.0.get(key) else { return Ok(()) };
        let empty_for = full_at.load(Ordering::Relaxed) - nanos(now) - SECOND_NANOS;
        if empty_for < 0 {
            return Ok(());
        }
        Err(u32::try_from(empty_for / 1_000_000 + 1).unwrap_or(u32::MAX))
    }

    /// Takes `count` tokens out of the bucket of `key`, which regains `per_second`.
    pub(crate) fn charge(&self, key: &K, now: Timestamp, count: u32, per_second: u32) {
        let cost = i64::from(count) * SECOND_NANOS / i64::from(per_second.max(1));
        let Ok(full_at) = self.0.get_or_insert_with(key, || Ok::<_, Infallible>(Arc::default()));
        let pay = |at: i64| Some(at.max(nanos(now)).saturating_add(cost));
        let _always_updates = full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay);
    }
}

/// What stands for one sender's address: of IPv6 the /64, which is what one sender is given.
pub(crate) fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        },
    }
}

fn nanos(now: Timestamp) -> i64 {
    now.micros().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_179_600_000_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(START + millis * 1_000)
    }

    #[test]
    fn a_bucket_empties_and_fills_again_at_its_rate() {
        let buckets = Buckets::new(16);
        for _ in 0..10 {
            assert_eq!(buckets.check(&1, at(0)), Ok(()));
            buckets.charge(&1, at(0), 1, 10);
        }
        assert_eq!(buckets.check(&1, at(0)), Err(1));
        assert_eq!(buckets.check(&1, at(1)), Ok(()));
        assert_eq!(buckets.check(&2, at(0)), Ok(()), "another key has a bucket of its own");
    }

    #[test]
    fn a_batch_larger_than_the_bucket_is_paid_off_later() {
        let buckets = Buckets::new(16);
        buckets.charge(&1, at(0), 100, 10);
        assert_eq!(buckets.check(&1, at(0)), Err(9_001));
        assert_eq!(buckets.check(&1, at(9_001)), Ok(()));
    }

    #[test]
    fn addresses_of_one_sender_share_a_bucket() {
        let read = |text: &str| source(text.parse().expect("an address"));
        assert_eq!(read("2001:db8::1"), read("2001:db8::ffff"));
        assert_ne!(read("2001:db8::1"), read("2001:db8:0:1::1"));
        assert_eq!(read("::ffff:10.0.0.1"), read("10.0.0.1"));
    }
}
