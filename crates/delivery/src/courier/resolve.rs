//! What is to be done with something leased: sent, spread out over a person's contact methods, or settled
//! without anybody being told.
//!
//! Refuses to know: how it is sent, when it is tried again.
//!
//! Invariant: a reason not to tell goes on record with its words; nothing is dropped.

use std::sync::Arc;

use model::{
    Duration, EndpointId, Notification, ProjectId, ScheduleId, Subject, SubscriberId, Target,
    Timestamp, Verdict, limits,
};
use store::{Contact, Leased};

use super::cache::{Cache, Known};
use super::ports::Incidents;

/// What is to be done.
#[derive(Debug)]
pub(super) enum Course {
    /// It is sent there, to the subscriber of this name.
    Send(Arc<Known>, Arc<str>),
    /// It goes to these endpoints instead.
    Spread(Vec<(EndpointId, Timestamp)>),
    /// Nobody is told, for this reason.
    Settle(Verdict, String),
}

pub(super) struct Resolver {
    pub(super) cache: Cache,
    pub(super) incidents: Arc<dyn Incidents>,
}

impl Resolver {
    /// What is to be done with `leased` at `now`.
    ///
    /// # Errors
    /// The store did not answer: nothing is known then, and it is asked again later.
    pub(super) async fn course(
        &mut self,
        leased: &Leased,
        now: Timestamp,
    ) -> Result<Course, store::Error> {
        if now > leased.deadline {
            return Ok(Course::Settle(Verdict::Dead, "its deadline has passed".to_owned()));
        }
        if let Some(names) = self.muted(&leased.notification, now).await? {
            return Ok(Course::Settle(Verdict::HeldBack, format!("muted by {names}")));
        }
        match leased.target {
            Target::Endpoint(endpoint) => self.endpoint(&leased.notification, endpoint, now).await,
            Target::Person(person) => self.person(&leased.notification, person, now).await,
            Target::OnCall(schedule) => self.on_call(&leased.notification, schedule, now).await,
        }
    }

    /// The calendars that mute it, if every rule is muted by one. That is judged by when it became due: what was not
    /// mute then is told, however long it has to be tried.
    async fn muted(
        &mut self,
        notification: &Notification,
        now: Timestamp,
    ) -> Result<Option<String>, store::Error> {
        let mut names: Vec<Arc<str>> = Vec::new();
        for calendars in &notification.muted_by {
            let mut by = None;
            for calendar in calendars {
                let (project, due_at) = (notification.project, notification.at);
                by = self.cache.mutes(project, *calendar, due_at, now).await?;
                if by.is_some() {
                    break;
                }
            }
            match by {
                None => return Ok(None),
                Some(name) if names.contains(&name) => {}
                Some(name) => names.push(name),
            }
        }
        Ok((!names.is_empty()).then(|| names.join(", ")))
    }

    async fn endpoint(
        &mut self,
        notification: &Notification,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Result<Course, store::Error> {
        let project = notification.project;
        let Some(known) = self.cache.endpoint(project, endpoint, now).await? else {
            return Ok(Course::Settle(Verdict::Dead, "the endpoint is gone".to_owned()));
        };
        if known.row.verified_at.is_none() {
            let answer = "the endpoint is not verified".to_owned();
            return Ok(Course::Settle(Verdict::HeldBack, answer));
        }
        if self.is_acknowledged_meanwhile(notification, &known, now).await? {
            let answer = "acknowledged meanwhile".to_owned();
            return Ok(Course::Settle(Verdict::HeldBack, answer));
        }
        let subscriber = self.cache.subscriber(project, notification.subscriber, now).await?;
        let name = subscriber.map_or_else(|| Arc::from(""), |row| Arc::from(row.name.as_str()));
        Ok(Course::Send(known, name))
    }

    /// Whether it is a later contact method of a person, and somebody has the incident. What the
    /// notification names itself is no contact method, and the first one is told in any case.
    async fn is_acknowledged_meanwhile(
        &mut self,
        notification: &Notification,
        known: &Known,
        now: Timestamp,
    ) -> Result<bool, store::Error> {
        let Some(incident) = subject_incident(notification) else { return Ok(false) };
        let endpoint = known.row.id;
        if notification.targets.contains(&Target::Endpoint(endpoint))
            || !self.is_later_contact(notification, known, now).await?
        {
            return Ok(false);
        }
        self.incidents.is_taken(notification.project, incident).await
    }

    /// Whether no person it may have been spread for has this endpoint as a contact method without delay, and some have
    /// it with one. Whom it was spread for is not on record: it is looked up again, and where none of those has the
    /// endpoint any more, whoever owns it is asked.
    async fn is_later_contact(
        &mut self,
        notification: &Notification,
        known: &Known,
        now: Timestamp,
    ) -> Result<bool, store::Error> {
        let (project, endpoint) = (notification.project, known.row.id);
        let mut delays = Vec::new();
        // Whoever is on call now is known already: most are found there.
        for then in [None, Some(notification.at)] {
            for person in self.spread_for(notification, then, now).await? {
                delays.extend(self.delays(project, person, endpoint, now).await?);
            }
            if delays.contains(&Duration::ZERO) {
                return Ok(false);
            }
        }
        if delays.is_empty() {
            delays = self.delays(project, known.row.subscriber, endpoint, now).await?;
        }
        Ok(delays.iter().min().is_some_and(|delay| *delay > Duration::ZERO))
    }

    /// The people a notification goes to: those it names, and those who are on call now, or were `then`.
    async fn spread_for(
        &mut self,
        notification: &Notification,
        then: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Vec<SubscriberId>, store::Error> {
        let mut people = Vec::new();
        for target in &notification.targets {
            match target {
                Target::Endpoint(_) => {}
                Target::Person(person) => people.push(*person),
                Target::OnCall(schedule) => {
                    let project = notification.project;
                    let on_call = self.cache.on_call(project, *schedule, then, now).await?;
                    people.extend(on_call.into_iter().flatten());
                }
            }
        }
        Ok(people)
    }

    /// After how long somebody is told at an endpoint, for each time it is a contact method of theirs.
    async fn delays(
        &mut self,
        project: ProjectId,
        person: SubscriberId,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Result<Vec<Duration>, store::Error> {
        let row = self.cache.subscriber(project, person, now).await?;
        let contacts = row.iter().flat_map(|row| &row.contacts);
        Ok(contacts.filter(|one| one.endpoint == endpoint).map(|one| one.after).collect())
    }

    async fn person(
        &mut self,
        notification: &Notification,
        person: SubscriberId,
        now: Timestamp,
    ) -> Result<Course, store::Error> {
        Ok(match self.cache.subscriber(notification.project, person, now).await? {
            None => Course::Settle(Verdict::Dead, "the person is gone".to_owned()),
            Some(row) if row.contacts.is_empty() => {
                Course::Settle(Verdict::HeldBack, format!("{} has no contact method", row.name))
            }
            Some(row) => Course::Spread(spread(&row.contacts, now)),
        })
    }

    async fn on_call(
        &mut self,
        notification: &Notification,
        schedule: ScheduleId,
        now: Timestamp,
    ) -> Result<Course, store::Error> {
        let people = match self.cache.on_call(notification.project, schedule, None, now).await? {
            Ok(people) => people,
            Err(why) => return Ok(Course::Settle(Verdict::Dead, why.to_string())),
        };
        let mut contacts = Vec::new();
        for person in &people {
            let row = self.cache.subscriber(notification.project, *person, now).await?;
            contacts.extend(row.iter().flat_map(|row| row.contacts.iter().copied()));
        }
        Ok(if people.is_empty() {
            Course::Settle(Verdict::HeldBack, "nobody is on call".to_owned())
        } else if contacts.is_empty() {
            let answer = "nobody who is on call has a contact method".to_owned();
            Course::Settle(Verdict::HeldBack, answer)
        } else {
            Course::Spread(spread(&contacts, now))
        })
    }
}

/// The incident a notification is about, directly or through its signal.
fn subject_incident(notification: &Notification) -> Option<model::IncidentId> {
    match notification.subject {
        Subject::Incident(id) => Some(id),
        Subject::Signal(_) => notification.notice.incident.as_ref().map(|incident| incident.id),
    }
}

/// Each endpoint once, at its earliest time.
fn spread(contacts: &[Contact], now: Timestamp) -> Vec<(EndpointId, Timestamp)> {
    let mut over: Vec<(EndpointId, Timestamp)> = Vec::new();
    for contact in contacts {
        let due_at = now + contact.after;
        let is_full = over.len() >= limits::TARGETS;
        match over.iter_mut().find(|(endpoint, _)| *endpoint == contact.endpoint) {
            Some((_, earlier)) => *earlier = due_at.min(*earlier),
            None if is_full => break,
            None => over.push((contact.endpoint, due_at)),
        }
    }
    over
}
