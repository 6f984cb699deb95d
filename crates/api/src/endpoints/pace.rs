//! How often one endpoint is sent a challenge at one address: once a minute, so that nobody is pestered by asking again and
//! again.
//!
//! Kept in memory and bounded; a restart forgets it. Invariant: a clock that was set back holds nobody up.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use model::{Duration, EndpointId, ProjectId, Timestamp};

/// How far challenges to one endpoint are apart at least.
const APART: Duration = Duration::from_secs(60);
/// Addresses remembered; while so many were sent a challenge within a minute, no other is.
const ADDRESSES: usize = 10_000;

/// An endpoint, and a digest of where it sends to.
pub(super) type Place = (ProjectId, EndpointId, [u8; 16]);

/// When which endpoint was sent a challenge where.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<BTreeMap<Place, Timestamp>>);

impl Pace {
    /// Notes that an endpoint is sent a challenge now; or how long it has to wait until it may be.
    pub(super) fn take(&self, place: Place, now: Timestamp) -> Result<(), Duration> {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = sent.get(&place).filter(|last| is_recent(**last, now)) {
            let passed = now.since(*last);
            return Err(Duration::from_micros(APART.micros() - passed.micros()));
        }
        if sent.len() >= ADDRESSES {
            sent.retain(|_, last| is_recent(*last, now));
        }
        if sent.len() >= ADDRESSES && !sent.contains_key(&place) {
            return Err(APART);
        }
        sent.insert(place, now);
        Ok(())
    }
}

fn is_recent(last: Timestamp, now: Timestamp) -> bool {
    last <= now && now.since(last) < APART
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn endpoint(number: u128) -> Place {
        (ProjectId(1), EndpointId(number), [0; 16])
    }

    #[test]
    fn an_endpoint_waits_for_a_minute_and_no_other_waits_for_it() {
        let pace = Pace::default();
        assert_eq!(pace.take(endpoint(1), at(100)), Ok(()));
        assert_eq!(pace.take(endpoint(1), at(101)), Err(Duration::from_secs(59)));
        assert_eq!(pace.take(endpoint(2), at(101)), Ok(()));
        assert_eq!(pace.take((ProjectId(2), EndpointId(1), [0; 16]), at(101)), Ok(()));
        assert_eq!(pace.take((ProjectId(1), EndpointId(1), [1; 16]), at(101)), Ok(()));
        assert_eq!(pace.take(endpoint(1), at(160)), Ok(()));
        assert_eq!(pace.take(endpoint(1), at(3)), Ok(()), "the clock was set back");
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let pace = Pace::default();
        for number in 0..ADDRESSES as u128 {
            assert_eq!(pace.take(endpoint(number), at(100)), Ok(()));
        }
        assert_eq!(pace.take(endpoint(u128::MAX), at(159)), Err(APART));
        assert_eq!(pace.take(endpoint(u128::MAX), at(160)), Ok(()));
        assert_eq!(pace.0.lock().unwrap().len(), 1);
    }
}
