//! The outbox: notifications that are due, their deliveries, and every try.
//!
//! Rows come from the pipeline's commits: [`model::Effect::Notified`] makes a notification with one
//! delivery a target, [`model::Effect::Attempted`] writes a try and moves its delivery on,
//! [`model::Effect::Replayed`] makes dead deliveries due again. Delivery itself only leases, and
//! spreads out what was due to a person or schedule.

use async_trait::async_trait;
use model::{
    EndpointId, IncidentId, Notification, NotificationId, ProjectId, Receipt, SignalId,
    SubscriberId, Target, Timestamp,
};

use crate::Error;
use crate::query::PageCursor;

/// Where a notification, as a whole, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotificationStatus {
    /// Something is still to be sent.
    Pending,
    /// Every target got it (or it was folded into a digest there).
    Delivered,
    /// Nothing is to be sent any more, and some target did not get it.
    Dead,
    /// Nobody was told, on purpose.
    Held,
}

/// Where the delivery to one target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryStatus {
    /// It is to be sent at `due_at`.
    Due,
    /// It was taken.
    Delivered,
    /// It was told as part of a digest.
    Folded,
    /// It is given up; kept whole.
    Dead,
    /// Nobody was told, on purpose.
    Held,
    /// It was a person or a schedule, and is spread out over endpoints.
    Spread,
}

/// The delivery of a notification to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// To whom.
    pub target: Target,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Tries so far.
    pub attempts: u32,
    /// When it is to be sent (again).
    pub due_at: Timestamp,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
    /// The last answer or error; empty before the first try.
    pub last_answer: String,
}

/// A notification with all that became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationView {
    /// What was decided.
    pub notification: Notification,
    /// Where it stands.
    pub status: NotificationStatus,
    /// When the last target got it.
    pub delivered_at: Option<Timestamp>,
    /// Its deliveries, in order of target.
    pub deliveries: Vec<DeliveryRow>,
    /// Every try, in order of `began_at`.
    pub attempts: Vec<Receipt>,
}

/// Which notifications; `None` means "any".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationFilter {
    /// Of whom.
    pub subscriber: Option<SubscriberId>,
    /// About which incident (signals of it included).
    pub incident: Option<IncidentId>,
    /// About which signal.
    pub signal: Option<SignalId>,
    /// Where they stand.
    pub status: Option<NotificationStatus>,
    /// Rows of the page, at most `model::limits::PAGE`; 0 means `model::limits::PAGE_DEFAULT`.
    pub limit: usize,
    /// Where the page before ended: (`seq`, first 8 bytes of the id, last 8 bytes), newest first.
    pub after: Option<PageCursor>,
}

/// A page of notifications, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationPage {
    /// The notifications.
    pub items: Vec<NotificationView>,
    /// Where the next page starts.
    pub next: Option<PageCursor>,
    /// How many fit the filter in all.
    pub total: u64,
}

/// Which dead letters; `None` means "any".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterFilter {
    /// Of which notification.
    pub notification: Option<NotificationId>,
    /// Of whom.
    pub subscriber: Option<SubscriberId>,
    /// To which endpoint.
    pub endpoint: Option<EndpointId>,
    /// About which incident.
    pub incident: Option<IncidentId>,
    /// Dead since then.
    pub since: Option<Timestamp>,
    /// Dead before then.
    pub until: Option<Timestamp>,
    /// Rows of the page, at most `limits::REPLAYED_LETTERS`; 0 means `model::limits::PAGE_DEFAULT`.
    pub limit: usize,
    /// Where the page before ended: as of [`NotificationFilter::after`].
    pub after: Option<PageCursor>,
}

/// A dead letter: the whole message, and the try after which it was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The message.
    pub notification: Notification,
    /// To whom.
    pub target: Target,
    /// The last try.
    pub last: Receipt,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// A page of dead letters, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterPage {
    /// The letters.
    pub items: Vec<Letter>,
    /// Where the next page starts.
    pub next: Option<PageCursor>,
    /// How many fit the filter in all.
    pub total: u64,
}

/// Something that is due and now belongs to whoever leased it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The message.
    pub notification: Notification,
    /// To whom.
    pub target: Target,
    /// The number of the try that is to come, from 1.
    pub attempt: u32,
    /// Until when it is tried: the notification's, or a later one after a replay.
    pub deadline: Timestamp,
    /// What the other side called the first message to this target about this incident; empty where there was none.
    pub thread: String,
}

/// A target with something due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueTarget {
    /// Whose.
    pub project: ProjectId,
    /// To whom.
    pub target: Target,
    /// When the oldest was due.
    pub since: Timestamp,
    /// How many are due, counted up to 1 000.
    pub count: u32,
}

/// What is asked for one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseOf {
    /// Whose.
    pub project: ProjectId,
    /// To whom.
    pub target: Target,
    /// How many at most.
    pub most: u32,
}

/// Figures for metrics and health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxCounts {
    /// Deliveries due now or later.
    pub due: u64,
    /// When the oldest of those was due.
    pub oldest_due_at: Option<Timestamp>,
    /// Dead letters.
    pub dead: u64,
}

/// The outbox that every backend offers.
#[async_trait]
pub trait Outbox {
    /// Notifications of a project, newest first.
    async fn notifications(
        &self,
        project: ProjectId,
        filter: &NotificationFilter,
    ) -> Result<NotificationPage, Error>;

    /// One notification.
    async fn notification(
        &self,
        project: ProjectId,
        id: NotificationId,
    ) -> Result<Option<NotificationView>, Error>;

    /// Dead letters of a project, newest first.
    async fn letters(&self, project: ProjectId, filter: &LetterFilter)
    -> Result<LetterPage, Error>;

    /// Targets with something due at `now` that nobody leases, over all projects, the longest waiting first.
    async fn due_targets(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTarget>, Error>;

    /// When the next delivery is due that nobody leases, or the next lease ends.
    async fn next_due(&self) -> Result<Option<Timestamp>, Error>;

    /// Leases what is due at `now`, until `until`: for each target the oldest first by (`seq`, id). Of
    /// several deliveries to one target about one incident only the first not yet settled is handed
    /// out, so that they are sent in order. What is leased by anybody until after `now` is not handed out.
    async fn lease(
        &self,
        owner: u128,
        now: Timestamp,
        until: Timestamp,
        wanted: &[LeaseOf],
    ) -> Result<Vec<Leased>, Error>;

    /// Gives leases back unused: those of `owner`, or of everybody where it is `None` (a server that stands
    /// alone does this when it starts, because whoever leased before is gone).
    async fn release(&self, owner: Option<u128>) -> Result<(), Error>;

    /// Gives one lease back unused, due at `due_at`.
    async fn give_back(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        due_at: Timestamp,
    ) -> Result<(), Error>;

    /// Spreads what was due to a person or schedule out over endpoints, each due at its time; the target
    /// itself is then `Spread`. An endpoint that the notification already goes to is left as it is.
    async fn spread(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        over: &[(EndpointId, Timestamp)],
    ) -> Result<(), Error>;

    /// Figures over all projects.
    async fn outbox_counts(&self) -> Result<OutboxCounts, Error>;
}
