//! Sends to Slack. A bot brings the first message about an incident up to date and then replies below it: in this
//! order, because an update can be repeated and a reply cannot.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use model::Timestamp;
use serde_json::{Value, json};

use super::config::{Bot, Config};
use super::render;
use crate::channel::{Sent, SentOutcome};
use crate::channels::outside::Outside;
use crate::client::answer::Answer;
use crate::client::{Call, Client};
use crate::rendering::Telling;

/// Errors that pass. Every other one stays until somebody changes something.
const PASSING: [&str; 7] = [
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
];

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let message = render::message(telling);
    let now = telling.message.now;
    match config {
        Config::Webhook(url) => {
            match outside.client.call(Call::json(url.clone(), &message, now).secret()).await {
                Ok(answer) => answer.sent(""),
                Err(sent) => sent,
            }
        }
        Config::Bot(bot) => {
            Caller { bot, client: &outside.client, now }.tell(message, telling.message.thread).await
        }
    }
}

/// Who calls Slack's methods.
struct Caller<'c> {
    bot: &'c Bot,
    client: &'c Client,
    now: Timestamp,
}

impl Caller<'_> {
    async fn tell(&self, message: Value, thread: &str) -> Sent {
        let Some((channel, ts)) = thread.split_once(':') else {
            return self.method("chat.postMessage", &with(&message, &self.bot.channel, None)).await;
        };
        let mut update = with(&message, channel, None);
        update["ts"] = json!(ts);
        let updated = self.method("chat.update", &update).await;
        // An update that can never work (the message was deleted, or is too old) stops nobody.
        if matches!(updated.outcome, SentOutcome::Retry { .. }) {
            return updated;
        }
        let replied = self.method("chat.postMessage", &with(&message, channel, Some(ts))).await;
        if replied.outcome == SentOutcome::Refused && replied.answer.contains("thread_not_found") {
            return self.method("chat.postMessage", &with(&message, &self.bot.channel, None)).await;
        }
        replied
    }

    async fn method(&self, method: &str, body: &Value) -> Sent {
        let Ok(url) = self.bot.base_url.join(method) else {
            return Sent::refused("the address of the interface is wrong");
        };
        let Ok(bearer) = HeaderValue::try_from(format!("Bearer {}", self.bot.token)) else {
            return Sent::refused("the token is no token");
        };
        let call = Call::json(url, body, self.now).own_header(AUTHORIZATION, bearer);
        match self.client.call(call).await {
            Ok(answer) => meaning(&answer),
            Err(sent) => sent,
        }
    }
}

/// The message for a channel, or below another message.
fn with(message: &Value, channel: &str, thread: Option<&str>) -> Value {
    let mut message = message.clone();
    message["channel"] = json!(channel);
    if let Some(ts) = thread {
        message["thread_ts"] = json!(ts);
    }
    message
}

/// Slack says 200 whatever happened, and in the body what did.
fn meaning(answer: &Answer) -> Sent {
    if answer.outcome() != SentOutcome::Delivered {
        return answer.sent("");
    }
    let Some(body) = answer.json() else {
        // It may have been taken, but nothing says so.
        return answer.sent_as(SentOutcome::Retry { after: answer.retry_after }, "");
    };
    if body["ok"] == true {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let reference = format!("{}:{}", text("channel"), text("ts"));
        return Sent { answer: "ok".to_owned(), ..answer.sent(reference) };
    }
    let error = body["error"].as_str().unwrap_or("no reason given");
    let outcome = if PASSING.contains(&error) {
        SentOutcome::Retry { after: answer.retry_after }
    } else {
        SentOutcome::Refused
    };
    let told = answer.sent_as(outcome, "");
    Sent { answer: error.to_owned(), ..told }
}
