//! Sends to Discord and waits for the message it made, so that its id is known.

use model::Duration;

use super::config::Config;
use super::render;
use crate::channel::{Sent, SentOutcome};
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::client::answer::Answer;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let mut url = config.url.clone();
    url.query_pairs_mut().append_pair("wait", "true");
    let call = Call::json(url, &render::message(config, telling), telling.message.now).secret();
    match outside.client.call(call).await {
        Ok(answer) => meaning(&answer),
        Err(sent) => sent,
    }
}

/// How long to wait stands in the body too, and finer there.
fn meaning(answer: &Answer) -> Sent {
    let body = answer.json().unwrap_or_default();
    match answer.outcome() {
        SentOutcome::Retry { after: None } => {
            let wait = body["retry_after"].as_f64().filter(|wait| (0.0..86_400.0).contains(wait));
            let after = wait.map(|wait| Duration::from_micros((wait * 1e6) as u64));
            answer.sent_as(SentOutcome::Retry { after }, "")
        }
        SentOutcome::Delivered | SentOutcome::Refused | SentOutcome::Retry { .. } => {
            answer.sent(body["id"].as_str().unwrap_or_default())
        }
    }
}
