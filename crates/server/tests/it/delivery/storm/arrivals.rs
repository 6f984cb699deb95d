//! What arrived, by webhook and by mail, held against what was to arrive, and what came twice against the receipts.
//!
//! A kill parts the arrivals: whatever arrived before it was sent by a process that had ended by then. So a message may
//! come again in a later run, and only where no receipt says that it was delivered in the earlier one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::{Alert, Places, Subscriber};
use crate::harness::{Client, Received, ReceivedMail, Sink, text};

/// How long a send may take: one without an answer by then has failed, and that is a receipt too.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The end of one run of the server.
pub(super) struct Kill {
    /// When it was dead, and everything it had sent was here.
    pub(super) at: SystemTime,
    /// Notifications of which it had said that they are delivered.
    pub(super) delivered: Vec<String>,
}

/// When each notification arrived, and who is told of what by it.
#[derive(Default)]
pub(super) struct Arrivals {
    times: BTreeMap<String, Vec<SystemTime>>,
    told: BTreeMap<(String, String), String>,
    mails: usize,
}

impl Arrivals {
    pub(super) fn of(places: &Places, subscribers: &[Subscriber], alerts: &[Alert]) -> Self {
        let mut arrivals = Self::default();
        for one in places.sinks.iter().flat_map(Sink::taken) {
            arrivals.add_request(&one);
        }
        for mail in places.mail.mails() {
            arrivals.add_mail(&mail, subscribers, alerts);
        }
        arrivals.times.values_mut().for_each(|times| times.sort_unstable());
        arrivals
    }

    fn add_request(&mut self, request: &Received) {
        let body = request.json();
        let told = (text(&body["subscriber_id"]), text(&body["signal"]["id"]));
        self.add(text(&body["notification_id"]), told, request.at);
    }

    /// A mail names the alert in its subject, and the subscriber by the address.
    fn add_mail(&mut self, mail: &ReceivedMail, subscribers: &[Subscriber], alerts: &[Alert]) {
        let (subject, to) = (mail.header("subject"), mail.header("x-rcptto"));
        let alert = Alert::named_in(&subject).unwrap_or_else(|| panic!("no alert in {subject}"));
        let nth = to.split_once('@').and_then(|(nth, _)| nth.parse::<usize>().ok());
        let subscriber = &subscribers[nth.unwrap_or_else(|| panic!("no subscriber in {to}"))];
        let message_id = mail.header("message-id");
        let id = message_id.trim_start_matches('<').split('.').next().unwrap_or_default();
        assert!(message_id.contains(&subscriber.endpoint), "{message_id} goes to {to}");
        self.mails += 1;
        self.add(id.to_owned(), (subscriber.id.clone(), alerts[alert].id.clone()), mail.at);
    }

    fn add(&mut self, id: String, told: (String, String), at: SystemTime) {
        self.times.entry(id.clone()).or_default().push(at);
        let before = self.told.insert(told.clone(), id.clone());
        assert!(before.is_none_or(|before| before == id), "two notifications for {told:?}");
    }

    /// Nothing is missing, nothing is too much, and one notification tells one subscriber of one alert.
    pub(super) fn are_exactly(&self, expected: &BTreeSet<(String, String)>) {
        let pairs: BTreeSet<_> = self.told.keys().cloned().collect();
        let missing: Vec<_> = expected.difference(&pairs).collect();
        let extra: Vec<_> = pairs.difference(expected).collect();
        assert!(missing.is_empty(), "{} of {} missing", missing.len(), expected.len());
        assert!(extra.is_empty(), "{} too many: {extra:?}", extra.len());
        assert_eq!(self.times.len(), expected.len(), "one notification for each of them");
        assert!(self.mails > 0, "some of it is mail");
    }

    /// What came again was sent by a run that was killed before it had a receipt.
    pub(super) fn are_doubled_by_kills_only(&self, client: &mut Client, kills: &[Kill]) {
        let run_of = |at: SystemTime| kills.partition_point(|kill| kill.at < at);
        let (mut again, mut longest) = (0, Duration::ZERO);
        for (id, times) in self.times.iter().filter(|(_, times)| times.len() > 1) {
            let runs: Vec<_> = times.iter().map(|at| run_of(*at)).collect();
            assert!(
                runs.is_sorted_by(|one, next| one < next),
                "{id} came twice in one of {runs:?}"
            );
            let receipts: Vec<_> = delivered(client, id).into_iter().map(run_of).collect();
            let (last, before) = runs.split_last().expect("there are two at least");
            assert_eq!(receipts, [*last], "{id} came in {runs:?}; the runs of its receipts differ");
            for (run, at) in before.iter().zip(times) {
                let until_the_kill = kills[*run].at.duration_since(*at).unwrap_or_default();
                assert!(until_the_kill < TIMEOUT, "{id} had {until_the_kill:?} for its receipt");
                longest = longest.max(until_the_kill);
                again += 1;
            }
        }
        for (run, kill) in kills.iter().enumerate() {
            for id in &kill.delivered {
                let last = self.times[id].last().expect("it arrived");
                assert!(run_of(*last) <= run, "{id} was said to be delivered, and came after that");
            }
        }
        eprintln!(
            "{again} of {} ({} by mail) came again, each after a kill that its receipt did not outlive, {longest:?} before \
             it at most",
            self.times.len(),
            self.mails
        );
    }
}

/// When each try was begun that a receipt says was taken.
fn delivered(client: &mut Client, id: &str) -> Vec<SystemTime> {
    let shown = client.get(&format!("/v1/notifications/{id}")).expect_status(200).json();
    let attempts = shown["attempts"].as_array().expect("a list");
    let taken = attempts.iter().filter(|one| one["verdict"] == "delivered");
    let began = taken.map(|one| text(&one["began_at"]).parse::<jiff::Timestamp>());
    began.map(|at| SystemTime::from(at.expect("a time"))).collect()
}
