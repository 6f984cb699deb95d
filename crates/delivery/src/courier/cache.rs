//! What the courier remembers of the directory and the calendars, for a second at most, so that a storm of
//! messages to one endpoint does not read its row for each.
//!
//! Refuses to know: what is done with it.
//!
//! Invariant: nothing is used that was read longer ago than the bound.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use model::{Duration, EndpointId, ProjectId, ScheduleId, SubscriberId, Timestamp};
use store::{Directory, EndpointRow, SubscriberRow};

use super::options::{Options, Settings};
use super::ports::{CalendarError, Calendars, Ports, Sender};

/// Rows of one kind remembered; when there are more, those that are too old go, and then all.
const ROWS: usize = 10_000;
/// A minute.
const MINUTE_MICROS: i64 = 60_000_000;

/// An endpoint with what its configuration says about sending to it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) row: EndpointRow,
    pub(super) settings: Settings,
}

/// The answer to "is this calendar in force": its name if it is.
type Muting = Option<Arc<str>>;

/// The answer to "who is on call", or why that cannot be said.
type OnCall = Result<Vec<SubscriberId>, Arc<str>>;

pub(super) struct Cache {
    directory: Arc<dyn Directory + Send + Sync>,
    calendars: Arc<dyn Calendars>,
    sender: Arc<dyn Sender>,
    options: Options,
    endpoints: Shelf<(ProjectId, EndpointId), Option<Arc<Known>>>,
    subscribers: Shelf<(ProjectId, SubscriberId), Option<Arc<SubscriberRow>>>,
    /// By the minute that was asked about.
    mutings: Shelf<(ProjectId, ScheduleId, i64), Muting>,
    /// By the moment that was asked about.
    on_call: Shelf<(ProjectId, ScheduleId, Option<Timestamp>), OnCall>,
}

impl Cache {
    pub(super) fn new(ports: &Ports, options: &Options) -> Self {
        Self {
            directory: Arc::clone(&ports.directory),
            calendars: Arc::clone(&ports.calendars),
            sender: Arc::clone(&ports.sender),
            options: options.clone(),
            endpoints: Shelf::new(options.poll),
            subscribers: Shelf::new(options.poll),
            mutings: Shelf::new(options.poll),
            on_call: Shelf::new(options.poll),
        }
    }

    pub(super) async fn endpoint(
        &mut self,
        project: ProjectId,
        id: EndpointId,
        now: Timestamp,
    ) -> Result<Option<Arc<Known>>, store::Error> {
        if let Some(known) = self.endpoints.get((project, id), now) {
            return Ok(known.clone());
        }
        let row = self.directory.endpoint(project, id).await?;
        let known = row.map(|row| {
            let told_at_once = self.sender.told_at_once(&row.channel);
            let settings = Settings::read(&row.config, &self.options).for_channel(told_at_once);
            Arc::new(Known { row, settings })
        });
        self.endpoints.put((project, id), known.clone(), now);
        Ok(known)
    }

    pub(super) async fn subscriber(
        &mut self,
        project: ProjectId,
        id: SubscriberId,
        now: Timestamp,
    ) -> Result<Option<Arc<SubscriberRow>>, store::Error> {
        if let Some(row) = self.subscribers.get((project, id), now) {
            return Ok(row.clone());
        }
        let row = self.directory.subscriber(project, id).await?.map(Arc::new);
        self.subscribers.put((project, id), row.clone(), now);
        Ok(row)
    }

    /// The name of a calendar if it is in force at `moment`. One that cannot be read mutes nothing: too much is told
    /// rather than too little.
    pub(super) async fn mutes(
        &mut self,
        project: ProjectId,
        id: ScheduleId,
        moment: Timestamp,
        now: Timestamp,
    ) -> Result<Muting, store::Error> {
        // Calendars know nothing finer than minutes.
        let key = (project, id, moment.micros().div_euclid(MINUTE_MICROS));
        if let Some(muting) = self.mutings.get(key, now) {
            return Ok(muting.clone());
        }
        let muting = match self.calendars.mutes(project, id, moment).await {
            Ok(name) => name.map(Arc::from),
            Err(CalendarError::Store(error)) => return Err(error),
            Err(CalendarError::Unreadable(why)) => {
                tracing::warn!(calendar = %id, why, "a calendar cannot be read and mutes nothing");
                None
            }
        };
        self.mutings.put(key, muting.clone(), now);
        Ok(muting)
    }

    /// Who is on call now, or was at `then`, or why that cannot be said.
    pub(super) async fn on_call(
        &mut self,
        project: ProjectId,
        id: ScheduleId,
        then: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<OnCall, store::Error> {
        if let Some(answer) = self.on_call.get((project, id, then), now) {
            return Ok(answer.clone());
        }
        let answer = match self.calendars.on_call(project, id, then.unwrap_or(now)).await {
            Ok(people) => Ok(people),
            Err(CalendarError::Store(error)) => return Err(error),
            Err(CalendarError::Unreadable(why)) => Err(Arc::from(why)),
        };
        self.on_call.put((project, id, then), answer.clone(), now);
        Ok(answer)
    }
}

/// Rows of one kind, each with the time it was read.
struct Shelf<K, V> {
    rows: HashMap<K, (Timestamp, V)>,
    keep: Duration,
}

impl<K: Eq + Hash, V> Shelf<K, V> {
    fn new(keep: Duration) -> Self {
        Self { rows: HashMap::new(), keep }
    }

    fn get(&self, key: K, now: Timestamp) -> Option<&V> {
        self.rows.get(&key).filter(|(read, _)| self.is_fresh(*read, now)).map(|(_, row)| row)
    }

    fn put(&mut self, key: K, row: V, now: Timestamp) {
        if self.rows.len() >= ROWS {
            let keep = self.keep;
            self.rows.retain(|_, (read, _)| *read <= now && now.since(*read) < keep);
        }
        if self.rows.len() >= ROWS {
            self.rows.clear();
        }
        self.rows.insert(key, (now, row));
    }

    /// A clock that was set back makes everything old.
    fn is_fresh(&self, read: Timestamp, now: Timestamp) -> bool {
        read <= now && now.since(read) < self.keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn a_row_is_used_until_it_is_too_old_or_the_clock_was_set_back() {
        let mut shelf = Shelf::new(Duration::from_secs(1));
        shelf.put("here", 1, at(5_000_000));
        let seen = [5_000_000, 5_999_999, 6_000_000, 4_999_999]
            .map(|micros| shelf.get("here", at(micros)).copied());
        assert_eq!(seen, [Some(1), Some(1), None, None]);
    }

    #[test]
    fn a_shelf_has_a_bound() {
        let mut shelf = Shelf::new(Duration::from_secs(1));
        for row in 0..3 * ROWS {
            shelf.put(row, (), at(0));
        }
        assert!(shelf.rows.len() <= ROWS);
    }
}
