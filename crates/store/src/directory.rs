//! The directory: who is told, where, and by which calendars. Subscribers, endpoints and documents are
//! plain administration, written straight to the store; directives are the engine's, and only read here.

use async_trait::async_trait;
use model::{
    Actor, Directive, DirectiveId, DirectiveKind, Duration, EndpointId, ProjectId, SubscriberId,
    Timestamp, limits,
};

use crate::{Error, ErrorKind};

/// Who owns rules: a team, a customer, or a person with contact methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberRow {
    /// Whose.
    pub project: ProjectId,
    /// Its id.
    pub id: SubscriberId,
    /// A name, unique within the project.
    pub name: String,
    /// How a person is reached, in order; empty for a team or customer.
    pub contacts: Vec<Contact>,
    /// 1 when created, one more with each change.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// One contact method of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// Where.
    pub endpoint: EndpointId,
    /// How long after the notification was due; sent only while the incident is not acknowledged.
    pub after: Duration,
}

/// Where notifications are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRow {
    /// Whose.
    pub project: ProjectId,
    /// Its id.
    pub id: EndpointId,
    /// Who owns it.
    pub subscriber: SubscriberId,
    /// The channel: `webhook`, `slack`, …
    pub channel: String,
    /// A name for people.
    pub name: String,
    /// Its configuration as JSON, without secrets.
    pub config: String,
    /// Its secrets, sealed; empty where it has none. Never read back by anybody but delivery.
    pub secrets: Vec<u8>,
    /// When it was verified; nothing but a test or a challenge is sent before.
    pub verified_at: Option<Timestamp>,
    /// Whether its owner has to confirm it; otherwise whoever manages the project vouches for it.
    pub owner_confirms: bool,
    /// 1 when created, one more with each change.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The kinds of documents that only delivery and the API understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// Who is on call when.
    Schedule,
    /// Times during which rules are muted.
    Calendar,
    /// An imported configuration of another tool, as it was.
    Original,
}

/// A document: JSON that the store does not look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    /// Whose.
    pub project: ProjectId,
    /// Its kind.
    pub kind: DocumentKind,
    /// Its id.
    pub id: u128,
    /// A name for people, unique within project and kind.
    pub name: String,
    /// What stands in it.
    pub body: String,
    /// 1 when created, one more with each change.
    pub version: u64,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A page of directives, in order of id (which is the order of creation).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectivePage {
    /// The directives.
    pub items: Vec<Directive>,
    /// Where the next page starts: after this one. `None` at the end.
    pub next: Option<DirectiveId>,
    /// How many fit the filter in all.
    pub total: u64,
}

/// The directory that every backend offers. Every change is audited with its actor.
#[async_trait]
pub trait Directory {
    /// All subscribers of a project, by name.
    async fn subscribers(&self, project: ProjectId) -> Result<Vec<SubscriberRow>, Error>;

    /// One subscriber.
    async fn subscriber(
        &self,
        project: ProjectId,
        id: SubscriberId,
    ) -> Result<Option<SubscriberRow>, Error>;

    /// Creates (`expected_version` of `None`) or replaces a subscriber; answers its version. The version
    /// and times of `row` are ignored: it is created once, `now`.
    ///
    /// # Errors
    /// `Conflict` when the name is taken, the version is another one ([`Error::current_version`]), or there
    /// are `limits::SUBSCRIBERS`; `NotFound` when a version is expected of one that is not there.
    async fn put_subscriber(
        &self,
        row: &SubscriberRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error>;

    /// Removes a subscriber that has neither endpoints nor rules.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it has some, or its version is another one.
    async fn delete_subscriber(
        &self,
        project: ProjectId,
        id: SubscriberId,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error>;

    /// All endpoints of a project, by creation.
    async fn endpoints(&self, project: ProjectId) -> Result<Vec<EndpointRow>, Error>;

    /// One endpoint.
    async fn endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
    ) -> Result<Option<EndpointRow>, Error>;

    /// Creates or replaces an endpoint; as [`Self::put_subscriber`], but names need not differ.
    async fn put_endpoint(
        &self,
        row: &EndpointRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error>;

    /// Notes that the owner has confirmed an endpoint that stands at `expected_version`; answers its version.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when its version is another one.
    async fn verify_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
        expected_version: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error>;

    /// Removes an endpoint. Rules may still name it: what is due there becomes a dead letter.
    async fn delete_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error>;

    /// All documents of a kind, by name.
    async fn documents(
        &self,
        project: ProjectId,
        kind: DocumentKind,
    ) -> Result<Vec<DocumentRow>, Error>;

    /// One document.
    async fn document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: u128,
    ) -> Result<Option<DocumentRow>, Error>;

    /// Creates or replaces a document; as [`Self::put_subscriber`].
    async fn put_document(
        &self,
        row: &DocumentRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error>;

    /// Removes a document.
    async fn delete_document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: u128,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error>;

    /// Directives of a kind, those of one subscriber where one is given (rules only).
    async fn directives(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        subscriber: Option<SubscriberId>,
        after: Option<DirectiveId>,
        limit: usize,
    ) -> Result<DirectivePage, Error>;

    /// One directive.
    async fn directive(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        id: DirectiveId,
    ) -> Result<Option<Directive>, Error>;
}

impl DocumentKind {
    /// Every kind, in order of its code.
    pub const ALL: &'static [Self] = &[Self::Schedule, Self::Calendar, Self::Original];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Calendar => "calendar",
            Self::Original => "original",
        }
    }

    /// The number durable formats hold.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Schedule => 0,
            Self::Calendar => 1,
            Self::Original => 2,
        }
    }

    /// The kind of a code.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

/// What a row of the directory is called in errors, and how many a project may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sort {
    pub(crate) word: &'static str,
    pub(crate) most: usize,
}

impl Sort {
    /// The version after a put on a row that stands at `before`.
    pub(crate) fn next_version(
        self,
        before: Option<u64>,
        expected: Option<u64>,
    ) -> Result<u64, Error> {
        match (before, expected) {
            (None, None) => Ok(1),
            (Some(_), None) => self.stale(before, "exists already"),
            (_, Some(_)) => self.removable(before, expected).map(|version| version + 1),
        }
    }

    /// The version of a row that may be removed or replaced.
    pub(crate) fn removable(
        self,
        before: Option<u64>,
        expected: Option<u64>,
    ) -> Result<u64, Error> {
        let Some(version) = before else {
            let what = format!("there is no such {} in this project", self.word);
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        if expected.is_some_and(|expected| expected != version) {
            return self.stale(before, "was changed");
        }
        Ok(version)
    }

    /// The name belongs to another one.
    pub(crate) fn taken(self, name: &str) -> Error {
        let what = format!("there is another {} with the name {name}", self.word);
        Error::new(ErrorKind::Conflict, what)
    }

    /// There is no room for one more where there are `count`.
    pub(crate) fn room(self, count: usize) -> Result<(), Error> {
        if count < self.most {
            return Ok(());
        }
        let what = format!("a project has at most {} of {}", self.most, self.word);
        Err(Error::new(ErrorKind::Conflict, what))
    }

    fn stale<T>(self, before: Option<u64>, what: &str) -> Result<T, Error> {
        let current = before.unwrap_or(0);
        let what = format!("the {} {what} and has version {current}; read it again", self.word);
        Err(Error::stale(what, current))
    }
}

pub(crate) const SUBSCRIBERS: Sort = Sort { word: "subscriber", most: limits::SUBSCRIBERS };
pub(crate) const ENDPOINTS: Sort = Sort { word: "endpoint", most: limits::ENDPOINTS };

impl DocumentKind {
    pub(crate) fn sort(self) -> Sort {
        Sort { word: self.as_str(), most: limits::DOCUMENTS }
    }
}

/// What must be gone before a subscriber can go.
pub(crate) fn still_owns(what: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("the subscriber still has {what}"))
}
