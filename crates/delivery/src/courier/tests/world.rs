//! A world for a courier: a scripted sender, a journal that applies what it takes, calendars, and a clock that
//! goes as tokio's paused one does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration as Span;

use async_trait::async_trait;
use journal::{
    Append, Appended, Clock, Durability, Error as JournalError, Journal, Reader, Records, State,
    Status as JournalStatus,
};
use model::{
    DirectiveId, Duration, EndpointId, Entry, IncidentId, Notice, Notification, NotificationId,
    ProjectId, Receipt, ScheduleId, Seq, Severity, Subject, SubscriberId, Target, Timestamp,
    Transition, Trigger, codec,
};
use store::{Contact, EndpointRow, SubscriberRow};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::book::Book;
use crate::channel::{Endpoint, Message, Sent, SentOutcome};
use crate::courier::{
    CalendarError, Calendars, Courier, DIGEST_MESSAGES, Dice, Error, Handle, News, Options, Ports,
    Sender,
};

pub(super) const HERE: ProjectId = ProjectId(1);
const EPOCH_US: i64 = 1_800_000_000_000_000;

/// What an endpoint does with a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Take,
    TakeAfter(u64),
    Hang,
    Fail,
    /// 429 with `Retry-After` in seconds.
    TooMany(u64),
    Refuse,
    Panic,
}

/// What every endpoint does, and what was sent.
#[derive(Debug, Default)]
pub(super) struct Script {
    acts: HashMap<EndpointId, VecDeque<Act>>,
    always: HashMap<EndpointId, Act>,
    sent: Vec<(u64, EndpointId, Vec<u64>)>,
    keys: Vec<String>,
    under_way: HashMap<EndpointId, usize>,
    most_under_way: HashMap<EndpointId, usize>,
}

pub(super) struct World {
    pub(super) book: Arc<Book>,
    pub(super) road: Arc<Road>,
    pub(super) calendar: Arc<Wall>,
    script: Arc<Mutex<Script>>,
    started: Instant,
    next_seq: u64,
}

/// A courier that runs.
pub(super) struct Running {
    pub(super) task: JoinHandle<Result<(), Error>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) handle: Arc<Handle>,
}

impl World {
    pub(super) fn new() -> Self {
        let book = Arc::new(Book::default());
        Self {
            road: Arc::new(Road::new(&book)),
            book,
            calendar: Arc::default(),
            script: Arc::default(),
            started: Instant::now(),
            next_seq: 100,
        }
    }

    pub(super) fn run(&self) -> Running {
        self.run_with(Options { owner: 1, alone: true, ..Options::default() })
    }

    pub(super) fn run_with(&self, options: Options) -> Running {
        self.run_told_by(options, self.road.applied.subscribe())
    }

    /// A courier, and the position of a pipeline of its own that applies nothing.
    pub(super) fn run_beside_a_pipeline(&self) -> (watch::Sender<Seq>, Running) {
        let applied = watch::Sender::new(Seq(0));
        let running = self.run_told_by(Options::default(), applied.subscribe());
        (applied, running)
    }

    fn run_told_by(&self, options: Options, applied: watch::Receiver<Seq>) -> Running {
        let ports = Ports {
            outbox: Arc::clone(&self.book) as _,
            directory: Arc::clone(&self.book) as _,
            incidents: Arc::clone(&self.book) as _,
            calendars: Arc::clone(&self.calendar) as _,
            journal: Arc::clone(&self.road) as _,
            sender: Arc::new(Scripted { script: Arc::clone(&self.script), started: self.started }),
            clock: Arc::new(Paused(self.started)),
            chance: Box::new(Dice::new(1)),
            news: News { due: Arc::clone(&self.road.due), applied },
        };
        let courier = Courier::new(ports, options);
        let handle = courier.handle();
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(courier.run(stop.subscribe()));
        Running { task, stop, handle }
    }

    pub(super) fn endpoint(&self, id: u128) -> EndpointId {
        self.endpoint_with(id, "{}")
    }

    pub(super) fn endpoint_with(&self, id: u128, config: &str) -> EndpointId {
        self.endpoint_of(id, "webhook", config)
    }

    pub(super) fn endpoint_of(&self, id: u128, channel: &str, config: &str) -> EndpointId {
        let row = EndpointRow {
            project: HERE,
            id: EndpointId(id),
            subscriber: SubscriberId(1),
            channel: channel.to_owned(),
            name: format!("endpoint {id}"),
            config: config.to_owned(),
            secrets: Vec::new(),
            verified_at: Some(Timestamp::from_micros(1)),
            owner_confirms: false,
            version: 1,
            created_at: Timestamp::from_micros(1),
        };
        self.book.tables().endpoints.insert(row.id, row);
        EndpointId(id)
    }

    pub(super) fn person(&self, id: u128, contacts: &[(EndpointId, u64)]) -> SubscriberId {
        let contacts = contacts.iter().map(|(endpoint, after)| Contact {
            endpoint: *endpoint,
            after: Duration::from_secs(*after),
        });
        let row = SubscriberRow {
            project: HERE,
            id: SubscriberId(id),
            name: format!("person {id}"),
            contacts: contacts.collect(),
            version: 1,
            created_at: Timestamp::from_micros(1),
        };
        self.book.tables().subscribers.insert(row.id, row);
        SubscriberId(id)
    }

    pub(super) fn always(&self, endpoint: EndpointId, act: Act) {
        lock(&self.script).always.insert(endpoint, act);
    }

    pub(super) fn acts(&self, endpoint: EndpointId, acts: &[Act]) {
        lock(&self.script).acts.entry(endpoint).or_default().extend(acts);
    }

    /// Something happened to an incident, and is told to these; answers the number of the notification.
    pub(super) fn tell(&mut self, incident: u128, targets: &[Target]) -> u64 {
        self.tell_with(incident, targets, |_| {})
    }

    pub(super) fn tell_with(
        &mut self,
        incident: u128,
        targets: &[Target],
        change: impl FnOnce(&mut Notification),
    ) -> u64 {
        self.next_seq += 1;
        let number = self.next_seq - 100;
        let at = self.now();
        let mut notification = Notification {
            id: NotificationId(u128::from(number)),
            project: HERE,
            subscriber: SubscriberId(1),
            subject: Subject::Incident(IncidentId(incident)),
            transition: Transition::Of(Trigger::Opened),
            seq: Seq(self.next_seq),
            at,
            rules: vec![DirectiveId(1)],
            targets: targets.to_vec(),
            muted_by: vec![Vec::new()],
            deadline: at + Duration::from_secs(24 * 3_600),
            held: None,
            notice: Arc::new(Notice {
                incident: None,
                signal: None,
                severity: Severity::P1,
                source: "test".to_owned(),
                name: "something".to_owned(),
            }),
        };
        change(&mut notification);
        self.book.notify(&notification);
        self.road.due.notify_one();
        number
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_micros(Paused(self.started).now_us())
    }

    /// What was sent: `second endpoint: numbers`, one message a line.
    pub(super) fn sent(&self) -> String {
        let script = lock(&self.script);
        let lines = script.sent.iter().map(|(micros, endpoint, numbers)| {
            let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
            let second = *micros as f64 / 1e6;
            format!("{second:.2} to {}: {}\n", endpoint.0, numbers.join(" "))
        });
        lines.collect()
    }

    /// How often something was sent to an endpoint.
    pub(super) fn sent_to(&self, endpoint: EndpointId) -> usize {
        lock(&self.script).sent.iter().filter(|(_, to, _)| *to == endpoint).count()
    }

    /// What the other side knew each message by, in order.
    pub(super) fn keys(&self) -> Vec<String> {
        lock(&self.script).keys.clone()
    }

    pub(super) fn most_under_way(&self, endpoint: EndpointId) -> usize {
        lock(&self.script).most_under_way.get(&endpoint).copied().unwrap_or(0)
    }

    /// What stands on record: `number target attempt verdict answer`, one receipt a line.
    pub(super) fn receipts(&self) -> String {
        let tables = self.book.tables();
        let lines = tables.receipts.iter().map(|receipt| {
            let target = match receipt.target {
                Target::Endpoint(id) => format!("endpoint {}", id.0),
                Target::Person(id) => format!("person {}", id.0),
                Target::OnCall(id) => format!("schedule {}", id.0),
            };
            let number = receipt.notification.0;
            let Receipt { attempt, verdict, answer, .. } = receipt;
            format!("{number} to {target}, try {attempt}: {verdict}, {answer}\n")
        });
        lines.collect()
    }
}

pub(super) fn to(endpoint: EndpointId) -> Target {
    Target::Endpoint(endpoint)
}

/// Lets so many milliseconds pass, and everything happen that happens in them.
pub(super) async fn pass_ms(millis: u64) {
    sleep(Span::from_millis(millis)).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Paused(Instant);

impl Clock for Paused {
    fn now_us(&self) -> i64 {
        EPOCH_US + i64::try_from(self.0.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

struct Scripted {
    script: Arc<Mutex<Script>>,
    started: Instant,
}

/// Counts a send that is under way, even one that is dropped.
struct UnderWay<'s>(&'s Mutex<Script>, EndpointId);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *lock(self.0).under_way.entry(self.1).or_default() -= 1;
    }
}

#[async_trait]
impl Sender for Scripted {
    async fn send(&self, endpoint: &Endpoint, message: &Message<'_>) -> Sent {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let act = {
            let mut script = lock(&self.script);
            let all = std::iter::once(message.notification).chain(message.others);
            let numbers = all.map(|one| u64::try_from(one.id.0).unwrap_or(0)).collect();
            script.sent.push((micros, endpoint.id, numbers));
            script.keys.push(message.key());
            let under_way = script.under_way.entry(endpoint.id).or_default();
            *under_way += 1;
            let under_way = *under_way;
            let most = script.most_under_way.entry(endpoint.id).or_default();
            *most = (*most).max(under_way);
            let next = script.acts.get_mut(&endpoint.id).and_then(VecDeque::pop_front);
            next.or_else(|| script.always.get(&endpoint.id).copied()).unwrap_or(Act::Take)
        };
        let _under_way = UnderWay(&self.script, endpoint.id);
        match act {
            Act::Take => answer(SentOutcome::Delivered, 200),
            Act::TakeAfter(millis) => {
                pass_ms(millis).await;
                answer(SentOutcome::Delivered, 200)
            }
            Act::Hang => std::future::pending().await,
            Act::Fail => answer(SentOutcome::Retry { after: None }, 503),
            Act::TooMany(after) => {
                answer(SentOutcome::Retry { after: Some(Duration::from_secs(after)) }, 429)
            }
            Act::Refuse => answer(SentOutcome::Refused, 404),
            Act::Panic => panic!("a channel is broken"),
        }
    }

    fn told_at_once(&self, channel: &str) -> u32 {
        match channel {
            "pagerduty" => 1,
            "slack" => 3,
            _ => DIGEST_MESSAGES,
        }
    }
}

fn answer(outcome: SentOutcome, status: u16) -> Sent {
    Sent { outcome, status, answer: status.to_string(), reference: "reference".to_owned() }
}

/// Who is on call, and which calendars are in force.
#[derive(Debug, Default)]
pub(super) struct Wall {
    pub(super) on_call: Mutex<HashMap<ScheduleId, Vec<SubscriberId>>>,
    /// Who is on call on every schedule from some moment on.
    pub(super) then: Mutex<Option<(Timestamp, Vec<SubscriberId>)>>,
    /// What is mute, and from when on.
    pub(super) mute: Mutex<HashMap<ScheduleId, Timestamp>>,
}

#[async_trait]
impl Calendars for Wall {
    async fn on_call(
        &self,
        _: ProjectId,
        schedule: ScheduleId,
        now: Timestamp,
    ) -> Result<Vec<SubscriberId>, CalendarError> {
        let later = lock(&self.then).clone().filter(|(since, _)| *since <= now);
        let people = match later {
            Some((_, people)) => Some(people),
            None => lock(&self.on_call).get(&schedule).cloned(),
        };
        people.ok_or_else(|| CalendarError::Unreadable("the schedule is gone".to_owned()))
    }

    async fn mutes(
        &self,
        _: ProjectId,
        calendar: ScheduleId,
        now: Timestamp,
    ) -> Result<Option<String>, CalendarError> {
        let name = format!("calendar {}", calendar.0);
        let since = lock(&self.mute).get(&calendar).copied();
        Ok(since.filter(|since| *since <= now).map(|_| name))
    }
}

/// A journal whose records are applied to the book: at once, or when it is told to.
pub(super) struct Road {
    book: Arc<Book>,
    pub(super) due: Arc<Notify>,
    pub(super) applied: watch::Sender<Seq>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    end: u64,
    refuses: bool,
    lags: bool,
    behind: Vec<Receipt>,
    appends: usize,
}

impl Road {
    fn new(book: &Arc<Book>) -> Self {
        Self {
            book: Arc::clone(book),
            due: Arc::default(),
            applied: watch::Sender::new(Seq(0)),
            inside: Mutex::new(Inside { end: 1, ..Inside::default() }),
        }
    }

    pub(super) fn refuse(&self, refuses: bool) {
        lock(&self.inside).refuses = refuses;
    }

    /// Whether what is durable is not applied for now.
    pub(super) fn lag(&self, lags: bool) {
        lock(&self.inside).lags = lags;
        if !lags {
            self.catch_up();
        }
    }

    /// So many records are durable that nobody has applied.
    pub(super) fn behind_by(&self, records: u64) {
        lock(&self.inside).end += records;
    }

    pub(super) fn appends(&self) -> usize {
        lock(&self.inside).appends
    }

    fn catch_up(&self) {
        let mut inside = lock(&self.inside);
        if inside.lags {
            return;
        }
        let end = inside.end;
        let behind = std::mem::take(&mut inside.behind);
        drop(inside);
        behind.iter().for_each(|receipt| self.book.apply(receipt));
        self.applied.send_replace(Seq(end - 1));
        self.due.notify_one();
    }
}

impl Journal for Road {
    fn append(&self, records: Records) -> Result<Append, JournalError> {
        let mut inside = lock(&self.inside);
        if inside.refuses {
            return Err(JournalError::Disk { what: "the disk is full".into(), source: None });
        }
        inside.appends += 1;
        for record in records.iter() {
            let Ok(Entry::Receipt(receipt)) = codec::decode(record) else {
                panic!("a courier writes receipts only");
            };
            inside.behind.push(*receipt);
        }
        let first_seq = inside.end;
        inside.end += u64::from(records.len());
        drop(inside);
        let (answer, append) = Append::pair();
        answer.send(Ok(Appended { first_seq, count: records.len(), at: EPOCH_US }));
        self.catch_up();
        Ok(append)
    }

    fn durable_end(&self) -> u64 {
        lock(&self.inside).end
    }

    fn start(&self) -> u64 {
        1
    }

    fn reader(&self, _: u64) -> Result<Box<dyn Reader>, JournalError> {
        Err(JournalError::Closed)
    }

    fn wait(&self, _: u64, _: Span) -> u64 {
        self.durable_end()
    }

    fn release(&self, _: u64) {}

    fn status(&self) -> JournalStatus {
        JournalStatus {
            state: State::Ok,
            durability: Durability::Os,
            queue_records: 0,
            queue_bytes: 0,
            start: 1,
            durable_end: self.durable_end(),
            disk_bytes: 0,
            free_bytes: None,
            segments: 1,
            last_sync: Span::ZERO,
        }
    }

    fn close(&self) {}
}
