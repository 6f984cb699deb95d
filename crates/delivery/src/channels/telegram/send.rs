//! Sends to Telegram. Whether it worked stands in the body, and how long to wait too.

use model::Duration;

use super::config::Config;
use super::render;
use crate::channel::{Sent, SentOutcome};
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::client::answer::Answer;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    // The colon of a token would be read as the scheme of an address if the path began with it.
    let Ok(url) = config.base_url.join(&format!("./bot{}/sendMessage", config.token)) else {
        return Sent::refused("the address of the interface is wrong");
    };
    let call = Call::json(url, &render::message(config, telling), telling.message.now).secret();
    match outside.client.call(call).await {
        Ok(answer) => meaning(&answer),
        Err(sent) => sent,
    }
}

fn meaning(answer: &Answer) -> Sent {
    let body = answer.json().unwrap_or_default();
    match answer.outcome() {
        SentOutcome::Delivered if body["ok"] == true => {
            let id = body["result"]["message_id"].as_i64();
            answer.sent(id.map(|id| id.to_string()).unwrap_or_default())
        }
        SentOutcome::Delivered => answer.sent_as(SentOutcome::Refused, ""),
        SentOutcome::Retry { after } => {
            let told = body["parameters"]["retry_after"].as_u64().filter(|wait| *wait <= 86_400);
            let after = told.map(Duration::from_secs).or(after);
            answer.sent_as(SentOutcome::Retry { after }, "")
        }
        SentOutcome::Refused => answer.sent(""),
    }
}
