//! A small language for what takes time, one step a line, told by a clock that starts with the first:
//!
//! ```text
//! at 0s push db P1                        a signal about `db` of severity P1
//! at 1.2s move INVESTIGATING              a person moves its incident
//! at 0s expect OPEN                       so it is by then, and no earlier step has to be waited for
//! between 1s and 3s expect INVESTIGATING  not so before the first, so by the second
//! from 0s to 1s expect OPEN               so all the time
//! ```

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Client, eventually, incidents, never_for, text};

/// How late what should be there at once may be seen on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// Plays a timeline about the newest incident of one component.
#[track_caller]
pub(crate) fn play(client: &mut Client, component: &str, timeline: &str) {
    let mut scene = Scene { client, component, began: Instant::now() };
    for line in timeline.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        match *words.as_slice() {
            ["at", at, "push", component, severity] => {
                scene.push(at, component, severity, "firing")
            }
            ["at", at, "end", component, severity] => {
                scene.push(at, component, severity, "resolved")
            }
            ["at", at, "move", status] => scene.move_to(at, status),
            ["at", at, "expect", status] => scene.expect(line, at, status),
            ["between", from, "and", until, "expect", status] => {
                scene.expect_between(line, span(from), span(until), status);
            }
            ["from", from, "to", until, "expect", status] => {
                scene.expect_throughout(line, span(from), span(until), status);
            }
            _ => panic!("not a step of a timeline: {line}"),
        }
    }
}

struct Scene<'a> {
    client: &'a mut Client,
    component: &'a str,
    began: Instant,
}

impl Scene<'_> {
    fn push(&mut self, at: &str, component: &str, severity: &str, status: &str) {
        self.wait_until(span(at));
        let signal = json!({ "component": component, "severity": severity, "status": status });
        self.client.post("/v1/signals", &signal).expect_status(202);
    }

    fn move_to(&mut self, at: &str, status: &str) {
        self.wait_until(span(at));
        let id = self.incident().expect("there is an incident to move").0;
        let path = format!("/v1/incidents/{id}/state");
        let body = json!({ "to": status, "reason": "the timeline says so" });
        self.client.json("PATCH", &path, &body).expect_status(200);
    }

    fn expect(&mut self, line: &str, at: &str, status: &str) {
        self.wait_until(span(at));
        eventually(line, SLACK, || (self.status() == status).then_some(()));
    }

    fn expect_between(&mut self, line: &str, from: Duration, until: Duration, status: &str) {
        let early = from.saturating_sub(self.began.elapsed());
        never_for(line, early, || Some(self.status()).filter(|now| now == status));
        let left = until.saturating_sub(self.began.elapsed());
        eventually(line, left, || (self.status() == status).then_some(()));
    }

    fn expect_throughout(&mut self, line: &str, from: Duration, until: Duration, status: &str) {
        self.wait_until(from);
        let left = until.saturating_sub(self.began.elapsed());
        never_for(line, left, || Some(self.status()).filter(|now| now != status));
    }

    fn status(&mut self) -> String {
        self.incident().map_or_else(|| "none".to_owned(), |(_, status)| status)
    }

    fn incident(&mut self) -> Option<(String, String)> {
        let found = incidents(self.client, &format!("component={}", self.component));
        let newest = found.iter().max_by_key(|incident| incident["number"].as_u64())?;
        Some((text(&newest["id"]), text(&newest["status"])))
    }

    fn wait_until(&self, at: Duration) {
        thread::sleep(at.saturating_sub(self.began.elapsed()));
    }
}

fn span(word: &str) -> Duration {
    let seconds = word.strip_suffix('s').and_then(|number| number.parse::<f64>().ok());
    Duration::from_secs_f64(seconds.unwrap_or_else(|| panic!("not seconds: {word}")))
}
