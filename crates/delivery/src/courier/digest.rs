//! When several messages to one endpoint become one: the first few in a span go out by themselves, and what
//! comes on top of them goes as one message, after which the endpoint has quiet until the span is over.
//!
//! Refuses to know: the clock (time is an argument), how a digest looks.
//!
//! Invariant: in one span an endpoint gets at most `more_than` single messages and one digest, unless a digest
//! was full: then the next may follow at once, so that a storm drains.

use model::{Duration, Timestamp};

/// Messages that one digest holds at most, where its channel can show so many.
pub const DIGEST_MESSAGES: u32 = 250;

/// What an endpoint's configuration says of digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How many single messages a span has at most.
    pub more_than: u32,
    /// How long a span is, from its first message.
    pub within: Duration,
    /// How many messages one digest holds at most: no more than its channel shows.
    pub most: u32,
}

/// The span an endpoint is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Window {
    began_at: Option<Timestamp>,
    singles: u32,
    closed: bool,
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// So many, each by itself.
    Singles(u32),
    /// All that is due, as one message.
    Digest,
    /// Nothing until the span is over.
    Until(Timestamp),
}

impl Window {
    /// What may be sent at `now` of the `due` messages.
    #[must_use]
    pub(super) fn room(&self, rule: Rule, due: u32, now: Timestamp) -> Room {
        let (singles, end) = match self.began_at {
            Some(began_at) if now < began_at + rule.within => {
                if self.closed {
                    return Room::Until(began_at + rule.within);
                }
                (self.singles, began_at + rule.within)
            }
            Some(_) | None => (0, now),
        };
        let left = rule.more_than.saturating_sub(singles);
        if due <= left {
            Room::Singles(due)
        } else if due > 1 {
            Room::Digest
        } else if now < end {
            // One alone is no digest: it waits for company.
            Room::Until(end)
        } else {
            Room::Singles(due)
        }
    }

    /// A message was begun that holds so many.
    pub(super) fn began(&mut self, rule: Rule, messages: u32, now: Timestamp) {
        if self.began_at.is_none_or(|began_at| began_at + rule.within <= now) {
            *self = Self { began_at: Some(now), singles: 0, closed: false };
        }
        if messages >= rule.most {
            *self = Self::default();
        } else if messages > 1 {
            self.closed = true;
        } else {
            self.singles += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule =
        Rule { more_than: 2, within: Duration::from_secs(60), most: DIGEST_MESSAGES };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0) + Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_few_go_alone_and_the_rest_wait_to_go_together() {
        let mut window = Window::default();
        assert_eq!(window.room(RULE, 2, at(0)), Room::Singles(2));
        window.began(RULE, 1, at(0));
        window.began(RULE, 1, at(1));
        assert_eq!(window.room(RULE, 1, at(2)), Room::Until(at(60)));
        assert_eq!(window.room(RULE, 3, at(3)), Room::Digest);
        window.began(RULE, 3, at(3));
        assert_eq!(window.room(RULE, 9, at(4)), Room::Until(at(60)));
        assert_eq!(window.room(RULE, 9, at(60)), Room::Digest);
    }

    #[test]
    fn many_at_once_are_one_message_from_the_start() {
        assert_eq!(Window::default().room(RULE, 3, at(0)), Room::Digest);
    }

    #[test]
    fn nothing_waits_for_ever_where_not_even_one_may_go_alone() {
        let rule = Rule { more_than: 0, ..RULE };
        assert_eq!(Window::default().room(rule, 1, at(0)), Room::Singles(1));
    }

    #[test]
    fn a_full_digest_is_followed_at_once_so_that_a_storm_drains() {
        let mut window = Window::default();
        window.began(RULE, DIGEST_MESSAGES, at(0));
        assert_eq!(window.room(RULE, 900, at(0)), Room::Digest);
    }

    proptest! {
        #[test]
        fn a_span_has_few_single_messages_and_one_digest(
            more_than in 1_u32..6,
            arrivals in prop::collection::vec((0_u64..20, 1_u32..10), 1..100),
        ) {
            let rule = Rule { more_than, ..RULE };
            let mut window = Window::default();
            let (mut second, mut due) = (0, 0);
            let mut sent: Vec<(u64, u32)> = Vec::new();
            for (pause, arriving) in arrivals {
                second += pause;
                due += arriving;
                match window.room(rule, due, at(second)) {
                    Room::Singles(count) => {
                        prop_assert!(count == due);
                        (0..count).for_each(|_| window.began(rule, 1, at(second)));
                        sent.extend((0..count).map(|_| (second, 1)));
                        due = 0;
                    }
                    Room::Digest => {
                        let held = due.min(DIGEST_MESSAGES - 1);
                        window.began(rule, held, at(second));
                        sent.push((second, held));
                        due -= held;
                    }
                    Room::Until(then) => prop_assert!(then > at(second) && then <= at(second + 60)),
                }
            }
            let mut from = 0;
            while from < sent.len() {
                let span = sent[from..].iter().take_while(|one| one.0 < sent[from].0 + 60).count();
                let digests = sent[from..from + span].iter().filter(|one| one.1 > 1).count();
                prop_assert!(digests <= 1, "{sent:?}");
                prop_assert!(span - digests <= more_than as usize, "{sent:?}");
                from += span;
            }
        }
    }
}
