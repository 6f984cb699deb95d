//! The outbox: notifications that are due, their deliveries, and every try.
//!
//! Rows come from the pipeline's commits: [`model::Effect::Notified`] makes a notification with one
//! delivery a target, [`model::Effect::Attempted`] writes a try and moves its delivery on,
//! [`model::Effect::Replayed`] makes dead deliveries due again. Delivery itself only leases, and
//! spreads out what was due to a person or schedule.

use async_trait::async_trait;
use model::{
    EndpointId, IdentityKey, IncidentId, Kind, Notification, NotificationId, ProjectId, Receipt,
    SignalId, Subject, SubscriberId, Target, Timestamp, Verdict, limits,
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
    /// When the last target got it, where it is delivered.
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
    /// Where the page before ended: as of [`NotificationFilter::after`]. A page never parts the letters
    /// of one notification; where one alone has more than fit, it has them all.
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
    /// Since when the longest waiting is due, of what could be handed out and what is leased together.
    pub since: Timestamp,
    /// How many could be handed out, counted up to [`DUE_COUNTED`].
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
    /// When the oldest of those was due, of what waits behind no other.
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

    /// Targets with something that [`Self::lease`] would hand out at `now`, over all projects, the longest
    /// waiting first. What was spread out for later counts until it has taken its place behind another.
    async fn due_targets(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTarget>, Error>;

    /// When after `now` [`Self::lease`] may have something more to hand out: a delivery that waits behind no
    /// other becomes due, or the lease of one ends. What can be handed out at `now` does not count.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error>;

    /// Leases what is due at `now`, until `until`: for each target what has been due longest, in order of
    /// (`seq`, id), so that what is tried again does not stand in the way of what is new. Of
    /// several deliveries to one target about one incident, or one alert, only the first not yet settled is
    /// handed out, so that they are sent in order; one that was spread out for later takes its place among
    /// them when it would first be handed out. What is leased by anybody until after `now` is not handed out,
    /// and nothing twice. A backend that only one process uses may forget leases when that ends.
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

    /// Gives these leases back unused; they are due as they were.
    async fn return_unused(
        &self,
        deliveries: &[(ProjectId, NotificationId, Target)],
    ) -> Result<(), Error>;

    /// Gives one lease back unused, due at `due_at`; what nobody leases stays as it is.
    async fn give_back(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        due_at: Timestamp,
    ) -> Result<(), Error>;

    /// Spreads what is due to a person or schedule out over endpoints, each due at its time; the target
    /// itself is then `Spread`. An endpoint that the notification already goes to is left as it is.
    /// What is not due there changes nothing. What is due after `now` holds nothing up until its time comes.
    async fn spread(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        over: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) -> Result<(), Error>;

    /// Figures over all projects.
    async fn outbox_counts(&self) -> Result<OutboxCounts, Error>;
}

/// Due deliveries of one target that [`Outbox::due_targets`] counts; beyond it a larger number tells nothing more.
pub const DUE_COUNTED: u32 = 1_000;

impl NotificationStatus {
    /// Every status, in order of its code.
    pub const ALL: &'static [Self] = &[Self::Pending, Self::Delivered, Self::Dead, Self::Held];

    /// Where a notification stands whose deliveries stand like this.
    pub(crate) fn of(deliveries: impl IntoIterator<Item = DeliveryStatus>) -> Self {
        let mut status = Self::Held;
        for delivery in deliveries {
            status = match (status, delivery) {
                (_, DeliveryStatus::Due) => return Self::Pending,
                (_, DeliveryStatus::Dead) | (Self::Dead, _) => Self::Dead,
                (_, DeliveryStatus::Delivered | DeliveryStatus::Folded) => Self::Delivered,
                (before, DeliveryStatus::Held | DeliveryStatus::Spread) => before,
            };
        }
        status
    }

    /// The number durable formats hold.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Delivered => 1,
            Self::Dead => 2,
            Self::Held => 3,
        }
    }

    /// The status of a code.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.code() == code)
    }
}

impl DeliveryStatus {
    /// Every status, in order of its code.
    pub const ALL: &'static [Self] =
        &[Self::Due, Self::Delivered, Self::Folded, Self::Dead, Self::Held, Self::Spread];

    /// Where a delivery stands after a try that ended so.
    pub(crate) const fn after(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Delivered => Self::Delivered,
            Verdict::Retry => Self::Due,
            Verdict::Dead => Self::Dead,
            Verdict::HeldBack => Self::Held,
            Verdict::Folded => Self::Folded,
        }
    }

    /// Whether the target was told.
    pub(crate) const fn is_told(self) -> bool {
        matches!(self, Self::Delivered | Self::Folded)
    }

    /// The number durable formats hold.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Due => 0,
            Self::Delivered => 1,
            Self::Folded => 2,
            Self::Dead => 3,
            Self::Held => 4,
            Self::Spread => 5,
        }
    }

    /// The status of a code.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.code() == code)
    }
}

/// Rows of a page of letters, where `asked` of them were asked for.
pub(crate) fn letter_rows(asked: usize) -> usize {
    if asked == 0 { limits::PAGE_DEFAULT } else { asked.min(limits::REPLAYED_LETTERS) }
}

/// How many of the letters of these notifications, newest first, make a page of `limit`.
pub(crate) fn whole_notifications<K: PartialEq>(notifications: &[K], limit: usize) -> usize {
    let Some(first_outside) = notifications.get(limit) else { return notifications.len() };
    let inside = notifications[..limit].iter().rposition(|key| key != first_outside);
    match inside {
        Some(last) => last + 1,
        None => notifications.iter().take_while(|key| *key == first_outside).count(),
    }
}

/// What is told to a target in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Line {
    /// All that happens to one incident.
    Incident(IncidentId),
    /// That one alert fires, and that it does not any more. Channels know it by the same key.
    Alert(IdentityKey),
}

impl Line {
    /// Sixteen bytes, most significant first.
    pub(crate) const fn to_bytes(self) -> [u8; 16] {
        match self {
            Self::Incident(id) => id.0.to_be_bytes(),
            Self::Alert(identity) => identity.0.to_be_bytes(),
        }
    }
}

/// The line of a notification; one about a signal that is no alert has none.
pub(crate) fn line_of(notification: &Notification) -> Option<Line> {
    match (notification.subject, &notification.notice.signal) {
        (Subject::Incident(id), _) => Some(Line::Incident(id)),
        (Subject::Signal(_), Some(signal)) if signal.kind == Kind::Alert => {
            Some(Line::Alert(signal.identity(notification.project)))
        }
        (Subject::Signal(_), _) => None,
    }
}

/// The incident whose messages to a target hang together there: the subject, if it is one.
pub(crate) fn thread_of(notification: &Notification) -> Option<IncidentId> {
    match notification.subject {
        Subject::Incident(id) => Some(id),
        Subject::Signal(_) => None,
    }
}

/// The incident that a notification is about: the subject, or the one the signal belongs to.
pub(crate) fn incident_of(notification: &Notification) -> Option<IncidentId> {
    let told = || notification.notice.incident.as_ref().map(|incident| incident.id);
    thread_of(notification).or_else(told)
}
