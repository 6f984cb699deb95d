//! How often messages go where nobody has confirmed that they may: challenges, and tests of endpoints that are not
//! verified.
//!
//! One of each kind a minute for an endpoint at one address, so that nobody is pestered by asking again and again; and a
//! few at once and then one a minute for a whole project, so that neither other addresses nor other endpoints are a way to
//! write to anybody quickly. Kept in memory and bounded; a restart forgets it. Invariant: a clock that was set back
//! holds nobody up.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use model::{Duration, EndpointId, ProjectId, Timestamp};

/// How far messages of a kind to one endpoint are apart at least, and those of a project once it has sent
/// [`AT_ONCE`].
const APART: Duration = Duration::from_secs(60);
/// Messages of a project that need not be apart: enough to set up a team, too few to pester one.
const AT_ONCE: u64 = 30;
/// Addresses remembered; while so many were written to within a minute, no other is.
const ADDRESSES: usize = 10_000;

/// What is sent where nobody has confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unasked {
    Challenge,
    Test,
}

/// An endpoint, and a digest of where it sends to.
pub(super) type Place = (ProjectId, EndpointId, [u8; 16]);

/// When what was sent where.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<Sent>);

#[derive(Debug, Default)]
struct Sent {
    last: BTreeMap<(Unasked, Place), Timestamp>,
    /// When the next of a project would be due, had all that it sent been a minute apart: one for each project
    /// at most.
    paid_until: BTreeMap<ProjectId, Timestamp>,
}

impl Pace {
    /// Notes that an endpoint is sent something now; or how long it has to wait until it may be.
    pub(super) fn take(&self, kind: Unasked, place: Place, now: Timestamp) -> Result<(), Duration> {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, place);
        if let Some(last) = sent.last.get(&key).filter(|last| is_recent(**last, now)) {
            let passed = now.since(*last);
            return Err(Duration::from_micros(APART.micros() - passed.micros()));
        }
        let paid_until = sent.paid_until(place.0, now);
        let ahead = paid_until.since(now).micros();
        let most = APART.micros() * (AT_ONCE - 1);
        if ahead > most {
            return Err(Duration::from_micros(ahead - most));
        }
        if sent.last.len() >= ADDRESSES {
            sent.last.retain(|_, last| is_recent(*last, now));
            sent.paid_until.retain(|_, until| *until > now);
        }
        if sent.last.len() >= ADDRESSES && !sent.last.contains_key(&key) {
            return Err(APART);
        }
        sent.last.insert(key, now);
        sent.paid_until.insert(place.0, paid_until + APART);
        Ok(())
    }
}

impl Sent {
    /// From when on the next message of a project counts. What lies further ahead than it can was noted before the
    /// clock was set back.
    fn paid_until(&self, project: ProjectId, now: Timestamp) -> Timestamp {
        let furthest = now + Duration::from_micros(APART.micros() * AT_ONCE);
        let noted = self.paid_until.get(&project).copied();
        noted.filter(|until| *until <= furthest).map_or(now, |until| until.max(now))
    }
}

fn is_recent(last: Timestamp, now: Timestamp) -> bool {
    last <= now && now.since(last) < APART
}

#[cfg(test)]
mod tests {
    use super::Unasked::{Challenge, Test};
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
        let take = |place, second| pace.take(Challenge, place, at(second));
        assert_eq!(take(endpoint(1), 100), Ok(()));
        assert_eq!(take(endpoint(1), 101), Err(Duration::from_secs(59)));
        assert_eq!(pace.take(Test, endpoint(1), at(101)), Ok(()), "a test is no challenge");
        assert_eq!(pace.take(Test, endpoint(1), at(102)), Err(Duration::from_secs(59)));
        assert_eq!(take(endpoint(2), 101), Ok(()));
        assert_eq!(take((ProjectId(2), EndpointId(1), [0; 16]), 101), Ok(()));
        assert_eq!(take((ProjectId(1), EndpointId(1), [1; 16]), 101), Ok(()));
        assert_eq!(take(endpoint(1), 160), Ok(()));
        assert_eq!(take(endpoint(1), 3), Ok(()), "the clock was set back");
    }

    #[test]
    fn other_addresses_and_other_endpoints_do_not_make_a_project_faster() {
        let pace = Pace::default();
        let take = |number: u8, second| {
            let kind = if number.is_multiple_of(2) { Challenge } else { Test };
            pace.take(kind, (ProjectId(1), EndpointId(7), [number; 16]), at(second))
        };
        for number in 0..AT_ONCE as u8 {
            assert_eq!(take(number, 100), Ok(()), "{number}");
        }
        assert_eq!(take(100, 100), Err(Duration::from_secs(60)));
        assert_eq!(take(100, 110), Err(Duration::from_secs(50)));
        let other = (ProjectId(2), EndpointId(7), [100; 16]);
        assert_eq!(pace.take(Challenge, other, at(110)), Ok(()), "no other project waits");
        assert_eq!(take(100, 160), Ok(()));
        assert_eq!(take(101, 160), Err(Duration::from_secs(60)));
        assert_eq!(take(101, 3), Ok(()), "the clock was set back");
        for number in 0..AT_ONCE as u8 {
            assert_eq!(take(number, 10_000), Ok(()), "{number}: after a while it may again");
        }
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let pace = Pace::default();
        let take = |number: u128, second| {
            let place = (ProjectId(number as u32), EndpointId(number), [0; 16]);
            pace.take(Challenge, place, at(second))
        };
        for number in 0..ADDRESSES as u128 {
            assert_eq!(take(number, 100), Ok(()));
        }
        assert_eq!(take(u128::MAX, 159), Err(APART));
        assert_eq!(take(u128::MAX, 160), Ok(()));
        let sent = pace.0.lock().unwrap();
        assert_eq!((sent.last.len(), sent.paid_until.len()), (1, 1));
    }
}
