//! The identities that fire in a case: a few lie in the case itself, more in a set.

use hashbrown::HashSet;
use model::{IdentityKey, limits};

/// Identities that most incidents do not exceed.
const FEW: usize = 4;

/// What fires in a case, as far as it can be followed.
#[derive(Debug)]
pub(crate) struct Firing {
    few: [IdentityKey; FEW],
    count: usize,
    /// Empty, or all of them; then there are no few.
    many: HashSet<IdentityKey>,
    /// There were more than could be followed.
    pub(crate) overflown: bool,
    /// The last one added: most signals of a storm repeat it.
    last: Option<IdentityKey>,
}

impl Default for Firing {
    fn default() -> Self {
        let few = [IdentityKey(0); FEW];
        Self { few, count: 0, many: HashSet::new(), overflown: false, last: None }
    }
}

impl Firing {
    /// Adds an identity; false when there are too many to follow.
    pub(crate) fn add(&mut self, identity: IdentityKey) -> bool {
        if self.last == Some(identity) || self.overflown || self.few().contains(&identity) {
            return true;
        }
        if self.many.len() >= limits::FIRING_IDENTITIES && !self.many.contains(&identity) {
            self.overflown = true;
            return false;
        }
        self.last = Some(identity);
        if self.many.is_empty() && self.count < FEW {
            self.few[self.count] = identity;
            self.count += 1;
        } else {
            self.many.extend(&self.few[..self.count]);
            self.count = 0;
            self.many.insert(identity);
        }
        true
    }

    /// Ends an identity's firing; true when it fired and nothing fires any more.
    pub(crate) fn end(&mut self, identity: IdentityKey) -> bool {
        if self.last == Some(identity) {
            self.last = None;
        }
        self.remove(identity) && self.count == 0 && self.many.is_empty() && !self.overflown
    }

    /// Whether an identity fires, as far as can be told.
    pub(crate) fn has(&self, identity: IdentityKey) -> bool {
        self.overflown || self.few().contains(&identity) || self.many.contains(&identity)
    }

    /// Keeps only what `keep` says.
    pub(crate) fn retain(&mut self, keep: impl Fn(IdentityKey) -> bool) {
        let before = std::mem::take(self);
        for identity in before.sorted().into_iter().filter(|&identity| keep(identity)) {
            self.add(identity);
        }
    }

    /// What fires, in ascending order: the order in which a hash set holds it never shows.
    #[expect(clippy::disallowed_methods, reason = "sorted before anybody sees it")]
    pub(crate) fn sorted(&self) -> Vec<IdentityKey> {
        let many = self.many.iter();
        let mut sorted: Vec<_> = self.few().iter().chain(many).copied().collect();
        sorted.sort_unstable();
        sorted
    }

    fn few(&self) -> &[IdentityKey] {
        &self.few[..self.count]
    }

    fn remove(&mut self, identity: IdentityKey) -> bool {
        let Some(place) = self.few().iter().position(|&few| few == identity) else {
            return self.many.remove(&identity);
        };
        self.count -= 1;
        self.few[place] = self.few[self.count];
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_followed_the_same_whether_few_or_many() {
        for count in [1, 2, FEW as u128, FEW as u128 + 1, 50] {
            let mut firing = Firing::default();
            for identity in (0..count).chain(0..count) {
                assert!(firing.add(IdentityKey(identity)));
            }
            let all: Vec<IdentityKey> = (0..count).map(IdentityKey).collect();
            assert_eq!(firing.sorted(), all);
            assert!(!firing.end(IdentityKey(count)), "it does not fire");
            for identity in 0..count {
                assert_eq!(firing.end(IdentityKey(identity)), identity == count - 1);
                assert!(!firing.end(IdentityKey(identity)), "it fires no more");
            }
            assert!(firing.add(IdentityKey(7)), "it fires again");
            assert_eq!(firing.sorted(), [IdentityKey(7)]);
        }
    }

    #[test]
    fn what_is_not_kept_no_longer_fires() {
        let mut firing = Firing::default();
        for identity in 0..9 {
            firing.add(IdentityKey(identity));
        }
        firing.retain(|identity| identity.0 % 4 == 0);
        assert_eq!(firing.sorted(), [IdentityKey(0), IdentityKey(4), IdentityKey(8)]);
    }
}
