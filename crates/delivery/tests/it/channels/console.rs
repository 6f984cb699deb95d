//! The console.

use std::io;
use std::sync::{Arc, Mutex};

use delivery::channel::SentOutcome;
use delivery::{ChannelOptions, Console};
use expect_test::expect;
use model::{Transition, Trigger};
use serde_json::json;

use crate::messages::{HOSTILE, channels, channels_with, notification, opened, options, send};

#[tokio::test]
async fn a_message_is_one_line_whatever_stands_in_it() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let console: Console = written.clone();
    let channels = channels_with(ChannelOptions { console: Some(console), ..options() });
    for told in [opened(), notification(Transition::Of(Trigger::Resolved), HOSTILE)] {
        let sent = send(&channels, "console", &json!({}), &told).await;
        assert_eq!(sent.outcome, SentOutcome::Delivered);
    }
    let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 2);
    expect!["2023-11-14T22:13:20Z [P1] Opened: #12 Payment database is down | component: Payment database is down (RDBMS) | environment: Payment database is down | told: payments | https://stormbell.example/incidents/00000000-0000-0000-0000-00000000001c"].assert_eq(text.lines().next().unwrap());
}

#[tokio::test]
async fn without_a_console_it_is_refused() {
    let sent = send(&channels(), "console", &json!({}), &opened()).await;
    assert_eq!(sent.outcome, SentOutcome::Refused);
}

/// Takes nothing.
struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_tried_later() {
    let console: Console = Arc::new(Mutex::new(Full));
    let channels = channels_with(ChannelOptions { console: Some(console), ..options() });
    let sent = send(&channels, "console", &json!({}), &opened()).await;
    assert_eq!(sent.outcome, SentOutcome::Retry { after: None });
}
