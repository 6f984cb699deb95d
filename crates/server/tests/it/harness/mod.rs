//! What the black-box tests stand on: a real server process, a plain HTTP client, waiting without
//! sleeping blindly, random numbers from a seed, and a small language for things that take time.

mod client;
mod mail;
mod real_mail;
mod server;
mod sink;
mod timeline;
mod wait;

pub(crate) use client::{Answer, Client, Given};
pub(crate) use mail::MailSink;
pub(crate) use real_mail::{RealMail, ReceivedMail};
pub(crate) use server::{Options, Server, binary};
pub(crate) use sink::{ClosedSink, Conduct, Received, Sink};
pub(crate) use timeline::play;
pub(crate) use wait::{Random, eventually, never_for};

use serde_json::{Value, json};

/// A complete root cause analysis.
pub(crate) fn complete_rca() -> Value {
    json!({
        "root_cause_category": "CAPACITY",
        "fix_applied": "the pool was raised from 20 to 80 connections",
        "prevention_steps": "an alert at 70 % of the pool, and a load test before each sale",
    })
}

/// A UUID of 128 given bits.
pub(crate) fn uuid(high: u64, low: u64) -> String {
    uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
        .into_uuid()
        .to_string()
}

/// Every id of a listing of signals, walked by its cursor from the newest to the oldest.
pub(crate) fn signal_ids(client: &mut Client, incident: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/incidents/{incident}/signals?limit=1000{cursor}");
        let page = client.get(&path).expect_status(200).json();
        let items = page["items"].as_array().expect("items is a list");
        ids.extend(items.iter().map(|item| text(&item["id"])));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

/// Every incident, closed ones too, that fits a query such as `component=db`.
pub(crate) fn incidents(client: &mut Client, query: &str) -> Vec<Value> {
    let path =
        format!("/v1/incidents?limit=1000&status=OPEN,INVESTIGATING,RESOLVED,CLOSED&{query}");
    let page = client.get(path.trim_end_matches('&')).expect_status(200).json();
    assert_eq!(page["next_cursor"], Value::Null, "more incidents than a test should have");
    page["items"].as_array().expect("items is a list").clone()
}

/// The only incident that fits a query.
#[track_caller]
pub(crate) fn only_incident(client: &mut Client, query: &str) -> Value {
    let mut found = incidents(client, query);
    assert_eq!(found.len(), 1, "exactly one incident for {query}: {found:#?}");
    found.remove(0)
}

/// A JSON string as text.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}")).to_owned()
}
